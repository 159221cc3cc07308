//! S3: the delivered log files, and the state bucket.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use shared::ports::{Body, LogStore, OpenObject, StateStore, Trouble, TroubleKind};
use tokio::time::timeout;

use crate::trouble::{chain, trouble};

/// How long one attempt may take until S3 begins to answer. The SDK makes three.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How long all attempts may take together.
const OPERATION: Duration = Duration::from_secs(18);
const CONNECT: Duration = Duration::from_secs(2);

/// There is such an object already. Source: S3 User Guide, "Conditional writes".
const PRECONDITION_FAILED: u16 = 412;
/// Somebody else is writing it at this moment: who wins is not known yet.
const CONFLICT: u16 = 409;
/// How often a write is made that is in conflict with another.
const ATTEMPTS: u32 = 4;
/// The first pause between two; each is twice the one before.
const PAUSE: Duration = Duration::from_millis(100);

/// How long the next piece of a body may take.
const PIECE: Duration = Duration::from_secs(5);

/// S3, for the log files and the state of one deployment.
pub struct S3 {
    client: Client,
    state_bucket: String,
    /// The account that the buckets must belong to.
    account: Option<String>,
}

impl S3 {
    /// A client; `account` is the one that the buckets must belong to, where it is known.
    pub fn new(config: &SdkConfig, state_bucket: &str) -> S3 {
        let time_outs = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(OPERATION)
            .build();
        let config = aws_sdk_s3::config::Builder::from(config).timeout_config(time_outs).build();
        S3 { client: Client::from_conf(config), state_bucket: state_bucket.to_owned(), account: None }
    }

    /// The same for buckets of this account: another's of the same name is refused.
    pub fn of_account(&self, account: Option<&str>) -> S3 {
        let (client, state_bucket) = (self.client.clone(), self.state_bucket.clone());
        S3 { client, state_bucket, account: account.map(str::to_owned) }
    }
}

impl LogStore for S3 {
    type Body = ObjectBody;

    async fn open(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> Result<OpenObject<ObjectBody>, Trouble> {
        let call = format!("s3:GetObject s3://{bucket}/{key}");
        let request = self.client.get_object().bucket(bucket).key(key);
        let request = request.set_version_id(version.map(str::to_owned));
        let sent = request.set_expected_bucket_owner(self.account.clone()).send().await;
        let object = sent.map_err(|error| trouble(call.clone(), &error))?;
        let bytes = object.content_length().and_then(|bytes| u64::try_from(bytes).ok());
        let Some(bytes) = bytes else {
            let answer = "the answer has no Content-Length".to_owned();
            return Err(Trouble { kind: TroubleKind::Unanswered, call, answer });
        };
        Ok(OpenObject { bytes, body: ObjectBody { call, stream: object.body } })
    }
}

impl S3 {
    /// Without the SDK's own retries: an answer that was lost would come back as "there is one already", and
    /// nobody would know that it is ours.
    async fn create_once(&self, key: &str, content: &str) -> Result<PutObjectOutput, CreateError> {
        let content = ByteStream::from(content.as_bytes().to_vec());
        let request = self.client.put_object().bucket(&self.state_bucket).key(key).if_none_match("*");
        let request = request.set_expected_bucket_owner(self.account.clone());
        let once = aws_sdk_s3::config::Builder::new().retry_config(RetryConfig::disabled());
        request.content_type("application/json").body(content).customize().config_override(once).send().await
    }

    fn created(&self, key: &str, outcome: Result<PutObjectOutput, CreateError>) -> Result<bool, Trouble> {
        match outcome {
            Ok(_) => Ok(true),
            Err(error) if status(&error) == Some(PRECONDITION_FAILED) => Ok(false),
            Err(error) => Err(trouble(format!("s3:PutObject s3://{}/{key}", self.state_bucket), &error)),
        }
    }
}

type CreateError = SdkError<PutObjectError, HttpResponse>;

fn status(error: &CreateError) -> Option<u16> {
    Some(error.raw_response()?.status().as_u16())
}

/// What is still to come of an object.
pub struct ObjectBody {
    call: String,
    stream: ByteStream,
}

impl Body for ObjectBody {
    async fn next(&mut self) -> Result<Option<Bytes>, Trouble> {
        let answer = match timeout(PIECE, self.stream.next()).await {
            Ok(None) => return Ok(None),
            Ok(Some(Ok(piece))) => return Ok(Some(piece)),
            Ok(Some(Err(error))) => format!("the body broke off: {}", chain(&error)),
            Err(_) => format!("nothing of the body came for {} seconds", PIECE.as_secs()),
        };
        Err(Trouble { kind: TroubleKind::Unanswered, call: self.call.clone(), answer })
    }
}

impl StateStore for S3 {
    async fn create(&self, key: &str, content: &str) -> Result<bool, Trouble> {
        let mut pause = PAUSE;
        for _ in 1..ATTEMPTS {
            match self.create_once(key, content).await {
                Err(error) if status(&error) == Some(CONFLICT) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                outcome => return self.created(key, outcome),
            }
        }
        self.created(key, self.create_once(key, content).await)
    }

    async fn remove(&self, key: &str) -> Result<(), Trouble> {
        let request = self.client.delete_object().bucket(&self.state_bucket).key(key);
        let sent = request.set_expected_bucket_owner(self.account.clone()).send().await;
        sent.map(|_| ())
            .map_err(|error| trouble(format!("s3:DeleteObject s3://{}/{key}", self.state_bucket), &error))
    }
}
