//! Trying a call to AWS several times, with pauses that grow.

use std::time::Duration;

use super::{AwsError, AwsErrorKind, Runtime};

/// How often a call is tried, and how long the pauses between its attempts are.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// The most attempts, the first included.
    pub max_attempts: u32,
    /// The pause after the first failed attempt; each is twice the one before.
    pub first_pause: Duration,
    /// How often the pause is doubled at most.
    pub max_doublings: u32,
    /// Whether a pause is multiplied by a random factor from 0.5 to 1.5, so that runs do not retry in step.
    pub jitter: bool,
    /// The time that must be left after a pause: an attempt is not made with less.
    pub min_time_left: Duration,
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptError {
    /// The next attempt may succeed.
    Retryable(AwsError),
    /// No attempt will succeed.
    Final(AwsError),
}

impl From<AwsError> for AttemptError {
    /// Only what AWS may answer later is worth another attempt.
    fn from(error: AwsError) -> AttemptError {
        match error.kind {
            AwsErrorKind::Transient => AttemptError::Retryable(error),
            _ => AttemptError::Final(error),
        }
    }
}

/// The error of the last attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryError {
    /// Why the last attempt failed.
    pub error: AwsError,
    /// Whether more attempts were allowed, and no time was left for them.
    pub is_out_of_time: bool,
}

impl From<RetryError> for AwsError {
    fn from(RetryError { error, .. }: RetryError) -> AwsError {
        error
    }
}

impl RetryPolicy {
    /// Calls `attempt` until it succeeds, fails for good, or has used up its attempts or its time.
    ///
    /// # Errors
    /// [`RetryError`] of the last attempt.
    pub async fn run<T>(
        &self,
        runtime: &impl Runtime,
        time_left: impl Fn() -> Duration,
        attempt: impl AsyncFnMut() -> Result<T, AttemptError>,
    ) -> Result<T, RetryError> {
        let mut attempt = attempt;
        let mut failures = 0;
        loop {
            let error = match attempt().await {
                Ok(result) => return Ok(result),
                Err(AttemptError::Final(error)) => return Err(RetryError { error, is_out_of_time: false }),
                Err(AttemptError::Retryable(error)) => error,
            };
            failures += 1;
            if failures == self.max_attempts {
                return Err(RetryError { error, is_out_of_time: false });
            }
            let pause = self.pause(failures, runtime);
            if time_left() < pause.saturating_add(self.min_time_left) {
                return Err(RetryError { error, is_out_of_time: true });
            }
            runtime.sleep(pause).await;
        }
    }

    /// The pause after so many failed attempts.
    fn pause(&self, failures: u32, runtime: &impl Runtime) -> Duration {
        let pause = self.first_pause * 2u32.pow((failures - 1).min(self.max_doublings));
        match self.jitter {
            true => pause.mul_f64(0.5 + (runtime.random() % 1024) as f64 / 1024.0),
            false => pause,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use chrono::{DateTime, Utc};
    use futures_util::FutureExt;

    use super::*;

    /// A run of ten seconds, whose time passes only in pauses.
    #[derive(Default)]
    struct Pauses(RefCell<Vec<u128>>);

    impl Runtime for Pauses {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }

        fn time_left(&self) -> Duration {
            Duration::from_secs(10) - Duration::from_millis(self.0.borrow().iter().sum::<u128>() as u64)
        }

        async fn sleep(&self, pause: Duration) {
            self.0.borrow_mut().push(pause.as_millis());
        }

        fn random(&self) -> u128 {
            1023
        }
    }

    fn error(kind: AwsErrorKind) -> AwsError {
        AwsError { kind, call: "s3:GetObject".to_owned(), answer: "no".to_owned() }
    }

    #[test]
    fn a_call_is_tried_until_it_succeeds_or_its_attempts_or_its_time_are_used_up() {
        let second = Duration::from_secs(1);
        let policy = RetryPolicy {
            max_attempts: 5,
            first_pause: second,
            max_doublings: 1,
            jitter: false,
            min_time_left: second,
        };
        let jitter = RetryPolicy { jitter: true, ..policy };
        let (transient, denied) = (AwsErrorKind::Transient, AwsErrorKind::Denied);
        for (name, policy, succeeds_at, kind, pauses, is_out_of_time) in [
            ("at once", policy, 1, transient, vec![], None),
            ("the third time", policy, 3, transient, vec![1000, 2000], None),
            ("never", policy, 9, transient, vec![1000, 2000, 2000, 2000], Some(false)),
            ("for good", policy, 9, denied, vec![], Some(false)),
            ("random", jitter, 3, transient, vec![1499, 2998], None),
            (
                "no time",
                RetryPolicy { max_attempts: 9, ..policy },
                9,
                transient,
                vec![1000, 2000, 2000, 2000, 2000],
                Some(true),
            ),
        ] {
            let (runtime, attempts) = (Pauses::default(), Cell::new(0));
            let attempt = async || {
                attempts.set(attempts.get() + 1);
                if attempts.get() == succeeds_at { Ok(()) } else { Err(AttemptError::from(error(kind))) }
            };
            let run = policy.run(&runtime, || runtime.time_left(), attempt).now_or_never().unwrap();
            let expected =
                is_out_of_time.map(|is_out_of_time| RetryError { error: error(kind), is_out_of_time });
            assert_eq!(run.err(), expected, "{name}");
            assert_eq!(*runtime.0.borrow(), pauses, "{name}");
        }
    }
}
