//! Whether an entry names the principal and the resource of a finding.
//!
//! A principal that is written in full may be written as mails show it. A pattern with a `*` is compared with the ids only.

use crate::finding::principal::partition;
use crate::finding::{Finding, Principal};
use crate::glob::Glob;

/// The kinds of things that IAM has ARNs with a path for: `arn:aws:iam::111122223333:role/path/name`.
const IAM_KINDS: [&str; 4] = ["user", "role", "group", "policy"];

/// Whether a pattern names the principal: by its id, its unique id, or, written in full, as mails show it.
pub(super) fn names_principal(wanted: &Glob, finding: &Finding) -> bool {
    let Some(who) = &finding.principal else { return false };
    let ids = [&who.id, &who.unique_id];
    ids.into_iter().flatten().any(|id| wanted.matches(id))
        || (wanted.is_exact() && shown_as(who, finding).iter().any(|shown| wanted.matches(shown)))
}

/// How mails show a principal of the finding's own account, where nobody else can be shown in the same way.
///
/// The name of a federated user, or of somebody from an identity provider, may be an IAM user's too.
fn shown_as(who: &Principal, finding: &Finding) -> Vec<String> {
    let (name, arn) = (who.name.as_deref(), who.arn.as_deref());
    let account = finding.account.as_deref().filter(|account| !account.is_empty());
    let account_of = |arn: &'_ str| arn.split(':').nth(4).map(str::to_owned);
    let is_own = |arn: Option<&str>| account.is_some() && arn.and_then(account_of).as_deref() == account;
    let shown = match who.kind.as_deref() {
        // The id of root is its ARN; a root session has none.
        Some("Root") => [name.filter(|_| is_own(who.id.as_deref())), None],
        Some("AssumedRole") => [name.filter(|name| name.contains('/') && is_own(arn)), None],
        Some("IdentityCenterUser") => [name.filter(|_| finding.rule.family() == "identity-center"), None],
        Some("IAMUser") => {
            let user = who.id.as_deref().filter(|id| !id.contains(':'));
            let user = user.map(|id| format!("user/{id}"));
            return user.into_iter().chain(who.arn.clone()).collect();
        }
        _ => [None, None],
    };
    shown.into_iter().flatten().map(str::to_owned).collect()
}

/// Whether a pattern names the resource: by its ARN, by kind and name (`role/app`), or by the name alone.
pub(super) fn names_resource(wanted: &Glob, finding: &Finding) -> bool {
    let Some(resource) = finding.resource.as_deref() else { return false };
    if wanted.matches_resource(resource) {
        return true;
    }
    let account = finding.account.as_deref().unwrap_or_default();
    if let Some((kind, name)) = finding.resource_kind.zip(bare(resource)) {
        let arn = finding.principal.as_ref().map_or(&None, |who| &who.arn);
        let is_arn = || {
            let arn = format!("arn:{}:iam::{account}:{kind}/{name}", partition(&[arn], &finding.region));
            wanted.matches(&arn) || (wanted.is_exact() && without_path(wanted.beginning()) == Some(arn))
        };
        return wanted.matches(&format!("{kind}/{name}"))
            || (IAM_KINDS.contains(&kind) && !account.is_empty() && is_arn());
    }
    // arn:aws:iam::111122223333:user/path/alice
    let mut parts = resource.splitn(6, ':').skip(4);
    let (Some(owner), Some(of_account)) = (parts.next(), parts.next()) else { return false };
    let Some((kind, path)) = of_account.split_once('/') else { return false };
    let name = path.rsplit('/').next().unwrap_or(path);
    owner == account && (wanted.matches(of_account) || wanted.matches(&format!("{kind}/{name}")))
}

/// The resource if it is a name, and no ARN, URL or path.
pub(super) fn bare(resource: &str) -> Option<&str> {
    (!resource.contains(['/', ':'])).then_some(resource)
}

/// The ARN of an IAM user, role, group or policy without its path, which records do not give.
fn without_path(arn: &str) -> Option<String> {
    let (before, path) = arn.split_once('/')?;
    Some(format!("{before}/{}", path.rsplit('/').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Subject;
    use crate::finding::rule::Rule;
    use crate::finding::test_rules::{ADMIN_ATTACHED, FAILED, PORTAL_FAILED};
    use crate::severity::Severity;

    const ACCOUNT: &str = "111122223333";

    fn finding(rule: &'static Rule) -> Finding {
        let subject = Subject::Account(ACCOUNT.to_owned());
        Finding {
            account: Some(ACCOUNT.to_owned()),
            ..Finding::new(rule, Severity::Low, String::new(), subject, "did it")
        }
    }

    #[test]
    fn a_resource_is_named_by_kind_and_name_by_its_arn_or_broadly_by_its_name() {
        let user = Some("user");
        let (user_arn, other_arn) =
            ("arn:aws:iam::111122223333:user/ops/app", "arn:aws:iam::444455556666:user/app");
        for (wanted, resource, kind, named) in [
            ("role/app", "app", Some("role"), true),
            ("role/app", "app", user, false),
            ("user/app", "app", user, true),
            ("user/app", "app", Some("group"), false),
            ("user/app", "app", None, false),
            ("user/*", "app", user, true),
            ("user/*", "app", Some("role"), false),
            ("app", "app", Some("role"), true),
            ("app", "app", user, true),
            ("arn:aws:iam::111122223333:role/app", "app", Some("role"), true),
            ("arn:aws:iam::111122223333:role/ci/app", "app", Some("role"), true),
            ("arn:aws:iam::111122223333:role/*", "app", Some("role"), true),
            ("arn:aws:iam::111122223333:role/app", "app", user, false),
            ("arn:aws:iam::444455556666:role/app", "app", Some("role"), false),
            ("arn:aws-cn:iam::111122223333:role/app", "app", Some("role"), false),
            ("trail/main", "main", Some("trail"), true),
            ("trail/main", "arn:aws:cloudtrail:us-east-1:111122223333:trail/main", Some("trail"), true),
            ("arn:aws:iam::111122223333:trail/main", "main", Some("trail"), false),
            ("user/app", user_arn, None, true),
            ("user/ops/app", user_arn, None, true),
            ("user/x/app", user_arn, None, false),
            ("role/app", user_arn, None, false),
            ("app", user_arn, None, true),
            (user_arn, user_arn, None, true),
            ("user/app", other_arn, None, false),
            // A name from a record that was made to look like another kind's.
            ("role/app", "role/app", None, true),
            ("role/app", "x/role/app", user, false),
            ("role/app", "arn:role/app", user, false),
            ("a\\*p", "app", user, false),
        ] {
            let finding = Finding {
                resource: Some(resource.to_owned()),
                resource_kind: kind,
                ..finding(&ADMIN_ATTACHED)
            };
            assert_eq!(names_resource(&Glob::of(wanted), &finding), named, "{wanted} {resource} {kind:?}");
        }
        assert!(!names_resource(&Glob::of("*"), &finding(&ADMIN_ATTACHED)), "it has none");
    }

    #[test]
    fn a_principal_written_in_full_is_named_as_mails_show_it() {
        let who = |kind: &str, name: &str, arn: &str, id: &str| Principal {
            kind: Some(kind.to_owned()),
            name: Some(name.to_owned()),
            arn: Some(arn.to_owned()).filter(|arn| !arn.is_empty()),
            id: Some(id.to_owned()).filter(|id| !id.is_empty()),
            ..Principal::default()
        };
        let root_arn = "arn:aws:iam::111122223333:root";
        let root = who("Root", "root", root_arn, root_arn);
        let root_session = Principal { root_session: true, ..who("Root", "root", root_arn, "") };
        let foreign = "arn:aws:iam::444455556666:root";
        let foreign_root = who("Root", "root", foreign, foreign);
        let called_root = who("IAMUser", "root", "", "root");
        let session_arn = "arn:aws:sts::111122223333:assumed-role/Deploy/ci";
        let session = who("AssumedRole", "Deploy/ci", session_arn, session_arn);
        let foreign = session_arn.replace("111122223333", "444455556666");
        let foreign_session = who("AssumedRole", "Deploy/ci", &foreign, &foreign);
        let alice_arn = "arn:aws:iam::111122223333:user/ops/alice";
        let alice = who("IAMUser", "alice", alice_arn, "alice");
        let federated_arn = "arn:aws:sts::111122223333:federated-user/alice";
        let federated = who("FederatedUser", "alice", federated_arn, federated_arn);
        let portal = who("IdentityCenterUser", "alice", "", "9067-EXAMPLE");
        for (name, wanted, rule, who, named) in [
            ("root", "root", &FAILED, &root, true),
            ("root by its ARN", root_arn, &FAILED, &root, true),
            ("a pattern", "r*t", &FAILED, &root, false),
            ("a root session", "root", &FAILED, &root_session, false),
            ("another account's root", "root", &FAILED, &foreign_root, false),
            ("a user called root", "user/root", &FAILED, &called_root, true),
            ("root is no user called root", "user/root", &FAILED, &root, false),
            ("a session", "Deploy/ci", &FAILED, &session, true),
            ("a part of it", "ci", &FAILED, &session, false),
            ("a session of another account", "Deploy/ci", &FAILED, &foreign_session, false),
            ("a user", "alice", &FAILED, &alice, true),
            ("a user with its kind", "user/alice", &FAILED, &alice, true),
            ("a user by its ARN", alice_arn, &FAILED, &alice, true),
            ("a federated user is no user", "alice", &FAILED, &federated, false),
            ("somebody at the portal", "alice", &PORTAL_FAILED, &portal, true),
            ("somebody at the portal is no user", "alice", &FAILED, &portal, false),
        ] {
            let finding = Finding { principal: Some(who.clone()), ..finding(rule) };
            assert_eq!(names_principal(&Glob::of(wanted), &finding), named, "{name}");
        }
        assert!(!names_principal(&Glob::of("*"), &finding(&FAILED)), "nobody");
    }
}
