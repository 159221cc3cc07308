//! Errors of the AWS SDK as the core's `AwsError`.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use shared::ports::{AwsError, AwsErrorKind};

/// Codes that say "later" with a status that says "never".
///
/// Source: SDKs and Tools Reference Guide, "Retry behavior"; KMS API Reference, "Common errors"; IAM API
/// Reference, `GenerateCredentialReport`, "Errors".
const LATER: &[&str] = &[
    "KMS.ThrottlingException",
    "KMSThrottling",
    "LimitExceeded",
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

/// Codes that say that the object is not there, with the status 404, or 405 for a version that marks a deletion;
/// and with the status 410 that there is no credential report.
const MISSING: &[&str] =
    &["MethodNotAllowed", "NoSuchKey", "NoSuchVersion", "NotFound", "ReportExpired", "ReportNotPresent"];

/// `call` is the call and what it was about.
pub(crate) fn aws_error<E>(call: String, error: &SdkError<E, HttpResponse>) -> AwsError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let SdkError::ServiceError(answered) = error else {
        let kind = match error {
            SdkError::ConstructionFailure(_) => AwsErrorKind::Denied,
            _ => AwsErrorKind::Transient,
        };
        return AwsError { kind, call, answer: chain(error) };
    };
    let status = answered.raw().status().as_u16();
    let code = answered.err().code().unwrap_or_default();
    let kind = match status {
        // The call succeeded, and its answer was damaged on its way.
        ..300 => AwsErrorKind::Transient,
        _ if LATER.contains(&code) => AwsErrorKind::Transient,
        404 | 405 | 410 if MISSING.contains(&code) => AwsErrorKind::NotFound,
        408 | 429 | 500.. => AwsErrorKind::Transient,
        _ => AwsErrorKind::Denied,
    };
    let code = match code {
        // Without the reason: it may quote the credentials that STS issued.
        "" if status < 300 => "an answer that cannot be read",
        "" => "an error without a code",
        code => code,
    };
    let message = answered.err().message().map(|message| format!(": {message}")).unwrap_or_default();
    let request = answered.raw().headers().get("x-amz-request-id").or(error.request_id());
    let request = request.map(|id| format!(", request {id}")).unwrap_or_default();
    // S3 says it to requests in another Region.
    let region = answered.raw().headers().get("x-amz-bucket-region").filter(|_| matches!(status, 301 | 400));
    let region = region.map(|region| format!(", bucket in {region}")).unwrap_or_default();
    AwsError { kind, call, answer: format!("{code}{message} (HTTP {status}{region}{request})") }
}

/// An answer to `call` without a member that AWS always sends.
pub(crate) fn without(call: &str, what: &str) -> AwsError {
    unreadable(call, format!("the answer has no {what}"))
}

/// An answer to `call` with an unexpected value.
pub(crate) fn unreadable(call: &str, answer: String) -> AwsError {
    AwsError { kind: AwsErrorKind::Transient, call: call.to_owned(), answer }
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
