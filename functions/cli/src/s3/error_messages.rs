//! AWS errors as messages for the person at the terminal: what failed, why, and what to do.

use shared::ports::{AwsError, AwsErrorKind};

/// The call that failed, the reason, and what to do.
pub fn message(error: &AwsError) -> String {
    format!("{}: {}", error.call, reason(error))
}

/// The reason, and what to do.
pub fn reason(AwsError { kind, answer, .. }: &AwsError) -> String {
    let reason = match code(answer) {
        "NoSuchBucket" => "there is no such bucket; its name must be right".to_owned(),
        "NoSuchKey" => "there is no such object any more".to_owned(),
        "AccessDenied" | "AllAccessDisabled" => {
            "these credentials do not allow it; they need s3:ListBucket for the bucket, s3:GetObject for its log files and, where a KMS key encrypts them, kms:Decrypt for the key".to_owned()
        }
        code if EXPIRED.contains(&code) => EXPIRED_MESSAGE.to_owned(),
        "InvalidAccessKeyId" | "InvalidToken" | "InvalidClientTokenId" | "SignatureDoesNotMatch" => {
            "AWS does not accept these credentials; AWS_PROFILE or the environment must name others, as `aws sts get-caller-identity` says".to_owned()
        }
        "RequestTimeTooSkewed" => "the clock of this machine is wrong; it must be set".to_owned(),
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
            let region = region(answer).unwrap_or("that of the bucket");
            format!("the bucket is in another Region; AWS_REGION must be {region}")
        }
        _ => match kind {
            AwsErrorKind::Transient | AwsErrorKind::DeadlineExceeded => {
                "AWS did not answer as it should; the same command may succeed later".to_owned()
            }
            AwsErrorKind::NotFound => "there is no such object".to_owned(),
            AwsErrorKind::Denied => "AWS refuses it".to_owned(),
        },
    };
    format!("{reason} ({answer})")
}

/// Why there are no credentials, and what to do; `reason` is the text of the SDK.
pub fn no_credentials(reason: &str) -> String {
    let reason = reason.trim_start_matches("an error occurred while loading credentials: ");
    if let Some((_, attempts)) = reason.split_once("no credentials found in chain") {
        // One line for each source of credentials; only a named profile that does not exist is a mistake.
        let profile = attempts.lines().find_map(|line| line.trim().strip_prefix("Profile: "));
        let profile = profile.and_then(|line| line.split_once("not enabled: "));
        return match profile {
            Some((_, wrong)) => format!(
                "there are no AWS credentials: {wrong}; AWS_PROFILE must name a profile that ~/.aws/config has"
            ),
            None => "there are no AWS credentials; they are taken from where the AWS CLI takes them: AWS_PROFILE, `aws configure sso`, `aws login`, or the environment".to_owned(),
        };
    }
    let remedy = if reason.contains("SSO token") || reason.contains("access token") {
        "sign in again, as with `aws sso login`"
    } else if reason.contains("/login/cache/") {
        "sign in again, as with `aws login`"
    } else {
        "`aws sts get-caller-identity` must succeed with the same AWS_PROFILE and environment"
    };
    format!("there are no AWS credentials: {reason}; {remedy}")
}

/// Whether every call fails until the person signs in again.
pub fn needs_credentials(error: &AwsError) -> bool {
    let code = code(&error.answer);
    EXPIRED.contains(&code)
        || matches!(
            code,
            "InvalidAccessKeyId" | "InvalidToken" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed"
        )
        || error.answer.contains("loading credentials")
        || error.answer.contains("credential provider was not enabled")
}

const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"];

const EXPIRED_MESSAGE: &str = "these credentials have expired; sign in again, as with `aws sso login`";

/// `NoSuchKey` of `NoSuchKey: The specified key does not exist. (HTTP 404)`.
fn code(answer: &str) -> &str {
    answer.split([':', ' ']).next().unwrap_or_default()
}

/// The Region of the bucket, if S3 named it.
fn region(answer: &str) -> Option<&str> {
    let (_, rest) = answer.rsplit_once(", bucket in ")?;
    rest.split([',', ')']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_call_the_reason_and_what_to_do() {
        for (kind, answer, part) in [
            (
                AwsErrorKind::Denied,
                "NoSuchBucket: The specified bucket does not exist (HTTP 404)",
                "no such bucket",
            ),
            (AwsErrorKind::Denied, "AccessDenied: Access Denied (HTTP 403)", "s3:ListBucket"),
            (
                AwsErrorKind::Denied,
                "ExpiredToken: The provided token has expired. (HTTP 400)",
                "sign in again",
            ),
            (AwsErrorKind::Denied, "InvalidAccessKeyId (HTTP 403)", "does not accept"),
            (
                AwsErrorKind::Denied,
                "PermanentRedirect: The bucket you are attempting … (HTTP 301, bucket in eu-west-1, request X)",
                "AWS_REGION must be eu-west-1",
            ),
            (
                AwsErrorKind::Denied,
                "AuthorizationHeaderMalformed: … (HTTP 400)",
                "AWS_REGION must be that of",
            ),
            (
                AwsErrorKind::Transient,
                "SlowDown: Please reduce your request rate. (HTTP 503)",
                "may succeed later",
            ),
            (AwsErrorKind::Denied, "Teapot (HTTP 418)", "AWS refuses it"),
        ] {
            let call = "s3:ListObjectsV2 s3://logs/".to_owned();
            let error = AwsError { kind, call, answer: answer.to_owned() };
            let message = message(&error);
            assert!(message.starts_with("s3:ListObjectsV2 s3://logs/: "), "{message}");
            assert!(message.contains(part) && message.ends_with(&format!("({answer})")), "{message}");
        }
    }

    #[test]
    fn without_credentials_the_message_names_what_is_wrong_with_the_profile() {
        let chain = |profile: &str| {
            format!(
                "the credential provider was not enabled: no credentials found in chain. Attempted:\n  Environment: the credential provider was not enabled: environment variable not set\n  Profile: the credential provider was not enabled{profile}\n  WebIdentityToken: the credential provider was not enabled: $AWS_WEB_IDENTITY_TOKEN_FILE was not set"
            )
        };
        for (reason, part) in [
            (chain(""), "credentials; they are taken from"),
            (chain(": profile `x` was not defined"), "credentials: profile `x` was not defined; AWS_PROFILE must name"),
            (
                "an error occurred while loading credentials: an error occurred while loading an access token: the SSO token has expired".to_owned(),
                "credentials: an error occurred while loading an access token: the SSO token has expired; sign in again, as with `aws sso login`",
            ),
            ("failed to read `/home/x/.aws/login/cache/1.json`".to_owned(), "as with `aws login`"),
            ("the process ended with 1".to_owned(), "`aws sts get-caller-identity` must succeed"),
        ] {
            let message = no_credentials(&reason);
            assert!(message.contains(part) && message.lines().count() == 1, "{message}");
        }
    }
}
