//! `watch.could-not-look`: something that iamwatch has to read could not be read.

use chrono::{DateTime, Utc};

use super::finding::health_finding;
use crate::finding::rule::{Rule, RuleKind};
use crate::finding::{Evidence, Finding, Subject};
use crate::severity::Severity;

/// AWS refused or did not answer a call that iamwatch needs, or an input is damaged.
pub static COULD_NOT_LOOK: Rule = Rule {
    id: "watch.could-not-look",
    kind: RuleKind::Check,
    title: "iamwatch could not look",
    severity: Severity::High,
    severity_reason: "Until somebody changes what AWS refuses, nothing there is judged; where AWS is only busy or silent it is LOW, for it is asked again. \
        MEDIUM for a part of a credential report, unless it is about root or a second factor.",
    condition: "AWS refused or did not answer what iamwatch has to ask in order to judge, a credential report holds what iamwatch cannot read, or what iamwatch remembers is not as it wrote it",
    references: &["mitre-attack:17/T1562.008"],
    remediation: &[
        "Nothing is lost yet: a log file that could not be read waits in the queue and is read again for hours, then for two weeks in its dead-letter queue; once it is put right, move it back (`aws sqs start-message-move-task`). What was found before in a credential report stands until it can be judged again.",
        "AccessDenied: see whether the bucket's policy, the key's policy or the function's role was changed, and by whom; the function needs s3:GetObject on the log files and kms:Decrypt on their key.",
        "A KMS error: see whether the key was disabled or is to be deleted, and by whom.",
        "What iamwatch remembers: find out who wrote to the state bucket, where only its functions may. No mail is lost by it; one that was sent before may come again, and says so.",
        "A credential report: look at the line or column that is named; AWS makes a new report every four hours (`aws iam generate-credential-report`). Where AWS writes it in a new way, iamwatch has to learn that.",
    ],
};

/// A source of log files could not be read: one finding for each source, hour and severity, for any number of
/// files. `what` says what failed for how many log files, `first` is one of them.
pub fn could_not_look(
    source: &str,
    account: Option<&str>,
    severity: Severity,
    now: DateTime<Utc>,
    what: String,
    first: Option<String>,
) -> Finding {
    let hour = now.format("%Y-%m-%dT%HZ").to_string();
    let identity = [source, severity.name(), &hour];
    let subject = Subject::Source(source.to_owned());
    Finding {
        account: account.map(str::to_owned),
        resource: Some(source.to_owned()),
        time: Some(now),
        evidence: Evidence { log_file: first, ..Evidence::default() },
        ..health_finding(&COULD_NOT_LOOK, severity, &identity, subject, what)
    }
    .with_summary()
}
