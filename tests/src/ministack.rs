//! An emulated AWS that runs the functions' real binaries: ministack, on 127.0.0.1, with a recording proxy
//! between the functions and it.
//!
//! `make test` installs it (`tests/requirements/python.txt`), and the SAM command line tool to deploy with.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not so"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use crate::recording_proxy::{RecordingProxy, Tls};
use crate::runtime_api::{ACCOUNT, REGION};
use crate::waiting::{until, within};
use crate::{installed, python, repository};

/// Longer than a start takes on a busy machine.
const MAX_START: Duration = Duration::from_secs(60);

/// Longer than it takes to stop by itself.
const MAX_STOP: Duration = Duration::from_secs(20);

/// Longer than any command takes on a busy machine.
const MAX_COMMAND: Duration = Duration::from_secs(300);

/// Longer than any API call takes, a wait for a message included.
const MAX_CALL: Duration = Duration::from_secs(90);

/// How often another port is tried: the one that was free may be taken before it is used.
const PORTS_TRIED: usize = 5;

/// The administrator that it knows by itself.
const ACCESS_KEY: &str = "test";
const SECRET_KEY: &str = "test";

/// The bucket that `sam` uploads to.
const ARTIFACTS: &str = "artifacts";

/// Whether the emulator checks what a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// Everybody may do everything.
    Open,
    /// Policies are enforced, also for the functions' roles; signatures are checked.
    Enforced,
}

/// The emulated AWS. It ends when this is dropped; [`Ministack::stop`] lets it end its functions first.
#[derive(Debug)]
pub struct Ministack {
    child: Child,
    /// The endpoint of the functions.
    proxy: RecordingProxy,
    /// The endpoint of an administrator.
    front: RecordingProxy,
    caller: Mutex<Caller>,
    folder: TempDir,
}

/// An error that AWS answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Such as `AccessDenied`.
    pub code: String,
    /// Its text.
    pub message: String,
}

/// The process that makes the API calls: `ministack/call.py`.
#[derive(Debug)]
struct Caller {
    _child: Child,
    calls: ChildStdin,
    outcomes: Lines<BufReader<ChildStdout>>,
}

impl Caller {
    fn start(environment: &[(&'static str, String)]) -> Caller {
        let mut child = Command::new(python())
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/ministack/call.py"))
            .env_clear()
            .envs(environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the Python that is installed can be started");
        let calls = child.stdin.take().expect("it is a pipe");
        let outcomes = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
        Caller { _child: child, calls, outcomes }
    }

    /// Makes one call; the answer is the line that it came to.
    async fn ask(&mut self, call: &Value) -> String {
        self.calls.write_all(format!("{call}\n").as_bytes()).await.expect("it reads calls");
        let line = self.outcomes.next_line().await.expect("its output is UTF-8");
        line.unwrap_or_else(|| {
            panic!("the process that makes API calls ended, see its stderr; it was asked {call}")
        })
    }
}

impl Ministack {
    /// Starts it and waits until it answers.
    pub async fn start(permissions: Permissions) -> Ministack {
        let tls = if permissions == Permissions::Enforced { Tls::EndsHere } else { Tls::None };
        let (proxy, front) = (RecordingProxy::start(tls).await, RecordingProxy::start(tls).await);
        let folder = tempfile::tempdir().expect("there is room for a log");
        let mut tried = 0;
        let (child, address) = loop {
            let address = free_address();
            let mut child = spawn(folder.path(), &proxy.endpoint(), address, permissions);
            if is_ready(&mut child, address, folder.path()).await {
                break (child, address);
            }
            tried += 1;
            assert!(tried < PORTS_TRIED, "ministack does not start\n{}", log(folder.path()));
        };
        proxy.pass_on_to(address);
        front.pass_on_to(address);
        let caller = Mutex::new(Caller::start(&environment(&front.endpoint(), folder.path())));
        Ministack { child, proxy, front, caller, folder }
    }

    /// AWS_ENDPOINT_URL for an administrator.
    pub fn endpoint(&self) -> String {
        self.front.endpoint()
    }

    /// The proxy that records the calls and mails of the functions.
    pub fn proxy(&self) -> &RecordingProxy {
        &self.proxy
    }

    /// The end of what it has written, for a person to read.
    pub fn log(&self) -> String {
        log(self.folder.path())
    }

    /// Makes an API call as an administrator and gives its answer. Names are botocore's; a `Body` is a file's path.
    ///
    /// # Errors
    /// The error that AWS answers.
    pub async fn try_call(
        &self,
        service: &str,
        operation: &str,
        parameters: Value,
    ) -> Result<Value, Refusal> {
        self.outcome(json!({"service": service, "operation": operation, "parameters": parameters})).await
    }

    /// The same as a role.
    ///
    /// # Errors
    /// The error that AWS answers.
    pub async fn try_call_as(
        &self,
        role: &str,
        service: &str,
        operation: &str,
        parameters: Value,
    ) -> Result<Value, Refusal> {
        let role = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
        let call =
            json!({"service": service, "operation": operation, "parameters": parameters, "role": role});
        self.outcome(call).await
    }

    /// The same as the administrator of another account, for a call that must succeed.
    pub async fn call_in(&self, account: &str, service: &str, operation: &str, parameters: Value) -> Value {
        let call = json!({
            "service": service, "operation": operation, "parameters": parameters, "account": account,
        });
        self.must_succeed(self.outcome(call).await)
    }

    async fn outcome(&self, call: Value) -> Result<Value, Refusal> {
        let mut caller = self.caller.lock().await;
        let line =
            within(MAX_CALL, caller.ask(&call), || format!("no answer to {call}\n{}", self.log())).await;
        let mut outcome: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let text = |name: &str| outcome["error"][name].as_str().map(str::to_owned);
        match (text("code"), text("message")) {
            (Some(code), Some(message)) => Err(Refusal { code, message }),
            _ => Ok(outcome["answer"].take()),
        }
    }

    /// The same for a call that must succeed.
    pub async fn call(&self, service: &str, operation: &str, parameters: Value) -> Value {
        self.must_succeed(self.try_call(service, operation, parameters).await)
    }

    #[track_caller]
    fn must_succeed(&self, outcome: Result<Value, Refusal>) -> Value {
        match outcome {
            Ok(answer) => answer,
            Err(Refusal { message, .. }) => panic!("{message}\nministack:\n{}", self.log()),
        }
    }

    /// The environment of a command that is to reach it, as an administrator, and nothing else.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        environment(&self.endpoint(), self.folder.path())
    }

    /// Makes a bucket of log files and has it send its events, as docs/deploy.md does for an existing one.
    pub async fn make_log_bucket(&self, bucket: &str) {
        self.call("s3", "create_bucket", json!({"Bucket": bucket})).await;
        let (ended, said) = self.script(&["deploy/attach.py", "--yes", bucket]).await;
        assert!(ended.success(), "{said}");
    }

    /// Deploys the repository's template, as it is, for a bucket that exists; or updates what was deployed.
    pub async fn deploy(&self, stack: &str, bucket: &str, parameters: &[(&str, &str)]) {
        for function in functions() {
            let function = repository().join("target/lambda").join(function).join("bootstrap");
            let path = function.display();
            assert!(function.is_file(), "{path} does not exist: run `make test`, which builds it");
        }
        // The emulator knows no trails, and runs what this machine can run.
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        let own = [("CreateTrail", "false"), ("LogBucketName", bucket), ("Architecture", architecture)];
        // If it exists, us-east-1 answers as if it had been created now.
        self.call("s3", "create_bucket", json!({"Bucket": ARTIFACTS})).await;
        let all = own.iter().chain(parameters);
        // Quoted: a value may have spaces.
        let overrides: Vec<String> = all.map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let mut arguments = vec!["deploy", "--template-file", "template.yaml", "--stack-name", stack];
        arguments.extend(["--s3-bucket", ARTIFACTS, "--capabilities", "CAPABILITY_IAM"]);
        arguments.extend(["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"]);
        arguments.push("--parameter-overrides");
        arguments.extend(overrides.iter().map(String::as_str));
        self.sam(&arguments).await;
        self.start_event_sources().await;
        let bucket = self.outputs(stack).await.remove("StateBucketName");
        let answer = self.call("s3", "get_bucket_policy", json!({"Bucket": bucket})).await;
        let policy = answer["Policy"].as_str().expect("the state bucket has a policy");
        let policy = named_by_session(serde_json::from_str(policy).expect("a policy is JSON"));
        let policy = json!({"Bucket": bucket, "Policy": policy.to_string()});
        self.call("s3", "put_bucket_policy", policy).await;
    }

    /// Deploys into another account the role by which the stack `stack` of the own one may read its credential
    /// report, as docs/accounts.md says.
    pub async fn deploy_member(&self, account: &str, stack: &str, external_id: &str) {
        let template = repository().join("deploy/member-role.yaml");
        let template = std::fs::read_to_string(template).expect("the repository has it");
        let watcher = format!("arn:aws:iam::{ACCOUNT}:role/{stack}-CredentialReportRole-*");
        let parameter = |name, value| json!({"ParameterKey": name, "ParameterValue": value});
        let named = json!({
            "StackName": "iamwatch-member", "TemplateBody": template, "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "Parameters": [parameter("WatcherRoleArn", &watcher[..]), parameter("ExternalId", external_id)],
        });
        self.call_in(account, "cloudformation", "create_stack", named).await;
        let role = json!({"RoleName": "iamwatch-member"});
        let trust = async || {
            let answer = self.call_in(account, "iam", "list_roles", json!({})).await;
            let roles = answer["Roles"].as_array()?;
            let role = roles.iter().find(|found| found["RoleName"] == role["RoleName"])?;
            Some(role["AssumeRolePolicyDocument"].clone())
        };
        let trust = until(MAX_COMMAND, trust, || self.log()).await;
        let trust = named_by_session(trust).to_string();
        let trust = json!({"RoleName": role["RoleName"], "PolicyDocument": trust});
        self.call_in(account, "iam", "update_assume_role_policy", trust).await;
    }

    /// CloudFormation hands a parameter on as text, which AWS takes for the number that it is. The emulator
    /// does not, and would hand nothing out of any queue.
    async fn start_event_sources(&self) {
        let sources = self.call("lambda", "list_event_source_mappings", json!({})).await;
        for source in sources["EventSourceMappings"].as_array().into_iter().flatten() {
            let scaling = json!({"UUID": source["UUID"], "ScalingConfig": source["ScalingConfig"]});
            self.call("lambda", "update_event_source_mapping", scaling).await;
        }
    }

    /// The outputs of a stack, by name.
    pub async fn outputs(&self, stack: &str) -> BTreeMap<String, String> {
        let json = self.sam(&["list", "stack-outputs", "--stack-name", stack, "--output", "json"]).await;
        let outputs: Vec<Value> =
            serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
        let text = |output: &Value, name: &str| output[name].as_str().unwrap_or_default().to_owned();
        outputs.iter().map(|output| (text(output, "OutputKey"), text(output, "OutputValue"))).collect()
    }

    /// Deletes a stack, as far as that is possible.
    pub async fn delete(&self, stack: &str) {
        self.sam(&["delete", "--stack-name", stack, "--no-prompts", "--region", REGION]).await;
    }

    /// Runs `sam` and gives what it prints; it must succeed.
    pub async fn sam(&self, arguments: &[&str]) -> String {
        let (ended, said) = self.run(&installed("IAMWATCH_SAM", ".tools/aws/bin/sam"), arguments).await;
        assert!(ended.success(), "`sam {}` failed: {ended}\n{said}\n{}", arguments.join(" "), self.log());
        said
    }

    /// Stops the processes of that function where they are, as a machine that hangs does: they neither go on nor
    /// end, until the emulator ends them at their deadline.
    pub fn hang(&self, function: &str) {
        // Others may emulate a function of that name too.
        let ours = [
            format!("AWS_LAMBDA_FUNCTION_NAME={function}"),
            format!("AWS_ENDPOINT_URL={}", self.proxy.endpoint()),
        ];
        let is_it = |id: &i32| {
            let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            let has =
                |wanted: &String| environment.split(|byte| *byte == 0).any(|one| one == wanted.as_bytes());
            ours.iter().all(has)
        };
        let processes = std::fs::read_dir("/proc").expect("Linux shows its processes");
        let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
        let found: Vec<i32> = ids.filter(is_it).collect();
        assert!(!found.is_empty(), "no process of {function}\n{}", self.log());
        for id in found {
            // It may have ended meanwhile.
            let _ = kill(Pid::from_raw(id), Signal::SIGSTOP);
        }
    }

    /// Runs one of the repository's own scripts as `make` does; gives how it ended and what it said.
    pub async fn script(&self, arguments: &[&str]) -> (ExitStatus, String) {
        let python = installed("IAMWATCH_SAM", ".tools/aws/bin/sam").with_file_name("python");
        self.run(&python, arguments).await
    }

    async fn run(&self, program: &Path, arguments: &[&str]) -> (ExitStatus, String) {
        let running = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(self.environment())
            .current_dir(repository())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let shown = || format!("{} {}", program.display(), arguments.join(" "));
        let ended = within(MAX_COMMAND, running, || format!("still running: {}", shown())).await;
        let ended = ended.unwrap_or_else(|error| panic!("{} does not start: {error}", shown()));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = if ended.status.success() { String::new() } else { text(&ended.stderr) };
        (ended.status, text(&ended.stdout) + &said)
    }

    /// Ends it: politely first, so that it ends its functions too.
    pub async fn stop(mut self) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(id) = id {
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
        if tokio::time::timeout(MAX_STOP, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

/// The functions: a folder each.
fn functions() -> Vec<String> {
    let folders = std::fs::read_dir(repository().join("functions")).expect("the repository has functions");
    let names = folders.map(|folder| folder.expect("it can be listed").file_name().into_string());
    names.map(|name| name.expect("its name is UTF-8")).filter(|name| name != "cli").collect()
}

/// In a policy's `aws:PrincipalArn` AWS puts a role's ARN for each of its sessions. The emulator puts the
/// session's own, so that no function would be one of those that a policy names.
///
/// Source: IAM User Guide, "AWS global condition context keys", `aws:PrincipalArn`.
fn named_by_session(mut policy: Value) -> Value {
    for statement in policy["Statement"].as_array_mut().into_iter().flatten() {
        for operator in ["ArnEquals", "ArnLike", "ArnNotEquals"] {
            let named = statement.pointer_mut(&format!("/Condition/{operator}/aws:PrincipalArn"));
            let roles = match named {
                Some(Value::Array(roles)) => roles.iter_mut().collect(),
                named => Vec::from_iter(named),
            };
            for role in roles {
                let arn = role.as_str().expect("a role has an ARN");
                if let Some(name) = arn.strip_prefix(&format!("arn:aws:iam::{ACCOUNT}:role/")) {
                    *role = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/*").into();
                }
            }
        }
    }
    policy
}

/// A port that was free a moment ago.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port of 127.0.0.1 is free");
    listener.local_addr().expect("a listener has an address")
}

/// The environment of an administrator. `home` keeps a person's own settings out.
fn environment(endpoint: &str, home: &Path) -> Vec<(&'static str, String)> {
    let home = home.to_str().expect("the path is UTF-8").to_owned();
    vec![
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("HOME", home.clone()),
        ("TMPDIR", home),
        ("LANG", "C.UTF-8".to_owned()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("SAM_CLI_TELEMETRY", "0".to_owned()),
    ]
}

/// Starts the process. What it passes on to the functions, their endpoint among it, it has from its own environment.
fn spawn(folder: &Path, proxy: &str, address: SocketAddr, permissions: Permissions) -> Child {
    let output = File::create(folder.join("log")).expect("a log can be written");
    let python = python();
    Command::new(python)
        .args(["-m", "ministack"])
        .env_clear()
        .envs(environment(proxy, folder))
        .env("BIND_HOST", address.ip().to_string())
        .env("GATEWAY_PORT", address.port().to_string())
        .env("MINISTACK_HOST", address.ip().to_string())
        .env("MINISTACK_ACCOUNT_ID", ACCOUNT)
        .env("SFTP_ENABLED", "0")
        .env("IOT_MTLS_ENABLED", "0")
        // The pauses of a state machine, a hundred times as short.
        .env("SFN_WAIT_SCALE", "0.01")
        .env("AUTH", if permissions == Permissions::Enforced { "true" } else { "false" })
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("a file can be shared"))
        .stderr(output)
        .kill_on_drop(true)
        .spawn()
        .expect("the Python that is installed can be started")
}

/// Waits until it answers; false if it ended instead, for example because another process has its port.
async fn is_ready(child: &mut Child, address: SocketAddr, folder: &Path) -> bool {
    let look = async || {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return Some(false);
        }
        let stream = tokio::net::TcpStream::connect(address).await.ok()?;
        drop(stream);
        log(folder).contains("Running on http").then_some(true)
    };
    until(MAX_START, look, || format!("ministack is not ready\n{}", log(folder))).await
}

fn log(folder: &Path) -> String {
    const MOST: usize = 20_000;
    let bytes = std::fs::read(folder.join("log")).unwrap_or_default();
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(MOST)..]).into_owned()
}
