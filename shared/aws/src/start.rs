//! Start-up: settings, AWS clients, and the loop over invocations.

use std::env;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::identity::IdentityCache;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::SharedCredentialsProvider;
use lambda_runtime::{Context, LambdaEvent, service_fn};
use serde_json::Value;
use shared::Error;
use shared::config::Config;
use shared::ports::NotificationSink as _;

use crate::failure::Failure;
use crate::s3::S3;
use crate::sns::Topic;
use crate::sqs::Queues;
use crate::{https, log};

/// Memory besides that for log files: the program, the AWS clients, findings that are not notified yet.
const MEMORY_BESIDE_BYTES: u64 = 150 << 20;

/// The settings and names that a function is deployed with.
pub struct Deployment {
    /// The settings.
    pub config: Config,
    /// `TOPIC_ARN`: the topic that findings are published to.
    pub topic_arn: String,
    /// `STATE_BUCKET`: the bucket of the state objects.
    pub state_bucket: String,
    /// The function's name: the dimension of its metrics.
    pub function_name: String,
    /// `LOG_BUCKET`: the bucket of log files, for a function that lists it: see [`Deployment::log_bucket`].
    log_bucket: Option<String>,
    /// `STATE_MACHINE_ARN`: the state machine of large backfills, if the stack has one.
    pub state_machine_arn: Option<String>,
}

impl Deployment {
    fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Deployment, Error> {
        let required = |name: &str, expected: &str, valid: fn(&str) -> bool| {
            let value = lookup(name).unwrap_or_default();
            if valid(&value) { Ok(value) } else { Err(wrong(name, value, expected)) }
        };
        let optional = |name: &str, expected: &str, valid: fn(&str) -> bool| {
            let value = lookup(name).filter(|value| !value.is_empty());
            value.map(|_| required(name, expected, valid)).transpose()
        };
        let is_topic = |value: &str| value.starts_with("arn:") && value.split(':').nth(2) == Some("sns");
        let is_machine = |value: &str| {
            let parts: Vec<&str> = value.split(':').collect();
            matches!(parts[..], ["arn", _, "states", _, _, "stateMachine", name] if !name.is_empty())
        };
        let config = Config::from_lookup(&lookup)?;
        if let Some(megabytes) = lookup("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|text| text.parse().ok())
        {
            check_memory(&config, megabytes)?;
        }
        Ok(Deployment {
            config,
            topic_arn: required("TOPIC_ARN", "the ARN of an SNS topic", is_topic)?,
            state_bucket: required("STATE_BUCKET", "the name of a bucket", |value| !value.is_empty())?,
            function_name: lookup("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| "iamwatch".to_owned()),
            log_bucket: optional("LOG_BUCKET", BUCKET_NAME, is_bucket_name)?,
            state_machine_arn: optional("STATE_MACHINE_ARN", "the ARN of a state machine", is_machine)?,
        })
    }

    /// The bucket of log files.
    ///
    /// # Errors
    /// If `LOG_BUCKET` is not set.
    pub fn log_bucket(&self) -> Result<&str, Error> {
        self.log_bucket.as_deref().ok_or_else(|| wrong("LOG_BUCKET", String::new(), BUCKET_NAME))
    }
}

const BUCKET_NAME: &str = "the name of a bucket, without s3:// and without a prefix";

fn is_bucket_name(value: &str) -> bool {
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || ".-_".contains(character);
    !value.is_empty() && value.chars().all(is_allowed)
}

fn wrong(name: &str, value: String, expected: &str) -> Error {
    Error::Setting { name: name.to_owned(), value, expected: expected.to_owned() }
}

/// Refuses limits for which the function has too little memory.
fn check_memory(config: &Config, megabytes: u64) -> Result<(), Error> {
    // One log file is always read, and it may be the largest: see `LogFileReader::buffer_bytes`.
    let beside = MEMORY_BESIDE_BYTES + 2 * config.max_record_bytes as u64;
    let room = (megabytes << 20).saturating_sub(beside);
    if config.max_in_flight_bytes <= room {
        return Ok(());
    }
    let expected = format!(
        "at most {room} in a function with {megabytes} MB of memory and MAX_RECORD_BYTES of {}, or the function must have more",
        config.max_record_bytes
    );
    Err(wrong("MAX_IN_FLIGHT_BYTES", config.max_in_flight_bytes.to_string(), &expected))
}

/// The deployment and the AWS clients that every function has. They live as long as the sandbox.
pub struct Shell {
    /// The deployment.
    pub deployment: Deployment,
    /// S3: log files and the state bucket.
    pub s3: S3,
    /// The topic.
    pub topic: Topic,
    /// The queues of the function.
    pub queues: Queues,
}

impl Shell {
    fn new(deployment: Deployment, sdk: &SdkConfig) -> Shell {
        Shell {
            s3: S3::new(sdk, &deployment.state_bucket, &deployment.config),
            topic: Topic::new(sdk, &deployment.topic_arn, &deployment.config),
            queues: Queues::new(sdk, &deployment.config),
            deployment,
        }
    }

    /// Publishes a test mail and returns the answer.
    ///
    /// # Errors
    /// If SNS does not accept it.
    pub async fn test_mail(&self, context: &Context) -> Result<Value, Failure> {
        let published = self.topic.publish_test(&self.deployment.function_name, &context.request_id).await;
        published.map_err(|error| Failure::from(&error))
    }
}

impl AsRef<Shell> for Shell {
    fn as_ref(&self) -> &Shell {
        self
    }
}

/// Runs a function until Lambda ends the sandbox. `build` makes the function once, and `answer` answers each invocation.
///
/// An invalid setting is the answer to every invocation, where people see it; the queue keeps its messages meanwhile.
///
/// # Errors
/// If the Runtime API cannot be reached.
pub async fn run<F: AsRef<Shell>>(
    build: impl FnOnce(Shell, &SdkConfig) -> Result<F, Error>,
    answer: impl AsyncFn(&F, Value, &Context) -> Result<Value, Failure>,
) -> Result<(), lambda_runtime::Error> {
    let lookup = |name: &str| env::var(name).ok();
    log::begin(lookup);
    let function = Deployment::from_lookup(lookup).and_then(|deployment| {
        let sdk = sdk(lookup);
        build(Shell::new(deployment, &sdk), &sdk)
    });
    let function = function.map_err(Failure::from);
    let (function, answer) = (&function, &answer);
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<Value>| {
        let answered = match function {
            Ok(function) => {
                // Boxed: the compiler cannot lay out the future in place.
                let answered = Box::pin(answer(function, event.payload, &event.context)).await;
                // Another sandbox may get the next event, and does not know when this one has published.
                function.as_ref().topic.ready().await;
                answered
            }
            Err(failure) => Err(failure.clone()),
        };
        answered.inspect_err(|Failure { kind, message }| {
            lambda_runtime::tracing::error!(error_type = kind, error = message, "the invocation failed");
        })
    }))
    .await
}

/// The configuration of every AWS client, from the environment that Lambda sets. The SDK's own loader, which also reads
/// profiles and the credentials of other kinds of machines, would be a twentieth of the function's size.
///
/// Sources: Lambda Developer Guide, "Defined runtime environment variables"; SDKs and Tools Reference Guide,
/// "Settings reference".
pub fn sdk(lookup: impl Fn(&str) -> Option<String>) -> SdkConfig {
    let is_on = |name: &str| lookup(name).map(|value| value.eq_ignore_ascii_case("true"));
    let mut sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(lookup("AWS_REGION").map(Region::new))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .identity_cache(IdentityCache::lazy().build())
        .http_client(https::pooled());
    sdk.set_endpoint_url(lookup("AWS_ENDPOINT_URL"))
        .set_use_fips(is_on("AWS_USE_FIPS_ENDPOINT"))
        .set_use_dual_stack(is_on("AWS_USE_DUALSTACK_ENDPOINT"));
    sdk.build()
}

/// The account of the function, from its ARN.
pub fn account_of(context: &Context) -> Option<&str> {
    let account = context.invoked_function_arn.split(':').nth(4)?;
    shared::text::is_account_id(account).then_some(account)
}

/// The partition of the function, such as `aws-cn`, from its ARN.
pub fn partition_of(context: &Context) -> &str {
    let partition = context.invoked_function_arn.strip_prefix("arn:").and_then(|rest| rest.split(':').next());
    partition.unwrap_or("aws")
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
    fn limits_beyond_the_memory_of_the_function_are_refused() {
        let config = |bytes| Config { max_in_flight_bytes: bytes, ..Config::default() };
        assert!(check_memory(&Config::default(), 512).is_ok(), "the template's defaults");
        assert!(check_memory(&Config::default(), 192).is_err());
        assert!(check_memory(&config(8 << 30), 512).is_err());
        assert!(check_memory(&config(8 << 30), 10_240).is_ok());
        let message = check_memory(&config(1 << 30), 512).unwrap_err().to_string();
        assert!(
            message.starts_with("MAX_IN_FLIGHT_BYTES is \"1073741824\"; it must be at most 371195904 in"),
            "{message}"
        );
    }

    #[test]
    fn a_function_knows_its_account_and_partition_by_its_arn() {
        for (arn, account, partition) in [
            ("arn:aws:lambda:us-east-1:111122223333:function:f", Some("111122223333"), "aws"),
            ("arn:aws-cn:lambda:cn-north-1:111122223333:function:f:live", Some("111122223333"), "aws-cn"),
            ("f", None, "aws"),
            ("", None, "aws"),
        ] {
            let mut context = Context::default();
            arn.clone_into(&mut context.invoked_function_arn);
            assert_eq!((account_of(&context), partition_of(&context)), (account, partition), "{arn}");
        }
    }

    #[test]
    fn the_settings_of_a_function_are_checked_at_its_start() {
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

    #[test]
    fn only_the_function_that_lists_log_files_needs_their_bucket() {
        let machine = "arn:aws-cn:states:cn-north-1:111122223333:stateMachine:m";
        for (name, bucket, machine, said) in [
            ("all right", "my.log-files", machine, None),
            ("no state machine", "logs", "", None),
            (
                "no bucket",
                "",
                machine,
                Some(
                    "LOG_BUCKET is \"\"; it must be the name of a bucket, without s3:// and without a prefix",
                ),
            ),
            (
                "an address",
                "s3://logs",
                "",
                Some(
                    "LOG_BUCKET is \"s3://logs\"; it must be the name of a bucket, without s3:// and without a prefix",
                ),
            ),
            (
                "another ARN",
                "logs",
                "arn:aws:states:us-east-1:111122223333:execution:m:1",
                Some(
                    "STATE_MACHINE_ARN is \"arn:aws:states:us-east-1:111122223333:execution:m:1\"; it must be the ARN of a state machine",
                ),
            ),
        ] {
            let lookup = |name: &str| match name {
                "TOPIC_ARN" => Some("arn:aws:sns:us-east-1:111122223333:t".to_owned()),
                "STATE_BUCKET" => Some("state".to_owned()),
                "LOG_BUCKET" => Some(bucket.to_owned()),
                "STATE_MACHINE_ARN" => Some(machine.to_owned()),
                _ => None,
            };
            let read = Deployment::from_lookup(lookup);
            let read = read.and_then(|deployment| deployment.log_bucket().map(str::to_owned));
            assert_eq!(read.err().map(|error| error.to_string()).as_deref(), said, "{name}");
        }
    }
}
