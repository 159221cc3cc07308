//! How every function starts, and how it answers what went wrong.

use std::env;

use aws_config::{BehaviorVersion, SdkConfig};
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use shared::Error;
use shared::config::Config;
use shared::ports::Trouble;

/// What went wrong with a whole invocation; the kind is its `errorType`.
#[derive(Debug)]
pub struct Failure {
    kind: &'static str,
    message: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let kind = match error {
            Error::Setting { .. } | Error::UnknownSetting { .. } => "SettingError",
            Error::Input { .. } => "InputError",
        };
        Failure { kind, message: error.to_string() }
    }
}

impl From<&Trouble> for Failure {
    fn from(trouble: &Trouble) -> Failure {
        Failure { kind: "AwsError", message: trouble.to_string() }
    }
}

impl From<Failure> for Diagnostic {
    fn from(Failure { kind, message }: Failure) -> Diagnostic {
        Diagnostic { error_type: kind.to_owned(), error_message: message }
    }
}

/// What a function is deployed with.
pub struct Deployment {
    /// The settings.
    pub config: Config,
    /// `TOPIC_ARN`: the topic that findings are published to.
    pub topic_arn: String,
    /// `STATE_BUCKET`: the bucket that remembers.
    pub state_bucket: String,
    /// The function's name, by which its metrics are told from those of another stack.
    pub function_name: String,
}

impl Deployment {
    fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Deployment, Error> {
        let required = |name: &str, expected: &str, valid: fn(&str) -> bool| {
            let value = lookup(name).unwrap_or_default();
            if valid(&value) {
                return Ok(value);
            }
            Err(Error::Setting { name: name.to_owned(), value, expected: expected.to_owned() })
        };
        let is_topic = |value: &str| value.starts_with("arn:") && value.split(':').nth(2) == Some("sns");
        Ok(Deployment {
            config: Config::from_lookup(&lookup)?,
            topic_arn: required("TOPIC_ARN", "the ARN of an SNS topic", is_topic)?,
            state_bucket: required("STATE_BUCKET", "the name of a bucket", |value| !value.is_empty())?,
            function_name: lookup("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| "iamwatch".to_owned()),
        })
    }
}

/// Runs a function until Lambda ends it: `build` makes it once, `answer` is asked for each invocation.
///
/// A setting that is wrong is answered to every invocation, so that it is seen where people look and the
/// queue keeps what was delivered meanwhile.
///
/// # Errors
/// When the Runtime API cannot be reached.
pub async fn run<F>(
    build: impl FnOnce(Deployment, &SdkConfig) -> F,
    answer: impl AsyncFn(&F, Value, &Context) -> Result<Value, Failure>,
) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let function = match Deployment::from_lookup(|name| env::var(name).ok()) {
        Ok(deployment) => {
            let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
            Ok(build(deployment, &sdk))
        }
        Err(error) => Err(error.to_string()),
    };
    let (function, answer) = (&function, &answer);
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<Value>| {
        let outcome = match function {
            // Boxed: the compiler gives up on laying out what it would be in place.
            Ok(function) => Box::pin(answer(function, event.payload, &event.context)).await,
            Err(message) => Err(Failure { kind: "SettingError", message: message.clone() }),
        };
        outcome.inspect_err(|Failure { kind, message }| {
            lambda_runtime::tracing::error!(error_type = kind, error = message, "the invocation failed");
        })
    }))
    .await
}

/// The account that a function runs in, as its ARN says.
pub fn account_of(context: &Context) -> Option<&str> {
    let account = context.invoked_function_arn.split(':').nth(4)?;
    shared::text::is_account_id(account).then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, bucket: &str, severity: &str) -> Option<String> {
        let lookup = |name: &str| match name {
            "TOPIC_ARN" => Some(topic.to_owned()),
            "STATE_BUCKET" => Some(bucket.to_owned()),
            "MAIL_MIN_SEVERITY" => Some(severity.to_owned()),
            _ => None,
        };
        Deployment::from_lookup(lookup).err().map(|error| error.to_string())
    }

    #[test]
    fn what_a_function_is_deployed_with_is_checked_at_its_start() {
        let topic = "arn:aws:sns:us-east-1:111122223333:t";
        for (name, message, said) in [
            ("all right", message(topic, "state", "LOW"), None),
            (
                "no topic",
                message("", "state", "LOW"),
                Some("TOPIC_ARN is \"\"; it must be the ARN of an SNS topic"),
            ),
            (
                "no bucket",
                message(topic, "", "LOW"),
                Some("STATE_BUCKET is \"\"; it must be the name of a bucket"),
            ),
            (
                "a setting",
                message(topic, "state", "low"),
                Some("MAIL_MIN_SEVERITY is \"low\"; it must be one of LOW, MEDIUM, HIGH, CRITICAL"),
            ),
        ] {
            assert_eq!(message.as_deref(), said, "{name}");
        }
    }
}
