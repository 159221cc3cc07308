//! A function that panics on request, to test what Lambda reports of a panic. It starts like every function.

#![allow(clippy::panic, reason = "the example tests panics")]

use iamwatch_aws::start::{Shell, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(
        |shell, _| Ok(shell),
        async |_: &Shell, payload, _| {
            if payload["panic"] == true {
                panic!("boom at record 3");
            }
            Ok(payload)
        },
    )
    .await
}
