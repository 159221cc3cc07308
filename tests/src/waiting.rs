//! Waits that end: a test that hangs says for what it waited.

#![allow(clippy::panic, reason = "a test stops at the first thing that is not so")]

use std::time::Duration;

/// How often a condition is polled.
const PAUSE: Duration = Duration::from_millis(50);

/// The result of a future if it is ready in time; otherwise a panic with the text of `context`.
pub async fn within<T>(
    longest: Duration,
    future: impl Future<Output = T>,
    context: impl FnOnce() -> String,
) -> T {
    match tokio::time::timeout(longest, future).await {
        Ok(value) => value,
        Err(_) => panic!("not after {longest:?}: {}", context()),
    }
}

/// Polls `look` until it finds something, and returns it.
pub async fn until<T>(
    longest: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
    context: impl FnOnce() -> String,
) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    within(longest, found, context).await
}
