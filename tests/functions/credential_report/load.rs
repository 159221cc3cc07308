//! A report of 5,000 users.

use std::time::Instant;

use chrono::Utc;
use iamwatch_tests::reports::of_many;
use iamwatch_tests::runtime_api::ACCOUNT;
use iamwatch_tests::stage::{STATE, email, said};

use super::stage::{done, made, scheduled, stage};

const USERS: usize = 5_000;

/// The memory of the deployed function; see `template.yaml`.
const MEMORY_BYTES: u64 = 512 << 20;

#[tokio::test]
async fn the_first_check_of_5000_users_is_one_mail_and_the_second_is_none() {
    let stage = stage().await;
    let now = Utc::now();
    let report = of_many(ACCOUNT, now - chrono::TimeDelta::hours(1), USERS, 1);
    stage.aws.put_report(ACCOUNT, made(&report, now, 1));
    let function = stage.function().await;
    for look in ["first", "second"] {
        let asked = Instant::now();
        done(&function.response(&scheduled(1)).await, &function);
        let peak = function.peak_memory_bytes().unwrap_or_default();
        eprintln!("{look} look at {USERS} users: {:?}, at most {} MiB so far", asked.elapsed(), peak >> 20);
        assert!(peak < MEMORY_BYTES / 2, "{peak} bytes");
    }
    let lines = said(&function, "credential reports judged");
    let counts = ["users", "findings", "told_new", "mails"]
        .map(|name| lines.iter().map(|line| line["fields"][name].as_u64().unwrap()).collect::<Vec<_>>());
    let [users, findings, mailed, mails] = &counts;
    assert_eq!((&users[..], &mails[..]), (&[5_000, 5_000][..], &[1, 0][..]), "{counts:?}");
    assert_eq!((findings[0], mailed[0], mailed[1]), (findings[1], findings[0], 0), "{counts:?}");
    assert!(findings[0] > 1_500, "{counts:?}");

    let mails = stage.aws.mails();
    let attributes: usize =
        mails[0].attributes.iter().map(|(name, value)| name.len() + value.value.len()).sum();
    let bytes = mails[0].message.len() + attributes;
    eprintln!("{} findings, one mail of {bytes} bytes", findings[0]);
    assert!(bytes < 200_000, "{bytes}");
    stage.assert_mailed(&[format!("[HIGH] Credentials: {} new - {ACCOUNT}", findings[0])], &function);
    let text = email(&mails[0]);
    assert!(text.lines().count() < 400, "{}", text.lines().count());
    assert!(text.contains(&format!("{} findings in all", findings[0])), "{text}");
    let ledger = stage.aws.content(STATE, &format!("audits/credential-report/{ACCOUNT}.json")).unwrap();
    eprintln!("the account's ledger has {} KiB", ledger.len() >> 10);
}
