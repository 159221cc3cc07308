//! What AWS says went wrong, in words for the person whose credentials they are.

use shared::ports::{Trouble, TroubleKind};

/// What a person at a terminal should do about it.
pub fn said(trouble: &Trouble) -> String {
    let Trouble { kind, call, answer } = trouble;
    let what = match code(answer) {
        "NoSuchBucket" => "there is no such bucket; its name must be right".to_owned(),
        "NoSuchKey" => "there is no such object any more".to_owned(),
        "AccessDenied" | "AllAccessDisabled" => {
            "these credentials do not allow it; they need s3:ListBucket for the bucket, s3:GetObject for its log files and, where a KMS key encrypts them, kms:Decrypt for the key".to_owned()
        }
        code if EXPIRED.contains(&code) => EXPIRED_TO_DO.to_owned(),
        "InvalidAccessKeyId" | "InvalidToken" | "InvalidClientTokenId" | "SignatureDoesNotMatch" => {
            "AWS does not accept these credentials; AWS_PROFILE or the environment must name others, as `aws sts get-caller-identity` says".to_owned()
        }
        "RequestTimeTooSkewed" => "the clock of this machine is wrong; it must be set".to_owned(),
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
            let region = region(answer).unwrap_or("that of the bucket");
            format!("the bucket is in another Region; AWS_REGION must be {region}")
        }
        _ => match kind {
            TroubleKind::Unanswered | TroubleKind::OutOfTime => {
                "AWS did not answer as it should; the same command may succeed later".to_owned()
            }
            TroubleKind::Missing => "there is no such object".to_owned(),
            TroubleKind::Refused => "AWS refuses it".to_owned(),
        },
    };
    format!("{call}: {what} ({answer})")
}

/// Why there are no credentials, and where they may come from.
pub fn no_credentials(reason: &str) -> String {
    let text = reason.to_lowercase();
    let expired = ["expired", "sso", "token"].iter().any(|word| text.contains(word));
    let to_do = if expired {
        "sign in again, as with `aws sso login --profile NAME`"
    } else {
        "they are taken from where the AWS CLI takes them: AWS_PROFILE, `aws configure sso`, `aws login`, or the environment"
    };
    format!("there are no AWS credentials: {reason}; {to_do}")
}

/// Whether no call will succeed until the person signs in again.
pub fn needs_credentials(trouble: &Trouble) -> bool {
    let code = code(&trouble.answer);
    EXPIRED.contains(&code)
        || matches!(
            code,
            "InvalidAccessKeyId" | "InvalidToken" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed"
        )
        || trouble.answer.contains("credentials provider")
        || trouble.answer.contains("providers in chain")
}

const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"];

const EXPIRED_TO_DO: &str = "these credentials have expired; sign in again, as with `aws sso login`";

/// `NoSuchKey` of `NoSuchKey: The specified key does not exist. (HTTP 404)`.
fn code(answer: &str) -> &str {
    answer.split([':', ' ']).next().unwrap_or_default()
}

/// The Region that S3 says the bucket is in.
fn region(answer: &str) -> Option<&str> {
    let (_, behind) = answer.rsplit_once(", bucket in ")?;
    behind.split([',', ')']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_is_said_with_what_to_do() {
        for (kind, answer, part) in [
            (
                TroubleKind::Refused,
                "NoSuchBucket: The specified bucket does not exist (HTTP 404)",
                "no such bucket",
            ),
            (TroubleKind::Refused, "AccessDenied: Access Denied (HTTP 403)", "s3:ListBucket"),
            (
                TroubleKind::Refused,
                "ExpiredToken: The provided token has expired. (HTTP 400)",
                "sign in again",
            ),
            (TroubleKind::Refused, "InvalidAccessKeyId (HTTP 403)", "does not accept"),
            (
                TroubleKind::Refused,
                "PermanentRedirect: The bucket you are attempting … (HTTP 301, bucket in eu-west-1, request X)",
                "AWS_REGION must be eu-west-1",
            ),
            (
                TroubleKind::Refused,
                "AuthorizationHeaderMalformed: … (HTTP 400)",
                "AWS_REGION must be that of",
            ),
            (
                TroubleKind::Unanswered,
                "SlowDown: Please reduce your request rate. (HTTP 503)",
                "may succeed later",
            ),
            (TroubleKind::Refused, "Teapot (HTTP 418)", "AWS refuses it"),
        ] {
            let call = "s3:ListObjectsV2 s3://logs/".to_owned();
            let trouble = Trouble { kind, call, answer: answer.to_owned() };
            let said = said(&trouble);
            assert!(said.starts_with("s3:ListObjectsV2 s3://logs/: "), "{said}");
            assert!(said.contains(part) && said.ends_with(&format!("({answer})")), "{said}");
        }
    }
}
