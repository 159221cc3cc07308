//! Time, as Lambda grants it, and as a person does.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use lambda_runtime::Context;
use shared::ports::Runtime;

/// The time of one invocation.
pub struct Invocation {
    /// When Lambda ends it, in milliseconds since 1970.
    deadline_millis: u64,
}

impl Invocation {
    /// The invocation of that context.
    pub fn of(context: &Context) -> Invocation {
        Invocation { deadline_millis: context.deadline }
    }
}

impl Runtime for Invocation {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn time_left(&self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Duration::from_millis(self.deadline_millis).saturating_sub(now)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn random(&self) -> u128 {
        random()
    }
}

fn random() -> u128 {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u128::from_ne_bytes(bytes),
        Err(_) => unlikely_to_come_again(),
    }
}

/// A runtime without a deadline: the caller waits until it is done.
pub struct Unbounded;

impl Runtime for Unbounded {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn time_left(&self) -> Duration {
        // Longer than any caller waits, and short enough to be added to any time.
        Duration::from_secs(10 * 365 * 24 * 60 * 60)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn random(&self) -> u128 {
        random()
    }
}

/// For a kernel without randomness (Lambda's always has it): the alert must be published anyway, and
/// only needs a number that no other has. The keys of std's hash maps are random too, and each map has
/// others.
fn unlikely_to_come_again() -> u128 {
    let half = || u128::from(RandomState::new().hash_one(SystemTime::now()));
    half() << 64 | half()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_random_number_is_repeated_or_small() {
        let invocation = Invocation { deadline_millis: 0 };
        for (name, number) in [
            ("the kernel's", &(|| invocation.random()) as &dyn Fn() -> u128),
            ("without the kernel", &unlikely_to_come_again),
        ] {
            let numbers: BTreeSet<u128> = (0..1000).map(|_| number()).collect();
            assert_eq!(numbers.len(), 1000, "{name}");
            let bits = numbers.iter().fold(0, |bits, number| bits | number);
            assert_eq!(bits, u128::MAX, "{name}: every bit is sometimes set");
        }
    }
}
