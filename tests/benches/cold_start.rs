//! How soon the functions' released binaries ask for work, how large they are, and what an invocation takes.
//!
//! Times are this machine's, and it may be busy; so the start of a process that does nothing is measured in turns,
//! and only a size over its limit, or a wrong answer, is a failure.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use iamwatch_tests::corpus::gzip;
use iamwatch_tests::repository;
use iamwatch_tests::runtime_api::{ACCOUNT, Function, REGION};
use iamwatch_tests::sample::records::{Outcome, sign_in, user};
use iamwatch_tests::spread::{Spread, millis};
use iamwatch_tests::stub_aws::StubAws;
use serde_json::{Value, json};

/// How long it may take from the start of the process until it asks for its first event.
const MAX_START: Duration = Duration::from_millis(15);

/// How large a function may be as it is uploaded, in bytes.
const MAX_ZIPPED_BYTES: usize = 5_000_000;

/// How often one sandbox is invoked.
const INVOCATIONS: usize = 50;

const LOGS: &str = "example-logs";

#[derive(Args)]
pub struct Arguments {
    /// The folder that holds <name>/bootstrap of each function
    #[arg(long, value_name = "PATH", default_value = "target/lambda")]
    functions: PathBuf,
    /// How often each is started
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// A third of the starts
    #[arg(long)]
    quick: bool,
}

#[tokio::main(flavor = "current_thread")]
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let runs = if arguments.quick { arguments.runs.div_ceil(3) } else { arguments.runs };
    let functions = found(&arguments.functions)?;
    let mut all_small_enough = true;
    for (name, bootstrap) in &functions {
        println!("{name}");
        starts(name, bootstrap, runs).await?;
        all_small_enough &= size(bootstrap)?;
        invocations(name, bootstrap).await?;
    }
    ensure!(all_small_enough, "a function is too large");
    Ok(())
}

/// The functions in a folder, which is given as it is or below the repository: `cargo bench` runs this elsewhere.
fn found(folder: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let below = repository().join(folder);
    let folder = if folder.exists() { folder } else { &below };
    let missing = || format!("{} holds no functions: run `make build` first", folder.display());
    let mut functions = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(missing)? {
        let entry = entry?;
        let bootstrap = entry.path().join("bootstrap");
        if bootstrap.is_file() {
            functions.insert(entry.file_name().display().to_string(), bootstrap.canonicalize()?);
        }
    }
    ensure!(!functions.is_empty(), "{}", missing());
    Ok(functions)
}

/// From the start of the process until it asks for its first event.
async fn starts(name: &str, bootstrap: &Path, runs: u32) -> anyhow::Result<()> {
    let aws = StubAws::start().await;
    let (mut started, mut nothing) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let function = Function::start(bootstrap, name, &environment(&aws)).await;
        started.push(function.first_poll());
        function.kill().await;
        let before = Instant::now();
        let ended = Command::new("true").stdin(Stdio::null()).status().context("`true` does not start")?;
        nothing.push(before.elapsed());
        ensure!(ended.success(), "`true` fails");
    }
    let (started, nothing) = (Spread::of(started), Spread::of(nothing));
    println!(
        "  start to first poll   {started} of {runs} starts; {} of the {} ms it may take; {:.1} times a process that does nothing ({:.2} ms)",
        share(millis(started.median) / millis(MAX_START)),
        MAX_START.as_millis(),
        millis(started.median) / millis(nothing.median),
        millis(nothing.median),
    );
    Ok(())
}

/// Prints the size as it is uploaded; whether it is small enough.
fn size(bootstrap: &Path) -> anyhow::Result<bool> {
    let content = fs::read(bootstrap)?;
    // Compressed as in a zip file, without its few extra bytes.
    let mut zip = DeflateEncoder::new(Vec::new(), Compression::default());
    zip.write_all(&content)?;
    let zipped = zip.finish()?.len();
    let part = zipped as f64 / MAX_ZIPPED_BYTES as f64;
    println!(
        "  size                  {:.2} MB, zipped {:.2} MB; {} of the {:.0} MB it may have{}",
        content.len() as f64 / 1e6,
        zipped as f64 / 1e6,
        share(part),
        MAX_ZIPPED_BYTES as f64 / 1e6,
        if part > 1.0 { ": TOO LARGE" } else { "" },
    );
    Ok(part <= 1.0)
}

/// The time of an invocation of a known function; AWS answers at once.
async fn invocations(name: &str, bootstrap: &Path) -> anyhow::Result<()> {
    if name != "sign-in" {
        return Ok(());
    }
    let aws = StubAws::start().await;
    aws.make_bucket(LOGS, ACCOUNT);
    aws.make_bucket("example-state", ACCOUNT);
    let mut environment = environment(&aws);
    // No hour's budget is to end.
    let most = "CRITICAL=1,HIGH=1000,MEDIUM=1,LOW=1,UNAUTHENTICATED=1";
    environment.insert("MAILS_PER_HOUR".to_owned(), most.to_owned());
    let function = Function::start(bootstrap, name, &environment).await;
    let mut taken = Vec::new();
    for n in 1..=INVOCATIONS {
        // Each is about another user: a second mail about the same user would be deduplicated.
        let (key, content) = log_file(n)?;
        aws.put(LOGS, &key, content);
        let event = delivery(&key);
        let before = Instant::now();
        let response = function.response(&event).await;
        taken.push(before.elapsed());
        ensure!(response == json!({"batchItemFailures": []}), "wrong answer: {response}");
        ensure!(aws.mails().len() == n, "{} mails after {n} invocations", aws.mails().len());
    }
    let first = taken.remove(0);
    println!(
        "  invocation            first {:.1} ms, then {} of {}: one log file and four state objects read, one mail published, state written four times, over HTTP without TLS (a run that has mailed ends 1.5 seconds later)",
        millis(first),
        Spread::of(taken),
        INVOCATIONS - 1,
    );
    if let Some(bytes) = function.peak_memory_bytes() {
        println!("  peak memory           {:.1} MB", bytes as f64 / 1e6);
    }
    Ok(())
}

fn environment(aws: &StubAws) -> BTreeMap<String, String> {
    let topic = format!("arn:aws:sns:{REGION}:{ACCOUNT}:findings");
    let machine = format!("arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:backfill");
    let wiring = [
        ("TOPIC_ARN", topic),
        ("STATE_BUCKET", "example-state".to_owned()),
        // Without these the function backfill answers what is missing, and makes no clients.
        ("LOG_BUCKET", LOGS.to_owned()),
        ("STATE_MACHINE_ARN", machine),
        ("AWS_ENDPOINT_URL", aws.endpoint()),
    ];
    wiring.map(|(name, value)| (name.to_owned(), value)).into()
}

/// A log file with the sign-in of one user, which leads to one mail: its key and content.
fn log_file(n: usize) -> anyhow::Result<(String, Vec<u8>)> {
    let (user, mfa) = (user(&format!("user{n}")), r#""MFAUsed":"No""#);
    let record = sign_in(n, REGION, "08:01:12", &user, "192.0.2.66", Outcome::Success, mfa);
    let key = format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/04/01/{ACCOUNT}_CloudTrail_{REGION}_20260401T0805Z_{n:016}.json.gz"
    );
    Ok((key, gzip(format!(r#"{{"Records":[{record}]}}"#).as_bytes())?))
}

/// A batch of one message, as EventBridge puts it into the queue.
fn delivery(key: &str) -> Value {
    let body = json!({
        "source": "aws.s3", "detail-type": "Object Created", "time": "2026-04-01T08:05:00Z",
        "detail": {"bucket": {"name": LOGS}, "object": {"key": key, "size": 5000}},
    });
    json!({"Records": [{
        "messageId": "m1", "receiptHandle": "r1", "body": body.to_string(),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs", "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:deliveries"),
    }]})
}

fn share(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}
