//! Who acted.

use std::borrow::Cow;

use serde::Serialize;

use super::absent;
use crate::formats::cloudtrail::{Record, sign_in};
use crate::text;

/// Who acted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Principal {
    /// AWS's type of it: `Root`, `IAMUser`, `AssumedRole`, …
    #[serde(rename = "type", skip_serializing_if = "absent")]
    pub kind: Option<String>,
    /// Its name: user, role and session, Identity Center login; absent where AWS hides it.
    #[serde(skip_serializing_if = "absent")]
    pub name: Option<String>,
    /// Its ARN, where the record gives one.
    #[serde(skip_serializing_if = "absent")]
    pub arn: Option<String>,
    /// Whether its name is absent because AWS hides it: no user of that name exists.
    #[serde(skip)]
    pub name_hidden: bool,
    /// Whether it is no root user but a root session that `sts:AssumeRoot` opened.
    #[serde(skip)]
    pub root_session: bool,
    /// What a suppression names it by: the same in every record of it, and of nobody else of that account.
    #[serde(skip)]
    pub id: Option<String>,
    /// The id that IAM gave the user or the role behind a session (`AIDA…`, `AROA…`), and will give to no other:
    /// one who is deleted and made again under the same name has a new one.
    #[serde(skip)]
    pub unique_id: Option<String>,
}

impl Principal {
    /// The principal that a record names; nothing where it names none.
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

    /// - Root: its ARN, which not every record gives.
    /// - A root session: nothing, for AWS gives it no name but root's.
    /// - An IAM user of the record's account: the name, for a failed sign-in gives no ARN.
    /// - An Identity Center user: the id, or the login name where the record gives no id.
    /// - Who failed under a name that nobody has: what AWS writes instead of it.
    /// - Anybody else: the ARN, or else the name or id.
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

/// The same, or for an IAM user the one in the ARN: `arn:aws:iam::111122223333:user/path/alice`.
pub(super) fn user_name<'r>(record: &'r Record<'_>) -> Option<&'r str> {
    let identity = &record.user_identity;
    let arn = identity.arn.as_deref().filter(|_| identity.kind.as_deref() == Some("IAMUser"));
    let resource = arn.and_then(|arn| arn.splitn(6, ':').nth(5)?.strip_prefix("user/"));
    let of_arn = resource.and_then(|resource| resource.rsplit('/').next()).filter(|name| !name.is_empty());
    login_name(record).or(of_arn)
}

/// The principal's own id: not that of the account, which tells nobody from anybody.
pub(super) fn principal_id<'r>(record: &'r Record<'_>) -> Option<&'r str> {
    let identity = &record.user_identity;
    let accounts = [identity.account_id.as_deref(), record.recipient_account_id.as_deref()];
    identity.principal_id.as_deref().filter(|id| !id.is_empty() && !accounts.contains(&Some(*id)))
}

/// The id of the user or role, of `AROAEXAMPLE:session` the part before the colon. For other types than these
/// the principal's id is made of what others than IAM chose.
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

/// The partition that the first ARN among these names, else the one that the Region's name begins with.
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
