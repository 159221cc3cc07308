//! The function is frozen between two invocations, and its connections end meanwhile.

use std::time::Duration;

use futures_util::future::join_all;
use iamwatch_tests::loopback::End;
use iamwatch_tests::stage::said;

use super::events::deliveries;
use super::stage::{Stage, failed, failure_subject};

/// Longer than an idle connection is kept.
const FROZEN: Duration = Duration::from_secs(6);

#[tokio::test]
async fn connections_that_end_while_the_function_is_frozen_cost_no_mail_and_repeat_none() {
    let ends = [End::Closed, End::Forgotten].map(async |end| {
        let stage = Stage::new().await;
        let (alice, bob) = (stage.deliver("alice"), stage.deliver("bob"));
        let function = stage.function().await;
        assert_eq!(failed(&function.response(&deliveries(&[("m1", &alice)])).await), [""; 0], "{end:?}");
        function.freeze();
        stage.aws.end_connections(end);
        tokio::time::sleep(FROZEN).await;
        function.thaw();
        let answer = function.response(&deliveries(&[("m2", &bob)])).await;
        assert_eq!(failed(&answer), [""; 0], "{end:?}: {}", function.output());
        stage.assert_mailed(&["alice", "bob"].map(failure_subject), &function);
        assert_eq!(stage.repeats(), 0, "{end:?}");
        let retried = said(&function, "state bucket call failed");
        assert!(retried.is_empty(), "{end:?}: {}", function.output());
    });
    join_all(ends).await;
}
