//! The AWS adapters (`shared/aws`) against an emulated AWS on this machine.

mod fleet;
mod iam_reader;
mod listings;
mod state_store;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_iam::config::{Credentials, SharedCredentialsProvider};
use iamwatch_aws::start;
use iamwatch_tests::runtime_api::REGION;
use shared::config::Config;

/// The access key that a function has.
const OWN_KEY: &str = "AKIAIOSFODNN7EXAMPLE";

/// The configuration of a function's AWS clients.
fn sdk(endpoint: &str, access_key_id: &str, token: Option<String>) -> SdkConfig {
    let lookup = |name: &str| match name {
        "AWS_REGION" => Some(REGION.to_owned()),
        "AWS_ENDPOINT_URL" => Some(endpoint.to_owned()),
        _ => None,
    };
    let credentials = Credentials::new(access_key_id, "EXAMPLEKEY", token, None, "the test");
    let builder = start::sdk(lookup).into_builder();
    builder.credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

/// Time-outs that suit an emulated AWS.
fn config() -> Config {
    Config {
        call_timeout: Duration::from_millis(1_500),
        retry_pause: Duration::from_millis(1),
        ..Config::default()
    }
}
