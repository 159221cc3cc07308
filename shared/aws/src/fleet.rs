//! Step Functions: the state machine that hands the parts of a large backfill to many invocations.
//!
//! Source: Step Functions API Reference, `StartExecution`.

use aws_config::SdkConfig;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use shared::config::Config;
use shared::ports::{AwsError, Execution, Fleet};

use crate::attempts::{retries, time_outs};
use crate::aws_error::aws_error;

/// One state machine.
pub struct StateMachine {
    client: Client,
    arn: String,
}

impl StateMachine {
    /// The state machine of that ARN.
    pub fn new(sdk: &SdkConfig, arn: &str, config: &Config) -> StateMachine {
        let builder = aws_sdk_sfn::config::Builder::from(sdk);
        let builder = builder.timeout_config(time_outs(config)).retry_config(retries(config));
        StateMachine { client: Client::from_conf(builder.build()), arn: arn.to_owned() }
    }
}

impl Fleet for StateMachine {
    /// The SDK may make the call again: the same name and input start once.
    async fn start(&self, name: &str, input: &str) -> Result<Execution, AwsError> {
        let request = self.client.start_execution().state_machine_arn(&self.arn).name(name).input(input);
        match request.send().await {
            Ok(_) => Ok(Execution::Live),
            // While it runs, the same name with the same input starts nothing and is no error.
            Err(error)
                if error.as_service_error().is_some_and(StartExecutionError::is_execution_already_exists) =>
            {
                Ok(Execution::Ended)
            }
            Err(error) => Err(aws_error(format!("states:StartExecution {} {name}", self.arn), &error)),
        }
    }
}
