//! Who acted.

use std::borrow::Cow;

use serde::Serialize;

use super::json::{absent, known};
use crate::formats::cloudtrail::{Record, sign_in};
use crate::text;

/// Who acted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Principal {
    /// AWS's type of it: `Root`, `IAMUser`, `AssumedRole`, …
    #[serde(rename = "type", skip_serializing_if = "absent")]
    pub kind: Option<String>,
    /// Its name: user, role and session, Identity Center login; absent if AWS hides it.
    #[serde(skip_serializing_if = "absent")]
    pub name: Option<String>,
    /// Its ARN, if the record has one.
    #[serde(skip_serializing_if = "absent")]
    pub arn: Option<String>,
    /// Whether its name is absent because AWS hides it: no user of that name exists.
    #[serde(skip)]
    pub name_hidden: bool,
    /// Whether it is a root session opened with `sts:AssumeRoot`, not the root user.
    #[serde(skip)]
    pub root_session: bool,
    /// The name for suppressions: the same in every record, and unique in the account.
    #[serde(skip)]
    pub id: Option<String>,
    /// IAM's unique id of the user, or of the role of a session (`AIDA…`, `AROA…`), which is never reused: a user who
    /// is deleted and created again under the same name has another one.
    #[serde(skip)]
    pub unique_id: Option<String>,
}

impl Principal {
    /// Whether neither type, name nor ARN is known: JSON leaves it out.
    pub(super) fn is_nameless(&self) -> bool {
        [&self.kind, &self.name, &self.arn].into_iter().all(|text| known(text).is_none())
    }

    /// The principal of a record; `None` if the record names none.
    pub fn of(record: &Record<'_>) -> Option<Principal> {
        let identity = &record.user_identity;
        let root_session = identity.kind.as_deref() == Some("Root") && identity.assumed_root == Some(true);
        let name = match identity.kind.as_deref() {
            Some("Root") => Some(Cow::Borrowed("root")),
            Some("AssumedRole" | "FederatedUser") => {
                // arn:aws:sts::111122223333:assumed-role/Role/session
                let resource = identity.arn.as_deref().and_then(|arn| arn.splitn(6, ':').nth(5));
                let name = resource.and_then(|resource| resource.split_once('/')).map(|(_, name)| name);
                name.map(Cow::Borrowed).or_else(|| identity.session_issuer_name.clone())
            }
            Some("AWSService") => identity.invoked_by.clone(),
            _ => login_name(record).map(Cow::Borrowed).or_else(|| sign_in::identity_center_user_name(record)),
        };
        let name = name.filter(|name| !name.is_empty());
        let name = name.or_else(|| identity.identity_center_user_id.clone()).map(Cow::into_owned);
        let name = name.or_else(|| identity.invoked_by.as_deref().map(str::to_owned));
        let name = name.filter(|name| !name.is_empty());
        let mut principal = Principal {
            kind: identity.kind.as_deref().filter(|kind| !kind.is_empty()).map(str::to_owned),
            name_hidden: name.is_none() && sign_in::name_is_hidden(record),
            name,
            arn: identity.arn.as_deref().filter(|arn| !arn.is_empty()).map(str::to_owned),
            root_session,
            id: None,
            unique_id: unique_id(record).map(str::to_owned),
        };
        principal.id = principal.id(record);
        (principal != Principal::default()).then_some(principal)
    }

    /// - Root: its ARN, even if the record does not have it.
    /// - A root session: `None`, for AWS has no name for it but root's.
    /// - An IAM user of the record's account: the name, for a failed sign-in has no ARN.
    /// - An Identity Center user: the id, or the login name if the record has no id.
    /// - A failed sign-in with an unknown user name: the text that AWS writes instead of the name.
    /// - Any other principal: the ARN, or else the name or id.
    fn id(&self, record: &Record<'_>) -> Option<String> {
        let identity = &record.user_identity;
        let account = identity.account_id.as_deref().or(record.account()).unwrap_or_default();
        let own_account = record.account().is_none_or(|recipient| recipient == account);
        let issuer = identity.session_issuer_arn.as_deref().filter(|arn| !arn.is_empty());
        let of_account = text::is_account_id(account);
        let id = match self.kind.as_deref() {
            _ if self.root_session => None,
            Some("Root") => of_account
                .then(|| format!("arn:{}:iam::{account}:root", partition(&[&self.arn], &record.aws_region))),
            _ if self.name_hidden => Some(sign_in::HIDDEN_NAME.to_owned()),
            Some("IAMUser") if own_account => {
                user_name(record).map(str::to_owned).or_else(|| self.arn.clone())
            }
            // A role's bare name could be a user's.
            Some("AssumedRole" | "FederatedUser") => self.arn.clone().or_else(|| issuer.map(str::to_owned)),
            _ => self.arn.clone(),
        };
        let by_name = matches!(
            self.kind.as_deref(),
            None | Some("IdentityCenterUser" | "Unknown" | "AWSService" | "Directory" | "SAMLUser")
        );
        let by_own_id = matches!(self.kind.as_deref(), Some("AWSAccount" | "IAMUser"));
        let user_id = identity.identity_center_user_id.as_deref().filter(|id| !id.is_empty());
        id.or_else(|| user_id.map(str::to_owned)).or_else(|| self.name.clone().filter(|_| by_name)).or_else(
            || principal_id(record).filter(|_| by_own_id).and_then(text::iam_name).map(str::to_owned),
        )
    }
}

/// The user name, unless AWS hides it.
pub(super) fn login_name<'r>(record: &'r Record<'_>) -> Option<&'r str> {
    let name = record.user_identity.user_name.as_deref();
    name.filter(|name| !name.is_empty() && *name != sign_in::HIDDEN_NAME)
}

/// The user name; for an IAM user otherwise the one in the ARN: `arn:aws:iam::111122223333:user/path/alice`.
pub(super) fn user_name<'r>(record: &'r Record<'_>) -> Option<&'r str> {
    let identity = &record.user_identity;
    let arn = identity.arn.as_deref().filter(|_| identity.kind.as_deref() == Some("IAMUser"));
    let resource = arn.and_then(|arn| arn.splitn(6, ':').nth(5)?.strip_prefix("user/"));
    let of_arn = resource.and_then(|resource| resource.rsplit('/').next()).filter(|name| !name.is_empty());
    login_name(record).or(of_arn)
}

/// The principal's own id; `None` if it is the id of the account, which many principals share.
pub(super) fn principal_id<'r>(record: &'r Record<'_>) -> Option<&'r str> {
    let identity = &record.user_identity;
    let accounts = [identity.account_id.as_deref(), record.recipient_account_id.as_deref()];
    identity.principal_id.as_deref().filter(|id| !id.is_empty() && !accounts.contains(&Some(*id)))
}

/// The id of the user or role: in `AROAEXAMPLE:session` the part before the colon. For other types, the id contains
/// text that was not chosen by IAM.
///
/// Source: IAM User Guide, "IAM identifiers", unique identifiers.
pub(super) fn unique_id<'r>(record: &'r Record<'_>) -> Option<&'r str> {
    let kind = record.user_identity.kind.as_deref();
    let given_by_iam = matches!(kind, Some("IAMUser" | "AssumedRole" | "Role" | "AWSAccount"));
    let id = principal_id(record).filter(|_| given_by_iam)?;
    let id = id.split_once(':').map_or(id, |(id, _)| id);
    let prefixed = ["AIDA", "AROA"].iter().any(|prefix| id.starts_with(prefix));
    (prefixed && id.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(id)
}

/// The partition of the first ARN among these; without one, that of the Region.
pub(crate) fn partition<'a>(arns: &[&'a Option<String>], region: &Option<impl AsRef<str>>) -> &'a str {
    let region = region.as_ref().map(AsRef::as_ref).unwrap_or_default();
    let named =
        arns.iter().filter_map(|arn| text::arn(arn.as_deref()?)).find_map(|arn| arn.split(':').nth(1));
    named.unwrap_or(match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        Some("us") if region.starts_with("us-iso") => "aws-iso",
        Some("eusc") => "aws-eusc",
        _ => "aws",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(json: &str) -> Record<'_> {
        Record::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn a_principal_has_the_name_that_people_know() {
        for (name, json, kind, expected) in [
            ("no principal", r#"{}"#, None, None),
            ("null", r#"{"userIdentity": null}"#, None, None),
            (
                "root, whose user name is the account's alias",
                r#"{"userIdentity": {"type": "Root", "userName": "example-corp"}}"#,
                Some("Root"),
                Some("root"),
            ),
            (
                "a user",
                r#"{"userIdentity": {"type": "IAMUser", "userName": "alice"}}"#,
                Some("IAMUser"),
                Some("alice"),
            ),
            (
                "a user, whatever else the record calls a user",
                r#"{"userIdentity": {"type": "IAMUser", "userName": "alice"}, "additionalEventData": {"UserName": "bob"}}"#,
                Some("IAMUser"),
                Some("alice"),
            ),
            (
                "a user who does not exist",
                r#"{"userIdentity": {"type": "IAMUser", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS"}}"#,
                Some("IAMUser"),
                None,
            ),
            (
                "a role session",
                r#"{"userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/Admin/do:ra"}}"#,
                Some("AssumedRole"),
                Some("Admin/do:ra"),
            ),
            (
                "a role session without an ARN",
                r#"{"userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"userName": "Admin"}}}}"#,
                Some("AssumedRole"),
                Some("Admin"),
            ),
            (
                "an Identity Center user, by login name",
                r#"{"userIdentity": {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "9067-EXAMPLE"}}, "additionalEventData": {"UserName": "carol"}}"#,
                Some("IdentityCenterUser"),
                Some("carol"),
            ),
            (
                "an Identity Center user, by id",
                r#"{"userIdentity": {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "9067-EXAMPLE"}}}"#,
                Some("IdentityCenterUser"),
                Some("9067-EXAMPLE"),
            ),
            (
                "an Identity Center user in the old shape",
                r#"{"userIdentity": {"type": "Unknown", "userName": "carol"}}"#,
                Some("Unknown"),
                Some("carol"),
            ),
            (
                "a service",
                r#"{"userIdentity": {"type": "AWSService", "invokedBy": "sso.amazonaws.com"}}"#,
                Some("AWSService"),
                Some("sso.amazonaws.com"),
            ),
            (
                "a service without a type",
                r#"{"userIdentity": {"invokedBy": "AWS Internal"}}"#,
                None,
                Some("AWS Internal"),
            ),
        ] {
            let principal = Principal::of(&record(json)).unwrap_or_default();
            assert_eq!((principal.kind.as_deref(), principal.name.as_deref()), (kind, expected), "{name}");
        }
    }

    #[test]
    fn a_suppression_names_a_principal_in_one_way() {
        for (name, members, expected) in [
            (
                "a user",
                r#""userIdentity": {"type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/x/alice"}"#,
                Some("alice"),
            ),
            (
                "a user without an ARN",
                r#""userIdentity": {"type": "IAMUser", "userName": "alice"}"#,
                Some("alice"),
            ),
            (
                "a user without a name",
                r#""userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/x/alice"}"#,
                Some("alice"),
            ),
            (
                "a user without either",
                r#""userIdentity": {"type": "IAMUser", "principalId": "AIDAEXAMPLE"}"#,
                Some("AIDAEXAMPLE"),
            ),
            (
                "another account's user of the same name",
                r#""userIdentity": {"type": "IAMUser", "accountId": "444455556666", "userName": "alice", "arn": "arn:aws:iam::444455556666:user/alice"}"#,
                Some("arn:aws:iam::444455556666:user/alice"),
            ),
            (
                "another account's",
                r#""userIdentity": {"type": "AWSAccount", "accountId": "444455556666", "principalId": "AIDAEXAMPLE"}"#,
                Some("AIDAEXAMPLE"),
            ),
            (
                "nobody's",
                r#""userIdentity": {"type": "AWSAccount", "accountId": "444455556666", "principalId": "444455556666"}"#,
                None,
            ),
            (
                "a hidden name",
                r#""userIdentity": {"type": "IAMUser", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS", "principalId": "111122223333"}"#,
                Some(sign_in::HIDDEN_NAME),
            ),
            (
                "a role session without an ARN: not the bare name of the role",
                r#""userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"userName": "alice", "arn": "arn:aws:iam::111122223333:role/alice"}}}"#,
                Some("arn:aws:iam::111122223333:role/alice"),
            ),
            (
                "a role session of which only the name is known",
                r#""userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"userName": "alice"}}}"#,
                None,
            ),
            (
                "an Identity Center user with a login name",
                r#""userIdentity": {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "9067-EXAMPLE"}}, "additionalEventData": {"UserName": "carol"}"#,
                Some("9067-EXAMPLE"),
            ),
            (
                "the same without one",
                r#""userIdentity": {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "9067-EXAMPLE"}}"#,
                Some("9067-EXAMPLE"),
            ),
            (
                "in the old shape",
                r#""userIdentity": {"type": "Unknown", "principalId": "111122223333"}, "additionalEventData": {"UserName": "carol"}"#,
                Some("carol"),
            ),
            (
                "root without an ARN",
                r#""userIdentity": {"type": "Root", "userName": "example-corp"}"#,
                Some("arn:aws:iam::111122223333:root"),
            ),
            (
                "root in China",
                r#""awsRegion": "cn-north-1", "userIdentity": {"type": "Root"}"#,
                Some("arn:aws-cn:iam::111122223333:root"),
            ),
            (
                "root of an organisation's member",
                r#""userIdentity": {"type": "Root", "accountId": "444455556666"}"#,
                Some("arn:aws:iam::444455556666:root"),
            ),
            (
                "a root session",
                r#""userIdentity": {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "sessionContext": {"assumedRoot": "true"}}"#,
                None,
            ),
        ] {
            let json = format!(r#"{{"recipientAccountId": "111122223333", {members}}}"#);
            let principal = Principal::of(&record(&json)).unwrap();
            assert_eq!(principal.id.as_deref(), expected, "{name}");
        }
    }
}
