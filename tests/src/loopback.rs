//! An HTTP/1.1 server on 127.0.0.1 that can also answer badly: half an answer, none, or a closed connection.

#![allow(clippy::expect_used, reason = "a test stops at the first thing that is not so")]

use std::fmt;
use std::future::pending;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A request, read to its end.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST` …
    pub method: Method,
    /// The path as it was sent, percent-encoded, without the query.
    pub path: String,
    /// The query string, as it was sent.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Request {
    /// A header's text; nothing where it is absent or no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// How an answer's body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// As it should.
    Complete,
    /// The connection is closed before all of it was sent.
    Closed,
    /// Nothing more comes, and the connection stays open.
    Silent,
}

/// The body of an answer.
#[derive(Debug)]
pub struct ReplyBody {
    bytes: Option<Bytes>,
    ending: Ending,
    /// Earlier bytes had time to be sent.
    sent: bool,
}

/// The connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("closed on purpose")
    }
}

impl std::error::Error for Closed {}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        if let Some(bytes) = self.bytes.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match self.ending {
            Ending::Complete => Poll::Ready(None),
            Ending::Silent => Poll::Pending,
            // hyper sends what it has while the body has nothing new; an error straight away would discard it.
            Ending::Closed if !self.sent => {
                self.sent = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Ending::Closed => Poll::Ready(Some(Err(Closed))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ending == Ending::Complete && self.bytes.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        match self.ending {
            Ending::Complete => SizeHint::with_exact(self.bytes.as_ref().map_or(0, Bytes::len) as u64),
            Ending::Closed | Ending::Silent => SizeHint::new(),
        }
    }
}

/// An answer. It says its length, also where less is sent.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    sent_bytes: usize,
    ending: Ending,
}

impl Reply {
    /// An answer without a body.
    pub fn empty(status: u16) -> Reply {
        Reply {
            status: StatusCode::from_u16(status).expect("a status has three digits"),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            sent_bytes: 0,
            ending: Ending::Complete,
        }
    }

    /// An answer with a body.
    pub fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
        let body = body.into();
        let mut reply = Reply { sent_bytes: body.len(), body, ..Reply::empty(status) };
        reply.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        reply
    }

    /// The answer of another server, passed on.
    pub fn passed_on(status: StatusCode, headers: HeaderMap, body: Bytes) -> Reply {
        Reply { status, headers, sent_bytes: body.len(), body, ending: Ending::Complete }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Reply {
        let value = HeaderValue::from_str(value).expect("a header's value is ASCII");
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// Its HTTP status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The body, to be changed.
    pub fn body_mut(&mut self) -> &mut Bytes {
        &mut self.body
    }

    /// Only this many bytes of the body are sent; then the connection is closed.
    #[must_use]
    pub fn cut_after(mut self, bytes: usize) -> Reply {
        self.sent_bytes = bytes.min(self.body.len());
        self.ending = Ending::Closed;
        self
    }

    /// Only this many bytes of the body are sent; then nothing more happens.
    #[must_use]
    pub fn silent_after(mut self, bytes: usize) -> Reply {
        self.sent_bytes = bytes.min(self.body.len());
        self.ending = Ending::Silent;
        self
    }

    fn into_response(mut self) -> Response<ReplyBody> {
        let length = self.body.len();
        let bytes = self.body.slice(..if self.ending == Ending::Complete { length } else { self.sent_bytes });
        if self.status != StatusCode::NO_CONTENT {
            // The answer to a HEAD that is passed on says what the body would be.
            self.headers.entry(CONTENT_LENGTH).or_insert(HeaderValue::from(length));
        }
        let mut response = Response::new(ReplyBody { bytes: Some(bytes), ending: self.ending, sent: false });
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// How the connections of a client end that does not run meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The server closes them.
    Closed,
    /// Something on the way forgets them: what is sent on them gets no answer.
    Forgotten,
}

/// A server that is listening; it stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    ends: watch::Sender<Option<End>>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens on a free port of 127.0.0.1 and has every request answered by `answer`.
    pub async fn start<F>(answer: impl Fn(Request) -> F + Send + Sync + 'static) -> Server
    where
        F: Future<Output = Result<Reply, Closed>> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port of 127.0.0.1 is free");
        let address = listener.local_addr().expect("a listener has an address");
        let answer = Arc::new(answer);
        let ends = watch::Sender::new(None);
        let accepting = tokio::spawn({
            let ends = ends.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(converse(stream, Arc::clone(&answer), ends.subscribe()));
                }
            }
        });
        Server { address, ends, accepting }
    }

    /// Ends all connections that there are.
    pub fn end_connections(&self, end: End) {
        self.ends.send_replace(Some(end));
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Answers the requests of one connection, until it is to end.
async fn converse<F>(
    stream: TcpStream,
    answer: Arc<impl Fn(Request) -> F + Send + Sync + 'static>,
    mut ends: watch::Receiver<Option<End>>,
) where
    F: Future<Output = Result<Reply, Closed>> + Send + 'static,
{
    // A small answer must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let answer = Arc::clone(&answer);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
            let request = Request {
                method: head.method,
                path: head.uri.path().to_owned(),
                query: head.uri.query().unwrap_or_default().to_owned(),
                headers: head.headers,
                body,
            };
            answer(request).await.map(Reply::into_response)
        }
    });
    let mut served = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // An error is a client that went away, or an answer that was cut short on purpose.
        _ = &mut served => {}
        // An error is a server that was dropped, and its connections with it.
        _ = ends.changed() => {
            if *ends.borrow() == Some(End::Forgotten) {
                // It stays open, and nobody reads from it.
                pending::<()>().await;
            }
        }
    }
}
