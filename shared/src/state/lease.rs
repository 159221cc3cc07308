//! Leases: who may work on something, and until when.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The right of one run to publish an outbox entry, or to work on a backfill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// The lease holder's unique token.
    pub token: String,
    /// When it expires. The holder's invocation has ended by then.
    pub until: DateTime<Utc>,
}

/// The longest invocation, 15 minutes, with a margin. A lease that ends later is void: its clock was wrong, or it is
/// forged.
const MAX_LEASE: TimeDelta = TimeDelta::minutes(20);

impl Lease {
    /// Whether the lease holder may still be at work.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.until > now && self.until - now <= MAX_LEASE
    }
}
