//! `make local`: the deployed stack in an emulated AWS on this machine, for a person to play with, until Ctrl-C.

#![allow(clippy::print_stdout, reason = "a person reads it")]
#![allow(clippy::expect_used, reason = "nothing is left to do without it")]

use std::collections::BTreeMap;

use iamwatch_tests::ministack::{Ministack, Permissions};
use iamwatch_tests::runtime_api::{ACCOUNT, REGION};
use iamwatch_tests::sample;
use iamwatch_tests::stub_aws::Mail;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::signal::unix::{SignalKind, signal};

const STACK: &str = "iamwatch";
const LOGS: &str = "example-logs";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("Starting an emulated AWS and deploying template.yaml into it; this takes some seconds ...");
    let aws = Ministack::start(Permissions::Open).await;
    tokio::select! {
        () = play(&aws) => {}
        () = asked_to_stop() => println!("\nStopping; nothing of it stays."),
    }
    aws.stop().await;
}

/// By Ctrl-C, by `kill`, or because the terminal is closed.
async fn asked_to_stop() {
    let listen = |kind| signal(kind).expect("signals can be listened to");
    let mut signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(listen);
    let [interrupt, terminate, hangup] = &mut signals;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

async fn play(aws: &Ministack) {
    aws.make_log_bucket(LOGS).await;
    aws.deploy(STACK, LOGS, &[("Email", "you@example.com")]).await;
    let outputs = aws.outputs(STACK).await;
    println!("{}", instructions(&aws.endpoint(), &outputs));
    let mut published = aws.proxy().published();
    let mut shown = 0;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut listening = true;
    loop {
        tokio::select! {
            changed = published.changed() => {
                changed.expect("the proxy lives as long as this");
                for mail in &published.borrow_and_update()[shown..] {
                    show(mail);
                    shown += 1;
                }
            }
            line = lines.next_line(), if listening => match line {
                Ok(Some(_)) => put_sample(aws).await,
                _ => listening = false,
            },
        }
    }
}

fn instructions(endpoint: &str, outputs: &BTreeMap<String, String>) -> String {
    let [sign_in, sign_in_log] = ["SignInFunctionName", "SignInLogGroupName"].map(|name| &outputs[name]);
    let [report, report_log] =
        ["CredentialReportFunctionName", "CredentialReportLogGroupName"].map(|name| &outputs[name]);
    format!(
        "
The stack \"{STACK}\" is deployed, and watches the bucket {LOGS} and the users of account {ACCOUNT}. Mails appear here as
they are published.

Press Enter to put the sample's log files into the bucket; again, and nothing is mailed a second time.
Or in another terminal, with the AWS command line:

  export AWS_ENDPOINT_URL={endpoint} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
  export AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}
  unset AWS_PROFILE AWS_SESSION_TOKEN

Drop log files in; only keys like those that CloudTrail uses are looked at:
  aws s3 cp --recursive tests/fixtures/sample s3://{LOGS}

Make a user with a console password and no second factor, and have the credential report looked at, as the
schedule does every four hours; again, and nothing is mailed. (The emulator's root user has no second factor, and
its report lacks dates that AWS's has: the mail reports that too.)
  aws iam create-user --user-name alice
  aws iam create-login-profile --user-name alice --password an-Example-1234
  echo '{{}}' > request.json
  aws lambda invoke --function-name {report} --payload fileb://request.json answer.json

Then take the password away, invoke it again, and the mail says that this is resolved:
  aws iam delete-login-profile --user-name alice
  aws lambda invoke --function-name {report} --payload fileb://request.json answer.json

Have a mail marked TEST sent:
  echo '{{\"test_mail\": true}}' > request.json
  aws lambda invoke --function-name {sign_in} --payload fileb://request.json answer.json

Read what the functions say about their work (version 2 of the command line):
  aws logs tail {sign_in_log}
  aws logs tail {report_log}

Ctrl-C ends it all.
"
    )
}

async fn put_sample(aws: &Ministack) {
    let folder = tempfile::tempdir().expect("there is room for a file");
    let objects = sample::objects().expect("it is made in memory");
    println!("Putting {} objects into {LOGS} ...", objects.len());
    for (key, content) in objects {
        let path = folder.path().join("object");
        std::fs::write(&path, content).expect("there is room for a file");
        aws.call("s3", "put_object", json!({"Bucket": LOGS, "Key": key, "Body": path})).await;
    }
}

fn show(mail: &Mail) {
    println!("{}", "=".repeat(78));
    println!("Subject: {}\n", mail.subject.as_deref().unwrap_or_default());
    println!("{}", mail.form_for("email").unwrap_or_else(|| mail.message.clone()));
}
