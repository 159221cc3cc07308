//! The family `watch`: what iamwatch says about its own ability to look.

mod historic;
mod lines;
mod missed;
mod suppressions;

pub use historic::{
    backfill_left, past_findings_left_out, past_log_file_unreadable, past_not_looked_at,
    past_without_log_files,
};
pub use missed::{MISSED, Missed, missed};
pub use suppressions::{
    SUPPRESSION_EXPIRED, SUPPRESSIONS_CHANGED, SUPPRESSIONS_UNREADABLE, suppression_expired,
    suppressions_changed, suppressions_unreadable,
};

use chrono::{DateTime, Utc};

use crate::config::Budget;
use crate::finding::rule::{Kind, Rule};
use crate::finding::{Evidence, Finding, Subject, stable_id};
use crate::formats::cloudtrail::key;
use crate::formats::cloudtrail::scan::{Counts, Problem};
use crate::ports::{AwsError, AwsErrorKind};
use crate::severity::Severity;

/// What every rule of the family says about itself, but for those over records.
pub(super) static RULES: [&Rule; 9] = [
    &COULD_NOT_LOOK,
    &FINDINGS_LEFT_OUT,
    &LOG_FILE_GONE,
    &LOG_FILE_UNREADABLE,
    &MAILS_HELD_BACK,
    &MISSED,
    &SUPPRESSION_EXPIRED,
    &SUPPRESSIONS_CHANGED,
    &SUPPRESSIONS_UNREADABLE,
];

/// Something in a delivered log file could not be read, or should not be there.
pub static LOG_FILE_UNREADABLE: Rule = Rule {
    id: "watch.log-file-unreadable",
    kind: Kind::Check,
    title: "Log file could not be read whole",
    severity: Severity::Medium,
    severity_reason: "What stood there has not been judged, and CloudTrail does not write such files by itself.",
    condition: "a log file, or a record in it, is damaged, too large, or holds more than CloudTrail writes",
    references: &["cis:7.0/4.2", "security-hub:CloudTrail.4", "mitre-attack:17/T1565.001"],
    remediation: &[
        "Look at the object: `aws s3 cp` it and unpack it; compare its size and date with its neighbours.",
        "Validate the trail's log files for that hour (`aws cloudtrail validate-logs`): it says whether the file is the one that CloudTrail wrote.",
        "If it is not: find out who can write to the bucket, and look there for what else was changed.",
        "If it is: look at the same hour with `aws cloudtrail lookup-events`, which does not need the file.",
    ],
};

/// A log file raised more findings than one run can keep.
pub static FINDINGS_LEFT_OUT: Rule = Rule {
    id: "watch.findings-left-out",
    kind: Kind::Check,
    title: "Findings were left out",
    severity: Severity::Medium,
    severity_reason: "What was left out is counted, and no worse than what was kept; but nobody has been told what it was.",
    condition: "a log file, or a backfill, raised thousands of findings, more than a function can keep in its memory",
    references: &["mitre-attack:17/T1110"],
    remediation: &[
        "Look at the mails of the same hour first: somebody may be making noise to hide in.",
        "Have the command line tool judge the log file, which keeps everything: `aws s3 cp` it, then `iamwatch sign-in`.",
    ],
};

/// A log file was delivered, and is not there.
pub static LOG_FILE_GONE: Rule = Rule {
    id: "watch.log-file-gone",
    kind: Kind::Check,
    title: "Delivered log file is gone",
    severity: Severity::High,
    severity_reason: "CloudTrail deletes no log file: somebody or a lifecycle rule did, and what stood there has not been judged.",
    condition: "S3 said that a log file was delivered, and has no such object when it is to be read",
    references: &["cis:7.0/4.2", "mitre-attack:17/T1070"],
    remediation: &[
        "See whether the bucket keeps versions (`aws s3api list-object-versions`): if so, the log file can still be had, and what hides it says when it was deleted.",
        "Find out who can delete in the bucket, and look at what these did at that hour with `aws cloudtrail lookup-events`, which does not need the file. The deletion itself stands only in S3 data events or server access logs.",
        "Read what the log file held with `aws cloudtrail lookup-events` for the same hour, Region and account.",
        "Take the permission to delete log files away from everybody, or turn on S3 Object Lock.",
    ],
};

/// AWS refused, or could not answer, what iamwatch asked in order to look.
pub static COULD_NOT_LOOK: Rule = Rule {
    id: "watch.could-not-look",
    kind: Kind::Check,
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

/// More alerts were raised in an hour than may be mailed.
pub static MAILS_HELD_BACK: Rule = Rule {
    id: "watch.mails-held-back",
    kind: Kind::Check,
    title: "Mails were held back",
    severity: Severity::Medium,
    severity_reason: "As severe as what is held back; LOW where that is what anyone can cause without credentials.",
    condition: "more alerts were raised in an hour than `MAILS_PER_HOUR` lets be mailed",
    references: &["mitre-attack:17/T1562.008"],
    remediation: &[
        "Read the mails of this hour first, the most severe ones before all: somebody may be making noise to hide in.",
        "Look through what was held back: each object is one alert, whole. `aws s3 ls` names them, `aws s3 cp --recursive` fetches them.",
        "Where much of it is harmless and comes again: suppress it, or have it stopped where it comes from.",
        "Where it is not: raise `MAILS_PER_HOUR`, and count on more such hours.",
    ],
};

/// The finding that tells what could not be read of a log file; nothing where all of it could.
pub fn unreadable_log_file(name: &str, counts: &Counts) -> Option<Finding> {
    let reasons: Vec<String> = counts
        .problems
        .iter()
        .map(|problem| match problem.record {
            Some(record) => format!("record {record} {}", problem.reason),
            None => format!("the file {}", problem.reason),
        })
        .collect();
    let first = match counts.problems.first()? {
        Problem { record: Some(record), reason } => format!("record {record} of a log file {reason}"),
        Problem { record: None, reason } => format!("a log file {reason}"),
    };
    Some(of_log_file(
        &LOG_FILE_UNREADABLE,
        name,
        format!("{first} ({} of its {} records not judged)", counts.unreadable, counts.records),
        vec![
            ("records", counts.records.to_string()),
            ("unreadable_records", counts.unreadable.to_string()),
            ("reasons", reasons.join("; ")),
        ],
    ))
}

/// The finding that tells how many findings of a log file were left out; nothing where none was.
pub fn findings_left_out(name: &str, left_out: u64) -> Option<Finding> {
    let what = format!("{left_out} findings of a log file were left out, the least severe ones");
    let facts = vec![("left_out", left_out.to_string())];
    (left_out > 0).then(|| of_log_file(&FINDINGS_LEFT_OUT, name, what, facts))
}

/// The finding that tells of a log file that was gone when it was to be read.
pub fn log_file_gone(name: &str, answer: &str) -> Finding {
    let what = "a log file that was delivered is not there".to_owned();
    of_log_file(&LOG_FILE_GONE, name, what, vec![("answer", answer.to_owned())])
}

fn of_log_file(rule: &'static Rule, name: &str, what: String, facts: Vec<(&'static str, String)>) -> Finding {
    let subject = Subject::LogFile(name.to_owned());
    let mut finding = finding(rule, rule.severity, &[name], subject, what);
    finding.account = key::account(name).map(str::to_owned);
    finding.resource = Some(name.to_owned());
    finding.time = key::delivered(name);
    finding.evidence.log_file = Some(name.to_owned());
    finding.evidence.delivered = key::delivered(name);
    finding.evidence.facts = facts.into();
    finding.summary = crate::finding::summary(&finding);
    finding
}

/// The finding that tells that a source of log files could not be looked at: one for a source, an hour and
/// a severity, however many files it was. `what` says what happened to how many, `first` is one of them.
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
    let mut finding = finding(&COULD_NOT_LOOK, severity, &identity, subject, what);
    finding.account = account.map(str::to_owned);
    finding.resource = Some(source.to_owned());
    finding.time = Some(now);
    finding.evidence.log_file = first;
    finding.summary = crate::finding::summary(&finding);
    finding
}

/// What to do where a credential report, or a part of it, could not be judged.
pub const CREDENTIAL_REPORT_STEPS: &[&str] = &[
    "Nothing that stood open there counts as resolved meanwhile, and every other account is judged all the same. It is asked for again with every run.",
    "sts:AssumeRole refused: the role that `MEMBER_ROLE_NAME` names must exist in that account, trust the function's role and take its external id, as `deploy/member-role.yaml` makes it; an account that is new may lack it.",
    "iam:GenerateCredentialReport or iam:GetCredentialReport refused: see whether the role's policy, its permissions boundary or a service control policy was changed, and by whom.",
    "Something in the report that could not be read: look at it (`aws iam get-credential-report --query Content --output text | base64 -d`). IAM may have begun to write it in another way.",
    "An account that was closed, or that nobody has to watch: take it off the list that `WATCHED_ACCOUNTS` names.",
];

/// What to do where an account is no longer watched.
const ACCOUNT_LEFT_STEPS: &[&str] = &[
    "If you took it off the list, or it was closed: there is nothing to do.",
    "If not, find out who did: `aws cloudtrail lookup-events` knows `LeaveOrganization`, `RemoveAccountFromOrganization` and `CloseAccount`, and what changed the setting `WATCHED_ACCOUNTS`; `config/accounts.txt` keeps its earlier versions.",
    "Look at what that account did since: whoever takes an account out of sight has a reason.",
];

/// The finding that tells that the credential report of an account could not be had or read: the same one until
/// it can be.
pub fn account_not_looked_at(account: &str, trouble: &AwsError, now: DateTime<Utc>) -> Finding {
    let severity = match trouble.kind {
        AwsErrorKind::Denied | AwsErrorKind::NotFound => Severity::High,
        AwsErrorKind::Transient | AwsErrorKind::DeadlineExceeded => Severity::Low,
    };
    let AwsError { call, answer, .. } = trouble;
    let what = format!("the credential report could not be judged: {call} failed: {answer}");
    of_credential_report(&[account], account, severity, what, now)
}

/// The finding that tells that it is not known whose credential reports are to be judged: the same one until it
/// is known. `source` is where that should be found out.
pub fn accounts_not_known(source: &str, own: Option<&str>, why: &str, now: DateTime<Utc>) -> Finding {
    let what = format!(
        "it could not be found out for sure in {source} which accounts are watched, so those of before are: {why}"
    );
    let own = own.unwrap_or_default();
    of_credential_report(&[own, source], own, Severity::High, what, now)
}

/// The finding that tells that an account which was watched is not watched any more: once for each time it leaves.
pub fn account_left(account: &str, own: Option<&str>, now: DateTime<Utc>) -> Finding {
    let what = format!(
        "account {account} is no longer among the watched accounts: its credential report is not judged any more, and what stood open there is not told again"
    );
    let identity = ["left", account, &now.format("%Y-%m-%d").to_string()];
    let finding = of_credential_report(&identity, account, Severity::Medium, what, now);
    let account = Some(account.to_owned());
    Finding { resource: account, account: own.map(str::to_owned), remediation: ACCOUNT_LEFT_STEPS, ..finding }
}

fn of_credential_report(
    identity: &[&str],
    account: &str,
    severity: Severity,
    what: String,
    now: DateTime<Utc>,
) -> Finding {
    let subject = Subject::Account(account.to_owned());
    let mut finding = report_not_judged(identity, severity, subject, what);
    finding.account = Some(account.to_owned()).filter(|account| !account.is_empty());
    finding.time = Some(now);
    finding.summary = crate::finding::summary(&finding);
    finding
}

/// The finding that tells what of a credential report could not be judged. `identity` is the same in the next
/// report, if the same cannot be judged there.
pub fn report_not_judged(identity: &[&str], severity: Severity, subject: Subject, what: String) -> Finding {
    let identity = [&["credential report"], identity].concat();
    let finding = finding(&COULD_NOT_LOOK, severity, &identity, subject, what);
    Finding { remediation: CREDENTIAL_REPORT_STEPS, ..finding }
}

/// Whom findings about the state bucket are counted against, by the URI of anything in it.
pub fn state_bucket(uri: &str) -> Subject {
    Subject::Source(uri.split('/').nth(2).unwrap_or(uri).to_owned())
}

/// The finding that tells how many alerts of this hour are beyond a budget and stand, whole, under a prefix of
/// the state bucket: one for a budget and an hour.
pub fn mails_held_back(
    budget: Budget,
    severity: Severity,
    held_back: u64,
    where_uri: &str,
    now: DateTime<Utc>,
    account: Option<&str>,
) -> Finding {
    let alerts = if held_back == 1 { "1 alert has".to_owned() } else { format!("{held_back} alerts have") };
    let mails = match budget {
        Budget::Of(severity) => format!("no more {severity} mails are sent in this hour"),
        Budget::Unauthenticated => {
            "no more mails are sent in this hour about what anyone can cause without credentials".to_owned()
        }
    };
    let hour = now.format("%Y-%m-%dT%HZ").to_string();
    let subject = state_bucket(where_uri);
    let prefix = where_uri.splitn(4, '/').nth(3).unwrap_or(where_uri);
    let what = format!("{alerts} been held back so far, for {mails}");
    let mut finding = finding(&MAILS_HELD_BACK, severity, &[where_uri, budget.name(), &hour], subject, what);
    finding.account = account.map(str::to_owned);
    finding.resource = Some(prefix.to_owned());
    finding.time = Some(now);
    finding.evidence.object = Some(where_uri.to_owned());
    finding.evidence.facts =
        vec![("held_back", held_back.to_string()), ("budget", budget.name().to_owned())].into();
    finding.summary = crate::finding::summary(&finding);
    finding
}

/// What iamwatch says about itself: nobody did it.
fn finding(
    rule: &'static Rule,
    severity: Severity,
    identity: &[&str],
    subject: Subject,
    what: String,
) -> Finding {
    Finding {
        id: stable_id(&[&[rule.id], identity].concat()),
        rule,
        kind: rule.kind,
        status: None,
        since: None,
        severity,
        title: rule.title,
        summary: String::new(),
        account: None,
        region: None,
        resource: None,
        principal: None,
        time: None,
        source_ip: None,
        user_agent: None,
        evidence: Evidence::default(),
        references: rule.references,
        remediation: rule.remediation,
        subject,
        what,
        by_anyone: false,
    }
}

/// The finding that tells of an object of the state bucket that is not as it was written. A copy of it was
/// put away, and a new one begun.
pub fn state_unreadable(
    uri: &str,
    copy: &str,
    reason: &str,
    now: DateTime<Utc>,
    account: Option<&str>,
) -> Finding {
    let what = format!("what iamwatch remembers in {uri} could not be read, and is begun anew: {reason}");
    let mut finding = could_not_look(uri, account, Severity::High, now, what, None);
    finding.subject = state_bucket(uri);
    finding.evidence.object = Some(copy.to_owned());
    finding
}
