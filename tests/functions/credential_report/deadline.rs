//! It answers before Lambda ends it, and unfinished messages are retried.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use iamwatch_tests::runtime_api::{ACCOUNT, Outcome};
use iamwatch_tests::stage::{STATE, Stage, answered_within, failed};
use iamwatch_tests::stub_aws::{Fault, Operation, Which};

use super::stage::{done, report, scheduled, subject_of};

/// As it is deployed.
async fn stage() -> Stage {
    Stage::of("credential-report").await
}

/// The fault that keeps IAM from answering.
#[derive(Clone, Copy, Debug)]
enum Iam {
    Hangs(Operation),
    BreaksOff,
    NeverReady,
    IsThrottled,
}

impl Iam {
    async fn on(self) -> Stage {
        let stage = stage().await;
        let alice = report(ACCOUNT, &["alice"]);
        let alice = if matches!(self, Iam::NeverReady) { alice.after(1_000_000) } else { alice };
        stage.aws.put_report(ACCOUNT, alice);
        let get = Which::every(Operation::GetCredentialReport);
        match self {
            Iam::Hangs(operation) => stage.aws.fail(Which::every(operation), Fault::HangBefore),
            Iam::BreaksOff => stage.aws.fail(get, Fault::HangInBody { after_bytes: 100 }),
            Iam::IsThrottled => stage.aws.fail(get, Fault::THROTTLING),
            Iam::NeverReady => {}
        }
        stage
    }
}

const ALL: [Iam; 5] = [
    Iam::Hangs(Operation::GenerateCredentialReport),
    Iam::Hangs(Operation::GetCredentialReport),
    Iam::BreaksOff,
    Iam::NeverReady,
    Iam::IsThrottled,
];

#[tokio::test]
async fn a_report_that_iam_does_not_deliver_in_time_is_retried_and_nothing_is_mailed() {
    let tried = ALL.map(async |iam| {
        let stage = iam.on().await;
        let function = stage.function().await;
        for seconds in [0, 1, 5, 15] {
            stage.aws.forget();
            let (limit, asked) = (Duration::from_secs(seconds), Instant::now());
            let outcome = function.invoke_with(&scheduled(1), limit).await;
            let taken = asked.elapsed();
            // Without time left, it answers as soon as it can.
            let limit = limit.max(Duration::from_secs(2));
            assert!(taken < limit, "{iam:?}: {taken:?} of {limit:?}\n{}", function.output());
            let Outcome::Response(response) = outcome else { panic!("{iam:?}, {seconds} s: {outcome:?}") };
            assert_eq!(failed(&response), ["m"], "{iam:?}, {seconds} s: {}", function.output());
            stage.assert_mailed(&[""; 0], &function);
            stage.assert_delayed(&[("m", 30)]);
            let kept = stage.aws.keys(STATE);
            assert!(kept.iter().all(|key| !key.contains(ACCOUNT)), "{iam:?}, {seconds} s: {kept:?}");
        }
        // The next one has all the time there is.
        stage.aws.recover();
        stage.aws.put_report(ACCOUNT, report(ACCOUNT, &["alice"]));
        done(&function.response(&scheduled(2)).await, &function);
        stage.assert_mailed(&[subject_of("alice")], &function);
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_state_bucket_or_a_topic_that_hangs_costs_no_answer() {
    let hanging = [
        Which::every(Operation::GetObject).about("config/"),
        Which::every(Operation::GetObject).about("audits/"),
        Which::every(Operation::PutObject),
        Which::every(Operation::Publish),
    ];
    let tried = hanging.map(async |which| {
        let stage = stage().await;
        stage.aws.put_report(ACCOUNT, report(ACCOUNT, &["alice"]));
        stage.aws.fail(which.clone(), Fault::HangBefore);
        stage.aws.fail(Which::every(Operation::ChangeMessageVisibility), Fault::HangBefore);
        let function = stage.function().await;
        for seconds in [5, 15] {
            let limit = Duration::from_secs(seconds);
            let response = answered_within(&function, &scheduled(1), limit).await;
            assert_eq!(failed(&response), ["m"], "{which:?}: {}", function.output());
            stage.assert_mailed(&[""; 0], &function);
        }
    });
    join_all(tried).await;
}
