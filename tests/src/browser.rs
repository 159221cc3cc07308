//! A headless browser: it opens a page as a person would and returns what it shows.
//!
//! Each run has a profile of its own and makes no request by itself. It runs as root, for so tests do in a
//! container, and therefore without its sandbox: it only ever opens pages of ours.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not so"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longer than it takes to open any page on a busy machine.
const MAX_RUN: Duration = Duration::from_secs(180);

/// The result that a person would see.
#[derive(Debug)]
pub struct Opened {
    /// The document as the scripts left it.
    pub dom: String,
    /// The browser's messages about errors and about content that its policies block.
    pub console: Vec<String>,
}

impl Opened {
    /// The title, still as HTML.
    pub fn title(&self) -> &str {
        let rest = self.dom.split_once("<title>").expect("the page has a title").1;
        rest.split_once("</title>").expect("its title ends").0
    }
}

/// The browser that `make test` finds or installs: IAMWATCH_BROWSER.
pub fn program() -> PathBuf {
    let Some(path) = std::env::var_os("IAMWATCH_BROWSER") else {
        panic!(
            "IAMWATCH_BROWSER does not say where Chromium is: run `make test`, which finds or installs it"
        );
    };
    let path = PathBuf::from(path);
    assert!(path.is_file(), "{} does not exist: run `make test`, which finds or installs it", path.display());
    path
}

/// Opens a file with this fragment (after `#`), and returns the document as it is then.
pub fn open(page: &Path, fragment: &str, options: &[&str]) -> Opened {
    let options = [&["--dump-dom", "--enable-logging=stderr"], options].concat();
    let (dom, log) = run(&url(page, fragment), &options);
    assert!(dom.contains("<html"), "the browser shows nothing:\n{log}");
    let console = log.lines().filter(|line| line.contains(":CONSOLE:") || line.contains(":CONSOLE("));
    Opened { console: console.map(str::to_owned).collect(), dom }
}

/// The picture of a page, as PNG.
pub fn picture(page: &Path, to: &Path, options: &[&str]) -> Vec<u8> {
    let to_file = format!("--screenshot={}", to.display());
    let (_, log) = run(&url(page, ""), &[&[to_file.as_str(), "--window-size=1280,2000"], options].concat());
    std::fs::read(to).unwrap_or_else(|error| panic!("no picture: {error}\n{log}"))
}

/// A server on this machine that counts connections and requests; it answers none.
#[derive(Debug)]
pub struct Bait {
    address: SocketAddr,
    /// The connections, in order.
    visits: Arc<Mutex<Vec<JoinHandle<Visit>>>>,
}

/// One connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Visit {
    /// The test's own.
    Ours,
    /// Nothing was asked. For a frame that it may not load, Chromium connects and says nothing.
    Silent,
    Request,
}

/// The connections to a [`Bait`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Came {
    /// How many connections there were.
    pub connections: usize,
    /// On how many of them something was asked.
    pub requests: usize,
}

/// With this byte no request begins: so the test itself comes.
const OURS: u8 = 0;

impl Bait {
    /// Begins to listen.
    pub fn new() -> Bait {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let visits = Arc::new(Mutex::new(Vec::new()));
        let coming = Arc::clone(&visits);
        thread::spawn(move || {
            for mut connection in listener.incoming().map_while(Result::ok) {
                let visit = thread::spawn(move || {
                    let mut first = [0; 1];
                    match connection.read(&mut first) {
                        Ok(1) if first == [OURS] => Visit::Ours,
                        Ok(1) => Visit::Request,
                        _ => Visit::Silent,
                    }
                });
                coming.lock().unwrap().push(visit);
            }
        });
        Bait { address, visits }
    }

    /// Where it listens: `http://127.0.0.1:40000`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The connections since the last call. The browser must have ended, so that its connections have too.
    pub fn came(&self) -> Came {
        let mut ours = TcpStream::connect(self.address).unwrap();
        ours.write_all(&[OURS]).unwrap();
        assert_eq!(ours.read(&mut [0; 1]).unwrap(), 0, "all who came before are known when it is closed");
        let visits = std::mem::take(&mut *self.visits.lock().unwrap());
        let visits: Vec<Visit> = visits.into_iter().map(|visit| visit.join().unwrap()).collect();
        let count = |is: fn(&&Visit) -> bool| visits.iter().filter(is).count();
        Came {
            connections: count(|visit| **visit != Visit::Ours),
            requests: count(|visit| **visit == Visit::Request),
        }
    }
}

impl Default for Bait {
    fn default() -> Bait {
        Bait::new()
    }
}

fn url(page: &Path, fragment: &str) -> String {
    assert!(page.is_absolute());
    format!("file://{}#{fragment}", page.display())
}

/// Its stdout and stderr.
fn run(url: &str, options: &[&str]) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let mut browser = Command::new(program())
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(options)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = reading(browser.stdout.take().unwrap());
    let stderr = reading(browser.stderr.take().unwrap());
    let started = Instant::now();
    while browser.try_wait().unwrap().is_none() {
        if started.elapsed() > MAX_RUN {
            let _ = browser.kill();
            panic!("the browser has not opened {url} after {MAX_RUN:?}");
        }
        thread::sleep(Duration::from_millis(10));
    }
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    assert!(browser.wait().unwrap().success(), "{stderr}");
    (stdout, stderr)
}

fn reading(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        pipe.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    })
}
