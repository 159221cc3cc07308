//! Time-outs and retries of AWS calls.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use shared::config::Config;

/// The time-out of a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// The SDK's attempts of a call that it may retry.
const SDK_ATTEMPTS: u32 = 3;

/// The retries of [`retry`] after the first attempt.
const RETRIES: u32 = 3;

/// The time-outs of a client whose calls the SDK retries.
pub(crate) fn time_outs(config: &Config) -> TimeoutConfig {
    // The time of half an attempt is for the pauses.
    let operation = config.call_timeout * SDK_ATTEMPTS + config.call_timeout / 2;
    once(config).to_builder().operation_timeout(operation).build()
}

/// The time-outs of a client whose calls the SDK does not retry.
pub(crate) fn once(config: &Config) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(config.call_timeout).build()
}

/// The SDK's retries.
pub(crate) fn retries(config: &Config) -> RetryConfig {
    RetryConfig::standard().with_max_attempts(SDK_ATTEMPTS).with_initial_backoff(config.retry_pause)
}

/// The error of an attempt.
pub(crate) enum CallError<E> {
    /// Another attempt may succeed.
    Temporary(E),
    /// Another attempt must not be made, or would fail too.
    Permanent(E),
}

/// Repeats an attempt until it succeeds, fails permanently, or has failed 4 times. `pause` is the first pause; each
/// is twice the one before.
pub(crate) async fn retry<T, E>(
    mut pause: Duration,
    attempt: impl AsyncFn() -> Result<T, CallError<E>>,
) -> Result<T, E> {
    for _ in 0..RETRIES {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(CallError::Permanent(error)) => return Err(error),
            Err(CallError::Temporary(_)) => tokio::time::sleep(pause).await,
        }
        pause *= 2;
    }
    attempt().await.map_err(|(CallError::Temporary(error) | CallError::Permanent(error))| error)
}
