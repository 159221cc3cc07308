//! Help texts besides those of single options.

use shared::config::SETTINGS;

/// Exit statuses, for the program's own help.
pub const EXITS: &str = "\
Exit status:
  0   everything was looked at
  1   a finding reaches --fail-on
  2   something could not be looked at, as stderr says (this wins over 1)
  64  the arguments cannot be used";

/// Examples of `iamwatch sign-in`.
pub const SIGN_IN_EXAMPLES: &str = "\
Examples:
  iamwatch sign-in logs/                            the mails that would be sent
  iamwatch sign-in logs/ --format json | jq .rule   one finding a line
  iamwatch sign-in logs/ --min-severity HIGH --fail-on CRITICAL
  iamwatch sign-in logs/ --html report.html         and a page with charts, for a browser
  iamwatch sign-in logs/ --set ALLOWED_SIGN_IN_CIDRS=192.0.2.0/24 --set ACCOUNT_NAMES=111122223333=prod
  iamwatch sign-in s3://your-log-bucket --from 2026-03-01 --to 2026-03-31
  aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=ConsoleLogin > events.json
  iamwatch sign-in events.json";

/// Examples of `iamwatch credential-report`.
pub const CREDENTIAL_REPORT_EXAMPLES: &str = "\
Examples:
  aws iam generate-credential-report     until it says COMPLETE
  aws iam get-credential-report > report.json
  iamwatch credential-report report.json                        the mail that would be sent
  iamwatch credential-report report.json --list                 one row a user
  iamwatch credential-report report.json --set ACCESS_KEY_MAX_AGE_DAYS=PEOPLE=90,MACHINES=365
  iamwatch credential-report 2026-04-01.csv.gz --format json > findings.json
  iamwatch credential-report 2026-04-02.csv.gz --previous findings.json    what is new, what is resolved";

/// Examples of `iamwatch suppressions check`.
pub const SUPPRESSIONS_EXAMPLES: &str = "\
Examples:
  iamwatch suppressions check suppressions.toml           is every entry understood, and when does it expire?
  iamwatch suppressions check suppressions.toml logs/     and what would each of them have hidden there?
  iamwatch suppressions check suppressions.toml report.csv --now 2026-04-01T08:00:00Z
  iamwatch sign-in logs/ --suppressions suppressions.toml";

/// Examples of `iamwatch sign-ins`.
pub const SIGN_INS_EXAMPLES: &str = "\
Examples:
  iamwatch sign-ins logs/
  iamwatch sign-ins logs/ --format csv > sign-ins.csv";

/// Examples of `iamwatch records`.
pub const RECORDS_EXAMPLES: &str = "\
Examples:
  iamwatch records logs/ --event-source iam                          who used IAM
  iamwatch records logs/ --event-name 'Create*' --event-name 'Attach*' --format csv > calls.csv
  iamwatch records logs/ --principal alice --from 2026-04-01 --to 2026-04-02
  iamwatch records logs/ --principal AKIAIOSFODNN7EXAMPLE --format json | jq .event_name
  iamwatch records logs/ --ip 203.0.113.0/24 --error
  iamwatch records s3://your-log-bucket --event-source iam --from 2026-03-30 --to 2026-03-31";

/// The long help of PATH.
pub const PATHS: &str = "\
Log files, or folders of them at any depth, packed with gzip or not.

In a folder, files ending in .json or .json.gz are read, and CloudTrail's digests and the like
are passed over. A file that is named itself may have any ending.

Beside delivered log files these are read: a list of records, one record a line, one record
alone, the output of `aws cloudtrail lookup-events`, EventBridge events, and objects with the
record as text in `_raw`, as log search tools export them.

s3://BUCKET, or s3://BUCKET/PREFIX where the prefix is that of a trail or a folder below it, are the
log files of the days from --from to --to that CloudTrail delivered there; s3://BUCKET/KEY.json.gz is
one of them. They are read with the credentials that the AWS CLI would use. (This takes an iamwatch
that `make cli` has built.)";

/// The long help of the credential report's FILE.
pub const REPORT_FILE: &str = "\
The report: the CSV file, packed with gzip or not, or what `aws iam get-credential-report` prints.
- is standard input.

Ages are judged against the moment at which AWS made the report. What the AWS CLI prints says when
that was, and so do the gzip files that iamwatch keeps in its state bucket. (It is the time in the
header, where gzip itself writes when the file was last changed.) A bare CSV file does not say it.";

/// The examples, after a list of every setting that `--set` knows.
pub fn with_settings(examples: &str) -> String {
    let mut help = "Settings:\n".to_owned();
    for setting in SETTINGS {
        let default = if setting.default.is_empty() { "nothing" } else { setting.default };
        let indented = |text: &str| wrapped(text, "          ");
        help += &format!("  {} [default: {default}]\n", setting.name);
        help += &indented(setting.purpose);
        help += &indented(&format!("It must be {}.", setting.accepts.expected()));
        help += "\n";
    }
    help + examples
}

/// Wraps the text at 100 characters.
fn wrapped(text: &str, indentation: &str) -> String {
    let mut lines = String::new();
    let mut line = indentation.to_owned();
    for word in text.split(' ') {
        if line.len() + 1 + word.len() > 100 {
            lines += &format!("{}\n", line.trim_end());
            line = indentation.to_owned();
        }
        line += word;
        line.push(' ');
    }
    lines + &format!("{}\n", line.trim_end())
}
