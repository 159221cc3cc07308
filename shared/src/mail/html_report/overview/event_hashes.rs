//! The events that were counted already: about 16 bytes each, up to a limit.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

/// How many events are remembered. They take 40 MB.
const MAX_EVENTS: usize = 3_500_000;

/// A bounded set of event hashes.
#[derive(Debug)]
pub(super) struct EventHashes {
    events: HashSet<u64>,
    max_events: usize,
    has_overflowed: bool,
}

impl Default for EventHashes {
    fn default() -> EventHashes {
        EventHashes::with_at_most(MAX_EVENTS)
    }
}

impl EventHashes {
    fn with_at_most(max_events: usize) -> EventHashes {
        EventHashes { events: HashSet::new(), max_events, has_overflowed: false }
    }

    /// Whether the event with this identity was not seen before, as far as is remembered.
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
        self.has_overflowed |= is_new;
        is_new
    }

    /// Whether an event was not remembered for lack of room: its copies are counted again.
    pub fn has_overflowed(&self) -> bool {
        self.has_overflowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_new_once() {
        let mut seen = EventHashes::default();
        for (parts, new) in [
            (["111122223333", "a"], true),
            (["111122223333", "b"], true),
            (["111122223333", "a"], false),
            (["444455556666", "a"], true),
            (["111122223333a", ""], true),
        ] {
            assert_eq!(seen.is_new(&parts), new, "{parts:?}");
        }
        assert!(!seen.has_overflowed());
    }

    #[test]
    fn an_event_that_does_not_fit_is_counted_again_and_reported() {
        let mut seen = EventHashes::with_at_most(2);
        assert!(seen.is_new(&["1"]) && seen.is_new(&["2"]));
        assert!(!seen.is_new(&["1"]) && !seen.has_overflowed(), "full, but nothing was forgotten");
        assert!(seen.is_new(&["3"]) && seen.is_new(&["3"]), "counted rather than lost");
        assert!(!seen.is_new(&["2"]));
        assert!(seen.has_overflowed());
        assert_eq!(seen.events.len(), 2);
    }
}
