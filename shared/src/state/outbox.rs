//! A mail that is under way, and who is publishing it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::lease::Lease;
use crate::notification::Notification;

/// A mail that is under way: it is told once nobody has to publish it any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboxEntry {
    alert: Notification,
    /// Whether somebody may have published it, whose outcome nobody knows.
    may_repeat: bool,
    /// Who is publishing it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claim: Option<Lease>,
}

impl OutboxEntry {
    /// A mail that this run is about to publish.
    pub fn claimed(alert: Notification, may_repeat: bool, claim: &Lease) -> OutboxEntry {
        OutboxEntry { alert, may_repeat, claim: Some(claim.clone()) }
    }

    /// Its alert's id.
    pub fn alert_id(&self) -> &str {
        &self.alert.id
    }

    /// The alert as it has to be published: it says where it may repeat one.
    pub fn alert(&self) -> Notification {
        if self.may_repeat { self.alert.repeated() } else { self.alert.clone() }
    }

    /// Takes it over if nobody is publishing it any more.
    pub fn take_over(&mut self, claim: &Lease, now: DateTime<Utc>) {
        match &self.claim {
            Some(held) if held.token == claim.token || held.is_live(now) => return,
            // Its run ended without a word.
            Some(_) => self.may_repeat = true,
            None => {}
        }
        self.claim = Some(claim.clone());
    }

    /// Whether the run of this token has to publish it.
    pub fn is_claimed_by(&self, token: &str) -> bool {
        self.claim.as_ref().is_some_and(|claim| claim.token == token)
    }

    /// Until when another run may be publishing it; `None` if none is.
    pub fn leased_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.claim.as_ref().filter(|lease| lease.is_live(now)).map(|lease| lease.until)
    }

    /// Leaves it to the next run: it is certain that it was not published.
    pub fn release(&mut self) {
        self.claim = None;
    }
}
