//! What iamwatch could not look at, in phrases: each becomes a finding's `what` or a note in the HTML report.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

use crate::text::counted;

/// Log files that were not fetched, with the first answer of AWS.
pub fn log_files_not_fetched(log_files: u64, bucket: &str, answer: &str) -> String {
    format!("{} of bucket {bucket} could not be read: {answer}", counted(log_files, "log file", "log files"))
}

/// The same, without a number for one log file.
pub fn delivered_log_files_not_fetched(log_files: usize, bucket: &str, answer: &str) -> String {
    let log_files = one_or_more(log_files, "log file", "log files");
    format!("{log_files} of bucket {bucket} could not be read: {answer}")
}

/// Messages of the queue that could not be parsed, with the first error.
pub fn messages_not_parsed(messages: usize, first: &str) -> String {
    format!("{} could not be understood: {first}", one_or_more(messages, "message", "messages"))
}

/// Log files that were listed by a backfill's plan and deleted before they were read.
pub fn log_files_vanished(log_files: u64, bucket: &str) -> String {
    let log_files = counted(log_files, "log file", "log files");
    format!(
        "{log_files} of bucket {bucket} could not be read: listed when the backfill was planned, and no more when they were to be read"
    )
}

/// Parts of a backfill without a result. `first` is the first prefix of the first part.
pub fn parts_missing(log_files: u64, parts: u64, bucket: &str, first: &str) -> String {
    let (log_files, parts) = (counted(log_files, "log file", "log files"), counted(parts, "part", "parts"));
    format!(
        "{log_files} of bucket {bucket} were not read: {parts} of the backfill came to nothing, the first about {first}"
    )
}

/// Records that raised a finding when they were read, and cannot be judged again.
pub fn records_not_judged_again(records: u64, first_reason: &str) -> String {
    let records = counted(records, "record", "records");
    format!("{records} that raised something cannot be judged again: the first {first_reason}")
}

/// Sign-ins without a finding that exceeded the limits of a backfill.
pub fn sign_ins_left_out(sign_ins: u64) -> String {
    let sign_ins = counted(sign_ins, "sign-in", "sign-ins");
    format!("{sign_ins} that raised nothing had no room, and are not shown.")
}

/// Cases whose notified intervals a backfill could not read or write.
pub fn cases_not_marked(cases: u64, first: &str) -> String {
    let cases = counted(cases, "case", "cases");
    format!("what was told before of {cases} could not be read or noted, and may repeat: {first}")
}

/// A backfill over days for which the bucket has no log file.
pub fn no_log_files(bucket: &str, from: NaiveDate, to: NaiveDate) -> String {
    format!("bucket {bucket} has no log file of {from} to {to}: what happened then was not looked at")
}

/// State that could not be read or written.
pub fn state_unavailable(answer: &str) -> String {
    format!("what iamwatch remembers could not be read or written: {answer}")
}

/// A checkpoint (`sweep.json`) with times in the future.
pub const SWEEP_IN_THE_FUTURE: &str =
    "what sweep.json says lies in the future; the last days are swept again";

/// A bucket whose delivered log files could not be compared with the receipts.
pub fn deliveries_not_compared(bucket: &str, why: &str) -> String {
    format!("the nightly sweep could not compare what bucket {bucket} was given with what was read: {why}")
}

/// A time for which deliveries will not be compared any more.
pub fn deliveries_skipped(bucket: &str, since: DateTime<Utc>, until: DateTime<Utc>) -> String {
    let second = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    let (from, to) = (since.date_naive(), until.date_naive());
    format!(
        "no nightly sweep came to its end for so long that nobody has compared what bucket {bucket} was given from {} to {} with what was read; `make backfill STACK=name FROM={from} TO={to}` reads all of it",
        second(since),
        second(until)
    )
}

/// `a message`, `2 messages`.
fn one_or_more(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("a {one}") } else { counted(count, one, many) }
}
