//! The HTTPS clients of the AWS clients.
//!
//! Lambda freezes a sandbox between two invocations, for seconds or hours. AWS closes idle connections meanwhile, and the
//! frozen process does not see it. A request over such a connection fails without an answer, so it is unknown whether it
//! took effect. Every other call is made again; a publish is not.

use std::time::Duration;

use aws_sdk_s3::config::SharedHttpClient;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// How long an idle connection is kept: shorter than any AWS service keeps it.
const MAX_IDLE: Duration = Duration::from_secs(5);

/// `ring` is built in a tenth of the time of AWS-LC, and makes every function smaller.
const TLS: Provider = Provider::Rustls(CryptoMode::Ring);

/// A client that reuses connections.
pub(crate) fn pooled() -> SharedHttpClient {
    Builder::new().pool_idle_timeout(MAX_IDLE).tls_provider(TLS).build_https()
}

/// A client that opens a connection for each request.
pub(crate) fn unpooled() -> SharedHttpClient {
    Builder::new().pool_max_idle_per_host(0).tls_provider(TLS).build_https()
}
