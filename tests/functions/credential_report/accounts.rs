//! Other accounts, by role, from a list, a file and the organisation.

use futures_util::future::join_all;
use iamwatch_tests::runtime_api::ACCOUNT;
use iamwatch_tests::stage::{STATE, Stage, email, failed};
use iamwatch_tests::stub_aws::{Fault, Operation, Organization, Which};

use super::stage::{MEMBER, ROLE, asked_for, done, mailed_findings, report, scheduled, stage_of, subject_of};

const ACCOUNTS_FILE: &str = "config/accounts.txt";
const EXTERNAL_ID: &str = "iamwatch-example";

/// Alice here and mallory in the other account have no second factor; the role there asks for the external id.
async fn stage_with_member(watched: &str) -> Stage {
    let stage = stage_of(&["alice"]).await.with("WATCHED_ACCOUNTS", watched);
    stage.aws.put_report(MEMBER, report(MEMBER, &["mallory"]));
    stage.aws.let_assume(ROLE, Some(EXTERNAL_ID));
    stage.with("MEMBER_EXTERNAL_ID", EXTERNAL_ID)
}

const BOTH: &str = "[HIGH] Credentials: 2 new - 111122223333 +1 account";

fn roles_assumed(stage: &Stage) -> Vec<String> {
    let calls = stage.aws.calls().into_iter();
    calls.filter(|call| call.operation == Operation::AssumeRole).map(|call| call.target).collect()
}

#[tokio::test]
async fn another_account_is_checked_by_its_role_and_one_mail_reports_both() {
    let organization = || Organization::of(&[ACCOUNT, MEMBER], 1);
    let tried = ["444455556666", "file", "organization"].map(async |watched| {
        let stage = stage_with_member(watched).await;
        stage.aws.put(STATE, ACCOUNTS_FILE, format!("# others\n{MEMBER} # test\n"));
        stage.aws.put_organization(organization());
        let function = stage.function().await;
        for _ in 0..2 {
            done(&function.response(&scheduled(1)).await, &function);
        }
        stage.assert_mailed(&[BOTH], &function);
        let mail = &stage.aws.mails()[0];
        let who: Vec<String> = mailed_findings(mail).into_iter().map(|[_, who, _]| who).collect();
        assert_eq!(who, ["alice", "mallory"], "{watched}");
        assert_eq!(mail.attribute("account"), Some(r#"["111122223333","444455556666"]"#), "{watched}");
        assert_eq!(roles_assumed(&stage), [ROLE, ROLE], "{watched}: once a run");
        let keys = stage.aws.keys(STATE);
        for account in [ACCOUNT, MEMBER] {
            let kept = format!("reports/{account}/");
            assert!(keys.iter().any(|key| key.starts_with(&kept)), "{watched}: {keys:?}");
        }
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_role_of_another_name_is_assumed_if_it_is_set() {
    let stage =
        stage_of(&["alice"]).await.with("WATCHED_ACCOUNTS", MEMBER).with("MEMBER_ROLE_NAME", "auditor");
    stage.aws.put_report(MEMBER, report(MEMBER, &["mallory"]));
    stage.aws.let_assume("arn:aws:iam::444455556666:role/auditor", None);
    let function = stage.function().await;
    done(&function.response(&scheduled(1)).await, &function);
    stage.assert_mailed(&[BOTH], &function);
}

#[tokio::test]
async fn an_account_that_refuses_access_is_mailed_once_and_the_others_are_checked() {
    let no_role = async || stage_of(&["alice"]).await.with("WATCHED_ACCOUNTS", MEMBER);
    let other_id = async || stage_with_member(MEMBER).await.with("MEMBER_EXTERNAL_ID", "somebody-elses");
    let no_id = async || stage_with_member(MEMBER).await.without("MEMBER_EXTERNAL_ID");
    for (name, stage) in
        [("no role", no_role().await), ("another id", other_id().await), ("no id", no_id().await)]
    {
        let function = stage.function().await;
        for _ in 0..3 {
            let response = function.response(&scheduled(1)).await;
            assert_eq!(failed(&response), [""; 0], "{name}: {}", function.output());
        }
        stage.assert_mailed(&[BOTH], &function);
        let mail = &stage.aws.mails()[0];
        let expected = [["password.mfa-disabled", "alice", "Create"], ["watch.could-not-look", "", "Create"]];
        assert_eq!(mailed_findings(mail), expected, "{name}");
        let text = email(mail).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&format!("sts:AssumeRole {ROLE} failed: AccessDenied")), "{name}: {text}");

        // The role is created.
        stage.aws.let_assume(ROLE, None);
        stage.aws.put_report(MEMBER, report(MEMBER, &["mallory"]));
        done(&function.response(&scheduled(1)).await, &function);
        stage.assert_mailed(&[BOTH, "[HIGH] Credentials: 1 new, 1 resolved - 444455556666"], &function);
    }
}

#[tokio::test]
async fn the_next_receive_checks_only_the_account_that_was_not_ready_and_one_mail_reports_all() {
    let stage = stage_with_member(MEMBER).await;
    stage.aws.put_report(MEMBER, report(MEMBER, &["mallory"]).after(11));
    let function = stage.function().await;
    let event = scheduled(1);
    assert_eq!(failed(&function.response(&event).await), ["m"]);
    stage.assert_mailed(&[""; 0], &function);
    stage.assert_delayed(&[("m", 30)]);
    assert_eq!((asked_for(&stage, ACCOUNT), asked_for(&stage, MEMBER)), (1, 9));
    let mut again = event;
    again["Records"][0]["attributes"]["ApproximateReceiveCount"] = "2".into();
    done(&function.response(&again).await, &function);
    assert_eq!((asked_for(&stage, ACCOUNT), asked_for(&stage, MEMBER)), (1, 12));
    stage.assert_mailed(&[BOTH], &function);
}

#[tokio::test]
async fn all_pages_of_an_organization_are_listed_and_suspended_accounts_are_not_checked() {
    let stage = stage_with_member("organization").await;
    let page = |accounts: &[(&str, &'static str)]| {
        accounts.iter().map(|(id, state)| ((*id).to_owned(), *state)).collect::<Vec<_>>()
    };
    stage.aws.put_organization(Organization {
        pages: vec![
            page(&[(ACCOUNT, "ACTIVE"), ("777788889999", "SUSPENDED")]),
            page(&[]),
            page(&[(MEMBER, "ACTIVE"), ("888899990000", "CLOSED")]),
        ],
        ..Organization::default()
    });
    let function = stage.function().await;
    done(&function.response(&scheduled(1)).await, &function);
    stage.assert_mailed(&[BOTH], &function);
    assert_eq!(stage.aws.count(Operation::ListAccounts), 3);
    assert_eq!(roles_assumed(&stage), [ROLE]);
}

#[tokio::test]
async fn a_failed_list_of_accounts_is_mailed_and_the_previous_accounts_are_checked() {
    let stage = stage_with_member("organization").await;
    stage.aws.put_organization(Organization::of(&[ACCOUNT, MEMBER], 1));
    let function = stage.function().await;
    done(&function.response(&scheduled(1)).await, &function);
    let mut subjects = vec![BOTH.to_owned()];
    stage.assert_mailed(&subjects, &function);

    // In the middle of the list, so that half of it is not taken for all.
    stage.aws.fail(Which::every(Operation::ListAccounts).about("page 2"), Fault::ACCESS_DENIED);
    stage.aws.put_report(MEMBER, report(MEMBER, &["mallory+mfa"]));
    for _ in 0..2 {
        done(&function.response(&scheduled(1)).await, &function);
    }
    subjects.push("[HIGH] Credentials: 1 new, 1 resolved - 111122223333 +1 account".to_owned());
    stage.assert_mailed(&subjects, &function);
    let expected = [["password.mfa-disabled", "mallory", "Close"], ["watch.could-not-look", "", "Create"]];
    assert_eq!(mailed_findings(&stage.aws.mails()[1]), expected);
    stage.aws.recover();
    done(&function.response(&scheduled(1)).await, &function);
    subjects.push(format!("[HIGH] Resolved: iamwatch could not look - {ACCOUNT}"));
    stage.assert_mailed(&subjects, &function);
}

#[tokio::test]
async fn a_temporary_failure_of_the_list_is_retried_and_a_missing_organization_is_mailed() {
    let throttled = [
        Fault::Error { status: 400, code: "TooManyRequestsException" },
        Fault::Error { status: 500, code: "ServiceException" },
    ];
    for fault in throttled {
        let stage = stage_with_member("organization").await;
        stage.aws.put_organization(Organization::of(&[ACCOUNT, MEMBER], 1));
        stage.aws.fail(Which::every(Operation::ListAccounts), fault);
        let function = stage.function().await;
        assert_eq!(failed(&function.response(&scheduled(1)).await), ["m"], "{fault:?}");
        stage.assert_mailed(&[""; 0], &function);
        stage.assert_delayed(&[("m", 30)]);
        stage.aws.recover();
        done(&function.response(&scheduled(2)).await, &function);
        stage.assert_mailed(&[BOTH], &function);
    }
    let stage = stage_with_member("organization").await;
    let function = stage.function().await;
    done(&function.response(&scheduled(1)).await, &function);
    stage.assert_mailed(&["[HIGH] Credentials: 2 new - 111122223333"], &function);
    let text = email(&stage.aws.mails()[0]);
    assert!(text.contains("AWSOrganizationsNotInUseException"), "{text}");
}

#[tokio::test]
async fn lines_of_the_file_that_are_no_accounts_are_mailed_and_the_others_are_checked() {
    let stage = stage_with_member("file").await;
    stage.aws.put(STATE, ACCOUNTS_FILE, format!("1234 # too short\r\n{MEMBER}\r\n\u{202e}prod\n"));
    let function = stage.function().await;
    for _ in 0..2 {
        done(&function.response(&scheduled(1)).await, &function);
    }
    let mut subjects = vec!["[HIGH] Credentials: 3 new - 111122223333 +1 account".to_owned()];
    stage.assert_mailed(&subjects, &function);
    let text = email(&stage.aws.mails()[0]).split_whitespace().collect::<Vec<_>>().join(" ");
    for said in ["line 1 is 1234; it must be a 12-digit account id", "line 3 is"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains('\u{202e}'), "{text}");

    // Without a file the previous accounts are checked.
    stage.aws.put(STATE, ACCOUNTS_FILE, MEMBER);
    done(&function.response(&scheduled(1)).await, &function);
    subjects.push(format!("[HIGH] Resolved: iamwatch could not look - {ACCOUNT}"));
    stage.assert_mailed(&subjects, &function);
    stage.aws.delete(STATE, ACCOUNTS_FILE);
    stage.aws.put_report(MEMBER, report(MEMBER, &["mallory", "trudy"]));
    done(&function.response(&scheduled(1)).await, &function);
    subjects.push("[HIGH] Credentials: 1 new, 1 back - 444455556666 +1 account".to_owned());
    stage.assert_mailed(&subjects, &function);
    let text = email(&stage.aws.mails()[2]).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("there is no such file") && text.contains("trudy"), "{text}");
}

#[tokio::test]
async fn an_account_is_called_by_its_name() {
    let stage = stage_of(&["alice"]).await.with("ACCOUNT_NAMES", "111122223333=prod");
    let function = stage.function().await;
    done(&function.response(&scheduled(1)).await, &function);
    stage.assert_mailed(&[subject_of("alice").replace(ACCOUNT, "prod (111122223333)")], &function);
}
