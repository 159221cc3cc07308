//! S3 for a person at a terminal: with the credentials and the Region that the AWS CLI would use.
//!
//! Source: SDKs and Tools Reference Guide, "Standardized credential providers".

use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::config::ProvideCredentials as _;
use shared::config::Config;

use crate::aws_error::chain;
use crate::https;
use crate::s3::S3;

/// Where a bucket is looked for if no Region is configured: S3 answers there which Region it is in.
const REGION: &str = "us-east-1";

/// S3, for log files only.
///
/// # Errors
/// Why there are no credentials. `Ok` does not mean that AWS accepts them.
pub async fn s3(config: &Config) -> Result<S3, String> {
    let loader = || aws_config::defaults(BehaviorVersion::latest()).http_client(https::pooled());
    let sdk = loader().load().await;
    let sdk = match sdk.region() {
        Some(_) => sdk,
        None => loader().region(Region::from_static(REGION)).load().await,
    };
    let credentials = sdk.credentials_provider().ok_or_else(|| "no credentials are configured".to_owned())?;
    credentials.provide_credentials().await.map_err(|error| chain(&error))?;
    Ok(S3::of_log_files(&sdk, config))
}
