//! Credential reports and accounts, as the functions get them, against an IAM that fails on demand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use iamwatch_aws::iam::Iam;
use iamwatch_tests::reports::{Report, User, of_many};
use iamwatch_tests::runtime_api::ACCOUNT;
use iamwatch_tests::stub_aws::{AccountReport, Fault, Operation, Organization, StubAws, Which};
use shared::config::Config;
use shared::ports::{AwsError, AwsErrorKind, Fetched, Generation, IamReader};

use crate::{OWN_KEY, config, sdk};

const OTHER: &str = "444455556666";
const ROLE: &str = "arn:aws:iam::444455556666:role/iamwatch-member";

/// How often the SDK makes a call.
const ATTEMPTS: usize = 3;

async fn clients(aws: &StubAws, config: &Config) -> Iam {
    Iam::new(&sdk(&aws.endpoint(), OWN_KEY, None), config)
}

/// A run in [`ACCOUNT`].
async fn run(aws: &StubAws) -> Iam {
    clients(aws, &config()).await.of_account(Some(ACCOUNT), "aws")
}

fn generated() -> DateTime<Utc> {
    "2026-04-01T07:59:30Z".parse().unwrap()
}

/// The report of an account, different from that of every other account.
fn csv(account: &str) -> String {
    let user = User::new("bob", generated()).key(1, generated(), None);
    Report::new(account, generated()).user(user).csv()
}

fn report(account: &str) -> AccountReport {
    AccountReport::made(csv(account), generated())
}

fn fetched(account: &str) -> Result<Fetched, AwsError> {
    Ok(Fetched::Report { content: csv(account).into(), generated: generated() })
}

fn operations(aws: &StubAws) -> Vec<Operation> {
    aws.calls().iter().map(|call| call.operation).collect()
}

fn error(status: u16, code: &'static str) -> Fault {
    Fault::Error { status, code }
}

#[tokio::test]
async fn a_report_is_generated_and_then_fetched() {
    let aws = StubAws::start().await;
    for (name, account, wanted) in [
        ("there was none", report(ACCOUNT).after(3), "ReportNotPresent"),
        ("there was an old one", report(ACCOUNT).after(3).in_place_of_an_old_one(), "ReportExpired"),
    ] {
        aws.put_report(ACCOUNT, account);
        let iam = run(&aws).await;
        let trouble = iam.credential_report(ACCOUNT).await.unwrap_err();
        assert_eq!(trouble.kind, AwsErrorKind::NotFound, "{name}: {trouble}");
        assert_eq!(trouble.call, "iam:GetCredentialReport of account 111122223333");
        let said = trouble.to_string();
        assert!(said.contains(wanted) && said.contains("(HTTP 410, request 29f47818"), "{name}: {said}");
        assert!(said.ends_with("; a new report has to be asked for"), "{name}: {said}");
        assert_eq!(iam.generate_report(ACCOUNT).await, Ok(Generation::UnderWay), "{name}: STARTED");
        assert_eq!(iam.generate_report(ACCOUNT).await, Ok(Generation::UnderWay), "{name}: INPROGRESS");
        assert_eq!(iam.credential_report(ACCOUNT).await, Ok(Fetched::UnderWay), "{name}");
        assert_eq!(iam.generate_report(ACCOUNT).await, Ok(Generation::Complete), "{name}");
        assert_eq!(iam.credential_report(ACCOUNT).await, fetched(ACCOUNT), "{name}");
    }
    let calls = aws.calls();
    let of_iam = [Operation::GenerateCredentialReport, Operation::GetCredentialReport];
    assert!(calls.iter().all(|call| of_iam.contains(&call.operation)), "no role is assumed: {calls:#?}");
    assert!(calls.iter().all(|call| call.target == "account 111122223333"), "{calls:#?}");
}

#[tokio::test]
async fn a_report_of_five_thousand_users_arrives_as_it_was_sent() {
    let aws = StubAws::start().await;
    let csv = of_many(ACCOUNT, generated(), 5_000, 7).csv();
    aws.put_report(ACCOUNT, AccountReport::made(csv.clone(), generated()));
    let config = Config { call_timeout: Duration::from_secs(10), ..config() };
    let iam = clients(&aws, &config).await.of_account(Some(ACCOUNT), "aws");
    let Ok(Fetched::Report { content, .. }) = iam.credential_report(ACCOUNT).await else { panic!("none") };
    assert!(content == csv);
}

#[tokio::test]
async fn the_role_of_another_account_is_assumed_once_per_run() {
    use Operation::{AssumeRole, GenerateCredentialReport, GetCredentialReport};
    let aws = StubAws::start().await;
    aws.let_assume(ROLE, None);
    aws.put_report(OTHER, report(OTHER));
    let clients = clients(&aws, &config()).await;
    for run in ["the first run", "the next run of the same sandbox"] {
        aws.forget();
        let iam = clients.of_account(Some(ACCOUNT), "aws");
        assert_eq!(iam.generate_report(OTHER).await, Ok(Generation::Complete), "{run}");
        assert_eq!(iam.credential_report(OTHER).await, fetched(OTHER), "{run}");
        assert_eq!(operations(&aws), [AssumeRole, GenerateCredentialReport, GetCredentialReport], "{run}");
        let targets: Vec<String> = aws.calls().into_iter().map(|call| call.target).collect();
        assert_eq!(targets, [ROLE, "account 444455556666", "account 444455556666"], "{run}");
        assert!(aws.calls().iter().all(|call| call.caller == OWN_KEY), "{run}: who is behind the session");
    }
}

#[tokio::test]
async fn a_session_that_is_about_to_end_is_replaced() {
    let aws = StubAws::start().await;
    aws.let_assume(ROLE, None);
    aws.put_report(OTHER, report(OTHER));
    for (name, seconds, assumed) in
        [("about to end", 59, 3), ("ended", -60, 3), ("as long as was asked for", 900, 1)]
    {
        aws.forget();
        aws.end_sessions_after(seconds);
        let iam = run(&aws).await;
        for _ in 0..3 {
            assert_eq!(iam.credential_report(OTHER).await, fetched(OTHER), "{name}");
        }
        assert_eq!(aws.count(Operation::AssumeRole), assumed, "{name}");
    }
}

#[tokio::test]
async fn a_role_is_assumed_with_its_name_partition_and_external_id_or_not_at_all() {
    let in_china = "arn:aws-cn:iam::444455556666:role/audit/reader";
    let with = |role: &str, id: Option<&str>| Config {
        member_role_name: role.to_owned(),
        member_external_id: id.map(str::to_owned),
        ..config()
    };
    for (name, role, required, partition, config, works) in [
        ("no id, none required", ROLE, None, "aws", with("iamwatch-member", None), true),
        ("an id that nobody asks for", ROLE, None, "aws", with("iamwatch-member", Some("a-1")), true),
        ("the right id", ROLE, Some("a-1"), "aws", with("iamwatch-member", Some("a-1")), true),
        ("another id", ROLE, Some("a-1"), "aws", with("iamwatch-member", Some("a-2")), false),
        ("no id where one is required", ROLE, Some("a-1"), "aws", with("iamwatch-member", None), false),
        ("a role of another name", ROLE, None, "aws", with("reader", None), false),
        ("another partition", ROLE, None, "aws-cn", with("iamwatch-member", None), false),
        ("a path, in another partition", in_china, None, "aws-cn", with("audit/reader", None), true),
    ] {
        let aws = StubAws::start().await;
        aws.let_assume(role, required);
        aws.put_report(OTHER, report(OTHER));
        let iam = clients(&aws, &config).await.of_account(Some(ACCOUNT), partition);
        let asked = iam.credential_report(OTHER).await;
        if works {
            assert_eq!(asked, fetched(OTHER), "{name}");
            continue;
        }
        let trouble = asked.unwrap_err();
        let role = format!("arn:{partition}:iam::{OTHER}:role/{}", config.member_role_name);
        assert_eq!(trouble.kind, AwsErrorKind::Denied, "{name}: {trouble}");
        assert_eq!(trouble.call, format!("sts:AssumeRole {role}"), "{name}");
        let said = trouble.to_string();
        assert!(said.contains("AccessDenied: Access Denied (HTTP 403"), "{name}: {said}");
        assert!(said.contains("with MEMBER_EXTERNAL_ID where that is set"), "{name}: {said}");
        assert_eq!(operations(&aws), [Operation::AssumeRole], "{name}");
        // Nothing is kept of an attempt that failed.
        assert_eq!(iam.generate_report(OTHER).await.unwrap_err(), trouble, "{name}");
    }
}

#[tokio::test]
async fn without_a_known_account_no_account_is_treated_as_the_own_one() {
    let aws = StubAws::start().await;
    aws.put_report(ACCOUNT, report(ACCOUNT));
    let iam = clients(&aws, &config()).await.of_account(None, "aws");
    let trouble = iam.credential_report(ACCOUNT).await.unwrap_err();
    assert_eq!(trouble.call, "sts:AssumeRole arn:aws:iam::111122223333:role/iamwatch-member");
}

#[tokio::test]
async fn the_sessions_of_many_accounts_at_once_are_kept_apart() {
    let aws = StubAws::start().await;
    let accounts: Vec<String> = (0..20).map(|n| format!("4444555566{n:02}")).collect();
    for account in accounts.iter().map(String::as_str).chain([ACCOUNT]) {
        aws.put_report(account, report(account).after(2));
        aws.let_assume(&format!("arn:aws:iam::{account}:role/iamwatch-member"), None);
    }
    let config = Config { call_timeout: Duration::from_secs(10), ..config() };
    let iam = clients(&aws, &config).await.of_account(Some(ACCOUNT), "aws");
    let each = accounts.iter().map(String::as_str).chain([ACCOUNT]).map(async |account| {
        for expected in [Generation::UnderWay, Generation::UnderWay, Generation::Complete] {
            assert_eq!(iam.generate_report(account).await, Ok(expected), "{account}");
        }
        assert_eq!(iam.credential_report(account).await, fetched(account), "{account}");
    });
    join_all(each).await;
    assert_eq!(aws.count(Operation::AssumeRole), accounts.len());
}

#[tokio::test]
async fn every_answer_has_its_own_error_and_is_retried_if_that_can_help() {
    use AwsErrorKind::{Denied, NotFound, Transient};
    use Operation::{AssumeRole, GenerateCredentialReport, GetCredentialReport};
    const GENERATE: &str = "iam:GenerateCredentialReport of account 444455556666";
    const GET: &str = "iam:GetCredentialReport of account 444455556666";
    const ASSUME: &str = "sts:AssumeRole arn:aws:iam::444455556666:role/iamwatch-member";
    let mut tried = vec![
        (GenerateCredentialReport, Fault::LIMIT_EXCEEDED, Transient, 1, "LimitExceeded: "),
        (GenerateCredentialReport, Fault::SERVICE_FAILURE, Transient, ATTEMPTS, "ServiceFailure: "),
        (GetCredentialReport, Fault::SERVICE_FAILURE, Transient, ATTEMPTS, "ServiceFailure: "),
        (GetCredentialReport, error(410, "ReportNotPresent"), NotFound, 1, "ReportNotPresent: "),
        (GetCredentialReport, error(410, "ReportExpired"), NotFound, 1, "ReportExpired: "),
        (GetCredentialReport, error(410, "Gone"), Denied, 1, "Gone: "),
        (GetCredentialReport, error(403, "InvalidClientTokenId"), Denied, 1, "InvalidClientTokenId: "),
        (AssumeRole, error(403, "RegionDisabledException"), Denied, 1, "RegionDisabledException: "),
        (AssumeRole, error(400, "ExpiredTokenException"), Denied, 1, "ExpiredTokenException: "),
    ];
    for operation in [AssumeRole, GenerateCredentialReport, GetCredentialReport] {
        tried.extend([
            (operation, Fault::ACCESS_DENIED, Denied, 1, "AccessDenied: Access Denied (HTTP 403"),
            (operation, Fault::THROTTLING, Transient, ATTEMPTS, "Throttling: Rate exceeded (HTTP 400"),
            (operation, Fault::UNAVAILABLE, Transient, ATTEMPTS, "ServiceUnavailable: "),
            (operation, error(400, "ValidationError"), Denied, 1, "ValidationError: "),
            (operation, Fault::CloseBefore, Transient, ATTEMPTS, ""),
            (operation, Fault::CloseAfter, Transient, ATTEMPTS, ""),
            (operation, Fault::HangBefore, Transient, ATTEMPTS, "timeout"),
            (operation, Fault::HangAfter, Transient, ATTEMPTS, "timeout"),
            (operation, Fault::CutBody { after_bytes: 100 }, Transient, ATTEMPTS, ""),
            (operation, Fault::HangInBody { after_bytes: 100 }, Transient, ATTEMPTS, "timeout"),
            // None of it is XML any more.
            (
                operation,
                Fault::CorruptBody { bytes: usize::MAX },
                Transient,
                1,
                "an answer that cannot be read (HTTP 200, request 29f47818",
            ),
        ]);
    }
    // In the middle of it is Base64.
    let unreadable = "an answer that cannot be read (HTTP 200";
    tried.push((GetCredentialReport, Fault::CorruptBody { bytes: 64 }, Transient, 1, unreadable));
    let tried = tried.into_iter().map(async |(operation, fault, kind, calls, said)| {
        let aws = StubAws::start().await;
        aws.let_assume(ROLE, None);
        aws.put_report(OTHER, report(OTHER));
        aws.fail(Which::every(operation), fault);
        let iam = run(&aws).await;
        let (trouble, call) = match operation {
            GenerateCredentialReport => (iam.generate_report(OTHER).await.map(drop), GENERATE),
            GetCredentialReport => (iam.credential_report(OTHER).await.map(drop), GET),
            _ => (iam.credential_report(OTHER).await.map(drop), ASSUME),
        };
        let trouble = trouble.unwrap_err();
        assert_eq!((trouble.kind, trouble.call.as_str()), (kind, call), "{fault:?}: {trouble}");
        assert!(trouble.answer.contains(said), "{operation:?}, {fault:?}: {trouble}");
        for secret in ["wJalrXUtnFEMI", "session-1", "EXAMPLE/EXAMPLE/"] {
            assert!(!format!("{trouble:?}").contains(secret), "{operation:?}, {fault:?}: {trouble}");
        }
        assert_eq!(aws.count(operation), calls, "{operation:?}, {fault:?}");
        aws.recover();
        assert_eq!(iam.credential_report(OTHER).await, fetched(OTHER), "{operation:?}, {fault:?}, later");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_call_that_fails_at_first_succeeds_at_last() {
    let tried = [
        Fault::SERVICE_FAILURE,
        Fault::THROTTLING,
        Fault::CloseBefore,
        Fault::HangAfter,
        Fault::CutBody { after_bytes: 100 },
    ];
    let tried = tried.map(async |fault| {
        let aws = StubAws::start().await;
        aws.let_assume(ROLE, None);
        aws.put_report(OTHER, report(OTHER));
        let operations =
            [Operation::AssumeRole, Operation::GenerateCredentialReport, Operation::GetCredentialReport];
        for operation in operations {
            aws.fail(Which::every(operation).first(ATTEMPTS - 1), fault);
        }
        let iam = run(&aws).await;
        assert_eq!(iam.generate_report(OTHER).await, Ok(Generation::Complete), "{fault:?}");
        assert_eq!(iam.credential_report(OTHER).await, fetched(OTHER), "{fault:?}");
        for operation in operations {
            assert_eq!(aws.count(operation), ATTEMPTS, "{operation:?}, {fault:?}");
        }
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_missing_or_unknown_value_from_iam_is_named() {
    let aws = StubAws::start().await;
    let iam = run(&aws).await;
    for (said, account) in [
        ("the report's State is \"FAILED\"", report(ACCOUNT).ending_as("FAILED")),
        ("the answer has no State", report(ACCOUNT).without(&["State"])),
    ] {
        aws.put_report(ACCOUNT, account);
        let trouble = iam.generate_report(ACCOUNT).await.unwrap_err();
        assert_eq!((trouble.kind, trouble.answer.as_str()), (AwsErrorKind::Transient, said));
    }
    for (said, account) in [
        ("the ReportFormat is \"text/tsv\"", report(ACCOUNT).of_format("text/tsv")),
        ("the answer has no ReportFormat", report(ACCOUNT).without(&["ReportFormat"])),
        ("the answer has no Content", report(ACCOUNT).without(&["Content"])),
        ("the answer has no GeneratedTime", report(ACCOUNT).without(&["GeneratedTime"])),
    ] {
        aws.put_report(ACCOUNT, account);
        let trouble = iam.credential_report(ACCOUNT).await.unwrap_err();
        assert_eq!((trouble.kind, trouble.answer.as_str()), (AwsErrorKind::Transient, said));
    }
    let calls = aws.calls();
    assert_eq!(calls.len(), 6, "none is made again: {calls:#?}");
}

#[tokio::test]
async fn a_killed_process_is_recognised_in_a_session_too() {
    let aws = StubAws::start().await;
    aws.let_assume(ROLE, None);
    aws.put_report(OTHER, report(OTHER));
    aws.fail(Which::every(Operation::GetCredentialReport), Fault::KillAfter);
    let iam = run(&aws).await;
    tokio::select! {
        answered = iam.credential_report(OTHER) => panic!("{answered:?}"),
        () = aws.until_doomed(OWN_KEY) => {}
    }
    let heard = aws.calls().len();
    assert_eq!(iam.organization_accounts().await.unwrap_err().kind, AwsErrorKind::Transient);
    assert_eq!(aws.calls().len(), heard, "nobody hears what it still calls");
}

#[tokio::test]
async fn a_session_opens_the_credential_report_of_its_account_and_nothing_else() {
    let aws = StubAws::start().await;
    aws.let_assume(ROLE, None);
    aws.put_report(OTHER, report(OTHER));
    aws.put_organization(organization());
    run(&aws).await.credential_report(OTHER).await.unwrap();
    let token = format!("session-1-of-{OTHER}-{}", "EXAMPLE/".repeat(40));
    let invalid = Some("InvalidClientTokenId: ");
    for (name, token, of_report, of_accounts) in [
        ("with its token", Some(token), None, Some("AccessDenied: ")),
        ("with another token", Some("session-2".to_owned()), invalid, invalid),
        ("without a token", None, invalid, invalid),
    ] {
        let sdk = sdk(&aws.endpoint(), "ASIA4444555566660001", token);
        let iam = Iam::new(&sdk, &config()).of_account(Some(OTHER), "aws");
        let report = iam.credential_report(OTHER).await.map(drop);
        let accounts = iam.organization_accounts().await.map(drop);
        for (answered, refused) in [(report, of_report), (accounts, of_accounts)] {
            match (answered, refused) {
                (Ok(()), None) => {}
                (Err(trouble), Some(said)) => assert!(trouble.answer.starts_with(said), "{name}: {trouble}"),
                (answered, _) => panic!("{name}: {answered:?}"),
            }
        }
    }
}

/// Three pages, of which one is empty, and accounts of every state.
fn organization() -> Organization {
    let page = |accounts: &[(&str, &'static str)]| {
        accounts.iter().map(|&(id, state)| (id.to_owned(), state)).collect::<Vec<_>>()
    };
    Organization {
        pages: vec![
            page(&[(OTHER, "ACTIVE"), ("222233334444", "SUSPENDED"), ("333344445555", "PENDING_CLOSURE")]),
            page(&[]),
            page(&[
                (ACCOUNT, "ACTIVE"),
                ("555566667777", "CLOSED"),
                ("666677778888", "PENDING_ACTIVATION"),
                // It moved while the pages were read.
                (OTHER, "ACTIVE"),
            ]),
        ],
        ..Organization::default()
    }
}

#[tokio::test]
async fn the_open_accounts_of_every_page_are_listed_once() {
    let aws = StubAws::start().await;
    for (name, without) in
        [("all members", &[][..]), ("no Status any more", &["Status"]), ("no State yet", &["State"])]
    {
        aws.put_organization(Organization { without, ..organization() });
        aws.forget();
        let listed = run(&aws).await.organization_accounts().await;
        assert_eq!(listed, Ok(vec![ACCOUNT.to_owned(), OTHER.to_owned()]), "{name}");
        let targets: Vec<String> = aws.calls().into_iter().map(|call| call.target).collect();
        assert_eq!(targets, [1, 2, 3].map(|page| format!("page {page} of the accounts")), "{name}");
    }
    let ids: Vec<String> = (0..1_234).map(|n| format!("7777{n:08}")).collect();
    aws.put_organization(Organization::of(&ids.iter().map(String::as_str).collect::<Vec<_>>(), 20));
    assert_eq!(run(&aws).await.organization_accounts().await, Ok(ids));
}

#[tokio::test]
async fn a_list_of_accounts_with_a_missing_page_is_an_error() {
    use AwsErrorKind::{Denied, Transient};
    let not_in_use = error(400, "AWSOrganizationsNotInUseException");
    let too_many = error(400, "TooManyRequestsException");
    let tried = [
        (not_in_use, Denied, 1, "AWSOrganizationsNotInUseException: "),
        (error(403, "AccessDeniedException"), Denied, 1, "AccessDeniedException: "),
        (error(400, "InvalidInputException"), Denied, 1, "InvalidInputException: "),
        (too_many, Transient, ATTEMPTS, "TooManyRequestsException: "),
        (error(500, "ServiceException"), Transient, ATTEMPTS, "ServiceException: "),
        (Fault::UNAVAILABLE, Transient, ATTEMPTS, "ServiceUnavailable: "),
        (Fault::CloseBefore, Transient, ATTEMPTS, ""),
        (Fault::HangBefore, Transient, ATTEMPTS, "timeout"),
        (Fault::CutBody { after_bytes: 10 }, Transient, ATTEMPTS, ""),
        (Fault::HangInBody { after_bytes: 10 }, Transient, ATTEMPTS, "timeout"),
        (Fault::CorruptBody { bytes: usize::MAX }, Transient, 1, "response error: "),
    ];
    let tried = tried.into_iter().flat_map(|tried| [1, 2, 3].map(|page| (page, tried)));
    let tried = tried.map(async |(page, (fault, kind, calls, said))| {
        let aws = StubAws::start().await;
        aws.put_organization(organization());
        aws.fail(Which::every(Operation::ListAccounts).about(&format!("page {page} ")), fault);
        let iam = run(&aws).await;
        let trouble = iam.organization_accounts().await.unwrap_err();
        let call = "organizations:ListAccounts";
        assert_eq!((trouble.kind, trouble.call.as_str()), (kind, call), "{page}, {fault:?}: {trouble}");
        assert!(trouble.answer.contains(said), "{page}, {fault:?}: {trouble}");
        assert_eq!(aws.calls().len(), page - 1 + calls, "{page}, {fault:?}");
        aws.recover();
        assert_eq!(
            iam.organization_accounts().await.map(|accounts| accounts.len()),
            Ok(2),
            "{page}, {fault:?}"
        );
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_list_of_accounts_with_missing_or_unexpected_values_is_an_error() {
    let aws = StubAws::start().await;
    let closed = vec![vec![(OTHER.to_owned(), "CLOSED")]];
    let strange = vec![vec![("4444".to_owned(), "ACTIVE")]];
    for (said, organization) in [
        (
            "the answer has no State of an account",
            Organization { without: &["State", "Status"], ..organization() },
        ),
        ("the answer has no Id of an account", Organization { without: &["Id"], ..organization() }),
        ("the answer has no Id of an account", Organization { pages: strange, ..Organization::default() }),
        ("no account is active", Organization { pages: closed, ..Organization::default() }),
        ("there are more than 1000 pages of accounts", Organization { endless: true, ..organization() }),
    ] {
        aws.put_organization(organization);
        let trouble = run(&aws).await.organization_accounts().await.unwrap_err();
        assert_eq!((trouble.kind, trouble.answer.as_str()), (AwsErrorKind::Transient, said));
    }
}

#[tokio::test]
async fn an_account_outside_an_organisation_is_an_error_that_names_the_fix() {
    let aws = StubAws::start().await;
    let trouble = run(&aws).await.organization_accounts().await.unwrap_err();
    assert_eq!(
        trouble.to_string(),
        "organizations:ListAccounts failed: AWSOrganizationsNotInUseException: Your account is not a member of \
         an organization. (HTTP 400, request 29f47818-99f5-11e1-a4c3-27EXAMPLE804); this account must be the \
         organisation's management account or a delegated administrator, and the function's role must allow the \
         call"
    );
}
