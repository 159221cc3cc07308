//! Faults, and the calls at which they happen.

use super::Operation;
use crate::loopback::{Closed, Reply};

/// A way for a call to fail. The caller cannot know whether it took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An error is answered, and nothing else happens.
    Error {
        /// The HTTP status.
        status: u16,
        /// AWS's code for it, such as `SlowDown`.
        code: &'static str,
    },
    /// The connection is closed instead of an answer, and nothing else happens.
    CloseBefore,
    /// No answer ever comes, and nothing else happens.
    HangBefore,
    /// It takes effect; then the connection is closed instead of an answer.
    CloseAfter,
    /// It takes effect; no answer ever comes.
    HangAfter,
    /// It takes effect; the connection is closed when so much of the answer's body has been sent.
    CutBody {
        /// How many bytes are sent.
        after_bytes: usize,
    },
    /// It takes effect; nothing more comes when so much of the answer's body has been sent.
    HangInBody {
        /// How many bytes are sent.
        after_bytes: usize,
    },
    /// It takes effect; in the middle of the answer's body this many bytes are changed.
    CorruptBody {
        /// How many bytes are changed.
        bytes: usize,
    },
    /// The process that calls is to be killed, and nothing else happens: see `StubAws::until_doomed`.
    KillBefore,
    /// It takes effect; then the process that called is to be killed, without an answer.
    KillAfter,
}

impl Fault {
    /// IAM makes as many reports at once as it can.
    pub const LIMIT_EXCEEDED: Fault = Fault::Error { status: 409, code: "LimitExceeded" };
    /// IAM fails within.
    pub const SERVICE_FAILURE: Fault = Fault::Error { status: 500, code: "ServiceFailure" };
    /// S3 or SNS fails within.
    pub const INTERNAL_ERROR: Fault = Fault::Error { status: 500, code: "InternalError" };
    /// S3 asks for fewer requests.
    pub const SLOW_DOWN: Fault = Fault::Error { status: 503, code: "SlowDown" };
    /// The caller may not do this.
    pub const ACCESS_DENIED: Fault = Fault::Error { status: 403, code: "AccessDenied" };
    /// SNS asks for fewer requests.
    pub const THROTTLING: Fault = Fault::Error { status: 400, code: "Throttling" };
    /// SNS cannot answer now.
    pub const UNAVAILABLE: Fault = Fault::Error { status: 503, code: "ServiceUnavailable" };

    /// What happens to the answer of a call that took effect.
    pub(super) fn spoil(self, mut reply: Reply) -> Result<Reply, Closed> {
        let length = reply.body_mut().len();
        match self {
            Fault::CutBody { after_bytes } if after_bytes < length => Ok(reply.cut_after(after_bytes)),
            Fault::HangInBody { after_bytes } => Ok(reply.silent_after(after_bytes)),
            Fault::CorruptBody { bytes } => {
                let mut changed = reply.body_mut().to_vec();
                let middle = length.saturating_sub(bytes) / 2;
                for byte in changed.iter_mut().skip(middle).take(bytes) {
                    *byte ^= 0x5a;
                }
                *reply.body_mut() = changed.into();
                Ok(reply)
            }
            // A body that is too short to be cut: all that can be lost is the answer.
            Fault::CutBody { .. } | Fault::CloseAfter | Fault::CloseBefore => Err(Closed),
            Fault::Error { .. }
            | Fault::HangBefore
            | Fault::HangAfter
            | Fault::KillBefore
            | Fault::KillAfter => Ok(reply),
        }
    }
}

/// Some of the calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Which {
    operation: Option<Operation>,
    target_part: Option<String>,
    when: When,
}

/// Which of the calls that are of the right operation and target; the first has the number 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    Nth(usize),
    First(usize),
}

impl Which {
    /// Every call.
    pub fn any() -> Which {
        Which { operation: None, target_part: None, when: When::Always }
    }

    /// Every call of an operation.
    pub fn every(operation: Operation) -> Which {
        Which { operation: Some(operation), ..Which::any() }
    }

    /// Only those whose target has this in it.
    #[must_use]
    pub fn about(self, target_part: &str) -> Which {
        Which { target_part: Some(target_part.to_owned()), ..self }
    }

    /// Only the n-th of them, counted from 1.
    #[must_use]
    pub fn nth(self, n: usize) -> Which {
        Which { when: When::Nth(n), ..self }
    }

    /// Only the first n of them.
    #[must_use]
    pub fn first(self, n: usize) -> Which {
        Which { when: When::First(n), ..self }
    }
}

/// All that is to go wrong.
#[derive(Debug, Default)]
pub(super) struct Plan {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    which: Which,
    fault: Fault,
    /// How many calls of the right operation and target have come.
    seen: usize,
}

impl Plan {
    pub(super) fn add(&mut self, which: Which, fault: Fault) {
        self.rules.push(Rule { which, fault, seen: 0 });
    }

    /// The fault for the call that has just arrived.
    pub(super) fn next(&mut self, operation: Operation, target: &str) -> Option<Fault> {
        let mut first = None;
        for rule in &mut self.rules {
            let Which { operation: asked, target_part, when } = &rule.which;
            let right = asked.is_none_or(|asked| asked == operation)
                && target_part.as_deref().is_none_or(|part| target.contains(part));
            if !right {
                continue;
            }
            rule.seen += 1;
            let now = match *when {
                When::Always => true,
                When::Nth(n) => rule.seen == n,
                When::First(n) => rule.seen <= n,
            };
            if now {
                first = first.or(Some(rule.fault));
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_counts_the_calls_that_it_is_about() {
        let mut plan = Plan::default();
        plan.add(Which::every(Operation::GetObject).about("/b").nth(2), Fault::SLOW_DOWN);
        plan.add(Which::every(Operation::Publish).first(1), Fault::THROTTLING);
        plan.add(Which::any().nth(6), Fault::CloseAfter);
        let calls = [
            (Operation::GetObject, "s3://logs/b", None),
            (Operation::GetObject, "s3://logs/a", None),
            (Operation::Publish, "arn", Some(Fault::THROTTLING)),
            (Operation::GetObject, "s3://logs/b", Some(Fault::SLOW_DOWN)),
            (Operation::Publish, "arn", None),
            (Operation::GetObject, "s3://logs/b", Some(Fault::CloseAfter)),
            (Operation::GetObject, "s3://logs/b", None),
        ];
        for (n, (operation, target, fault)) in calls.into_iter().enumerate() {
            assert_eq!(plan.next(operation, target), fault, "call {}", n + 1);
        }
    }

    #[test]
    fn of_two_faults_for_one_call_the_first_one_comes() {
        let mut plan = Plan::default();
        plan.add(Which::any(), Fault::CloseBefore);
        plan.add(Which::any(), Fault::SLOW_DOWN);
        assert_eq!(plan.next(Operation::Publish, ""), Some(Fault::CloseBefore));
    }
}
