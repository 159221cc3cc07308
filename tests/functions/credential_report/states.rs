//! Every state of a report, and every error of IAM.

use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use iamwatch_tests::reports::of_people;
use iamwatch_tests::runtime_api::ACCOUNT;
use iamwatch_tests::stage::{could_not_look, email, failed};
use iamwatch_tests::stub_aws::{AccountReport, Fault, Operation, Which};

use super::stage::{asked_for, done, made, report, scheduled, stage, subject_of};

const GENERATE: Operation = Operation::GenerateCredentialReport;
const GET: Operation = Operation::GetCredentialReport;

const THROTTLING: Fault = Fault::THROTTLING;
const REPORT_NOT_PRESENT: Fault = Fault::Error { status: 410, code: "ReportNotPresent" };
const REPORT_EXPIRED: Fault = Fault::Error { status: 410, code: "ReportExpired" };
const REPORT_IN_PROGRESS: Fault = Fault::Error { status: 404, code: "ReportInProgress" };

/// That of alice, who has no second factor.
fn of_alice() -> AccountReport {
    report(ACCOUNT, &["alice"])
}

#[tokio::test]
async fn a_run_waits_for_a_report_that_is_being_generated() {
    let there = || (of_alice(), Vec::new());
    let but = |which: Which, fault| (of_alice(), vec![(which, fault)]);
    let (generate, get) = (|| Which::every(GENERATE), || Which::every(GET));
    let reports = [
        ("there already", there(), 1),
        ("STARTED, then COMPLETE", (of_alice().after(1), vec![]), 2),
        ("STARTED, INPROGRESS twice, then COMPLETE", (of_alice().after(3), vec![]), 4),
        ("in place of an old one", (of_alice().in_place_of_an_old_one().after(2), vec![]), 3),
        ("gone when it is fetched", but(get().nth(1), REPORT_NOT_PRESENT), 2),
        ("expired when it is fetched", but(get().nth(1), REPORT_EXPIRED), 2),
        ("under way when it is fetched", but(get().first(2), REPORT_IN_PROGRESS), 3),
        ("too many at once", but(generate().first(3), Fault::LIMIT_EXCEEDED), 4),
        // The SDK itself asks three times.
        ("a failure of IAM", but(generate().first(4), Fault::SERVICE_FAILURE), 5),
        ("throttled", but(generate().first(4), THROTTLING), 5),
        ("no answer", but(generate().first(3), Fault::CloseBefore), 4),
        ("throttled when it is fetched", but(get().first(3), THROTTLING), 2),
        ("a failure when it is fetched", but(get().first(3), Fault::SERVICE_FAILURE), 2),
        ("broken off when it is fetched", but(get().first(3), Fault::CutBody { after_bytes: 100 }), 2),
    ];
    let tried = reports.map(async |(name, (report, faults), asked)| {
        let stage = stage().await;
        stage.aws.put_report(ACCOUNT, report);
        faults.into_iter().for_each(|(which, fault)| stage.aws.fail(which, fault));
        let function = stage.function().await;
        let response = function.response(&scheduled(1)).await;
        assert_eq!(failed(&response), [""; 0], "{name}: {}", function.output());
        stage.assert_mailed(&[subject_of("alice")], &function);
        stage.assert_delayed(&[]);
        assert_eq!(asked_for(&stage, ACCOUNT), asked, "{name}: {:#?}", stage.aws.calls());
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_report_that_iam_does_not_deliver_is_retried_and_mailed_from_the_third_receive_on() {
    let now = Utc::now();
    let old = made(&of_people(ACCOUNT, now, &["alice"]), now, 25);
    let always = |operation, fault| (of_alice(), Some((Which::every(operation), fault)));
    let broken = |report| (report, None);
    let reports = [
        ("never ready", broken(of_alice().after(1_000_000)), "the report is still being made"),
        ("an unknown state", broken(of_alice().ending_as("PAUSED")), "State is \"PAUSED\""),
        ("no state", broken(of_alice().without(&["State"])), "no State"),
        ("another format", broken(of_alice().of_format("text/html")), "ReportFormat is \"text/html\""),
        ("no content", broken(of_alice().without(&["Content"])), "no Content"),
        ("no time", broken(of_alice().without(&["GeneratedTime"])), "no GeneratedTime"),
        ("an old one", broken(old), "although a new one was asked for"),
        ("too many at once", always(GENERATE, Fault::LIMIT_EXCEEDED), "LimitExceeded"),
        ("a failure of IAM", always(GENERATE, Fault::SERVICE_FAILURE), "ServiceFailure"),
        ("throttled", always(GENERATE, THROTTLING), "Throttling"),
        ("throttled when it is fetched", always(GET, THROTTLING), "Throttling"),
        ("gone when it is fetched", always(GET, REPORT_NOT_PRESENT), "ReportNotPresent"),
        ("expired when it is fetched", always(GET, REPORT_EXPIRED), "ReportExpired"),
        ("under way when it is fetched", always(GET, REPORT_IN_PROGRESS), "still being made"),
        ("no answer", always(GENERATE, Fault::CloseBefore), "dispatch failure"),
    ];
    let tried = reports.map(async |(name, (report, fault), said)| {
        let stage = stage().await;
        stage.aws.put_report(ACCOUNT, report);
        if let Some((which, fault)) = fault {
            stage.aws.fail(which, fault);
        }
        let function = stage.function().await;
        let subject = format!("{}{ACCOUNT}", could_not_look("LOW"));
        for (receives, seconds, mails) in [(1, Some(30), 0), (2, Some(60), 0), (3, None, 1)] {
            let event = scheduled(receives);
            let response = function.response(&event).await;
            let expected: &[&str] = if seconds.is_some() { &["m"] } else { &[] };
            assert_eq!(failed(&response), expected, "{name}, at {receives}: {}", function.output());
            assert_eq!(stage.subjects(), vec![subject.clone(); mails], "{name}, at {receives}");
            stage.assert_delayed(&seconds.map(|seconds| ("m", seconds)).into_iter().collect::<Vec<_>>());
            if mails == 0 {
                stage.aws.forget();
            }
        }
        let text = email(&stage.aws.mails()[0]);
        let flowing = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flowing.contains(said), "{name}: {said}: {text}");

        // It is still open, so the next run does not mail it again; then IAM delivers the report.
        assert_eq!(failed(&function.response(&scheduled(3)).await), [""; 0], "{name}");
        stage.aws.recover();
        stage.aws.put_report(ACCOUNT, of_alice());
        done(&function.response(&scheduled(1)).await, &function);
        stage.assert_mailed(
            &[subject, format!("[HIGH] Credentials: 1 new, 1 resolved - {ACCOUNT}")],
            &function,
        );
    });
    join_all(tried).await;
}

#[tokio::test]
async fn if_iam_never_answers_that_is_mailed_from_the_third_receive_on() {
    let tried = [(GENERATE, Fault::HangBefore), (GET, Fault::HangInBody { after_bytes: 100 })].map(
        async |(operation, fault)| {
            let stage = stage().await.with("CALL_TIMEOUT_MILLIS", "200");
            stage.aws.put_report(ACCOUNT, of_alice());
            stage.aws.fail(Which::every(operation), fault);
            let function = stage.function().await;
            done(&function.response(&scheduled(3)).await, &function);
            stage.assert_mailed(&[format!("{}{ACCOUNT}", could_not_look("LOW"))], &function);
        },
    );
    join_all(tried).await;
}

#[tokio::test]
async fn a_refusal_of_iam_is_mailed_at_once_and_resolves_nothing() {
    let always = |operation| Some((Which::every(operation), Fault::ACCESS_DENIED));
    let none = |content: &'static str| Some(AccountReport::made(content, Utc::now()));
    let no_root = || {
        let now = Utc::now();
        Some(AccountReport::made(of_people(ACCOUNT, now, &["bob+mfa"]).without_root().csv(), now))
    };
    let refusals = [
        (
            "to make one",
            None,
            always(GENERATE),
            "iam:GenerateCredentialReport of account 111122223333 failed: AccessDenied",
        ),
        (
            "to have it",
            None,
            always(GET),
            "iam:GetCredentialReport of account 111122223333 failed: AccessDenied",
        ),
        ("a report without a root row", no_root(), None, "which every report has"),
        ("a report without rows", none("user,arn,user_creation_time\n"), None, "which every report has"),
        ("an empty report", none(""), None, "reading the credential report of account 111122223333 failed"),
        ("a report that is none", none("<html></html>\n"), None, "reading the credential report"),
    ];
    let tried = refusals.map(async |(name, report, fault, said)| {
        let stage = stage().await;
        let now = Utc::now();
        stage.aws.put_report(ACCOUNT, made(&of_people(ACCOUNT, now, &["alice"]), now, 5));
        let function = stage.function().await;
        done(&function.response(&scheduled(1)).await, &function);
        if let Some(report) = report {
            stage.aws.put_report(ACCOUNT, report);
        }
        if let Some((which, fault)) = fault {
            stage.aws.fail(which, fault);
        }
        for _ in 0..2 {
            let response = function.response(&scheduled(1)).await;
            assert_eq!(failed(&response), [""; 0], "{name}: {}", function.output());
        }
        let mut subjects = vec![subject_of("alice"), format!("{}{ACCOUNT}", could_not_look("HIGH"))];
        stage.assert_mailed(&subjects, &function);
        let text = email(&stage.aws.mails()[1]);
        let flowing = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flowing.contains(said), "{name}: {said}: {text}");
        assert!(flowing.contains("What to do"), "{name}: {text}");

        // Findings of before stay open, and are not new when they are seen again.
        stage.aws.recover();
        stage
            .aws
            .put_report(ACCOUNT, made(&of_people(ACCOUNT, now, &["alice"]), now + TimeDelta::hours(1), 1));
        done(&function.response(&scheduled(1)).await, &function);
        subjects.push(format!("[HIGH] Resolved: iamwatch could not look - {ACCOUNT}"));
        stage.assert_mailed(&subjects, &function);
    });
    join_all(tried).await;
}

#[tokio::test]
async fn an_unreadable_cell_is_mailed_and_the_other_rows_are_checked() {
    let stage = stage().await;
    let now = Utc::now();
    let csv = of_people(ACCOUNT, now, &["alice", "bob", "carol"]).csv();
    let broken: Vec<String> =
        csv.lines()
            .map(|line| {
                if line.starts_with("bob,") { line.replacen("false", "perhaps", 1) } else { line.to_owned() }
            })
            .collect();
    stage.aws.put_report(ACCOUNT, AccountReport::made(broken.join("\n"), now - TimeDelta::hours(1)));
    let function = stage.function().await;
    done(&function.response(&scheduled(1)).await, &function);
    let mail = stage.aws.mails().pop().unwrap();
    let mailed_findings: Vec<[String; 3]> = super::stage::mailed_findings(&mail);
    let of = |user: &str| {
        mailed_findings
            .iter()
            .filter(|[_, who, _]| who == user)
            .map(|[rule, ..]| &rule[..])
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (of("alice"), of("carol")),
        (vec!["password.mfa-disabled"], vec!["password.mfa-disabled"]),
        "{mailed_findings:?}"
    );
    let bob: Vec<_> =
        mail.findings().into_iter().filter(|finding| finding.to_string().contains("bob")).collect();
    assert!(!bob.is_empty(), "{mailed_findings:?}");
    assert!(
        bob.iter().all(|finding| finding["metadata"]["event_code"] == "watch.could-not-look"),
        "{bob:#?}"
    );
    // The mail names the cell.
    let text = email(&mail);
    assert!(text.contains("mfa_active"), "{text}");
}
