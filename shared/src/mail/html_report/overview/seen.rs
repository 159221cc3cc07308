//! Which events were there before: some 16 bytes for each, and no more than a bounded number.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

/// How many events are remembered: with this many, 40 MB.
const MAX_EVENTS: usize = 3_500_000;

/// Events that were there.
#[derive(Debug)]
pub(super) struct Seen {
    events: HashSet<u64>,
    max_events: usize,
    full: bool,
}

impl Default for Seen {
    fn default() -> Seen {
        Seen::with_at_most(MAX_EVENTS)
    }
}

impl Seen {
    fn with_at_most(max_events: usize) -> Seen {
        Seen { events: HashSet::new(), max_events, full: false }
    }

    /// Whether the event that these parts name was not there before, as far as is remembered.
    pub fn is_new(&mut self, parts: &[&str]) -> bool {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        let hash = hash.finalize().iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte));
        if self.events.len() < self.max_events {
            return self.events.insert(hash);
        }
        let is_new = !self.events.contains(&hash);
        self.full |= is_new;
        is_new
    }

    /// Whether an event came that could not be remembered: if it came again, it was counted again.
    pub fn has_forgotten(&self) -> bool {
        self.full
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_new_once() {
        let mut seen = Seen::default();
        for (parts, new) in [
            (["111122223333", "a"], true),
            (["111122223333", "b"], true),
            (["111122223333", "a"], false),
            (["444455556666", "a"], true),
            (["111122223333a", ""], true),
        ] {
            assert_eq!(seen.is_new(&parts), new, "{parts:?}");
        }
        assert!(!seen.has_forgotten());
    }

    #[test]
    fn what_there_is_no_room_for_is_counted_and_said() {
        let mut seen = Seen::with_at_most(2);
        assert!(seen.is_new(&["1"]) && seen.is_new(&["2"]));
        assert!(!seen.is_new(&["1"]) && !seen.has_forgotten(), "it is full, and has forgotten nothing");
        assert!(seen.is_new(&["3"]) && seen.is_new(&["3"]), "counted rather than lost");
        assert!(!seen.is_new(&["2"]));
        assert!(seen.has_forgotten());
        assert_eq!(seen.events.len(), 2);
    }
}
