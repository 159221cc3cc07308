//! Step Functions: executions begin, and that is all that they do here.
//!
//! Source: Step Functions API Reference, `StartExecution`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Operation;
use super::messaging::JSON;
use crate::loopback::Reply;

/// How `StartExecution` names itself.
pub(super) const START_EXECUTION: &str = "AWSStepFunctions.StartExecution";

/// An execution that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Of which state machine.
    pub machine_arn: String,
    /// Its name.
    pub name: String,
    /// Its input.
    pub input: String,
    /// Whether it has come to its end.
    pub has_ended: bool,
}

/// All state machines.
#[derive(Debug, Default)]
pub(super) struct States {
    pub(super) machines: BTreeSet<String>,
    /// By state machine and name.
    pub(super) executions: BTreeMap<(String, String), Execution>,
}

/// The arguments of `StartExecution`.
#[derive(Debug)]
pub(super) struct Asked {
    machine_arn: String,
    name: String,
    input: String,
}

impl Asked {
    pub(super) fn by(body: &[u8]) -> Option<Asked> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let text = |name: &str| Some(body[name].as_str()?.to_owned());
        Some(Asked { machine_arn: text("stateMachineArn")?, name: text("name")?, input: text("input")? })
    }

    pub(super) fn target(&self) -> String {
        format!("{} {}", self.machine_arn, self.name)
    }
}

impl States {
    pub(super) fn start(&mut self, asked: Asked) -> Reply {
        let target = asked.target();
        let refused = |code| super::error(Operation::StartExecution, 400, code, &target);
        if !self.machines.contains(&asked.machine_arn) {
            return refused("StateMachineDoesNotExist");
        }
        let is_name = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
        if asked.name.is_empty() || asked.name.len() > 80 || !asked.name.chars().all(is_name) {
            return refused("InvalidName");
        }
        if serde_json::from_str::<Value>(&asked.input).is_err() || asked.input.len() > 262_144 {
            return refused("InvalidExecutionInput");
        }
        let Asked { machine_arn, name, input } = asked;
        let arn = format!("{}:{name}", machine_arn.replace(":stateMachine:", ":execution:"));
        let key = (machine_arn.clone(), name.clone());
        match self.executions.get(&key) {
            // The same again while it runs is answered as the first time.
            Some(there) if there.has_ended || there.input != input => {
                return refused("ExecutionAlreadyExists");
            }
            Some(_) => {}
            None => {
                let begun = Execution { machine_arn, name, input, has_ended: false };
                self.executions.insert(key, begun);
            }
        }
        let body = json!({"executionArn": arn, "startDate": 1_775_031_660.5});
        Reply::new(200, JSON, body.to_string())
            .with("x-amzn-requestid", "f187a3c1-376f-11df-8963-01868b7c937a")
    }
}

/// An error as Step Functions says it.
pub(super) fn error(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({"__type": format!("com.amazonaws.swf.service.v2.model#{code}"), "message": message});
    Reply::new(status, JSON, body.to_string())
        .with("x-amzn-requestid", "f187a3c1-376f-11df-8963-01868b7c937a")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_begins_once_and_the_same_again_is_answered_alike_while_it_runs() {
        let machine = "arn:aws:states:us-east-1:111122223333:stateMachine:m";
        let mut states = States::default();
        let start = |states: &mut States, name: &str, input: &str| {
            let body = json!({"stateMachineArn": machine, "name": name, "input": input}).to_string();
            states.start(Asked::by(body.as_bytes()).unwrap()).status()
        };
        assert_eq!(start(&mut states, "a", "{}"), 400, "there is no such state machine");
        states.machines.insert(machine.to_owned());
        for (name, input, status) in [
            ("a", "{}", 200),
            ("a", "{}", 200),
            ("a", "[]", 400),
            ("a b", "{}", 400),
            ("b", "{", 400),
            ("b", "{}", 200),
        ] {
            assert_eq!(start(&mut states, name, input), status, "{name} {input}");
        }
        assert_eq!(states.executions.len(), 2);
        states.executions.values_mut().for_each(|execution| execution.has_ended = true);
        assert_eq!(start(&mut states, "a", "{}"), 400, "it has ended");
    }
}
