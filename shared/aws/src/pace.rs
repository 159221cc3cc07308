//! Time, as Lambda grants it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use lambda_runtime::Context;
use shared::ports::Pace;

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

impl Pace for Invocation {
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
}
