//! A function that panics when it is asked to, started as every function is started.
//!
//! No real function should panic, so what becomes of one that does is shown with this one.

#![allow(clippy::panic, reason = "that is what it is for")]

use iamwatch_aws::start::run;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run(
        |shell, _| Ok(shell),
        async |_, payload, _| {
            if payload["panic"] == true {
                panic!("boom at record 3");
            }
            Ok(payload)
        },
    )
    .await
}
