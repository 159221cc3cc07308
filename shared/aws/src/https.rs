//! The HTTPS clients of the AWS clients.
//!
//! Lambda freezes a sandbox between two invocations, for seconds or hours. AWS closes idle connections meanwhile, and the
//! frozen process does not see it. A request over such a connection fails without an answer, so it is unknown whether it
//! took effect. Every other call is made again; a publish is not.

use std::time::Duration;

use aws_sdk_s3::config::SharedHttpClient;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector, ConnectorBuilder};

/// How long an idle connection is kept: shorter than any AWS service keeps it.
const MAX_IDLE: Duration = Duration::from_secs(5);

/// `ring` is built in a tenth of the time of AWS-LC, and makes every function smaller.
const TLS: Provider = Provider::Rustls(CryptoMode::Ring);

/// A client that reuses connections.
pub(crate) fn pooled() -> SharedHttpClient {
    client(|connector| {
        connector.set_pool_idle_timeout(Some(Some(MAX_IDLE)));
    })
}

/// A client that opens a connection for each request.
pub(crate) fn unpooled() -> SharedHttpClient {
    client(|connector| {
        connector.set_pool_max_idle_per_host(Some(0));
    })
}

/// A client like the SDK's own, which also uses the proxy that the environment names, but for TLS and the pool.
fn client(set_pool: impl Fn(&mut ConnectorBuilder) + Send + Sync + 'static) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder();
        set_pool(&mut connector);
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.tls_provider(TLS).build()
    })
}
