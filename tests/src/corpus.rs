//! Log files like those that CloudTrail delivers, made from a seed.
//!
//! Key layout and file format: CloudTrail User Guide, "Finding your CloudTrail log files"
//! and "CloudTrail log file examples". All names, ids and addresses are made up; the
//! accounts and networks are those kept for documentation.
//!
//! What decides how fast such a file is read is tuned to real ones, which shrink to
//! between 1/7.5 and 1/8.7 at gzip level 6:
//!
//! | | files | records | mean record | plain | compressed | ratio |
//! |---|---|---|---|---|---|---|
//! | [`Corpus::SMALL`] | 2,000 | 105,586 | 1,473 bytes | 155.6 MB | 19.9 MB | 7.80 |
//! | [`Corpus::LARGE`] | 20 | 600,000 | 1,477 bytes | 886.3 MB | 109.6 MB | 8.08 |
//!
//! 0.05 % of the records are console sign-ins; with the other kinds of record that a
//! rule may care about it is 0.1 %.

mod caller;
mod events;
mod rng;
mod template;
mod watched;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use flate2::{Compression, write::GzEncoder};

use caller::Session;
use watched::WATCHED;

pub use rng::Rng;
pub use template::Scene;

/// The accounts that log.
pub const ACCOUNTS: &[&str] = &["111122223333", "444455556666", "123456789012"];

/// The Regions that log, the busier ones more than once.
const REGIONS: &[&str] =
    &["us-east-1", "us-east-1", "us-east-1", "eu-central-1", "eu-central-1", "us-west-2", "us-east-2"];

/// So many sessions call at the same time: the more records a file has, the more.
const ACTIVE_SESSIONS: std::ops::RangeInclusive<usize> = 3..=16;

/// After so many of 100,000 records a new session takes an old one's place.
const NEW_SESSION: usize = 7_000;

/// What a set of log files looks like. The same values give the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corpus {
    /// How many log files.
    pub files: usize,
    /// The fewest records in a file.
    pub fewest_records: usize,
    /// The most records in a file; where it differs from the fewest, small files are commoner.
    pub most_records: usize,
    /// What all else follows from.
    pub seed: u64,
}

/// What [`Corpus::write_to`] wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Log files.
    pub files: usize,
    /// Records in them.
    pub records: usize,
    /// Their size before compression.
    pub plain_bytes: usize,
    /// Their size on disk.
    pub gzip_bytes: usize,
}

impl Corpus {
    /// Many small files, as an account with little activity has them.
    pub const SMALL: Self = Self { files: 2_000, fewest_records: 5, most_records: 150, seed: 1 };

    /// Few files near the largest that CloudTrail delivers (50 MB before compression).
    pub const LARGE: Self = Self { files: 20, fewest_records: 30_000, most_records: 30_000, seed: 2 };

    /// The key of log file `n`, from 0.
    pub fn key(&self, n: usize) -> String {
        let (mut rng, scene, _) = self.plan(n);
        key(&mut rng, &scene)
    }

    /// The content of log file `n`, before compression.
    pub fn file(&self, n: usize) -> Vec<u8> {
        let (mut rng, scene, records) = self.plan(n);
        let mut calls = Calls::new(&mut rng, &scene, records);
        let mut out = Vec::with_capacity(records * 1_600);
        out.extend_from_slice(br#"{"Records":["#);
        for n in 0..records {
            if n > 0 {
                out.push(b',');
            }
            calls.record(&mut rng, &scene, &mut out);
        }
        out.extend_from_slice(b"]}");
        out
    }

    /// A number that changes with anything that changes the files: these values, or this code.
    pub fn fingerprint(&self) -> u64 {
        template::hash(&self.file(0))
    }

    /// How many records log file `n` has.
    pub fn records(&self, n: usize) -> usize {
        self.plan(n).2
    }

    fn plan(&self, n: usize) -> (Rng, Scene, usize) {
        let mut rng = Rng::new(self.seed, n as u64);
        let scene = Scene {
            account: rng.pick(ACCOUNTS),
            region: rng.pick(REGIONS),
            date: format!("2026-04-{:02}", rng.between(1, 28)),
            delivered_seconds: rng.between(600, 86_399),
        };
        let spread = self.most_records - self.fewest_records + 1;
        let records = self.fewest_records + rng.below(spread).min(rng.below(spread));
        (rng, scene, records)
    }

    /// Writes all log files under `folder`, compressed, on every core.
    ///
    /// # Errors
    /// When a folder or a file cannot be written.
    pub fn write_to(&self, folder: &Path) -> io::Result<Written> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut written = Written::default();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= self.files {
                    return Ok(written);
                }
                let plain = self.file(n);
                let compressed = gzip(&plain)?;
                write(folder, &self.key(n), &compressed)?;
                written.files += 1;
                written.records += self.records(n);
                written.plain_bytes += plain.len();
                written.gzip_bytes += compressed.len();
            }
        };
        let workers = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            let started: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            let mut total = Written::default();
            for worker in started {
                let written: io::Result<Written> =
                    worker.join().unwrap_or_else(|_| Err(io::Error::other("a corpus writer panicked")));
                let written = written?;
                total.files += written.files;
                total.records += written.records;
                total.plain_bytes += written.plain_bytes;
                total.gzip_bytes += written.gzip_bytes;
            }
            Ok(total)
        })
    }
}

/// The records of one file: calls of the sessions that are active in it.
#[derive(Debug)]
pub struct Calls {
    sessions: Vec<Session>,
}

impl Calls {
    /// The calls of a file of so many records.
    pub fn new(rng: &mut Rng, scene: &Scene, records: usize) -> Self {
        let active = (records / 10).clamp(*ACTIVE_SESSIONS.start(), *ACTIVE_SESSIONS.end());
        Self { sessions: (0..active).map(|_| Session::new(rng, scene)).collect() }
    }

    /// Appends one record: an everyday call, or rarely one that a rule may care about.
    pub fn record(&mut self, rng: &mut Rng, scene: &Scene, out: &mut Vec<u8>) {
        let mut left = rng.below(100_000);
        for watched in WATCHED {
            if left < watched.per_100_000 {
                scene.fill(rng, out, watched.record);
                return;
            }
            left -= watched.per_100_000;
        }
        self.everyday_record(rng, scene, out);
    }

    /// Appends one record that no rule should care about.
    pub fn everyday_record(&mut self, rng: &mut Rng, scene: &Scene, out: &mut Vec<u8>) {
        let turn = rng.below(self.sessions.len());
        if rng.chance(NEW_SESSION) {
            self.sessions[turn] = Session::new(rng, scene);
        }
        let session = &self.sessions[turn];
        let event = session.habits[rng.below(session.habits.len())];
        // What the request names is also what the response and the resources name.
        let choice = rng.bits();
        let put = |out: &mut Vec<u8>, text: &str| out.extend_from_slice(text.as_bytes());

        put(out, r#"{"eventVersion":"1.11","userIdentity":"#);
        out.extend_from_slice(&session.identity);
        scene.fill(rng, out, r#","eventTime":"<time>","eventSource":""#);
        put(out, event.source);
        put(out, r#"","eventName":""#);
        put(out, event.name);
        put(out, r#"","awsRegion":""#);
        put(out, scene.region);
        put(out, r#"","sourceIPAddress":""#);
        out.extend_from_slice(&session.address);
        put(out, r#"","userAgent":""#);
        out.extend_from_slice(&session.agent);
        put(out, r#"","#);
        // An error's code and text stand before the request; other extras behind the response.
        let details = if event.extra.starts_with(r#""error"#) {
            [
                event.extra,
                r#""requestParameters":"#,
                event.request,
                r#","responseElements":"#,
                event.response,
                ",",
            ]
        } else {
            [
                r#""requestParameters":"#,
                event.request,
                r#","responseElements":"#,
                event.response,
                ",",
                event.extra,
            ]
        };
        scene.fill_with(rng, choice, out, &details.concat());
        scene.fill(rng, out, r#""requestID":"<uuid>","eventID":"<uuid>","readOnly":"#);
        put(out, if event.read_only { "true" } else { "false" });
        if !event.resources.is_empty() {
            put(out, r#","resources":"#);
            scene.fill_with(rng, choice, out, event.resources);
        }
        put(out, r#","eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":""#);
        put(out, scene.account);
        put(out, r#"","eventCategory":"Management""#);
        if session.over_tls {
            put(
                out,
                r#","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":""#,
            );
            put(out, event.source.strip_suffix("amazonaws.com").unwrap_or(event.source));
            put(out, scene.region);
            put(out, r#".amazonaws.com"}"#);
        }
        out.push(b'}');
    }
}

/// A key under which CloudTrail would deliver the log file of `scene`.
pub fn key(rng: &mut Rng, scene: &Scene) -> String {
    let Scene { account, region, date, delivered_seconds } = scene;
    let mut unique = Vec::new();
    rng.letters_and_digits(&mut unique, 16);
    format!(
        "AWSLogs/{account}/CloudTrail/{region}/{}/{account}_CloudTrail_{region}_{}T{:02}{:02}Z_{}.json.gz",
        date.replace('-', "/"),
        date.replace('-', ""),
        delivered_seconds / 3_600,
        delivered_seconds / 60 % 60,
        String::from_utf8_lossy(&unique),
    )
}

/// `plain` as one gzip member, level 6, without a name or a time.
///
/// # Errors
/// Never in practice: the encoder writes into memory.
pub fn gzip(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 6 + 64), Compression::new(6));
    encoder.write_all(plain)?;
    encoder.finish()
}

/// Writes `content` at `key` under `folder`, and the folders it needs.
///
/// # Errors
/// When a folder or the file cannot be written.
pub fn write(folder: &Path, key: &str, content: &[u8]) -> io::Result<PathBuf> {
    let path = folder.join(key);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&path, content)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::{Corpus, events::EVENTS, gzip, watched::WATCHED};

    const FEW: Corpus = Corpus { files: 60, ..Corpus::SMALL };

    fn records(corpus: &Corpus, n: usize) -> Vec<Value> {
        let mut file: Value = serde_json::from_slice(&corpus.file(n)).unwrap();
        serde_json::from_value(file["Records"].take()).unwrap()
    }

    #[test]
    fn the_same_seed_makes_the_same_files_and_another_seed_others() {
        let other = Corpus { seed: FEW.seed + 1, ..FEW };
        assert_eq!(FEW.file(3), FEW.file(3));
        assert_eq!(FEW.key(3), FEW.key(3));
        assert_ne!(FEW.file(3), other.file(3));
        assert_ne!(FEW.file(3), FEW.file(4));
    }

    #[test]
    fn every_file_is_minified_json_without_a_placeholder_left() {
        for n in 0..FEW.files {
            let plain = FEW.file(n);
            assert!(plain.starts_with(br#"{"Records":[{"eventVersion":"#), "file {n}");
            assert!(plain.ends_with(b"}]}"), "file {n}");
            assert!(!plain.contains(&b'<') && !plain.contains(&b'\n'), "file {n}");
            assert_eq!(records(&FEW, n).len(), FEW.records(n), "file {n}");
        }
    }

    #[test]
    fn every_template_is_used_and_every_event_id_is_unique() {
        let corpus = Corpus { files: 1, ..Corpus::LARGE };
        let records = records(&corpus, 0);
        let ids: BTreeSet<_> = records.iter().map(|record| record["eventID"].as_str().unwrap()).collect();
        let names: BTreeSet<_> = records.iter().map(|record| record["eventName"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), records.len());
        for event in EVENTS {
            let elsewhere = event.source == "iam.amazonaws.com";
            assert!(elsewhere || names.contains(event.name), "{}", event.name);
        }
        for name in ["ConsoleLogin", "CredentialVerification", "UserAuthentication", "CreateAccessKey"] {
            assert!(names.contains(name), "{name}");
        }
    }

    #[test]
    fn about_one_record_in_a_thousand_is_for_a_rule() {
        let share: usize = WATCHED.iter().map(|watched| watched.per_100_000).sum();
        let sign_ins: usize = WATCHED
            .iter()
            .filter(|watched| watched.record.contains(r#""eventName":"ConsoleLogin""#))
            .map(|watched| watched.per_100_000)
            .sum();
        assert_eq!((share, sign_ins), (100, 55));
    }

    #[test]
    fn sizes_are_those_of_real_files() {
        for (name, corpus, files) in [("small", Corpus::SMALL, 300), ("large", Corpus::LARGE, 1)] {
            let (mut plain, mut compressed, mut records) = (0, 0, 0);
            for n in 0..files {
                let file = corpus.file(n);
                plain += file.len();
                compressed += gzip(&file).unwrap().len();
                records += corpus.records(n);
            }
            let ratio = plain as f64 / compressed as f64;
            assert!((7.5..8.7).contains(&ratio), "{name}: gzip ratio {ratio:.2}");
            assert!(
                (1_300..1_600).contains(&(plain / records)),
                "{name}: {} bytes a record",
                plain / records
            );
        }
    }

    #[test]
    fn keys_are_those_of_log_files() {
        let key = FEW.key(0);
        let name = key.rsplit('/').next().unwrap();
        let parts: Vec<_> = name.split('_').collect();
        assert!(key.starts_with(&format!("AWSLogs/{}/CloudTrail/{}/2026/04/", parts[0], parts[2])), "{key}");
        assert_eq!((parts.len(), parts[1]), (5, "CloudTrail"), "{key}");
        assert_eq!(parts[4].len(), 16 + ".json.gz".len(), "{key}");
    }
}
