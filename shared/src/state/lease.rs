//! Who is working on something, and until when.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Who is publishing a mail, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// What a run knows itself by.
    pub token: String,
    /// Nobody publishes in its name after that.
    pub until: DateTime<Utc>,
}

/// No run goes on for so long: whoever claims more has not read the same clock.
const MAX_CLAIM: TimeDelta = TimeDelta::minutes(20);

impl Lease {
    /// Whether somebody may still be working under it. One that lies further ahead than any run goes on is none: what
    /// somebody else wrote there, or a clock that was wrong, keeps nobody from working.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.until > now && self.until - now <= MAX_CLAIM
    }
}
