//! The ways in which a call goes wrong.

use super::point::Point;
use super::{LOGS, STATE};
use crate::stub_aws::{Fault, Operation};

/// A kind of fault, for any call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// An error with that HTTP status is answered.
    Error(u16),
    /// No answer ever comes; the call took no effect.
    HangBefore,
    /// No answer ever comes; the call took effect.
    HangAfter,
    /// The connection is cut; the call took no effect.
    CutBefore,
    /// The connection is cut; the call took effect.
    CutAfter,
    /// The connection is cut in the middle of the answer's body.
    CutBody,
    /// Bytes of the answer's body are other ones.
    CorruptBody,
    /// The process is killed; the call took no effect.
    KillBefore,
    /// The process is killed; the call took effect.
    KillAfter,
}

impl Damage {
    /// All of them, in the order of the table's columns.
    pub const ALL: [Damage; 16] = [
        Damage::Error(400),
        Damage::Error(403),
        Damage::Error(404),
        Damage::Error(409),
        Damage::Error(412),
        Damage::Error(429),
        Damage::Error(500),
        Damage::Error(503),
        Damage::HangBefore,
        Damage::HangAfter,
        Damage::CutBefore,
        Damage::CutAfter,
        Damage::CutBody,
        Damage::CorruptBody,
        Damage::KillBefore,
        Damage::KillAfter,
    ];

    /// Its name on the command line.
    pub fn name(self) -> String {
        match self {
            Damage::Error(status) => status.to_string(),
            Damage::HangBefore => "hang-before".to_owned(),
            Damage::HangAfter => "hang-after".to_owned(),
            Damage::CutBefore => "cut-before".to_owned(),
            Damage::CutAfter => "cut-after".to_owned(),
            Damage::CutBody => "cut-body".to_owned(),
            Damage::CorruptBody => "corrupt-body".to_owned(),
            Damage::KillBefore => "kill-before".to_owned(),
            Damage::KillAfter => "kill-after".to_owned(),
        }
    }

    /// Its name as the head of a column.
    pub fn short(self) -> String {
        match self {
            Damage::Error(status) => status.to_string(),
            Damage::HangBefore => "h-b".to_owned(),
            Damage::HangAfter => "h-a".to_owned(),
            Damage::CutBefore => "c-b".to_owned(),
            Damage::CutAfter => "c-a".to_owned(),
            Damage::CutBody => "cut".to_owned(),
            Damage::CorruptBody => "cor".to_owned(),
            Damage::KillBefore => "k-b".to_owned(),
            Damage::KillAfter => "k-a".to_owned(),
        }
    }

    /// Whether it ends the process.
    pub fn kills(self) -> bool {
        matches!(self, Damage::KillBefore | Damage::KillAfter)
    }

    /// Whether it is unknown afterwards if the call took effect. An error says that it did not.
    pub fn leaves_unknown(self) -> bool {
        !matches!(self, Damage::Error(_))
    }

    /// The fault at that point; `None` if this kind cannot happen there.
    pub fn at(self, point: &Point) -> Option<Fault> {
        let has_body = point.answer_bytes > 0;
        Some(match self {
            Damage::Error(status) => Fault::Error { status, code: code(point, status) },
            Damage::HangBefore => Fault::HangBefore,
            Damage::HangAfter => Fault::HangAfter,
            Damage::CutBefore => Fault::CloseBefore,
            Damage::CutAfter => Fault::CloseAfter,
            Damage::CutBody if has_body => Fault::CutBody { after_bytes: point.answer_bytes / 2 },
            // A listing has no checksum: only TLS, which is not here, would notice that a key is another one.
            Damage::CorruptBody if point.operation == Operation::ListObjects => return None,
            Damage::CorruptBody if has_body => Fault::CorruptBody { bytes: 16 },
            Damage::CutBody | Damage::CorruptBody => return None,
            Damage::KillBefore => Fault::KillBefore,
            Damage::KillAfter => Fault::KillAfter,
        })
    }
}

/// The code that AWS would answer with that status, where it has one.
///
/// Sources: Amazon S3 API Reference, "Error responses"; Amazon SNS API Reference, `Publish`, "Errors"; Amazon
/// SQS API Reference, "Common error types"; IAM, STS, Organizations and Step Functions API References, "Common
/// errors" and those of each call.
fn code(point: &Point, status: u16) -> &'static str {
    let of_log_file = point.place.starts_with(&format!("s3://{LOGS}/"));
    match (point.operation, status) {
        (Operation::Publish, 400) => "InvalidParameter",
        (Operation::Publish, 403) => "AuthorizationError",
        (Operation::Publish, 404) => "NotFound",
        (Operation::Publish, 409) => "ConcurrentAccess",
        (Operation::Publish, 429) => "Throttled",
        (Operation::Publish, 500) => "InternalError",
        (Operation::Publish, _) => "ServiceUnavailable",
        (Operation::ChangeMessageVisibility, 400) => "ReceiptHandleIsInvalid",
        (Operation::ChangeMessageVisibility, 403) => "AccessDenied",
        (Operation::ChangeMessageVisibility, 404) => "QueueDoesNotExist",
        (Operation::ChangeMessageVisibility, 429) => "RequestThrottled",
        (Operation::ChangeMessageVisibility, 500) => "InternalFailure",
        (Operation::ChangeMessageVisibility, _) => "ServiceUnavailable",
        (Operation::GenerateCredentialReport, 409) => "LimitExceeded",
        (Operation::GetCredentialReport, 404) => "ReportInProgress",
        (Operation::AssumeRole | Operation::GenerateCredentialReport | Operation::GetCredentialReport, _) => {
            iam_code(status)
        }
        (Operation::ListAccounts, _) => organizations_code(status),
        (Operation::StartExecution, _) => states_code(status),
        (Operation::ListObjects, 404) => "NoSuchBucket",
        (_, 400) => "KMS.DisabledException",
        (_, 403) => "AccessDenied",
        // What a person wrote, or CloudTrail, and is said to be gone is given up, as it should be: it does not
        // come back. S3 never says so of one that is there.
        (_, 404) if of_log_file || point.state_folder() == Some("config") => "NoSuchBucket",
        (_, 404) => "NoSuchKey",
        (Operation::PutObject, 409) => "ConditionalRequestConflict",
        (_, 409) => "OperationAborted",
        (_, 412) => "PreconditionFailed",
        (_, 429) => "TooManyRequestsException",
        (_, 500) => "InternalError",
        (_, _) => "SlowDown",
    }
}

fn iam_code(status: u16) -> &'static str {
    match status {
        400 => "ValidationError",
        403 => "AccessDenied",
        404 => "NoSuchEntity",
        409 => "ConcurrentModification",
        412 => "PreconditionFailed",
        429 => "Throttling",
        500 => "ServiceFailure",
        _ => "ServiceUnavailable",
    }
}

fn organizations_code(status: u16) -> &'static str {
    match status {
        400 => "AWSOrganizationsNotInUseException",
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        409 => "ConcurrentModificationException",
        412 => "PreconditionFailedException",
        429 => "TooManyRequestsException",
        500 => "ServiceException",
        _ => "ServiceUnavailableException",
    }
}

fn states_code(status: u16) -> &'static str {
    match status {
        400 => "InvalidExecutionInput",
        403 => "AccessDeniedException",
        404 => "StateMachineDoesNotExist",
        409 => "StateMachineDeleting",
        412 => "ValidationException",
        429 => "ThrottlingException",
        500 => "InternalFailure",
        _ => "ServiceUnavailable",
    }
}

/// Whether it is unknown if a mail was published, or if that was recorded, when something went
/// wrong at that point in that way.
pub fn leaves_notification_unknown(damage: Damage, point: &Point) -> bool {
    /// The content decides about no mail that was published before.
    const BESIDE: &[&str] = &["budgets", "config", "overflow", "quarantine", "read", "reports", "seen"];
    let of_state = point.place.starts_with(&format!("s3://{STATE}/"));
    let recording = point.operation == Operation::PutObject
        && of_state
        && point.state_folder().is_none_or(|folder| !BESIDE.contains(&folder));
    damage.leaves_unknown() && (point.operation == Operation::Publish || recording)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(operation: Operation, place: &str, answer_bytes: usize) -> Point {
        Point { operation, place: place.to_owned(), nth: 1, answer_bytes }
    }

    #[test]
    fn every_fault_has_its_own_name_and_column() {
        for name in [Damage::name, Damage::short] {
            let mut names: Vec<String> = Damage::ALL.into_iter().map(name).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), Damage::ALL.len());
        }
    }

    #[test]
    fn only_a_body_that_is_there_is_cut_or_corrupted() {
        let put = point(Operation::PutObject, "s3://example-state/cases/a.json", 0);
        let get = point(Operation::GetObject, "s3://example-state/cases/a.json", 40);
        assert_eq!((Damage::CutBody.at(&put), Damage::CorruptBody.at(&put)), (None, None));
        assert_eq!(Damage::CutBody.at(&get), Some(Fault::CutBody { after_bytes: 20 }));
    }

    #[test]
    fn a_mail_may_be_repeated_only_if_its_publish_or_its_recording_is_unknown() {
        let publish = point(Operation::Publish, "arn", 9);
        let case = point(Operation::PutObject, "s3://example-state/cases/a.json", 0);
        let read = point(Operation::GetObject, "s3://example-state/cases/a.json", 9);
        let budget = point(Operation::PutObject, "s3://example-state/budgets/", 0);
        for (name, damage, point, unknown) in [
            ("a lost answer of SNS", Damage::CutAfter, &publish, true),
            ("a killing at a publish", Damage::KillBefore, &publish, true),
            ("an error of SNS", Damage::Error(500), &publish, false),
            ("a lost answer to a case", Damage::HangAfter, &case, true),
            ("a refused case", Damage::Error(403), &case, false),
            ("a lost read", Damage::HangAfter, &read, false),
            ("a lost answer to a budget", Damage::CutAfter, &budget, false),
        ] {
            assert_eq!(leaves_notification_unknown(damage, point), unknown, "{name}");
        }
    }
}
