//! How long a call may take, and when it is made again.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use shared::config::Config;
use shared::ports::Trouble;

/// A connection that does not stand by then never will.
const CONNECT: Duration = Duration::from_secs(2);

/// How often the SDK makes a call, where it may do so at all.
const SDK_ATTEMPTS: u32 = 3;

/// How often a call is made again by [`tried`].
const RETRIES: u32 = 3;

/// The time-outs of a client whose calls the SDK makes again.
pub(crate) fn time_outs(config: &Config) -> TimeoutConfig {
    // Half an attempt is for the pauses between them.
    let operation = config.call_timeout * SDK_ATTEMPTS + config.call_timeout / 2;
    once(config).to_builder().operation_timeout(operation).build()
}

/// The time-outs of a client whose calls are made once.
pub(crate) fn once(config: &Config) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(config.call_timeout).build()
}

/// How the SDK makes calls again.
pub(crate) fn retries(config: &Config) -> RetryConfig {
    RetryConfig::standard().with_max_attempts(SDK_ATTEMPTS).with_initial_backoff(config.retry_pause)
}

/// An attempt that failed.
pub(crate) enum Failed {
    /// Another may succeed.
    ThisTime(Trouble),
    /// Another must not be made, or would fail as well.
    ForGood(Trouble),
}

/// Makes an attempt until one succeeds, fails for good, or enough were made. The first pause is that of
/// `RETRY_PAUSE_MILLIS`; each is twice the one before.
pub(crate) async fn tried<T>(
    mut pause: Duration,
    attempt: impl AsyncFn() -> Result<T, Failed>,
) -> Result<T, Trouble> {
    for _ in 0..RETRIES {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(Failed::ForGood(trouble)) => return Err(trouble),
            Err(Failed::ThisTime(_)) => tokio::time::sleep(pause).await,
        }
        pause *= 2;
    }
    attempt().await.map_err(|(Failed::ThisTime(trouble) | Failed::ForGood(trouble))| trouble)
}
