//! The settings of the function.

use futures_util::future::join_all;
use iamwatch_tests::reports::{User, of_people};
use iamwatch_tests::runtime_api::ACCOUNT;
use iamwatch_tests::stage::metrics;
use serde_json::json;

use super::stage::{done, made, mailed_findings, scheduled, stage, stage_of};

#[tokio::test]
async fn with_an_invalid_setting_every_invocation_fails_and_nothing_is_read() {
    const DAYS: &str = "a whole number of days";
    let wrong = [
        ("ACCESS_KEY_MAX_AGE_DAYS", "ninety", DAYS),
        ("CERTIFICATE_MAX_AGE_DAYS", "0", DAYS),
        ("IDLE_DAYS", "PEOPLE=90", DAYS),
        ("UNUSED_CREDENTIAL_DAYS", "PEOPLE=90,ROBOTS=1", DAYS),
        ("PASSWORD_EXPIRING_DAYS", "-1", DAYS),
        ("ROOT_RECENTLY_USED_DAYS", "1 day", DAYS),
        ("REMIND_DAYS", "often", DAYS),
        ("WATCHED_ACCOUNTS", "all", ""),
        ("WATCHED_ACCOUNTS", "111122223333,1234", ""),
        ("MEMBER_ROLE_NAME", "a role", ""),
        ("MEMBER_EXTERNAL_ID", "x", ""),
        ("MAIL_MIN_SEVERITY", "low", "one of LOW, MEDIUM, HIGH, CRITICAL"),
        ("ACCOUNT_NAMES", "prod", "a comma-separated list of 12-digit account ids"),
        ("CALL_TIMEOUT_MILLIS", "0", "a whole number of milliseconds from 100 to 10000"),
        ("TOPIC_ARN", "findings", "the ARN of an SNS topic"),
        ("STATE_BUCKET", "", "the name of a bucket"),
    ];
    let tried = wrong.map(async |(name, value, expected)| {
        let stage = stage_of(&["alice"]).await.with(name, value);
        let function = stage.function().await;
        for event in [scheduled(1), json!({}), json!({"test_mail": true})] {
            function.refuses_setting(&event, &format!("{name} is {value:?}; it must be {expected}")).await;
        }
        stage.not_called();
        assert!(function.lives());
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_limit_is_the_setting_and_findings_below_the_minimum_severity_are_only_counted() {
    let now = chrono::Utc::now();
    let ago = |days| now - chrono::TimeDelta::days(days);
    let report =
        of_people(ACCOUNT, now, &["alice"]).user(User::new("svc", ago(400)).key(1, ago(200), Some(ago(1))));
    for (settings, expected) in [
        (&[("ACCESS_KEY_MAX_AGE_DAYS", "365")][..], &["password.mfa-disabled"][..]),
        (
            &[("ACCESS_KEY_MAX_AGE_DAYS", "PEOPLE=365,MACHINES=90")],
            &["access-key.unrotated", "password.mfa-disabled"],
        ),
        (&[("MAIL_MIN_SEVERITY", "HIGH")], &["password.mfa-disabled"]),
    ] {
        let mut stage = stage().await;
        for (name, value) in settings {
            stage = stage.with(name, value);
        }
        stage.aws.put_report(ACCOUNT, made(&report, now, 1));
        let function = stage.function().await;
        done(&function.response(&scheduled(1)).await, &function);
        let mail = stage.aws.mails().pop().unwrap();
        let rules: Vec<String> = mailed_findings(&mail).into_iter().map(|[rule, ..]| rule).collect();
        assert_eq!(rules, expected, "{settings:?}");
        let metrics = metrics(&function);
        let counted =
            ["FindingsHigh", "FindingsMedium", "FindingsLow"].map(|name| metrics[name].as_u64().unwrap());
        let found = if settings[0] == ("ACCESS_KEY_MAX_AGE_DAYS", "365") { 1 } else { 2 };
        assert_eq!(counted.iter().sum::<u64>(), found, "{settings:?}: {counted:?}");
    }
}
