//! Digests over parts in memory: what they tell beside live runs, when they die, and when the state bucket fails.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use flate2::read::GzDecoder;
use futures_util::FutureExt;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::finding::RecordPlace;
use crate::formats::cloudtrail::counts::Counts;
use crate::formats::events::backfill::Wanted;
use crate::ports::{NotificationSink, Ports, Precondition, PublishError, StoredObject, WriteOutcome};
use crate::rules::detections;
use crate::state::backfill::{
    ItemResult, KeptRecord, KeyRange, PlanItem, UnfetchedLogFile, UnreadableLogFile,
};
use crate::state::case;
use crate::state::format::FORMAT;
use crate::use_cases::notify::{Notifier, OnStateFailure};

/// A state bucket, a topic and a clock that answer at once, or never again.
#[derive(Default)]
struct World {
    objects: RefCell<BTreeMap<String, StoredObject>>,
    writes: Cell<usize>,
    /// How many calls there were, and at which one the run dies.
    calls: Cell<usize>,
    last: Cell<Option<usize>>,
    /// So many writes from now on are made, and their answers are lost.
    loses: Cell<usize>,
    published: RefCell<Vec<Notification>>,
    later: Cell<i64>,
    /// How long runs may still go on; nothing where that never ends.
    left: Cell<Option<u64>>,
    /// What AWS neither gives nor takes, as the key begins.
    refuses: RefCell<Option<String>>,
    randoms: Cell<u128>,
}

const BUCKET: &str = "logs";
const FOLDER: &str = "backfills/2026-01-01_2026-01-31_0123456789abcdef/1/";
const OTHER_FOLDER: &str = "backfills/2026-01-01_2026-01-31_0123456789abcdef/2/";

impl World {
    fn is_dead(&self) -> bool {
        self.last.get().is_some_and(|last| self.calls.get() >= last)
    }

    async fn call(&self) {
        self.calls.set(self.calls.get() + 1);
        if self.is_dead() {
            std::future::pending().await
        }
    }

    fn put(&self, key: &str, content: &str) {
        let (content, tag) = (content.to_owned().into(), format!("{content:?}"));
        self.objects.borrow_mut().insert(key.to_owned(), StoredObject { content, tag, modified: None });
    }

    fn put_over(&self, key: &str, content: &[u8], over: Precondition<'_>) -> WriteOutcome {
        let mut objects = self.objects.borrow_mut();
        let as_expected = match (over, objects.get(key)) {
            (Precondition::Absent, found) => found.is_none(),
            (Precondition::Tag(tag), found) => found.is_some_and(|found| found.tag == tag),
        };
        if !as_expected {
            return WriteOutcome::Conflict;
        }
        self.writes.set(self.writes.get() + 1);
        let tag = self.writes.get().to_string();
        let stored = StoredObject { content: content.to_vec().into(), tag: tag.clone(), modified: None };
        objects.insert(key.to_owned(), stored);
        WriteOutcome::Written(tag)
    }

    fn keys(&self, prefix: &str) -> Vec<String> {
        self.objects.borrow().keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    fn text(&self, key: &str) -> String {
        let stored = self.objects.borrow()[key].content.clone();
        let mut text = String::new();
        match key.ends_with(".gz") {
            true => GzDecoder::new(&stored[..]).read_to_string(&mut text).map(drop).unwrap(),
            false => text = String::from_utf8(stored.to_vec()).unwrap(),
        }
        text
    }
}

impl StateStore for World {
    async fn read(&self, key: &str) -> Result<Option<StoredObject>, AwsError> {
        self.call().await;
        if self.refuses.borrow().as_deref().is_some_and(|refused| key.starts_with(refused)) {
            return Err(refused("GetObject"));
        }
        Ok(self.objects.borrow().get(key).cloned())
    }

    async fn write(
        &self,
        key: &str,
        content: &[u8],
        over: Precondition<'_>,
    ) -> Result<WriteOutcome, AwsError> {
        self.call().await;
        let written = self.put_over(key, content, over);
        if written == WriteOutcome::Conflict {
            return Ok(written);
        }
        if self.loses.get() > 0 {
            self.loses.set(self.loses.get() - 1);
            let (call, answer) = ("put".to_owned(), "no answer".to_owned());
            return Err(AwsError { kind: AwsErrorKind::Transient, call, answer });
        }
        self.call().await;
        Ok(written)
    }

    async fn delete(&self, key: &str) -> Result<(), AwsError> {
        self.objects.borrow_mut().remove(key);
        Ok(())
    }

    fn uri(&self, key: &str) -> String {
        format!("s3://iamwatch-state/{key}")
    }
}

impl NotificationSink for World {
    async fn ready(&self) {}

    async fn publish(&self, alert: &Notification) -> Result<String, PublishError> {
        self.call().await;
        self.published.borrow_mut().push(alert.clone());
        self.call().await;
        Ok("1".to_owned())
    }
}

impl Runtime for World {
    fn now(&self) -> DateTime<Utc> {
        at("2026-04-01T12:00:00Z") + TimeDelta::seconds(self.later.get())
    }

    fn time_left(&self) -> Duration {
        Duration::from_secs(self.left.get().unwrap_or(600))
    }

    async fn sleep(&self, duration: Duration) {
        if self.is_dead() || duration > Duration::from_secs(60) {
            std::future::pending().await
        }
    }

    fn random(&self) -> u128 {
        self.randoms.set(self.randoms.get() + 1);
        self.randoms.get()
    }
}

/// Waits once.
async fn yielded() {
    let mut is_first = true;
    std::future::poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }
    })
    .await
}

fn refused(call: &str) -> AwsError {
    let (call, answer) = (format!("s3:{call}"), "AccessDenied".to_owned());
    AwsError { kind: AwsErrorKind::Denied, call, answer }
}

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

fn log_file(n: usize) -> String {
    format!(
        "s3://{BUCKET}/AWSLogs/111122223333/CloudTrail/us-east-1/2026/01/05/111122223333_CloudTrail_us-east-1_20260105T0820Z_file{n}.json.gz"
    )
}

/// A console sign-in of somebody at that minute of the fifth of January, with or without a second factor.
fn sign_in(id: &str, user: &str, minute: i64, mfa: &str) -> Value {
    json!({
        "eventTime": at("2026-01-05T00:00:00Z") + TimeDelta::minutes(minute), "eventID": id,
        "awsRegion": "us-east-1", "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin",
        "recipientAccountId": "111122223333", "sourceIPAddress": "192.0.2.10",
        "userIdentity": {"type": "IAMUser", "userName": user, "arn": format!("arn:aws:iam::111122223333:user/{user}")},
        "responseElements": {"ConsoleLogin": "Success"}, "additionalEventData": {"MFAUsed": mfa},
    })
}

fn kept(file: usize, record: &Value) -> KeptRecord {
    let json = serde_json::value::to_raw_value(record).unwrap();
    KeptRecord { log_file: log_file(file), record: 0, json }
}

fn part(records: &[Value]) -> ItemResult {
    let count = records.len() as u64;
    let counts = Counts { log_files: 1, records: count, judged: count, ..Counts::default() };
    let records = records.iter().enumerate().map(|(n, record)| kept(n, record)).collect();
    ItemResult { format: FORMAT, counts, records, ..ItemResult::default() }
}

fn plan(parts: usize) -> Plan {
    let prefix = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/01/05/".to_owned();
    let range = KeyRange { prefix, objects: 12, bytes: 3_000, ..KeyRange::default() };
    let day = |day: &str| day.parse().unwrap();
    let (accounts, regions) = (BTreeSet::new(), BTreeSet::new());
    let wanted = Wanted { from: day("2026-01-01"), to: day("2026-01-31"), accounts, regions };
    let items = vec![PlanItem { ranges: vec![range] }; parts];
    Plan { format: FORMAT, bucket: BUCKET.to_owned(), wanted, items }
}

/// One attempt; nothing where its run dies.
fn attempt(
    world: &World,
    (folder, alert_id): (&str, &str),
    notify: bool,
    parts: &[Option<&str>],
) -> Option<Result<DigestOutput, AwsError>> {
    attempt_with(world, (folder, alert_id), notify, parts, &Config::default())
}

fn attempt_with(
    world: &World,
    (folder, alert_id): (&str, &str),
    notify: bool,
    parts: &[Option<&str>],
    config: &Config,
) -> Option<Result<DigestOutput, AwsError>> {
    world.calls.set(0);
    let plan = plan(parts.len());
    let part = async |number: usize| match parts[number] {
        Some("refused") => Err(refused("GetObject")),
        part => Ok(part.map(|part| serde_json::from_str::<ItemResult>(part).unwrap().pack().unwrap().into())),
    };
    let run = async {
        let state_client = StateClient::new(world, world, config, Duration::ZERO);
        let accepted = SuppressionFile::load(&state_client, None).await?;
        digest(
            &DigestRequest { folder, plan: &plan, notify, teller: teller(alert_id), lost: None },
            part,
            &accepted,
            &state_client,
            config,
        )
        .await
    };
    run.now_or_never()
}

fn teller(alert_id: &str) -> DigestIdentity<'_> {
    DigestIdentity { alert_id, run: "a backfill", repeats: false }
}

fn digested(world: &World, folder: &str, alert_id: &str, parts: &[Option<&str>]) -> DigestOutput {
    attempt(world, (folder, alert_id), true, parts).unwrap().unwrap()
}

/// The part of an item of [`plan`], which are all alike.
fn packed(part: &ItemResult) -> String {
    let mut part = serde_json::to_value(part).unwrap();
    part["item"] = plan(1).items[0].fingerprint().into();
    part.to_string()
}

fn email(alert: &Notification) -> String {
    let forms: Value = serde_json::from_str(&alert.message).unwrap();
    forms["email"].as_str().unwrap().to_owned()
}

/// Whatever lines it is broken into.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every finding has one fate.
fn sum(digested: &DigestOutput) {
    let DigestOutput { findings, counts, .. } = digested;
    let DigestCounts { notified, known, suppressed, counted_only, left_out } = counts;
    assert_eq!(
        findings.values().sum::<u64>(),
        notified + known + suppressed + counted_only + left_out,
        "{digested:?}"
    );
}

/// What a live run finds in such records is told.
fn live(world: &World, records: &[Value]) -> Vec<Notification> {
    let config = Config::default();
    let findings = records.iter().filter_map(|record| {
        let place = RecordPlace { log_file: &log_file(9), record: 0, delivered: None };
        detections::judge(record.to_string().as_bytes(), &config, place).unwrap()
    });
    let before = world.published.borrow().len();
    let outside = Ports { logs: &(), state: world, alerts: world, runtime: world, account: None };
    let run = async {
        let mut telling =
            Notifier::new(&config, &outside, OnStateFailure::PublishWithoutState, Duration::ZERO);
        let accepted = telling.load_suppressions().await;
        telling.notify(findings.collect(), BTreeSet::new(), accepted.as_ref()).await;
        assert!(telling.not_notified.is_empty(), "{:?}", telling.not_notified);
    };
    run.now_or_never().unwrap();
    world.published.borrow()[before..].to_vec()
}

#[test]
fn what_all_parts_come_to_is_one_mail_one_list_and_one_page() {
    let alice = [sign_in("1", "alice", 0, "No"), sign_in("2", "alice", 600, "No")];
    let bob = [sign_in("3", "bob", 0, "No"), sign_in("4", "carol", 0, "Yes"), alice[0].clone()];
    let mut second = part(&bob);
    second.unreadable = vec![UnreadableLogFile {
        log_file: log_file(20),
        records: 2,
        reason: "has invalid UTF-8".to_owned(),
    }];
    second.unfetched = vec![
        UnfetchedLogFile { log_file: log_file(21), is_gone: true, answer: "NoSuchKey".to_owned() },
        UnfetchedLogFile {
            log_file: log_file(22),
            is_gone: false,
            answer: "AccessDenied: no kms:Decrypt".to_owned(),
        },
    ];
    second.left_out = [(Severity::Low, 7)].into();
    second.left_out_sign_ins = 3;
    let parts = [packed(&part(&alice)), packed(&second)];
    let parts = [Some(&parts[0][..]), Some(&parts[1]), None];
    let world = World::default();
    let digest = digested(&world, FOLDER, "d1", &parts);
    sum(&digest);
    assert_eq!(
        (digest.counts.notified, digest.counts.known, digest.counts.left_out),
        (8, 0, 7),
        "{digest:?}"
    );
    let alert = digest.alert.unwrap();
    assert_eq!(alert.subject, "[HIGH] Backfill 2026-01-01 to 2026-01-31: 5 findings - 111122223333");
    let mail = email(&alert);
    for said in [
        "A backfill of 2026-01-01 to 2026-01-31 has 5 findings that nobody was told of: 4 HIGH, 1 MEDIUM. It could not look at everything. The worst: ",
        "AccessDenied: no kms:Decrypt",
        "12 log files of bucket logs were not read: 1 part of the backfill came to",
        "7 findings of a backfill were left out",
        "2026-01-05 alice, 2 times, from 192.0.2.10\n",
        "aws s3 cp s3://iamwatch-state/backfills/2026-01-01_2026-01-31_0123456789abcdef/1/report.html .\n",
        "Alert id d1\n",
    ] {
        assert!(words(&mail).contains(&words(said)), "{said}: {mail}");
    }
    assert_eq!(digest.objects[0], format!("s3://iamwatch-state/{FOLDER}findings.jsonl.gz"));
    let lines = world.text(&format!("{FOLDER}findings.jsonl.gz"));
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 8);
    assert!(lines.iter().all(|line| line["unmapped"]["historic"] == true && line["class_uid"] == 2004));
    let ids: BTreeSet<String> = lines.iter().map(|line| line["metadata"]["uid"].to_string()).collect();
    assert_eq!(ids.len(), 8);
    assert!(!world.text(&format!("{FOLDER}report.html")).is_empty());

    // Again, by another backfill: what could not be looked at is told, and nothing else.
    let again = digested(&world, OTHER_FOLDER, "d2", &parts);
    sum(&again);
    assert_eq!((again.counts.notified, again.counts.known), (3, 5), "{again:?}");
    let alert = again.alert.unwrap();
    assert_eq!(alert.subject, "[HIGH] Backfill 2026-01-01 to 2026-01-31: could not look at all of it");
    let whole = digested(&world, "backfills/x/3/", "d3", &parts[..1]);
    sum(&whole);
    assert_eq!((whole.alert, whole.counts.notified, whole.counts.known), (None, 0, 2));
}

#[test]
fn promise_2_what_live_runs_told_is_known_and_what_a_digest_tells_is_told_by_no_live_run() {
    let records =
        [sign_in("1", "alice", 0, "No"), sign_in("2", "bob", 0, "No"), sign_in("3", "bob", 5, "No")];
    let parts = packed(&part(&records));
    let world = World::default();
    assert_eq!(live(&world, &records[..1]).len(), 1);
    let digest = digested(&world, FOLDER, "d1", &[Some(&parts)]);
    assert_eq!((digest.counts.notified, digest.counts.known), (2, 1), "{digest:?}");
    sum(&digest);
    assert!(email(&digest.alert.unwrap()).contains("findings: 1 that people were told of before."));
    assert!(live(&world, &records).is_empty());
    assert_eq!(live(&world, &[sign_in("4", "bob", 500, "No")]).len(), 1, "another episode");
}

#[test]
fn promise_1_a_digest_that_dies_anywhere_is_begun_again_and_comes_to_the_same() {
    let records: Vec<Value> =
        (0..4).map(|n| sign_in(&n.to_string(), &format!("user-{n}"), n * 10, "No")).collect();
    let mut whole = part(&records);
    whole.unreadable =
        vec![UnreadableLogFile { log_file: log_file(7), records: 0, reason: "is empty".to_owned() }];
    let parts = packed(&whole);
    let world = || {
        let world = World::default();
        // The case of one of them is not as it was written.
        let subject = detections::judge(
            records[3].to_string().as_bytes(),
            &Config::default(),
            RecordPlace { log_file: "x", record: 0, delivered: None },
        );
        world.put(&case::key(&subject.unwrap().unwrap().subject), "{\"format\": 7}");
        world
    };
    let expected = digested(&world(), FOLDER, "d1", &[Some(&parts)]);
    let alert = expected.alert.clone().unwrap();
    assert!(email(&alert).contains("could not be read, and is begun anew"), "{}", email(&alert));
    assert!(email(&alert).contains("\nMay repeat"), "{}", email(&alert));
    let mut steps = 0;
    for last in 1.. {
        let world = world();
        world.last.set(Some(last));
        if let Some(done) = attempt(&world, (FOLDER, "d1"), true, &[Some(&parts)]) {
            assert_eq!(done.unwrap().alert, expected.alert);
            break;
        }
        steps += 1;
        world.last.set(None);
        // What is delivered again meanwhile is told by one of the two.
        let of_live = if last % 3 == 0 { live(&world, &records[..2]) } else { Vec::new() };
        let digest = digested(&world, FOLDER, "d1", &[Some(&parts)]);
        sum(&digest);
        assert_eq!(digest.counts.notified as usize + of_live.len(), 6, "dead at {last}: {of_live:?}");
        let again = digested(&world, FOLDER, "d1", &[Some(&parts)]);
        assert_eq!(again.alert, digest.alert, "dead at {last}");
        if of_live.is_empty() {
            assert_eq!(digest.alert, expected.alert, "dead at {last}");
        }
        let next = digested(&world, OTHER_FOLDER, "d2", &[Some(&parts)]);
        assert_eq!((next.alert, next.counts.notified), (None, 0), "dead at {last}");
    }
    assert!(steps > 30, "{steps}");
}

#[test]
fn what_aws_refuses_to_give_is_told_and_keeps_nobody_from_being_told_of_the_rest() {
    let parts =
        [packed(&part(&[sign_in("1", "alice", 0, "No"), sign_in("2", "bob", 0, "No")])), "refused".into()];
    let parts = [Some(&parts[0][..]), Some(&parts[1])];
    let world = World::default();
    assert_eq!(digested(&world, FOLDER, "d1", &parts[..1]).counts.notified, 2);
    let case = world.keys("cases/")[0].clone();
    *world.refuses.borrow_mut() = Some(case.clone());
    let digest = digested(&world, OTHER_FOLDER, "d2", &parts);
    sum(&digest);
    // One of the two is known, the other told again; the part and the case are told.
    assert_eq!((digest.counts.notified, digest.counts.known), (3, 1), "{digest:?}");
    let mail = words(&email(&digest.alert.unwrap()));
    for said in [
        "12 log files of bucket logs were not read: 1 part of the backfill came to nothing",
        "what was told before of 1 case could not be read or noted, and may repeat: ",
        "May repeat",
        "AccessDenied",
    ] {
        assert!(mail.contains(said), "{said}: {mail}");
    }
    assert!(mail.replace(' ', "").contains(&case), "{mail}");
    // What nobody can write to is another matter: the digest has to be begun again.
    *world.refuses.borrow_mut() = Some(OTHER_FOLDER.to_owned());
    let trouble = attempt(&world, (OTHER_FOLDER, "d2"), true, &parts).unwrap().unwrap_err();
    assert_eq!(trouble.kind, AwsErrorKind::Denied);
}

#[test]
fn parts_are_fetched_ahead_and_taken_in_order() {
    let whole = packed(&part(&[sign_in("1", "alice", 0, "No")]));
    let world = World::default();
    let (config, plan) = (Config::default(), plan(40));
    let (fetching, most) = (Cell::new(0), Cell::new(0));
    let fetch = async |number: usize| {
        fetching.set(fetching.get() + 1);
        most.set(most.get().max(fetching.get()));
        // The first of those that are fetched answers last.
        for _ in 0..9 - number % 8 {
            yielded().await;
        }
        fetching.set(fetching.get() - 1);
        Ok(Some(serde_json::from_str::<ItemResult>(&whole).unwrap().pack().unwrap().into()))
    };
    let about = DigestRequest { folder: FOLDER, plan: &plan, notify: true, teller: teller("d1"), lost: None };
    let run = async {
        let state_client = StateClient::new(&world, &world, &config, Duration::ZERO);
        let accepted = SuppressionFile::load(&state_client, None).await?;
        digest(&about, fetch, &accepted, &state_client, &config).await
    };
    // Whatever waits here is asked again at once.
    let (mut run, mut context) = (Box::pin(run), Context::from_waker(Waker::noop()));
    let digest = loop {
        if let Poll::Ready(digest) = run.as_mut().poll(&mut context) {
            break digest.unwrap();
        }
    };
    assert_eq!((digest.read.items, digest.counts.notified, most.get()), (40, 1, reading::MAX_AHEAD));
}

#[test]
fn without_time_for_its_end_a_digest_is_left_to_the_next_run() {
    let parts = packed(&part(&[sign_in("1", "alice", 0, "No")]));
    let world = World::default();
    let (config, plan) = (Config::default(), plan(1));
    let fetch = async |_: usize| {
        world.left.set(Some(19));
        Ok(Some(serde_json::from_str::<ItemResult>(&parts).unwrap().pack().unwrap().into()))
    };
    let about = DigestRequest { folder: FOLDER, plan: &plan, notify: true, teller: teller("d1"), lost: None };
    let run = async {
        let state_client = StateClient::new(&world, &world, &config, Duration::ZERO);
        let accepted = SuppressionFile::load(&state_client, None).await?;
        digest(&about, fetch, &accepted, &state_client, &config).await
    };
    let trouble = run.now_or_never().unwrap().unwrap_err();
    assert_eq!(trouble.kind, AwsErrorKind::DeadlineExceeded, "{trouble}");
    assert!(world.keys(FOLDER).iter().all(|key| key.ends_with("digest.json")));
    // One that begins with little time takes a quarter of it.
    assert_eq!(digested(&world, FOLDER, "d1", &[Some(&parts)]).counts.notified, 1);
}

#[test]
fn a_digest_that_is_begun_again_days_later_says_the_same() {
    let mut records = vec![sign_in("1", "alice", 0, "No")];
    // Nobody knows when that was.
    let mut timeless = sign_in("2", "bob", 0, "No");
    timeless.as_object_mut().unwrap().remove("eventTime");
    records.push(timeless);
    let mut whole = part(&records);
    whole.records.iter_mut().for_each(|record| record.log_file = "s3://logs/odd name.json.gz".to_owned());
    let parts = [Some(packed(&whole)), None];
    let parts = [parts[0].as_deref(), None];
    let world = World::default();
    let first = digested(&world, FOLDER, "d1", &parts);
    let objects = world.objects.borrow().clone();
    world.later.set(5 * 24 * 3600);
    let again = digested(&world, FOLDER, "d1", &parts);
    assert_eq!((first.alert, first.counts.notified), (again.alert, again.counts.notified));
    for key in world.keys(FOLDER) {
        assert_eq!(world.objects.borrow()[&key], objects[&key], "{key}");
    }
}

#[test]
fn who_is_not_to_be_told_gets_the_list_and_nothing_is_noted_as_told() {
    let parts = packed(&part(&[sign_in("1", "alice", 0, "No")]));
    let world = World::default();
    let digest = attempt(&world, (FOLDER, "d1"), false, &[Some(&parts), None]).unwrap().unwrap();
    assert_eq!((digest.alert, digest.counts.notified, digest.counts.known), (None, 0, 0));
    assert_eq!(digest.findings[&Severity::High], 2);
    assert!(world.keys("cases/").is_empty());
    assert_eq!(world.text(&format!("{FOLDER}findings.jsonl.gz")).lines().count(), 2);
    assert_eq!(digested(&world, OTHER_FOLDER, "d2", &[Some(&parts)]).counts.notified, 1);
}

#[test]
fn what_is_accepted_or_too_little_is_counted_and_told_to_nobody() {
    let world = World::default();
    let entry = "[[suppression]]\nrule = \"sign-in.without-mfa\"\naccount = \"111122223333\"\nprincipal = \"alice\"\nreason = \"x\"\nexpires = \"2026-12-31\"\n";
    world.put("config/suppressions.toml", entry);
    let mut failed = sign_in("3", "HIDDEN_DUE_TO_SECURITY_REASONS", 0, "No");
    failed["responseElements"]["ConsoleLogin"] = json!("Failure");
    failed["userIdentity"].as_object_mut().unwrap().remove("arn");
    let parts = packed(&part(&[sign_in("1", "alice", 0, "No"), sign_in("2", "bob", 0, "No"), failed]));
    let digest = digested(&world, FOLDER, "d1", &[Some(&parts)]);
    sum(&digest);
    assert_eq!(
        (digest.counts.notified, digest.counts.suppressed, digest.counts.counted_only),
        (1, 1, 1),
        "{digest:?}"
    );
    let mail = email(&digest.alert.unwrap());
    assert!(mail.contains("findings: 1 suppressed; 1 only counted"), "{mail}");
    let critical = Config::from_lookup(|name| (name == "MAIL_MIN_SEVERITY").then(|| "CRITICAL".to_owned()));
    let config = critical.unwrap();
    let digest = attempt_with(&World::default(), (FOLDER, "d1"), true, &[Some(&parts)], &config);
    let digest = digest.unwrap().unwrap();
    sum(&digest);
    assert_eq!((digest.alert.is_none(), digest.counts.notified, digest.counts.counted_only), (true, 0, 3));
}

#[test]
fn a_range_that_began_before_what_is_remembered_says_that_it_may_repeat() {
    let parts = packed(&part(&[sign_in("1", "alice", 0, "No")]));
    let world = World::default();
    assert!(!email(&digested(&world, FOLDER, "d1", &[Some(&parts)]).alert.unwrap()).contains("May repeat"));
    let world = World::default();
    world.later.set(400 * 24 * 3600);
    let mail = email(&digested(&world, FOLDER, "d1", &[Some(&parts)]).alert.unwrap());
    assert!(mail.contains("May repeat  what was mailed before 2026-04-01 is no longer remembered"), "{mail}");
}

#[test]
fn an_answer_of_the_state_bucket_that_is_lost_changes_nothing() {
    let parts = packed(&part(&[sign_in("1", "alice", 0, "No"), sign_in("2", "bob", 0, "No")]));
    let expected = digested(&World::default(), FOLDER, "d1", &[Some(&parts)]);
    for loses in 1..4 {
        let world = World::default();
        world.loses.set(loses);
        let digest = digested(&world, FOLDER, "d1", &[Some(&parts)]);
        assert_eq!(digest.alert, expected.alert, "{loses} lost");
        assert_eq!(digested(&world, OTHER_FOLDER, "d2", &[Some(&parts)]).counts.notified, 0, "{loses} lost");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn promise_2_however_records_are_divided_between_live_runs_and_backfills_each_episode_is_told_once(
        steps in prop::collection::vec(
            (prop::collection::vec(prop::bool::weighted(0.6), 18), 0usize..4, prop::option::of(1usize..60)),
            1..7,
        ),
    ) {
        // Three episodes of each of three people, two records each.
        let name = |n: usize| format!("user-{}", n % 3);
        let records: Vec<Value> = (0..18)
            .map(|n| sign_in(&n.to_string(), &name(n), (n / 3 % 3 * 300 + n / 9 * 20) as i64, "No"))
            .collect();
        let world = World::default();
        let mut told: Vec<Notification> = Vec::new();
        let mut seen = [false; 9];
        for (number, (which, kind, last)) in steps.iter().enumerate() {
            let these: Vec<Value> =
                which.iter().zip(&records).filter(|(is_in, _)| **is_in).map(|(_, record)| record.clone()).collect();
            which.iter().enumerate().filter(|(_, is_in)| **is_in).for_each(|(n, _)| seen[n % 9] = true);
            if *kind == 0 {
                told.extend(live(&world, &these));
                continue;
            }
            let (folder, alert_id) = (format!("backfills/x/{number}/"), format!("digest {number}"));
            let cut = these.len() / kind;
            let parts = [packed(&part(&these[..cut])), packed(&part(&these[cut..]))];
            let parts = [Some(&parts[0][..]), Some(&parts[1][..])];
            world.last.set(*last);
            let first = attempt(&world, (&folder, &alert_id), true, &parts);
            world.last.set(None);
            let whole = digested(&world, &folder, &alert_id, &parts);
            if let Some(first) = first {
                prop_assert_eq!(&first.unwrap().alert, &whole.alert);
            }
            told.extend(whole.alert);
        }
        let mut tellings = [0; 9];
        for alert in &told {
            let forms: Value = serde_json::from_str(&alert.message).unwrap();
            let documents: Vec<Value> = serde_json::from_str(forms["default"].as_str().unwrap()).unwrap();
            let events = documents.iter().map(|document| document["unmapped"]["event_id"].as_str().unwrap());
            let episodes: BTreeSet<usize> = events.map(|id| id.parse::<usize>().unwrap() % 9).collect();
            episodes.into_iter().for_each(|episode| tellings[episode] += 1);
        }
        prop_assert_eq!(tellings, seen.map(usize::from));
    }
}
