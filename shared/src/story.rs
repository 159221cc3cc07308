//! What happened over a range of log files, summed up for a [`page`]: sign-ins by time, address and principal, and
//! the findings. What it keeps is bounded, however many sign-ins there are.

use crate::cloudtrail::{Record, SignIn};
use crate::config::Config;
use crate::finding::Finding;
use crate::page;

/// What happened.
#[derive(Debug, Default)]
pub struct Story {
    notes: Vec<String>,
}

impl Story {
    /// Nothing so far.
    pub fn new() -> Story {
        Story::default()
    }

    /// Counts a sign-in. The same event again, in another log file, counts once.
    pub fn sign_in(&mut self, record: &Record<'_>, sign_in: &SignIn) {
        let _ = (record, sign_in);
    }

    /// Takes in a finding. The same one again counts once.
    pub fn finding(&mut self, finding: &Finding) {
        let _ = finding;
    }

    /// Takes in a sentence for the head of the page: what could not be looked at, or was left out. It may be untrusted.
    pub fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// The page.
    pub fn page(&self, about: &page::About<'_>, config: &Config) -> String {
        let _ = config;
        about.title.to_owned()
    }
}
