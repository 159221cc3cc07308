//! S3: the delivered log files, and the state bucket.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use shared::config::Config;
use shared::ports::{
    AwsError, AwsErrorKind, Body, ListedObject, Listing, ListingPage, LogStore, MAX_STATE_BYTES, OpenObject,
    Precondition, StateStore, StoredObject, WriteOutcome,
};
use tokio::time::timeout;

use crate::attempts::{CallError, retries, retry, time_outs};
use crate::aws_error::{aws_error, chain, without};

/// S3, for the log files and the state of one deployment.
pub struct S3 {
    client: Client,
    state_bucket: String,
    /// The account that the buckets must belong to.
    account: Option<String>,
    /// How long the next piece of a body may take.
    call_timeout: Duration,
    /// The first pause before a body that broke off is fetched again.
    retry_pause: Duration,
}

impl S3 {
    /// A client for buckets of whatever account: see [`S3::of_account`].
    pub fn new(sdk: &SdkConfig, state_bucket: &str, config: &Config) -> S3 {
        let builder = aws_sdk_s3::config::Builder::from(sdk);
        let builder = builder.timeout_config(time_outs(config)).retry_config(retries(config));
        S3 {
            client: Client::from_conf(builder.build()),
            state_bucket: state_bucket.to_owned(),
            account: None,
            call_timeout: config.call_timeout,
            retry_pause: config.retry_pause,
        }
    }

    /// The same for log files alone: there is no state bucket.
    pub fn of_log_files(sdk: &SdkConfig, config: &Config) -> S3 {
        S3::new(sdk, "", config)
    }

    /// The same for buckets of this account, where it is known: another's of the same name is refused.
    pub fn of_account(&self, account: Option<&str>) -> S3 {
        let (client, state_bucket) = (self.client.clone(), self.state_bucket.clone());
        S3 { client, state_bucket, account: account.map(str::to_owned), ..*self }
    }

    async fn get(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> Result<GetObjectOutput, SdkError<GetObjectError, HttpResponse>> {
        let request = self.client.get_object().bucket(bucket).key(key);
        let request = request.set_version_id(version.map(str::to_owned));
        request.set_expected_bucket_owner(self.account.clone()).send().await
    }

    /// The rest of an answer to `call`, and how long it says to be.
    fn opened(&self, call: &str, object: GetObjectOutput) -> Result<OpenObject<ObjectBody>, AwsError> {
        let bytes = object.content_length().and_then(|bytes| u64::try_from(bytes).ok());
        let bytes = bytes.ok_or_else(|| without(call, "Content-Length"))?;
        let body = ObjectBody { call: call.to_owned(), stream: object.body, piece: self.call_timeout };
        Ok(OpenObject { bytes, body })
    }
}

impl LogStore for S3 {
    type Body = ObjectBody;

    async fn open(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> Result<OpenObject<ObjectBody>, AwsError> {
        let call = format!("s3:GetObject s3://{bucket}/{key}");
        let object = self.get(bucket, key, version).await;
        self.opened(&call, object.map_err(|error| aws_error(call.clone(), &error))?)
    }

    async fn list(&self, listing: &Listing<'_>) -> Result<ListingPage, AwsError> {
        let Listing { bucket, prefix, after, by_folder, page } = *listing;
        let call = format!("s3:ListObjectsV2 s3://{bucket}/{prefix}");
        let request = self.client.list_objects_v2().bucket(bucket).prefix(prefix);
        let request = request.set_start_after(after.map(str::to_owned));
        let request = request.set_continuation_token(page.map(str::to_owned));
        let request = request.set_delimiter(by_folder.then(|| "/".to_owned()));
        let request = request.set_expected_bucket_owner(self.account.clone());
        let listed = request.send().await.map_err(|error| aws_error(call.clone(), &error))?;
        let next = match (listed.is_truncated(), listed.next_continuation_token()) {
            (Some(true), None) => return Err(without(&call, "NextContinuationToken")),
            (Some(true), Some(token)) => Some(token.to_owned()),
            _ => None,
        };
        let folders = listed.common_prefixes().iter().filter_map(|folder| folder.prefix().map(str::to_owned));
        let objects = listed.contents().iter().map(|object| {
            let key = object.key().ok_or_else(|| without(&call, "Key"))?.to_owned();
            let bytes = object.size().and_then(|bytes| u64::try_from(bytes).ok());
            let bytes = bytes.ok_or_else(|| without(&call, "Size"))?;
            Ok(ListedObject { key, bytes, modified: object.last_modified().and_then(moment) })
        });
        Ok(ListingPage {
            folders: folders.collect(),
            objects: objects.collect::<Result<_, AwsError>>()?,
            next,
        })
    }
}

fn moment(time: &aws_sdk_s3::primitives::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.secs(), time.subsec_nanos())
}

/// The rest of an object's body.
pub struct ObjectBody {
    call: String,
    stream: ByteStream,
    /// How long the next piece may take.
    piece: Duration,
}

impl Body for ObjectBody {
    async fn next(&mut self) -> Result<Option<Bytes>, AwsError> {
        let answer = match timeout(self.piece, self.stream.next()).await {
            Ok(None) => return Ok(None),
            Ok(Some(Ok(piece))) => return Ok(Some(piece)),
            Ok(Some(Err(error))) => format!("the body broke off: {}", chain(&error)),
            Err(_) => format!("nothing of the body came for {} milliseconds", self.piece.as_millis()),
        };
        Err(AwsError { kind: AwsErrorKind::Transient, call: self.call.clone(), answer })
    }
}

impl StateStore for S3 {
    async fn read(&self, key: &str) -> Result<Option<StoredObject>, AwsError> {
        retry(self.retry_pause, || self.read_once(key)).await
    }

    async fn write(
        &self,
        key: &str,
        content: &[u8],
        over: Precondition<'_>,
    ) -> Result<WriteOutcome, AwsError> {
        let call = format!("s3:PutObject {}", self.uri(key));
        match self.put(key, content, over).await {
            Ok(written) => written.e_tag.map(WriteOutcome::Written).ok_or_else(|| without(&call, "ETag")),
            Err(error) => not_written(&error, over).ok_or_else(|| aws_error(call, &error)),
        }
    }

    async fn delete(&self, key: &str) -> Result<(), AwsError> {
        let request = self.client.delete_object().bucket(&self.state_bucket).key(key);
        let request = request.set_expected_bucket_owner(self.account.clone());
        let deleted = request.customize().config_override(once()).send().await;
        deleted.map(drop).map_err(|error| aws_error(format!("s3:DeleteObject {}", self.uri(key)), &error))
    }

    fn uri(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.state_bucket)
    }
}

impl S3 {
    async fn read_once(&self, key: &str) -> Result<Option<StoredObject>, CallError<AwsError>> {
        let call = format!("s3:GetObject {}", self.uri(key));
        let object = match self.get(&self.state_bucket, key, None).await {
            Ok(object) => object,
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => {
                return Ok(None);
            }
            // The SDK has already retried the call if that can help.
            Err(error) => return Err(CallError::Permanent(aws_error(call, &error))),
        };
        let modified = object.last_modified().and_then(moment);
        let tag = object.e_tag().map(str::to_owned);
        let tag = tag.ok_or_else(|| CallError::Permanent(without(&call, "ETag")))?;
        let open = self.opened(&call, object).map_err(CallError::Permanent)?;
        // The SDK retries only until the head of the answer arrives.
        let content = beginning(open).await.map_err(CallError::Temporary)?;
        Ok(Some(StoredObject { content, tag, modified }))
    }

    /// Without the SDK's own retries: after a lost answer the retry would report "it has changed", and
    /// this run would not know that it wrote the object itself.
    async fn put(
        &self,
        key: &str,
        content: &[u8],
        over: Precondition<'_>,
    ) -> Result<PutObjectOutput, PutError> {
        let request = self.client.put_object().bucket(&self.state_bucket).key(key);
        let request = request.set_expected_bucket_owner(self.account.clone());
        let request = match over {
            Precondition::Absent => request.if_none_match("*"),
            Precondition::Tag(tag) => request.if_match(tag),
        };
        let request = request.content_type("application/json").body(content.to_vec().into());
        request.customize().config_override(once()).send().await
    }
}

/// A call that the SDK does not retry.
fn once() -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::config::Builder::new().retry_config(RetryConfig::disabled())
}

type PutError = SdkError<PutObjectError, HttpResponse>;

/// The outcome of a write that another writer prevented; `None` if it failed for another reason.
///
/// Source: S3 User Guide, "How to prevent object overwrites with conditional writes".
fn not_written(error: &PutError, over: Precondition<'_>) -> Option<WriteOutcome> {
    match error.raw_response().map(|response| response.status().as_u16()) {
        // The condition does not hold.
        Some(412) => Some(WriteOutcome::Conflict),
        // Another write is in progress, and its outcome is not known yet.
        Some(409) => Some(WriteOutcome::InProgress),
        // The object does not exist any more. (A missing bucket is an error.)
        Some(404) if over != Precondition::Absent && error.code() == Some("NoSuchKey") => {
            Some(WriteOutcome::Conflict)
        }
        _ => None,
    }
}

/// An object's content, or of a larger one than may be its first bytes.
async fn beginning(OpenObject { bytes, mut body }: OpenObject<ObjectBody>) -> Result<Bytes, AwsError> {
    let mut content = BytesMut::new();
    while content.len() <= MAX_STATE_BYTES {
        let Some(piece) = body.next().await? else { break };
        content.extend_from_slice(&piece);
    }
    content.truncate(MAX_STATE_BYTES + 1);
    let expected = bytes.min(MAX_STATE_BYTES as u64 + 1);
    if content.len() as u64 == expected {
        return Ok(content.freeze());
    }
    let answer = format!("the body ended after {} of {bytes} bytes", content.len());
    Err(AwsError { kind: AwsErrorKind::Transient, call: body.call, answer })
}
