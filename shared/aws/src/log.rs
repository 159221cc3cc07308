//! Log lines, as Lambda's logging controls ask for them.
//!
//! Source: Lambda Developer Guide, "Configuring advanced logging controls for Lambda functions".

use lambda_runtime::tracing::subscriber::filter::LevelFilter;
use lambda_runtime::tracing::subscriber::fmt;

/// Has log lines written to stdout from now on.
///
/// `lambda_runtime` can do so too, but by directives for each module, and these bring regular expressions along that
/// every function would carry.
pub(crate) fn begin(lookup: impl Fn(&str) -> Option<String>) {
    let level = lookup("AWS_LAMBDA_LOG_LEVEL").or_else(|| lookup("RUST_LOG"));
    let level = level.and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let lines = fmt().with_target(false).without_time().with_max_level(level);
    // Lambda writes the time before each line itself.
    match lookup("AWS_LAMBDA_LOG_FORMAT") {
        Some(format) if format.eq_ignore_ascii_case("json") => lines.json().init(),
        _ => lines.init(),
    }
}
