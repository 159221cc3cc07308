//! The state machine, as a backfill starts it through the real SDK, against a Step Functions that fails on demand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

use futures_util::future::join_all;
use iamwatch_aws::fleet::StateMachine;
use iamwatch_tests::stub_aws::{Fault, Operation, StubAws, Which};
use shared::ports::{AwsErrorKind, Execution, Fleet};

use crate::{OWN_KEY, config, sdk};

const MACHINE: &str = "arn:aws:states:us-east-1:111122223333:stateMachine:backfill";
const NAME: &str = "2026-01-01_2026-03-31_0123456789abcdef-1";
const INPUT: &str = r#"{"run":"2026-01-01_2026-03-31_0123456789abcdef"}"#;

async fn machine(aws: &StubAws) -> StateMachine {
    StateMachine::new(&sdk(&aws.endpoint(), OWN_KEY, None), MACHINE, &config())
}

#[tokio::test]
async fn a_second_start_of_the_same_execution_starts_nothing() {
    let aws = StubAws::start().await;
    let machine = machine(&aws).await;
    aws.make_state_machine(MACHINE);
    for round in ["first", "while it runs"] {
        assert_eq!(machine.start(NAME, INPUT).await, Ok(Execution::Live), "{round}");
    }
    aws.end_executions();
    assert_eq!(machine.start(NAME, INPUT).await, Ok(Execution::Ended), "when it has ended");
    let executions = aws.executions();
    assert_eq!(executions.len(), 1);
    let started = (&*executions[0].machine_arn, &*executions[0].name, &*executions[0].input);
    assert_eq!(started, (MACHINE, NAME, INPUT));
    assert_eq!(machine.start("another", INPUT).await, Ok(Execution::Live));
    assert_eq!(aws.executions().len(), 2);
    assert!(aws.calls().iter().all(|call| call.operation == Operation::StartExecution), "{:?}", aws.calls());
}

#[tokio::test]
async fn a_failed_start_is_an_error_that_names_the_fix() {
    let error = |status, code| Fault::Error { status, code };
    let tried = [
        (error(400, "AccessDeniedException"), AwsErrorKind::Denied, 1, false),
        (error(400, "StateMachineDoesNotExist"), AwsErrorKind::Denied, 1, false),
        (error(400, "ThrottlingException"), AwsErrorKind::Transient, 3, false),
        (error(500, "InternalFailure"), AwsErrorKind::Transient, 3, false),
        (Fault::HangBefore, AwsErrorKind::Transient, 3, false),
        (Fault::CloseBefore, AwsErrorKind::Transient, 3, false),
        // These start too, once.
        (Fault::CloseAfter, AwsErrorKind::Transient, 3, true),
        (Fault::HangAfter, AwsErrorKind::Transient, 3, true),
    ];
    let tried = tried.map(async |(fault, kind, calls, has_started)| {
        let aws = StubAws::start().await;
        let machine = machine(&aws).await;
        aws.make_state_machine(MACHINE);
        aws.fail(Which::every(Operation::StartExecution), fault);
        let trouble = machine.start(NAME, INPUT).await.unwrap_err();
        assert_eq!(trouble.kind, kind, "{fault:?}: {trouble}");
        assert_eq!(trouble.call, format!("states:StartExecution {MACHINE} {NAME}"));
        assert_eq!(aws.count(Operation::StartExecution), calls, "{fault:?}");
        assert_eq!(aws.executions().len(), usize::from(has_started), "{fault:?}");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_start_whose_answer_is_lost_is_retried_and_starts_once() {
    let aws = StubAws::start().await;
    let machine = machine(&aws).await;
    aws.make_state_machine(MACHINE);
    aws.fail(Which::every(Operation::StartExecution).first(1), Fault::CloseAfter);
    assert_eq!(machine.start(NAME, INPUT).await, Ok(Execution::Live));
    assert_eq!((aws.count(Operation::StartExecution), aws.executions().len()), (2, 1));
}
