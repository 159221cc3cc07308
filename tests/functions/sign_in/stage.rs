//! One function, the AWS around it, and what is in its buckets.

use std::ops::Deref;

use iamwatch_tests::corpus::gzip;
use iamwatch_tests::runtime_api::{ACCOUNT, REGION};
use iamwatch_tests::sample::records::{Outcome, ROOT, WRONG_PASSWORD, sign_in, unproven_user, user};
use iamwatch_tests::stage;
use iamwatch_tests::stub_aws::{Call, Operation, Which};

pub use iamwatch_tests::faults::LOGS;
pub use iamwatch_tests::stage::{
    MAY_REPEAT, SHORT, STATE, STATE_OBJECTS, TOPIC, answered_within, could_not_look, email, failed,
    leases_end,
};

/// In every address of a log file.
pub const LOG_FILES: &str = "s3://example-logs/";

/// Everything that one test needs.
pub struct Stage(stage::Stage);

impl Deref for Stage {
    type Target = stage::Stage;

    fn deref(&self) -> &stage::Stage {
        &self.0
    }
}

impl Stage {
    pub async fn new() -> Stage {
        let stage = stage::Stage::of("sign-in").await;
        stage.aws.make_bucket(LOGS, ACCOUNT);
        Stage(stage)
    }

    /// The same with another value of a setting.
    pub fn with(self, name: &str, value: &str) -> Stage {
        Stage(self.0.with(name, value))
    }

    /// The same without a setting.
    pub fn without(self, name: &str) -> Stage {
        Stage(self.0.without(name))
    }

    /// Puts a log file into the bucket in which this user's sign-in fails once, and gives its key.
    pub fn deliver(&self, user: &str) -> String {
        let key = key(user);
        self.aws.put(LOGS, &key, log_file(&[failure(user)]));
        key
    }

    /// How often something was read whose address has this in it.
    pub fn reads(&self, target_part: &str) -> usize {
        let is_it =
            |call: &&Call| call.operation == Operation::GetObject && call.target.contains(target_part);
        self.aws.calls().iter().filter(is_it).count()
    }

    /// What the cases are about that the state bucket holds: `principal`, `source` … Insists that there is
    /// no unknown members beside them.
    #[track_caller]
    pub fn cases(&self) -> Vec<String> {
        let mut kinds = Vec::new();
        for key in self.aws.keys(STATE) {
            match key.split('/').collect::<Vec<_>>()[..] {
                ["cases", _, kind, _] => kinds.push(kind.to_owned()),
                ["budgets", _] | ["overflow", _, _, _] | ["quarantine", ..] | ["read", _, _] => {}
                _ => panic!("{key} is no state object"),
            }
        }
        kinds.sort_unstable();
        kinds
    }
}

/// The reads of log files.
pub fn reading() -> Which {
    Which::every(Operation::GetObject).about(LOG_FILES)
}

/// The subject of the mail about [`failure`].
pub fn failure_subject(user: &str) -> String {
    format!("[MEDIUM] Sign-in failed - {user} - {ACCOUNT}")
}

/// The subject of the mail about [`root_without_mfa`].
pub const ROOT_SUBJECT: &str = "[CRITICAL] Root signed in without MFA - root - 111122223333";

/// A failed sign-in of a user: one finding, one mail. Another user's is another event.
pub fn failure(user: &str) -> String {
    let n = user.bytes().fold(0, |n, byte| n * 31 + usize::from(byte)) % 1_000_000_000;
    numbered_failure(user, n)
}

/// One of several failed sign-ins of a user; they share a mail.
pub fn numbered_failure(user: &str, n: usize) -> String {
    sign_in(
        1_000 + n,
        REGION,
        "08:01:12",
        &unproven_user(user),
        "192.0.2.66",
        WRONG_PASSWORD,
        r#""MFAUsed":"No""#,
    )
}

/// A sign-in of the root user: one finding, one mail.
pub fn root_without_mfa() -> String {
    sign_in(7, REGION, "08:02:00", ROOT, "192.0.2.44", Outcome::Success, r#""MFAUsed":"No""#)
}

/// A user's sign-in without a second factor: another rule than [`failure`]'s.
pub fn signed_in_without_mfa(name: &str) -> String {
    sign_in(8, REGION, "08:03:00", &user(name), "192.0.2.66", Outcome::Success, r#""MFAUsed":"No""#)
}

/// A log file of these records.
pub fn log_file(records: &[String]) -> Vec<u8> {
    gzip(format!(r#"{{"Records":[{}]}}"#, records.join(",")).as_bytes()).unwrap()
}

/// The key of a log file with this name in it.
pub fn key(name: &str) -> String {
    format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/04/01/{ACCOUNT}_CloudTrail_{REGION}_20260401T0805Z_{name:X<16}.json.gz"
    )
}
