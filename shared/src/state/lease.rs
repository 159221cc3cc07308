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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_live_until_it_ends_and_never_longer_than_an_invocation_can_last() {
        let now: DateTime<Utc> = "2026-04-02T00:00:00Z".parse().unwrap();
        for (seconds, live) in [(-1, false), (0, false), (1, true), (20 * 60, true), (20 * 60 + 1, false)] {
            let lease = Lease { token: "one".to_owned(), until: now + TimeDelta::seconds(seconds) };
            assert_eq!(lease.is_live(now), live, "{seconds}");
        }
        assert!(!Lease { token: "forged".to_owned(), until: DateTime::<Utc>::MAX_UTC }.is_live(now));
    }
}
