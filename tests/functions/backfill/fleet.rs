//! A range too large for one invocation: the state machine reads it with many.

use chrono::Days;
use futures_util::future::join_all;
use iamwatch_tests::stage::{STATE, Stage, email};
use iamwatch_tests::stub_aws::{Fault, Operation, Which};
use serde_json::{Value, json};

use super::stage::{Archive, MACHINE, Place, day, done, findings, request, stage, unique_findings};

const FROM: &str = "2026-04-01";
const TO: &str = "2026-05-11";

/// More days, accounts and Regions than one part may have: two parts. No day follows another, so each is listed.
async fn large() -> (Stage, Archive) {
    let stage = stage().await.with("FLEET_ABOVE_LOG_FILES", "1000");
    let accounts = ["111122223333", "222233334444", "333344445555", "444455556666", "555566667777"];
    let regions = [
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "eu-north-1",
        "eu-central-1",
        "sa-east-1",
    ];
    let mut archive = Archive::default();
    for account in accounts {
        for region in regions {
            for n in 0..21 {
                let day = day(FROM).checked_add_days(Days::new(2 * n)).unwrap();
                archive.deliver(&stage, Place { account, region, day }, 1);
            }
        }
    }
    (stage, archive)
}

/// The event of a step of the state machine.
fn scan(run: &Value, item: usize) -> Value {
    json!({"run": run, "generation": 1, "step": "scan", "item": item})
}

fn digest(run: &Value) -> Value {
    json!({"run": run, "generation": 1, "step": "digest"})
}

#[tokio::test]
async fn a_fleet_reads_a_large_range_and_sends_one_mail() {
    let (stage, archive) = large().await;
    let function = stage.function().await;
    let asked = request(FROM, TO);
    let answer = function.response(&asked).await;
    assert_eq!((&answer["progress"], &answer["finished"]), (&json!("started"), &json!(false)), "{answer:#}");
    let run = &answer["run"];
    let [execution] = &stage.aws.executions()[..] else { panic!("{:?}", stage.aws.executions()) };
    assert_eq!(
        (&execution.machine_arn[..], &execution.name),
        (MACHINE, &format!("{}-1", run.as_str().unwrap()))
    );
    let input: Value = serde_json::from_str(&execution.input).unwrap();
    assert_eq!(&input["run"], run);
    let items = stage.aws.content(STATE, input["items"].as_str().unwrap()).unwrap();
    let items: Vec<Value> = serde_json::from_slice(&items).unwrap();
    assert_eq!(items, [scan(run, 0), scan(run, 1)]);
    assert_eq!(answer["estimate"]["items"], 2);

    // Asked again, it is under way, and nothing is started.
    let again = function.response(&asked).await;
    assert_eq!(again["progress"], "under-way", "{again:#}");
    assert_eq!(stage.aws.count(Operation::StartExecution), 1);

    // Both parts at once, and one of them twice, as Step Functions may do.
    let workers = join_all([stage.function(), stage.function(), stage.function()]).await;
    let read = join_all(workers.iter().zip([0, 1, 1]).map(|(worker, item)| {
        let step = scan(run, item);
        async move { worker.response(&step).await }
    }))
    .await;
    let count = |answer: &Value| answer["read"]["counts"]["log_files"].as_u64().unwrap();
    assert_eq!(count(&read[0]) + count(&read[1]), archive.log_files);
    assert_eq!(count(&read[1]), count(&read[2]));
    for answer in &read {
        assert_eq!((&answer["progress"], &answer["finished"]), (&json!("read"), &json!(false)), "{answer:#}");
        assert!(answer.to_string().len() < 4_000, "counts alone: {answer:#}");
    }
    stage.assert_mailed(&[""; 0], &function);
    let answer = done(&function, &digest(run)).await;
    assert_eq!(unique_findings(&findings(&stage, &answer)), archive.findings);
    assert_eq!(answer["read"]["counts"]["log_files"], archive.log_files);
    assert_eq!(stage.aws.mails().len(), 1);
    // Again, as after a lost answer; and by the request.
    assert_eq!(done(&function, &digest(run)).await["result"], answer["result"]);
    assert_eq!(done(&function, &asked).await["result"], answer["result"]);
    assert_eq!(stage.aws.mails().len(), 1);
}

#[tokio::test]
async fn a_failed_part_is_mailed_with_how_much_was_not_read() {
    let (stage, archive) = large().await;
    let function = stage.function().await;
    let run = function.response(&request(FROM, TO)).await["run"].clone();
    let first = function.response(&scan(&run, 0)).await;
    // The other worker fails each time, and Step Functions gives it up.
    stage.aws.fail(Which::every(Operation::PutObject).about("/parts/1"), Fault::ACCESS_DENIED);
    let (error_type, message) = function.error(&scan(&run, 1)).await;
    assert!(error_type == "AwsError" && message.contains("AccessDenied"), "{error_type}: {message}");
    let answer = done(&function, &digest(&run)).await;
    assert_eq!(answer["read"]["items"], 1, "{answer:#}");
    let missing = archive.log_files - first["read"]["counts"]["log_files"].as_u64().unwrap();
    let [mail] = &stage.aws.mails()[..] else { panic!("{:?}", stage.subjects()) };
    assert!(email(mail).contains(&missing.to_string()), "{missing}: {}", email(mail));
}

#[tokio::test]
async fn an_invalid_step_of_the_state_machine_is_refused() {
    let (stage, _) = large().await;
    let function = stage.function().await;
    let run = function.response(&request(FROM, TO)).await["run"].clone();
    let (error_type, message) = function.error(&scan(&run, 2)).await;
    assert_eq!(error_type, "InputError");
    assert_eq!(message, "the item of a backfill is \"2\"; it must be less than 2, the number of its items");
    let other = stage.with("LOG_BUCKET", "others");
    let function = other.function().await;
    let (error_type, message) = function.error(&digest(&run)).await;
    assert!(error_type == "InputError" && message.contains("LOG_BUCKET names, others"), "{message}");
}

#[tokio::test]
async fn a_fleet_that_does_not_start_is_answered_and_the_same_request_starts_it_once() {
    for (fault, executions) in [
        (Fault::Error { status: 400, code: "AccessDeniedException" }, 0),
        (Fault::Error { status: 400, code: "StateMachineDoesNotExist" }, 0),
        (Fault::INTERNAL_ERROR, 0),
        (Fault::CloseAfter, 1),
    ] {
        let (stage, _) = large().await;
        stage.aws.fail(Which::every(Operation::StartExecution), fault);
        let function = stage.function().await;
        let answer = function.response(&request(FROM, TO)).await;
        assert_eq!(answer["progress"], "unfinished", "{fault:?}: {answer:#}");
        assert!(
            answer["not_done"].as_str().unwrap().starts_with(&format!("states:StartExecution {MACHINE} ")),
            "{answer:#}"
        );
        assert_eq!(stage.aws.executions().len(), executions, "{fault:?}");
        stage.aws.recover();
        let answer = function.response(&request(FROM, TO)).await;
        assert_eq!(answer["progress"], "started", "{fault:?}: {answer:#}");
        assert_eq!(stage.aws.executions().len(), 1, "{fault:?}");
    }
}
