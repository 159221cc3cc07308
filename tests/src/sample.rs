//! The sample: one bad day in two accounts, among everyday records.
//!
//! Shapes after the CloudTrail User Guide ("AWS Management Console sign-in events",
//! "CloudTrail digest file structure") and the IAM Identity Center User Guide
//! ("Understanding IAM Identity Center sign-in events"); `tests/fixtures/README.md`
//! says which record is where. `cargo run -p iamwatch-tests --example make-sample` writes it.

pub mod records;
#[cfg(feature = "functions")]
pub mod report;

use std::io;

use crate::corpus::{Calls, Rng, Scene, gzip, key};
use records::{
    NO_SUCH_USER, Outcome, ROOT, STRANGER, WRONG_PASSWORD, call, directory, role_session, sign_in,
    unproven_user, user,
};

const VIRGINIA: &str = "us-east-1";
const EUROPE: &str = "eu-central-1";
const DATE: &str = "2026-04-01";

/// Where the sample is kept, below this package.
pub const FOLDER: &str = "fixtures/sample";

/// One log file of the scenario.
struct LogFile {
    account: &'static str,
    region: &'static str,
    /// When it was delivered, as hours and minutes.
    delivered: (usize, usize),
    /// How many everyday records are around those of the scenario.
    everyday_records: usize,
    scenario: Vec<String>,
}

/// Every object of the sample, as `(key, content)`: log files, one of them cut short, and a digest.
///
/// # Errors
/// Never in practice: everything is made in memory.
pub fn objects() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut objects = Vec::new();
    for (n, file) in log_files().iter().enumerate() {
        let (key, plain) = content(n, file);
        objects.push((key, gzip(&plain)?));
    }
    let (key, plain) = content(objects.len(), &cut_short());
    let mut half = gzip(&plain)?;
    half.truncate(half.len() / 2);
    objects.push((key, half));
    objects.push((digest_key(), gzip(digest().as_bytes())?));
    Ok(objects)
}

fn log_files() -> Vec<LogFile> {
    // The same record is delivered twice, in two files.
    let alice_inside = sign_in(
        3,
        VIRGINIA,
        "08:03:40",
        &user("alice"),
        "198.51.100.23",
        Outcome::Success,
        r#""MFAUsed":"No""#,
    );
    vec![
        LogFile {
            account: "111122223333",
            region: VIRGINIA,
            delivered: (8, 5),
            everyday_records: 30,
            scenario: vec![
                sign_in(
                    1,
                    VIRGINIA,
                    "08:01:12",
                    &unproven_user("alice"),
                    "198.51.100.23",
                    WRONG_PASSWORD,
                    r#""MFAUsed":"No""#,
                ),
                sign_in(
                    2,
                    VIRGINIA,
                    "08:02:05",
                    &unproven_user("alice"),
                    "198.51.100.23",
                    WRONG_PASSWORD,
                    r#""MFAUsed":"No""#,
                ),
                alice_inside.clone(),
            ],
        },
        LogFile {
            account: "111122223333",
            region: VIRGINIA,
            delivered: (8, 10),
            everyday_records: 25,
            scenario: vec![alice_inside],
        },
        LogFile {
            account: "111122223333",
            region: VIRGINIA,
            delivered: (9, 10),
            everyday_records: 30,
            scenario: vec![
                sign_in(4, VIRGINIA, "09:04:31", STRANGER, "203.0.113.9", NO_SUCH_USER, r#""MFAUsed":"No""#),
                sign_in(5, VIRGINIA, "09:04:49", STRANGER, "203.0.113.9", NO_SUCH_USER, r#""MFAUsed":"No""#),
                sign_in(6, VIRGINIA, "09:05:02", STRANGER, "203.0.113.9", NO_SUCH_USER, r#""MFAUsed":"No""#),
                sign_in(
                    7,
                    VIRGINIA,
                    "09:06:27",
                    &unproven_user("bob"),
                    "203.0.113.9",
                    WRONG_PASSWORD,
                    r#""MFAUsed":"Yes""#,
                ),
            ],
        },
        LogFile {
            account: "111122223333",
            region: VIRGINIA,
            delivered: (10, 20),
            everyday_records: 25,
            scenario: vec![
                sign_in(8, VIRGINIA, "10:13:55", ROOT, "192.0.2.44", Outcome::Success, r#""MFAUsed":"No""#),
                sign_in(
                    9,
                    VIRGINIA,
                    "10:15:08",
                    &role_session("SamlAnalyst", "", "dana@example.com"),
                    "192.0.2.80",
                    Outcome::Success,
                    r#""MFAUsed":"No","SamlProviderArn":"arn:aws:iam::111122223333:saml-provider/example-idp""#,
                ),
            ],
        },
        LogFile {
            account: "111122223333",
            region: EUROPE,
            delivered: (11, 15),
            everyday_records: 25,
            scenario: vec![
                sign_in(
                    10,
                    EUROPE,
                    "11:09:30",
                    &role_session(
                        "AWSReservedSSO_Developer_0123456789abcdef",
                        "aws-reserved/sso.amazonaws.com/eu-central-1/",
                        "erin@example.com",
                    ),
                    "192.0.2.81",
                    Outcome::Success,
                    r#""MFAUsed":"No""#,
                ),
                sign_in(
                    11,
                    EUROPE,
                    "11:10:44",
                    &user("carol"),
                    "192.0.2.82",
                    Outcome::Success,
                    r#""MFAIdentifier":"arn:aws:iam::111122223333:mfa/carol-phone","MFAUsed":"Yes""#,
                ),
            ],
        },
        LogFile {
            account: "444455556666",
            region: EUROPE,
            delivered: (12, 30),
            everyday_records: 25,
            scenario: vec![
                directory(12, "12:21:10", "CredentialChallenge", "Success", r#""CredentialType":"PASSWORD""#),
                directory(
                    13,
                    "12:21:19",
                    "CredentialVerification",
                    "Failure",
                    r#""CredentialType":"PASSWORD""#,
                ),
                directory(
                    14,
                    "12:22:03",
                    "CredentialVerification",
                    "Success",
                    r#""CredentialType":"PASSWORD""#,
                ),
                directory(
                    15,
                    "12:22:04",
                    "UserAuthentication",
                    "Success",
                    r#""LoginTo":"https://d-0123456789.awsapps.com/start","UserName":"frank@example.com","CredentialType":"PASSWORD""#,
                ),
            ],
        },
        LogFile {
            account: "111122223333",
            region: VIRGINIA,
            delivered: (14, 5),
            everyday_records: 25,
            scenario: vec![
                call(
                    16,
                    "13:58:01",
                    "iam",
                    "CreateAccessKey",
                    r#"{"userName":"svc-backup"}"#,
                    r#"{"accessKey":{"userName":"svc-backup","accessKeyId":"AKIAI44QH8DHBEXAMPLE","status":"Active","createDate":"Apr 1, 2026, 1:58:01 PM"}}"#,
                ),
                call(
                    17,
                    "13:58:40",
                    "iam",
                    "AttachUserPolicy",
                    r#"{"userName":"svc-backup","policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}"#,
                    "null",
                ),
                call(
                    18,
                    "13:59:22",
                    "iam",
                    "DeactivateMFADevice",
                    r#"{"userName":"bob","serialNumber":"arn:aws:iam::111122223333:mfa/bob-phone"}"#,
                    "null",
                ),
                call(
                    19,
                    "14:00:15",
                    "cloudtrail",
                    "StopLogging",
                    r#"{"name":"arn:aws:cloudtrail:us-east-1:111122223333:trail/management-events"}"#,
                    "null",
                ),
            ],
        },
    ]
}

/// A file whose second half never arrived.
fn cut_short() -> LogFile {
    LogFile {
        account: "444455556666",
        region: VIRGINIA,
        delivered: (15, 40),
        everyday_records: 30,
        scenario: Vec::new(),
    }
}

/// The key of file `n` and its content before compression: the scenario's records at even distances in it.
fn content(n: usize, file: &LogFile) -> (String, Vec<u8>) {
    let (hours, minutes) = file.delivered;
    let scene = Scene {
        account: file.account,
        region: file.region,
        date: DATE.to_string(),
        delivered_seconds: (hours * 60 + minutes) * 60,
    };
    let mut rng = Rng::new(20_260_401, n as u64);
    let key = key(&mut rng, &scene);
    let mut calls = Calls::new(&mut rng, &scene, file.everyday_records);
    let mut scenario = file.scenario.iter();
    let distance = file.everyday_records / (file.scenario.len() + 1);
    let mut plain = br#"{"Records":["#.to_vec();
    for everyday in 0..file.everyday_records {
        if everyday > 0 {
            plain.push(b',');
            if everyday % distance == 0
                && let Some(record) = scenario.next()
            {
                plain.extend_from_slice(record.as_bytes());
                plain.push(b',');
            }
        }
        calls.everyday_record(&mut rng, &scene, &mut plain);
    }
    plain.extend_from_slice(b"]}");
    (key, plain)
}

fn digest_key() -> String {
    "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/04/01/111122223333_CloudTrail-Digest_us-east-1_management-events_us-east-1_20260401T070000Z.json.gz".to_string()
}

/// A digest of an hour without log files: its shape matters here, not what it proves.
fn digest() -> String {
    concat!(
        r#"{"awsAccountId":"111122223333","digestStartTime":"2026-04-01T06:00:00Z","digestEndTime":"2026-04-01T07:00:00Z","#,
        r#""digestS3Bucket":"example-logs","digestS3Object":"AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/04/01/111122223333_CloudTrail-Digest_us-east-1_management-events_us-east-1_20260401T070000Z.json.gz","#,
        r#""digestPublicKeyFingerprint":"00000000000000000000000000000000","digestSignatureAlgorithm":"SHA256withRSA","newestEventTime":null,"oldestEventTime":null,"#,
        r#""previousDigestS3Bucket":null,"previousDigestS3Object":null,"previousDigestHashValue":null,"previousDigestHashAlgorithm":null,"previousDigestSignature":null,"logFiles":[]}"#,
    )
    .to_string()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, io::Read, path::Path};

    use flate2::read::GzDecoder;
    use serde_json::Value;

    use super::{FOLDER, objects};

    /// As much of `content` as can be decompressed, and whether that is all of it.
    fn gunzip(content: &[u8]) -> (Vec<u8>, bool) {
        let mut plain = Vec::new();
        let whole = GzDecoder::new(content).read_to_end(&mut plain).is_ok();
        (plain, whole)
    }

    fn files_below(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files_below(&path, found);
            } else {
                found.push(path.to_str().unwrap().to_string());
            }
        }
    }

    #[test]
    fn the_sample_in_the_repository_is_the_one_that_is_made() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
        let mut expected: Vec<String> = Vec::new();
        for (key, content) in objects().unwrap() {
            let path = folder.join(&key);
            let kept = fs::read(&path).unwrap_or_default();
            // Compressed bytes may differ from one machine to another; what they hold may not.
            assert_eq!(gunzip(&kept), gunzip(&content), "{key}: run the example `make-sample`");
            expected.push(path.to_str().unwrap().to_string());
        }
        let mut found = Vec::new();
        files_below(&folder, &mut found);
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_scenario_record_is_in_the_sample_and_one_of_them_twice() {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        let (mut cut_short, mut without_records) = (0, 0);
        for (key, content) in objects().unwrap() {
            let (plain, whole) = gunzip(&content);
            if !whole {
                cut_short += 1;
                continue;
            }
            let file: Value = serde_json::from_slice(&plain).unwrap();
            let Some(records) = file["Records"].as_array() else {
                assert!(key.contains("/CloudTrail-Digest/"), "{key}");
                without_records += 1;
                continue;
            };
            for record in records {
                assert_eq!(&record["recipientAccountId"], key.split('/').nth(1).unwrap(), "{key}");
                *times.entry(record["eventID"].as_str().unwrap().to_string()).or_default() += 1;
            }
        }
        let scenario: Vec<_> = times.iter().filter(|(id, _)| id.starts_with("5a3e0000-")).collect();
        assert_eq!(scenario.len(), 19);
        assert_eq!(times.values().filter(|times| **times > 1).count(), 1);
        assert_eq!(times["5a3e0000-0000-4000-8000-000000000003"], 2);
        assert_eq!((cut_short, without_records), (1, 1));
    }

    #[test]
    fn the_sample_is_small() {
        let bytes: usize = objects().unwrap().iter().map(|(_, content)| content.len()).sum();
        assert!(bytes < 60_000, "{bytes} bytes");
    }
}
