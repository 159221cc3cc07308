//! A proxy between the functions and an emulated AWS: it passes everything on and records it.
//!
//! An emulator keeps a mail's text for itself; here it is read from the request that published it. And where
//! the emulator checks permissions, what it refused is seen here.

#![allow(clippy::expect_used, reason = "a test stops at the first thing that is not so")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use hyper::{StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::watch;

use crate::loopback::{Closed, Reply, Request, Server};
use crate::stub_aws::{Mail, form};

/// A call that was passed on, and what came of it.
#[derive(Clone, Debug)]
pub struct Passed {
    /// `PUT /bucket/key`, `Publish`, `AmazonSQS.ReceiveMessage`.
    pub call: String,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The code of an error answer.
    pub error: Option<String>,
}

/// Whether requests are said to have come by TLS, which ends at the proxy. Policies may insist on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// As it is: they came without.
    None,
    /// They came by TLS.
    EndsHere,
}

/// A proxy that is listening; it stops when this is dropped.
#[derive(Debug)]
pub struct RecordingProxy {
    server: Server,
    shared: Arc<Shared>,
}

/// How a call is hindered instead of passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// It is answered that this is denied.
    Denied,
    /// It is never answered.
    Held,
}

#[derive(Debug)]
struct Shared {
    /// Calls that begin and end so.
    hindered: Mutex<Vec<(String, String, Hindrance)>>,
    /// How many were held so far.
    held: watch::Sender<usize>,
    upstream: Mutex<Option<SocketAddr>>,
    tls: Tls,
    client: Client<HttpConnector, Full<Bytes>>,
    passed: Mutex<Vec<Passed>>,
    mails: watch::Sender<Vec<Mail>>,
}

impl RecordingProxy {
    /// Starts it. It has nowhere to pass anything on to until [`RecordingProxy::pass_on_to`] says so.
    pub async fn start(tls: Tls) -> RecordingProxy {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let shared = Arc::new(Shared {
            hindered: Mutex::new(Vec::new()),
            held: watch::Sender::new(0),
            upstream: Mutex::new(None),
            tls,
            client: Client::builder(TokioExecutor::new()).build(connector),
            passed: Mutex::new(Vec::new()),
            mails: watch::Sender::new(Vec::new()),
        });
        let server = Server::start({
            let shared = Arc::clone(&shared);
            move |request| pass_on(Arc::clone(&shared), request)
        })
        .await;
        RecordingProxy { server, shared }
    }

    /// AWS_ENDPOINT_URL for the callers that it records.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// From now on everything goes there.
    pub fn pass_on_to(&self, upstream: SocketAddr) {
        *self.shared.upstream.lock().expect("nobody panics with it in hand") = Some(upstream);
    }

    /// From now on calls that begin and end so are hindered: `PUT`, `/cases/a.json`.
    pub fn hinder(&self, begin: &str, end: &str, hindrance: Hindrance) {
        let mut hindered = self.shared.hindered.lock().expect("nobody panics with it in hand");
        hindered.push((begin.to_owned(), end.to_owned(), hindrance));
    }

    /// From now on none is, but those that are held already.
    pub fn free(&self) {
        self.shared.hindered.lock().expect("nobody panics with it in hand").clear();
    }

    /// Waits until a call is held.
    pub async fn until_held(&self) {
        let mut held = self.shared.held.subscribe();
        held.wait_for(|held| *held > 0).await.expect("the sender lives as long as this");
    }

    /// Every call so far whose answer has come.
    pub fn passed(&self) -> Vec<Passed> {
        self.shared.passed.lock().expect("nobody panics with it in hand").clone()
    }

    /// The calls that were answered with an error.
    pub fn refused(&self) -> Vec<Passed> {
        self.passed().into_iter().filter(|passed| passed.error.is_some()).collect()
    }

    /// The successful publishes so far, in order.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.mails.borrow().clone()
    }

    /// The published mails, as a value to wait for.
    pub fn published(&self) -> watch::Receiver<Vec<Mail>> {
        self.shared.mails.subscribe()
    }
}

/// Passes a request on as it is: its signature covers most of its headers, the host among them.
async fn pass_on(shared: Arc<Shared>, request: Request) -> Result<Reply, Closed> {
    let upstream = *shared.upstream.lock().expect("nobody panics with it in hand");
    let call = call(&request);
    let hindrance = {
        let hindered = shared.hindered.lock().expect("nobody panics with it in hand");
        let is_it = |(begin, end, _): &&(String, String, _)| call.starts_with(begin) && call.ends_with(end);
        hindered.iter().find(is_it).map(|(_, _, hindrance)| *hindrance)
    };
    match hindrance {
        Some(Hindrance::Held) => {
            shared.held.send_modify(|held| *held += 1);
            return std::future::pending().await;
        }
        Some(Hindrance::Denied) => {
            let denied = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
            let passed = Passed { call, status: 403, error: Some(denied.to_owned()) };
            shared.passed.lock().expect("nobody panics with it in hand").push(passed);
            return Ok(Reply::new(403, "application/xml", denied));
        }
        None => {}
    }
    let mail = Mail::asked_by(&request.body);
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    let uri: Uri = format!("http://{}{}{query}", upstream.ok_or(Closed)?, request.path)
        .parse()
        .expect("it was a request's");
    let mut onward = hyper::Request::new(Full::new(request.body));
    *onward.method_mut() = request.method;
    *onward.uri_mut() = uri;
    *onward.headers_mut() = of_message(request.headers);
    onward.headers_mut().remove(CONTENT_LENGTH);
    if shared.tls == Tls::EndsHere {
        onward.headers_mut().insert("x-forwarded-proto", HeaderValue::from_static("https"));
    }

    let (head, body) = shared.client.request(onward).await.map_err(|_| Closed)?.into_parts();
    let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    let is_error = head.status.is_client_error() || head.status.is_server_error();
    let error = is_error.then(|| String::from_utf8_lossy(&body).into_owned());
    let passed = Passed { call, status: head.status.as_u16(), error };
    shared.passed.lock().expect("nobody panics with it in hand").push(passed);
    if let Some(mail) = mail.filter(|_| head.status == StatusCode::OK) {
        shared.mails.send_modify(|mails| mails.push(mail));
    }
    Ok(Reply::passed_on(head.status, of_message(head.headers), body))
}

/// The headers that are about the message and not about the connection.
fn of_message(mut headers: HeaderMap) -> HeaderMap {
    for name in [CONNECTION, EXPECT, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers
}

/// The call of a request, in few words.
fn call(request: &Request) -> String {
    if let Some(target) = request.header("x-amz-target") {
        return target.to_owned();
    }
    let is_form = request
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    match form(&request.body).remove("Action") {
        Some(action) if is_form => action,
        _ => format!("{} {}", request.method, request.path),
    }
}
