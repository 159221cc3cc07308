//! Log files in S3: the same results, clear errors, stopping and resuming.
//!
//! The program is built with the feature `s3`; AWS is a stub on this machine.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use iamwatch_tests::corpus::{Corpus, gzip};
use iamwatch_tests::stub_aws::{Fault, Operation, StubAws, Which};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::program::{Folder, Run, command_of, ended};
use crate::records::{failure, gzipped, sign_in};

const BUCKET: &str = "example-logs";
const ACCOUNT: &str = "111122223333";

/// The key of a log file that a trail delivered on this day.
fn key(account: &str, region: &str, day: &str, number: usize) -> String {
    let [year, month, date] = day.split('-').collect::<Vec<_>>()[..] else { panic!("{day}") };
    format!(
        "trail/AWSLogs/{account}/CloudTrail/{region}/{year}/{month}/{date}/{account}_CloudTrail_{region}_{year}{month}{date}T{number:04}Z_EXAMPLE{number}.json.gz"
    )
}

/// A failed sign-in on this day.
fn failure_on(id: &str, day: &str) -> Value {
    let mut record = failure(id);
    record["eventTime"] = json!(format!("{day}T12:00:00Z"));
    record
}

fn program() -> &'static Path {
    static PROGRAM: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    PROGRAM.get_or_init(|| {
        let path = std::env::var_os("IAMWATCH_S3_CLI").map(PathBuf::from);
        path.filter(|path| path.is_file()).expect(
            "IAMWATCH_S3_CLI must name the program built with `cargo build -p iamwatch-cli --features s3`, as `make test` does",
        )
    })
}

/// A bucket, and a folder in which the program runs.
struct Scene {
    aws: StubAws,
    folder: Folder,
}

impl Scene {
    async fn new() -> Scene {
        let aws = StubAws::start().await;
        aws.make_bucket(BUCKET, ACCOUNT);
        Scene { aws, folder: Folder::new() }
    }

    /// One log file in the bucket.
    async fn with(key: &str, records: &[Value]) -> Scene {
        let scene = Scene::new().await;
        scene.put(key, records);
        scene
    }

    fn put(&self, key: &str, records: &[Value]) {
        self.aws.put(BUCKET, key, gzipped(records));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command_of(program(), self.folder.path(), arguments);
        command
            .env_clear()
            .env("RUST_BACKTRACE", "1")
            .env("HOME", self.folder.path())
            .env("AWS_ENDPOINT_URL", self.aws.endpoint())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        command
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    async fn run(&self, arguments: &[&str]) -> Run {
        until_ended(self.start(arguments), arguments).await
    }

    /// Starts the program, interrupts it after a call about the object, and waits for its end.
    async fn interrupted(&self, arguments: &[&str], key_part: &str) -> Run {
        let child = self.start(arguments);
        self.aws.until_called(Operation::GetObject, key_part, 1).await;
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
        until_ended(child, arguments).await
    }

    fn gets_of(&self, key_part: &str) -> usize {
        let is_it = |operation, target: &str| operation == Operation::GetObject && target.contains(key_part);
        self.aws.calls().iter().filter(|call| is_it(call.operation, &call.target)).count()
    }
}

/// Waits without blocking: the stub answers on this thread.
async fn until_ended(child: Child, arguments: &[&str]) -> Run {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let waiting = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        ended(child, &arguments)
    });
    waiting.await.unwrap()
}

const DAYS: [&str; 4] = ["--from", "2026-03-31", "--to", "2026-04-02"];

const URI: &str = "s3://example-logs/trail";

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn a_bucket_gives_the_same_results_as_its_log_files_on_this_machine() {
    let scene = Scene::new().await;
    let corpus = Corpus { files: 30, fewest_records: 200, most_records: 900, seed: 12 };
    for n in 0..corpus.files {
        let account = ["111122223333", "444455556666"][n % 2];
        let key = key(account, ["us-east-1", "eu-central-1"][n / 2 % 2], "2026-04-01", n);
        let content = gzip(&corpus.file(n)).unwrap();
        scene.folder.file(&key, &content);
        scene.aws.put(BUCKET, &key, content);
    }
    let broken = key(ACCOUNT, "us-east-1", "2026-04-01", 99);
    scene.folder.file(&broken, b"{\"Records\":[{\"eventVersion\":");
    scene.aws.put(BUCKET, &broken, b"{\"Records\":[{\"eventVersion\":".to_vec());
    scene.aws.put(BUCKET, "trail/AWSLogs/notes.txt", b"hello".to_vec());
    let all = ["--from", "2020-01-01", "--to", "2029-12-31"];
    // The events of the corpus are on several days; its log files are delivered on one.
    let asked: [&[&str]; 6] = [
        &["sign-in", "--format", "json"],
        &["sign-in", "--format", "text"],
        &["sign-ins", "--format", "csv"],
        &["sign-ins", "--format", "json"],
        &["records", "--format", "json", "--event-source", "iam", "--event-source", "sts"],
        &["records", "--format", "csv", "--error"],
    ];
    scene.aws.list_by(BUCKET, 7);
    for asked in asked {
        let here = scene.run(&[asked, &["trail"][..], &all].concat()).await.exits(2);
        let there = scene.run(&[asked, &[URI], &all].concat()).await.exits(2);
        let there_as_here = there.stdout.replace(&format!("s3://{BUCKET}/"), "");
        // The id of a finding about a log file depends on the file's name.
        let comparable = |text: &str| -> Vec<String> {
            let lines = sorted(text).into_iter().map(str::to_owned);
            lines.filter(|line| !line.contains("EXAMPLE99") && !line.contains("iamwatch suppress")).collect()
        };
        let (here_lines, there_lines) = (comparable(&here.stdout), comparable(&there_as_here));
        if asked.contains(&"text") {
            let subjects = |lines: &[String]| -> Vec<String> {
                lines.iter().filter(|line| line.starts_with("Subject: ")).cloned().collect()
            };
            assert_eq!(subjects(&there_lines), subjects(&here_lines), "{asked:?}");
        } else {
            let differing = there_lines.iter().zip(&here_lines).find(|(there, here)| there != here);
            assert_eq!(differing, None, "{asked:?}");
            assert_eq!(there_lines.len(), here_lines.len(), "{asked:?}");
        }
        assert!(here_lines.len() > 1, "{asked:?}: {here_lines:?}");
        let there = there.says("Read 31 log files (").says("could not read s3://example-logs/trail/AWSLogs/");
        assert!(!there.stderr.contains("notes.txt"), "{}", there.stderr);
    }
    assert!(
        scene.aws.calls().iter().all(|call| call.operation != Operation::Unknown),
        "{:?}",
        scene.aws.calls()
    );
}

#[tokio::test]
async fn from_and_to_select_log_files_with_a_margin_and_then_events() {
    let scene = Scene::new().await;
    for (day, id) in [
        ("2026-03-29", "early"),
        ("2026-03-30", "1"),
        ("2026-03-31", "2"),
        ("2026-04-02", "3"),
        ("2026-04-03", "4"),
        ("2026-04-05", "late"),
    ] {
        scene.put(&key(ACCOUNT, "us-east-1", day, 1), &[failure_on(id, day)]);
    }
    // Delivered on the next day.
    scene.put(&key(ACCOUNT, "us-east-1", "2026-04-03", 2), &[failure_on("5", "2026-04-02")]);
    let ids = |run: &Run| -> Vec<String> {
        let id = |line: &Value| line["evidence"]["event_id"].as_str().unwrap().to_owned();
        let mut ids: Vec<String> = run.lines().iter().map(id).collect();
        ids.sort();
        ids
    };
    let run = scene.run(&[&["sign-in", URI, "--format", "json"][..], &DAYS].concat()).await.exits(0);
    assert_eq!(ids(&run), ["2", "3", "5"]);
    assert_eq!(
        (scene.gets_of("2026/03/29"), scene.gets_of("2026/03/30"), scene.gets_of("2026/04/05")),
        (0, 1, 0)
    );
    let run = scene.run(&[&["records", URI, "--format", "json"][..], &DAYS].concat()).await.exits(0);
    assert_eq!(run.lines().len(), 3);
    assert_eq!(scene.run(&[&["sign-ins", URI][..], &DAYS].concat()).await.exits(0).stdout.lines().count(), 4);
    let other =
        [&["sign-in", "s3://example-logs/trail"][..], &["--from", "2026-05-01", "--to", "2026-05-02"]]
            .concat();
    let run = scene.run(&other).await.exits(2);
    run.says("could not look at s3://example-logs/trail: there is no log file in it that was delivered from 2026-05-01 to 2026-05-02");
}

#[tokio::test]
async fn one_object_needs_no_days_and_can_be_read_with_local_files() {
    let key = key(ACCOUNT, "us-east-1", "2026-04-01", 1);
    let scene = Scene::with(&key, &[failure("1"), sign_in(json!({}))]).await;
    scene.folder.file("here.json.gz", gzipped(&[failure("2"), failure("1")]));
    let object = format!("s3://{BUCKET}/{key}");
    let lines = scene.run(&["sign-in", &object, "here.json.gz", "--format", "json"]).await.exits(0).lines();
    assert_eq!(lines.len(), 2, "an event in both is one finding");
    let also_in: Vec<&Value> = lines.iter().map(|line| &line["evidence"]["also_in"]).collect();
    assert!(also_in.contains(&&json!([object])), "{also_in:?}");
    let lines = scene.run(&["records", &object, "here.json.gz", "--format", "json"]).await.exits(0).lines();
    assert_eq!(lines.len(), 3);
    let gone = format!("{object}x.json.gz");
    let run = scene.run(&["sign-in", &gone]).await.exits(2);
    run.says(&format!("could not look at {gone}: there is no such log file"));
}

#[tokio::test]
async fn a_log_file_that_cannot_be_fetched_is_reported_and_the_rest_is_judged() {
    let scene = Scene::with(&key(ACCOUNT, "us-east-1", "2026-04-01", 1), &[failure("1")]).await;
    scene.put(&key(ACCOUNT, "us-east-1", "2026-04-01", 2), &[failure("2")]);
    scene.aws.fail(Which::every(Operation::GetObject).about("EXAMPLE2"), Fault::ACCESS_DENIED);
    for command in ["sign-in", "sign-ins", "records"] {
        let run = scene.run(&[&[command, URI, "--format", "json"][..], &DAYS].concat()).await.exits(2);
        let run = run
            .says("EXAMPLE2.json.gz: these credentials do not allow it")
            .says("s3:GetObject for its log files");
        assert_eq!(run.lines().len(), 1, "{command}");
        assert!(!scene.folder.path().join("iamwatch-resume.json").exists());
    }
}

#[tokio::test]
async fn if_no_log_file_can_be_fetched_it_is_reported_once_and_no_checkpoint_is_written() {
    let scene = Scene::new().await;
    for number in 0..120 {
        scene.put(&key(ACCOUNT, "us-east-1", "2026-04-01", number), &[failure(&number.to_string())]);
    }
    scene.aws.fail(Which::every(Operation::GetObject), Fault::ACCESS_DENIED);
    let arguments = [&["sign-in", URI, "--resume", "mine.json"][..], &DAYS].concat();
    let run = scene.run(&arguments).await.exits(2);
    run.says("iamwatch: none of 100 log files could be fetched: s3:GetObject s3://")
        .says("Nothing was read yet.");
    assert!(!scene.folder.path().join("mine.json").exists());
    scene.aws.recover();
    scene.run(&arguments).await.exits(0).says("Read 120 log files (");
}

#[tokio::test]
async fn an_error_that_stops_reading_is_a_clear_sentence() {
    let scene = Scene::with(&key(ACCOUNT, "us-east-1", "2026-04-01", 1), &[failure("1")]).await;
    let arguments = [&["sign-in", URI][..], &DAYS].concat();
    for (status, code, part) in [
        (403, "AccessDenied", "these credentials do not allow it; they need s3:ListBucket"),
        (400, "ExpiredToken", "these credentials have expired; sign in again, as with `aws sso login`"),
        (403, "InvalidAccessKeyId", "AWS does not accept these credentials"),
        (301, "PermanentRedirect", "the bucket is in another Region; AWS_REGION must be"),
        (400, "AuthorizationHeaderMalformed", "the bucket is in another Region"),
    ] {
        scene.aws.fail(Which::every(Operation::ListObjects), Fault::Error { status, code });
        let run = scene.run(&arguments).await.exits(2).says(part).says("Nothing was read yet.");
        assert_eq!(run.stdout, "", "{code}");
        scene.aws.recover();
    }
    let elsewhere = [&["sign-in", "s3://no-such-bucket/"][..], &DAYS].concat();
    scene.run(&elsewhere).await.exits(2).says("s3://no-such-bucket/: there is no such bucket");
    let outside = [&["sign-in", "s3://example-logs/other"][..], &DAYS].concat();
    scene
        .run(&outside)
        .await
        .exits(2)
        .says("it must be a bucket, or a folder of one, that has CloudTrail's folders in it");
}

#[tokio::test]
async fn without_credentials_the_message_names_where_they_come_from() {
    let scene = Scene::with(&key(ACCOUNT, "us-east-1", "2026-04-01", 1), &[failure("1")]).await;
    scene.folder.file(
        ".aws/config",
        "[profile corp]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Audit\nregion = us-east-1\n\
         [sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://example.awsapps.com/start\n",
    );
    let arguments = [&["sign-in", URI][..], &DAYS].concat();
    for (profile, part) in [
        (None, "they are taken from where the AWS CLI takes them"),
        (Some("corp"), "sign in again, as with `aws sso login`"),
        (Some("nobody"), "AWS_PROFILE must name a profile that ~/.aws/config has"),
    ] {
        let mut command = scene.command(&arguments);
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        command.envs(profile.map(|profile| ("AWS_PROFILE", profile)));
        let run = until_ended(command.spawn().unwrap(), &arguments).await.exits(2);
        run.says("iamwatch: there are no AWS credentials").says(part);
    }
    assert_eq!(scene.aws.calls(), []);
}

#[tokio::test]
async fn an_interrupted_run_is_resumed_by_the_same_command_with_the_same_results() {
    let scene = Scene::new().await;
    let (first, second) =
        (key(ACCOUNT, "us-east-1", "2026-04-01", 1), key(ACCOUNT, "us-east-1", "2026-04-01", 2));
    scene.put(&first, &[failure("1"), sign_in(json!({"eventID": "2"}))]);
    // Holds a copy of an event of the first one.
    scene.put(&second, &[failure("3"), sign_in(json!({"eventID": "4"})), sign_in(json!({"eventID": "2"}))]);
    let uris = [format!("s3://{BUCKET}/{first}"), format!("s3://{BUCKET}/{second}")];
    for (command, lines) in [("sign-in", 2), ("sign-ins", 4), ("records", 4)] {
        let arguments = [command, &uris[0], &uris[1], "--format", "json"];
        let whole = scene.run(&arguments).await.exits(0);
        assert_eq!(whole.lines().len(), lines);
        scene.aws.forget();
        scene.aws.fail(Which::every(Operation::GetObject).about("EXAMPLE2"), Fault::HangBefore);
        let early = scene.interrupted(&arguments, "EXAMPLE2").await.exits(2);
        let early = early.says("iamwatch: interrupted\nRead 1 log file of about 2. To resume, run the same command with --resume iamwatch-resume.json\n");
        let shown = if command == "records" { 2 } else { 0 };
        assert_eq!(early.lines().len(), shown, "{command}: findings are printed at the end only");
        scene.aws.recover();
        scene.aws.forget();
        let resumed = [&arguments[..], &["--resume", "iamwatch-resume.json"]].concat();
        let rest = scene.run(&resumed).await.exits(0).says("Read 2 log files (");
        assert_eq!((scene.gets_of("EXAMPLE1"), scene.gets_of("EXAMPLE2")), (0, 1), "{command}");
        let both = early.stdout + &rest.stdout;
        assert_eq!(sorted(&both), sorted(&whole.stdout), "{command}");
        assert_eq!(rest.stderr, whole.stderr, "{command}: the summary counts everything");
        assert!(!scene.folder.path().join("iamwatch-resume.json").exists(), "it is deleted");
    }
}

#[tokio::test]
async fn what_was_read_before_an_early_stop_is_neither_listed_twice_nor_lost() {
    let scene = Scene::new().await;
    for number in 0..40 {
        scene.put(&key(ACCOUNT, "us-east-1", "2026-04-01", number), &[failure(&format!("id-{number}"))]);
    }
    let arguments = [&["records", URI, "--format", "csv", "--resume", "mine.json"][..], &DAYS].concat();
    scene.aws.fail(Which::every(Operation::GetObject).about("EXAMPLE17.json"), Fault::HangBefore);
    // How many of the others were read by then depends on timing.
    scene.aws.fail(
        Which::every(Operation::GetObject).about("EXAMPLE23.json"),
        Fault::Error { status: 400, code: "ExpiredToken" },
    );
    let early = scene.run(&arguments).await.exits(2);
    let early = early.says("these credentials have expired").says("with --resume mine.json\n");
    scene.aws.recover();
    let rest = scene.run(&arguments).await.exits(0);
    let both = early.stdout.clone() + &rest.stdout;
    assert_eq!(
        both.lines().filter(|line| line.starts_with("time,")).count(),
        1,
        "the headings are printed once"
    );
    let mut ids: Vec<&str> = both.lines().skip(1).filter_map(|line| line.rsplit(',').next()).collect();
    ids.sort_unstable();
    let mut expected: Vec<String> = (0..40).map(|number| format!("id-{number}")).collect();
    expected.sort_unstable();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn a_checkpoint_of_another_command_is_refused() {
    let scene = Scene::with(&key(ACCOUNT, "us-east-1", "2026-04-01", 1), &[failure("1")]).await;
    let arguments = [&["sign-in", URI, "--resume", "mine.json"][..], &DAYS].concat();
    scene.aws.fail(Which::every(Operation::GetObject), Fault::HangBefore);
    scene.interrupted(&arguments, "EXAMPLE1").await.exits(2).says("Read 0 log files of about 1.");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = scene.folder.path().join("mine.json").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it holds records");
    }
    let other = [&["sign-ins", URI, "--resume", "mine.json"][..], &DAYS].concat();
    scene.run(&other).await.exits(64).says("--resume is mine.json, which belongs to another command");
    scene.folder.file("nonsense.json", "[1]");
    let nonsense = [&["sign-in", URI, "--resume", "nonsense.json"][..], &DAYS].concat();
    let run = scene.run(&nonsense).await.exits(64);
    run.says("--resume is nonsense.json; it must be a file that iamwatch left");
    scene.aws.recover();
    scene.run(&arguments).await.exits(0).says("Read 1 log file (");
}

#[tokio::test]
async fn an_earlier_checkpoint_is_not_overwritten() {
    let scene = Scene::with(&key(ACCOUNT, "us-east-1", "2026-04-01", 1), &[failure("1")]).await;
    scene.folder.file("iamwatch-resume.json", "of somebody else");
    scene.aws.fail(Which::every(Operation::GetObject), Fault::HangBefore);
    let arguments = [&["sign-in", URI][..], &DAYS].concat();
    let run = scene.interrupted(&arguments, "EXAMPLE1").await.exits(2);
    run.says("--resume iamwatch-resume.2.json");
    let kept = std::fs::read_to_string(scene.folder.path().join("iamwatch-resume.json")).unwrap();
    assert_eq!(kept, "of somebody else");
}

#[tokio::test]
async fn closing_stdout_stops_the_reading_of_a_bucket() {
    use std::io::{BufRead, BufReader, Read};
    let scene = Scene::new().await;
    let many: Vec<Value> = (0..400).map(|number| failure(&number.to_string())).collect();
    for number in 0..400 {
        scene.put(&key(ACCOUNT, "us-east-1", "2026-04-01", number), &many);
    }
    let arguments =
        [&["records", URI, "--format", "json", "--set", "MAX_IN_FLIGHT_BYTES=1048576"][..], &DAYS];
    let mut child = scene.start(&arguments.concat());
    let run = tokio::task::spawn_blocking(move || {
        let mut stdout = BufReader::with_capacity(64, child.stdout.take().unwrap());
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        drop(stdout);
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (child.wait().unwrap().code(), stderr)
    });
    let (status, stderr) = run.await.unwrap();
    assert_eq!(status, Some(0), "{stderr}");
    assert!(!stderr.contains("ipe") && !stderr.contains("resume"), "{stderr}");
}

#[tokio::test]
async fn s3_arguments_that_cannot_be_used_exit_with_64() {
    let scene = Scene::new().await;
    for (arguments, part) in [
        (&["sign-in", "s3://example-logs"][..], "s3://example-logs needs --from and --to, such as"),
        (&["records", "s3://example-logs/trail/", "--from", "2026-04-01"], "needs --from and --to"),
        (
            &["sign-ins", "s3:///x", "--from", "2026-04-01", "--to", "2026-04-01"],
            "it must be s3://BUCKET or s3://BUCKET/PREFIX",
        ),
        (&["sign-in", "here", "--resume", "x.json"], "--resume is for what is read from S3"),
        (
            &["suppressions", "check", "x.toml", "s3://example-logs"],
            "s3://example-logs is in S3; it must be on this machine",
        ),
    ] {
        let run = scene.run(arguments).await.exits(64).says(part);
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
    assert_eq!(scene.aws.calls(), []);
}

#[test]
fn a_program_without_s3_says_how_to_build_one_with_it() {
    let run =
        Folder::new().run(&["sign-in", "s3://example-logs", "--from", "2026-04-01", "--to", "2026-04-02"]);
    run.exits(64).says(
        "s3://example-logs is in S3, which this iamwatch is built without; `make cli` builds one with it",
    );
}
