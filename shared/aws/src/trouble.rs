//! What the AWS SDK says went wrong, in the core's words.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use shared::ports::{Trouble, TroubleKind};

/// Codes that say "later" with a status that says "never".
///
/// Source: SDKs and Tools Reference Guide, "Retry behavior"; KMS API Reference, "Common errors".
const LATER: &[&str] = &[
    "KMS.ThrottlingException",
    "KMSThrottling",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeout",
    "RequestTimeoutException",
    "SlowDown",
    "Throttled",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// Codes with the status 404, or 405 for a version that marks a deletion, that say that the object is not there.
const MISSING: &[&str] = &["MethodNotAllowed", "NoSuchKey", "NoSuchVersion", "NotFound"];

/// `call` is the call and what it was about.
pub(crate) fn trouble<E>(call: String, error: &SdkError<E, HttpResponse>) -> Trouble
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let SdkError::ServiceError(answered) = error else {
        let kind = match error {
            SdkError::ConstructionFailure(_) => TroubleKind::Refused,
            _ => TroubleKind::Unanswered,
        };
        return Trouble { kind, call, answer: chain(error) };
    };
    let status = answered.raw().status().as_u16();
    let code = answered.err().code().unwrap_or_default();
    let kind = match status {
        _ if LATER.contains(&code) => TroubleKind::Unanswered,
        404 | 405 if MISSING.contains(&code) => TroubleKind::Missing,
        408 | 429 | 500.. => TroubleKind::Unanswered,
        _ => TroubleKind::Refused,
    };
    let code = if code.is_empty() { "an error without a code" } else { code };
    let message = answered.err().message().map(|message| format!(": {message}")).unwrap_or_default();
    let request = answered.raw().headers().get("x-amz-request-id").or(error.request_id());
    let request = request.map(|id| format!(", request {id}")).unwrap_or_default();
    Trouble { kind, call, answer: format!("{code}{message} (HTTP {status}{request})") }
}

/// An error and what caused it, outermost first.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text += ": ";
            text += &next;
        }
        cause = error.source();
    }
    text
}
