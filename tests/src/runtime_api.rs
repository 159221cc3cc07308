//! One function, running: its real `bootstrap` under a Lambda Runtime API of our own.
//!
//! Source: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
//!
//! The process has the environment that the test gives it and nothing else. Its output goes to a file, so that
//! all it wrote before it answered can be read when the answer is there. It is killed when this is dropped.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not so"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::loopback::{Closed, Reply, Request, Server};
use crate::waiting::within;

/// The account of the function.
pub const ACCOUNT: &str = "111122223333";

/// The Region of the function.
pub const REGION: &str = "us-east-1";

/// The secrets that a function must never print: the secret halves of its credentials.
pub const SECRETS: [&str; 2] =
    ["secretKEYthatNobodyMayRead+EXAMPLE", "sessionTOKENthatNobodyMayRead/EXAMPLE=="];

/// Longer than a start takes on a busy machine without optimisation.
const MAX_START: Duration = Duration::from_secs(60);

/// So much longer than its deadline may a function take before the test gives up on it: Lambda would have
/// killed it, but a test should see what it does.
const MAX_OVERTIME: Duration = Duration::from_secs(60);

/// The time-out of the deployed function.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// The outcome of an invocation.
#[derive(Debug)]
pub enum Outcome {
    /// It answered.
    Response(Value),
    /// It answered with an error.
    Error {
        /// The type of the error: `SettingError`, `InputError`, `AwsError` …
        error_type: String,
        /// Its text.
        message: String,
    },
    /// The process ended without an answer.
    Exited(ExitStatus),
}

/// A function that was started.
#[derive(Debug)]
pub struct Function {
    name: String,
    id: u32,
    shared: Arc<Shared>,
    invocations: mpsc::UnboundedSender<Invocation>,
    ended: watch::Receiver<Option<ExitStatus>>,
    kill: mpsc::Sender<()>,
    watching: JoinHandle<()>,
    first_poll: Duration,
    folder: TempDir,
    _server: Server,
}

/// An event that waits to be handed out.
#[derive(Debug)]
struct Invocation {
    id: String,
    event: String,
    deadline_ms: u128,
    answer: oneshot::Sender<Outcome>,
}

/// The state of the Runtime API.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    polls: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    handed_out: BTreeMap<String, oneshot::Sender<Outcome>>,
    first_poll: Option<Instant>,
    start_error: Option<String>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with the state in hand")
    }
}

/// Where the functions that `make test` builds are: `<name>/bootstrap` in the folder IAMWATCH_FUNCTIONS.
pub fn bootstrap(name: &str) -> PathBuf {
    let Some(folder) = std::env::var_os("IAMWATCH_FUNCTIONS") else {
        panic!("IAMWATCH_FUNCTIONS does not say where the functions are: run `make test`, which builds them");
    };
    let path = Path::new(&folder).join(name).join("bootstrap");
    assert!(path.is_file(), "{} does not exist: run `make test`, which builds it", path.display());
    path
}

impl Function {
    /// Starts a `bootstrap` and waits until it asks for its first event.
    pub async fn start(bootstrap: &Path, name: &str, environment: &BTreeMap<String, String>) -> Function {
        match Function::try_start(bootstrap, name, environment).await {
            Ok(function) => function,
            Err(message) => panic!("{name} did not start: {message}"),
        }
    }

    /// The same, where the start may fail.
    ///
    /// # Errors
    /// The output of the process when it ended, or reported that it cannot start.
    pub async fn try_start(
        bootstrap: &Path,
        name: &str,
        environment: &BTreeMap<String, String>,
    ) -> Result<Function, String> {
        let shared = Arc::new(Shared::default());
        let (invocations, waiting) = mpsc::unbounded_channel();
        let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
        let server = Server::start({
            let (shared, name) = (Arc::clone(&shared), name.to_owned());
            move |request| answer(name.clone(), Arc::clone(&shared), Arc::clone(&waiting), request)
        })
        .await;

        let folder = tempfile::tempdir().expect("there is room for a log");
        let output = |name: &str| File::create(folder.path().join(name)).expect("a log can be written");
        let started = Instant::now();
        let child = Command::new(bootstrap)
            .env_clear()
            .envs(lambda_environment(name, &server.address().to_string()))
            .envs(environment)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(output("stdout"))
            .stderr(output("stderr"))
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{} did not start: {error}", bootstrap.display()));
        let id = child.id().expect("it has just been started");
        let (ended_sender, ended) = watch::channel(None);
        let (kill, killing) = mpsc::channel(1);
        let watching = tokio::spawn(watch_over(child, killing, ended_sender));

        let mut function = Function {
            name: name.to_owned(),
            id,
            shared,
            invocations,
            ended,
            kill,
            watching,
            first_poll: Duration::ZERO,
            folder,
            _server: server,
        };
        function.until_poll(1, MAX_START).await;
        let (first_poll, start_error) = {
            let mut state = function.shared.state();
            (state.first_poll, state.start_error.take())
        };
        match (first_poll, start_error) {
            (Some(at), None) => function.first_poll = at.duration_since(started),
            (_, error) => return Err(format!("{}\n{}", error.unwrap_or_default(), function.output())),
        }
        Ok(function)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// From before the process was made until it asked for its first event.
    pub fn first_poll(&self) -> Duration {
        self.first_poll
    }

    /// Invokes it as Lambda would, with all the time that the deployed function has.
    pub async fn invoke(&self, event: &Value) -> Outcome {
        self.invoke_with(event, TIMEOUT).await
    }

    /// Invokes it with this time left until its deadline.
    pub async fn invoke_with(&self, event: &Value, time_left: Duration) -> Outcome {
        let n = {
            let mut state = self.shared.state();
            state.next += 1;
            state.next
        };
        let polls = *self.shared.polls.borrow();
        let (sender, answer) = oneshot::channel();
        let deadline = SystemTime::now() + time_left;
        let invocation = Invocation {
            id: format!("00000000-0000-4000-8000-{n:012}"),
            event: event.to_string(),
            deadline_ms: deadline.duration_since(UNIX_EPOCH).expect("it is after 1970").as_millis(),
            answer: sender,
        };
        self.invocations.send(invocation).expect("the Runtime API lives as long as this");
        let mut ended = self.ended.clone();
        let outcome = within(
            time_left + MAX_OVERTIME,
            async {
                tokio::select! {
                    biased;
                    Ok(outcome) = answer => outcome,
                    Ok(status) = ended.wait_for(Option::is_some) => Outcome::Exited(status.expect("it has ended")),
                }
            },
            || format!("no answer of {}\n{}", self.name, self.output()),
        )
        .await;
        // Its output about this event is complete when it asks for the next one.
        if !matches!(outcome, Outcome::Exited(_)) {
            self.until_poll(polls + 1, MAX_OVERTIME).await;
        }
        outcome
    }

    /// Invokes it and insists on an answer that is no error.
    pub async fn response(&self, event: &Value) -> Value {
        match self.invoke(event).await {
            Outcome::Response(response) => response,
            other => panic!("{} was to answer, but: {other:?}\n{}", self.name, self.output()),
        }
    }

    /// Invokes it and insists on an error; gives its type and message.
    pub async fn error(&self, event: &Value) -> (String, String) {
        match self.invoke(event).await {
            Outcome::Error { error_type, message } => (error_type, message),
            other => panic!("{} was to answer with an error, but: {other:?}\n{}", self.name, self.output()),
        }
    }

    /// Insists that an event is answered with what is wrong with a setting, in a sentence that starts so.
    pub async fn refuses_setting(&self, event: &Value, start: &str) {
        let (error_type, message) = self.error(event).await;
        assert_eq!(error_type, "SettingError", "{message}");
        assert!(message.starts_with(start), "{message} and not {start}");
    }

    /// Kills the process, as Lambda does at the deadline or when a sandbox is lost, and waits until it is gone.
    pub async fn kill(&self) {
        let _ = self.kill.send(()).await;
        let mut ended = self.ended.clone();
        let gone = async { ended.wait_for(Option::is_some).await.map(|_| ()) };
        let gone = within(MAX_START, gone, || format!("{} outlives its killing", self.name)).await;
        gone.expect("the process is watched until it ends");
    }

    /// Stops the process as it is, as Lambda does between two invocations, until [`Function::thaw`].
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(self.id.try_into().expect("a process has a small number"));
        kill(process, signal).expect("the process can be signalled");
    }

    /// Whether the process still runs.
    pub fn lives(&self) -> bool {
        self.ended.borrow().is_none()
    }

    /// Its peak memory so far, in bytes; `None` where the system does not say.
    pub fn peak_memory_bytes(&self) -> Option<u64> {
        // `VmHWM:     9876 kB`; proc(5), /proc/pid/status
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    }

    /// Its stdout so far: its log.
    pub fn stdout(&self) -> String {
        self.written("stdout")
    }

    /// All it has written, for a person to read.
    pub fn output(&self) -> String {
        format!("stdout:\n{}stderr:\n{}", self.written("stdout"), self.written("stderr"))
    }

    fn written(&self, name: &str) -> String {
        let bytes = std::fs::read(self.folder.path().join(name)).expect("its output is kept");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until it has asked for an event so often, has ended, or has reported that it cannot start.
    async fn until_poll(&self, times: usize, longest: Duration) {
        let mut polls = self.shared.polls.subscribe();
        let mut ended = self.ended.clone();
        let until = async {
            tokio::select! {
                _ = polls.wait_for(|polls| *polls >= times) => {}
                _ = ended.wait_for(Option::is_some) => {}
            }
        };
        within(longest, until, || format!("{} does not ask for an event\n{}", self.name, self.output()))
            .await;
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // The process goes with the task that has it.
        self.watching.abort();
    }
}

/// The environment that Lambda sets for every function.
///
/// Source: AWS Lambda Developer Guide, "Defined runtime environment variables".
fn lambda_environment(name: &str, runtime_api: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", name.to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/04/01/[$LATEST]0123456789abcdef0123456789abcdef".to_owned()),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRETS[0].to_owned()),
        ("AWS_SESSION_TOKEN", SECRETS[1].to_owned()),
        ("LAMBDA_TASK_ROOT", "/var/task".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ]
}

/// Waits for the end of the process, and kills it on request.
async fn watch_over(
    mut child: Child,
    mut killing: mpsc::Receiver<()>,
    ended: watch::Sender<Option<ExitStatus>>,
) {
    let status = tokio::select! {
        status = child.wait() => status,
        Some(()) = killing.recv() => {
            let _ = child.start_kill();
            child.wait().await
        }
    };
    ended.send_replace(Some(status.expect("a child can be waited for")));
    // A request to kill it need not wait now.
    while killing.recv().await.is_some() {}
}

/// Answers the process.
async fn answer(
    name: String,
    shared: Arc<Shared>,
    waiting: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>>,
    request: Request,
) -> Result<Reply, Closed> {
    const JSON: &str = "application/json";
    let path = request.path.strip_prefix("/2018-06-01/runtime/").unwrap_or_default().to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["invocation", "next"] => {
            shared.state().first_poll.get_or_insert_with(Instant::now);
            shared.polls.send_modify(|polls| *polls += 1);
            let Invocation { id, event, deadline_ms, answer } =
                waiting.lock().await.recv().await.ok_or(Closed)?;
            let reply = Reply::new(200, JSON, event)
                .with("lambda-runtime-aws-request-id", &id)
                .with("lambda-runtime-deadline-ms", &deadline_ms.to_string())
                .with(
                    "lambda-runtime-invoked-function-arn",
                    &format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"),
                )
                .with(
                    "lambda-runtime-trace-id",
                    "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0",
                );
            shared.state().handed_out.insert(id, answer);
            Ok(reply)
        }
        ["invocation", id, end @ ("response" | "error")] => {
            let Some(answer) = shared.state().handed_out.remove(*id) else {
                return Ok(Reply::new(400, JSON, r#"{"errorMessage":"no such invocation"}"#));
            };
            let _ = answer.send(outcome(end, &request.body));
            Ok(Reply::new(202, JSON, r#"{"status":"OK"}"#))
        }
        ["init", "error"] => {
            shared.state().start_error = Some(String::from_utf8_lossy(&request.body).into_owned());
            shared.polls.send_modify(|polls| *polls += 1);
            Ok(Reply::new(202, JSON, r#"{"status":"OK"}"#))
        }
        _ => Ok(Reply::new(404, JSON, r#"{"errorMessage":"no such path"}"#)),
    }
}

fn outcome(end: &str, body: &[u8]) -> Outcome {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return Outcome::Error {
            error_type: "(the answer is not JSON)".to_owned(),
            message: String::from_utf8_lossy(body).into_owned(),
        };
    };
    if end == "response" {
        return Outcome::Response(body);
    }
    let text = |name: &str| body[name].as_str().unwrap_or("(absent)").to_owned();
    Outcome::Error { error_type: text("errorType"), message: text("errorMessage") }
}
