//! Which records are sign-ins, how they ended, and whether a second factor was used.
//!
//! Sources: CloudTrail User Guide, "AWS Management Console sign-in events"; IAM Identity Center User Guide,
//! "Understanding IAM Identity Center sign-in events"; AWS Sign-In User Guide, "CloudTrail integration".
//!
//! The outcome is in `responseElements.<eventName>` for the console, in `serviceEventDetails.<eventName>` for
//! Identity Center, and in `additionalEventData.success` for OAuth (`aws login`). STS calls are API calls, not sign-ins.

use super::record::{Record, text, truth};

/// The `eventSource` of every sign-in.
pub const SIGN_IN_SOURCE: &str = "signin.amazonaws.com";

/// What AWS writes instead of a user name that does not exist, because it may be a mistyped password.
pub const HIDDEN_NAME: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// The kind of a `signin.amazonaws.com` event, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SignInEvent {
    ConsoleLogin,
    CheckMfa,
    /// One factor at the Identity Center portal.
    Factor,
    /// A whole sign-in at the Identity Center portal.
    Portal,
    DirectoryLogin,
    OAuthToken,
    /// A step of every OAuth and console sign-in. Only its failure is an outcome.
    OAuthStep,
    /// Not a sign-in, or a step of one without an outcome.
    NoSignIn,
    /// An undocumented name.
    Unknown,
}

/// Every documented event name of `signin.amazonaws.com`.
const EVENTS: &[(&str, SignInEvent)] = &[
    ("AccountNameUpdated", SignInEvent::NoSignIn),
    ("Authenticate", SignInEvent::NoSignIn),
    ("AuthorizeOAuth2Access", SignInEvent::OAuthStep),
    ("CheckMfa", SignInEvent::CheckMfa),
    ("ConsoleLogin", SignInEvent::ConsoleLogin),
    ("CreateOAuth2Token", SignInEvent::OAuthToken),
    ("CredentialChallenge", SignInEvent::NoSignIn),
    ("CredentialVerification", SignInEvent::Factor),
    ("DeleteConsoleAuthorizationConfiguration", SignInEvent::NoSignIn),
    ("DeleteResourcePermissionStatement", SignInEvent::NoSignIn),
    ("EmailUpdated", SignInEvent::NoSignIn),
    ("ExitRole", SignInEvent::NoSignIn),
    ("ExternalIdPDirectoryLogin", SignInEvent::DirectoryLogin),
    ("Federate", SignInEvent::NoSignIn),
    ("GetConsoleAuthorizationConfiguration", SignInEvent::NoSignIn),
    ("GetResourcePolicy", SignInEvent::NoSignIn),
    ("GetSigninToken", SignInEvent::NoSignIn),
    ("IntrospectOAuth2Token", SignInEvent::NoSignIn),
    ("ListProfilesForApplication", SignInEvent::NoSignIn),
    ("ListResourcePermissionStatements", SignInEvent::NoSignIn),
    ("Logout", SignInEvent::NoSignIn),
    ("PasswordRecoveryCompleted", SignInEvent::NoSignIn),
    ("PasswordRecoveryRequested", SignInEvent::NoSignIn),
    ("PasswordUpdated", SignInEvent::NoSignIn),
    ("PutConsoleAuthorizationConfiguration", SignInEvent::NoSignIn),
    ("PutResourcePermissionStatement", SignInEvent::NoSignIn),
    ("RenewRole", SignInEvent::NoSignIn),
    ("RevokeOAuth2Token", SignInEvent::NoSignIn),
    ("SwitchRole", SignInEvent::NoSignIn),
    ("UserAuthentication", SignInEvent::Portal),
];

impl SignInEvent {
    fn of(record: &Record<'_>) -> SignInEvent {
        let known = EVENTS.iter().find(|(name, _)| record.event_name == *name);
        known.map_or(SignInEvent::Unknown, |(_, event)| *event)
    }
}

/// How a sign-in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The sign-in succeeded.
    Success,
    /// The sign-in failed.
    Failure,
    /// The record has no outcome, or an undocumented one.
    Unknown,
}

/// Whether a second factor was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mfa {
    /// AWS checked a second factor.
    Yes,
    /// AWS is responsible for the second factor and checked none.
    No,
    /// Unknown: an identity provider may have checked one.
    Unknown,
}

/// The way of the sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The console: root, IAM users, federated roles.
    Console,
    /// The IAM Identity Center portal.
    IdentityCenter,
    /// OAuth: `aws login` and other clients.
    OAuth,
    /// A sign-in event with an undocumented name.
    Other,
}

/// A sign-in or a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// The way of the sign-in.
    pub way: Way,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether a second factor was used; on a failure: whether the second factor was reached.
    pub mfa: Mfa,
}

impl SignIn {
    /// The sign-in of a record. `None` if the record is not a sign-in or only a step of one.
    pub fn of(record: &Record<'_>) -> Option<SignIn> {
        if record.event_source != SIGN_IN_SOURCE {
            return None;
        }
        let event = SignInEvent::of(record);
        let outcome = outcome(record, event);
        let (way, mfa) = match (event, outcome) {
            (SignInEvent::NoSignIn, _) => return None,
            (SignInEvent::ConsoleLogin, _) => {
                (Way::Console, console_mfa(record, outcome == Outcome::Success))
            }
            // Success means that the second factor was requested or passed; a ConsoleLogin follows.
            (SignInEvent::CheckMfa, Outcome::Success) => return None,
            (SignInEvent::CheckMfa, Outcome::Failure) => (Way::Console, Mfa::Yes),
            (SignInEvent::CheckMfa, Outcome::Unknown) => (Way::Console, Mfa::Unknown),
            // Success is one factor; UserAuthentication follows when all have passed.
            (SignInEvent::Factor, Outcome::Success) => return None,
            (SignInEvent::Factor, Outcome::Unknown) => (Way::IdentityCenter, Mfa::Unknown),
            (SignInEvent::Factor, Outcome::Failure) | (SignInEvent::Portal, _) => {
                (Way::IdentityCenter, identity_center_mfa(record))
            }
            (SignInEvent::OAuthStep, Outcome::Success | Outcome::Unknown) => return None,
            (SignInEvent::OAuthStep, Outcome::Failure) | (SignInEvent::OAuthToken, _) => {
                (Way::OAuth, session_mfa(record))
            }
            (SignInEvent::DirectoryLogin, _) => (Way::Other, Mfa::Unknown),
            (SignInEvent::Unknown, Outcome::Unknown) => return None,
            (SignInEvent::Unknown, _) => (Way::Other, Mfa::Unknown),
        };
        Some(SignIn { way, outcome, mfa })
    }

    /// Whether this is an undocumented event of `signin.amazonaws.com`.
    pub fn of_unknown_name(record: &Record<'_>) -> bool {
        record.event_source == SIGN_IN_SOURCE && SignInEvent::of(record) == SignInEvent::Unknown
    }
}

/// The outcome of a sign-in, also if only the error reports it.
fn outcome(record: &Record<'_>, event: SignInEvent) -> Outcome {
    let failed_without_saying_so = match event {
        SignInEvent::OAuthToken | SignInEvent::OAuthStep => return oauth_outcome(record),
        // For an undocumented event only this text means a failed sign-in.
        SignInEvent::Unknown => {
            let message = record.error_message.as_deref();
            message.is_some_and(|message| message.eq_ignore_ascii_case("Failed authentication"))
        }
        _ => !record.call_succeeded(),
    };
    match stated_outcome(record) {
        Outcome::Unknown if failed_without_saying_so => Outcome::Failure,
        stated => stated,
    }
}

/// The factors that an Identity Center record names, such as `PASSWORD,TOTP`, each once.
pub fn credential_types(record: &Record<'_>) -> Vec<String> {
    let list = record.additional("CredentialType").unwrap_or_default();
    let mut factors: Vec<String> = Vec::new();
    for factor in list.split(',').map(|factor| factor.trim().to_ascii_uppercase()) {
        if !factor.is_empty() && !factors.contains(&factor) {
            factors.push(factor);
        }
    }
    factors
}

/// The login name of an Identity Center record, unless AWS hides it.
pub fn identity_center_user_name<'r>(record: &'r Record<'_>) -> Option<std::borrow::Cow<'r, str>> {
    record.additional("UserName").filter(|name| !name.is_empty() && name != HIDDEN_NAME)
}

/// Whether AWS hides the user name because no such user exists. Such a record has no ARN either.
pub fn name_is_hidden(record: &Record<'_>) -> bool {
    let hidden = record.user_identity.user_name.as_deref() == Some(HIDDEN_NAME)
        || record.additional("UserName").as_deref() == Some(HIDDEN_NAME);
    hidden && record.user_identity.arn.is_none()
}

/// Whether the sign-in came through an identity provider, for which `MFAUsed: No` means nothing.
///
/// A role's name and a user agent can be chosen by anyone, so neither counts: only the type of the
/// principal and the SAML provider that AWS names.
pub fn federated(record: &Record<'_>) -> bool {
    let aws_checks_the_factor = matches!(record.user_identity.kind.as_deref(), Some("IAMUser" | "Root"));
    !aws_checks_the_factor || record.additional("SamlProviderArn").is_some_and(|arn| !arn.is_empty())
}

/// Whether the session is from Identity Center: its role is under a path that only AWS can create.
pub fn by_identity_center_session(record: &Record<'_>) -> bool {
    let role = record.user_identity.session_role();
    role.is_some_and(|role| role.starts_with("aws-reserved/sso.amazonaws.com/"))
}

/// Whether a sign-in policy caused the failure, and not a wrong password or second factor.
///
/// Source: AWS Sign-In User Guide: `Authorization denied because of a resource-based policy`, or of a
/// resource control policy; more such texts may come.
pub fn denied_by_policy(record: &Record<'_>) -> bool {
    const DENIED: &str = "Authorization denied";
    let message = record.error_message.as_deref().map(str::trim_start);
    let start = message.and_then(|message| message.get(..DENIED.len()));
    start.is_some_and(|start| start.eq_ignore_ascii_case(DENIED))
}

/// The outcome that a sign-in event records under its own name.
pub fn stated_outcome(record: &Record<'_>) -> Outcome {
    let name = &*record.event_name;
    for elements in [&record.response_elements, &record.service_event_details] {
        match text(&elements[name]) {
            Some(value) if value.eq_ignore_ascii_case("success") => return Outcome::Success,
            Some(value) if value.eq_ignore_ascii_case("failure") => return Outcome::Failure,
            _ => {}
        }
    }
    Outcome::Unknown
}

fn oauth_outcome(record: &Record<'_>) -> Outcome {
    if !record.call_succeeded() {
        return Outcome::Failure;
    }
    match &record.additional_event_data["success"] {
        serde_json::Value::Null => Outcome::Unknown,
        value if truth(value) == Some(true) => Outcome::Success,
        _ => Outcome::Failure,
    }
}

fn console_mfa(record: &Record<'_>, succeeded: bool) -> Mfa {
    let used = record.additional("MFAUsed");
    let used = used.as_deref().map(str::trim).filter(|used| !used.is_empty());
    let used = used.map(|used| used.eq_ignore_ascii_case("yes") || used.eq_ignore_ascii_case("true"));
    match used {
        // On a failure, neither the identity provider nor the session says anything about this
        // attempt.
        _ if federated(record) && !succeeded => Mfa::Unknown,
        Some(true) => Mfa::Yes,
        // The result of AWS's own check counts, not that of the session.
        Some(false) if !federated(record) => Mfa::No,
        _ if succeeded => session_mfa(record),
        _ => Mfa::Unknown,
    }
}

/// Only `true` has a meaning: federated sessions are `false` with any identity provider.
fn session_mfa(record: &Record<'_>) -> Mfa {
    if record.user_identity.mfa_authenticated == Some(true) { Mfa::Yes } else { Mfa::Unknown }
}

fn identity_center_mfa(record: &Record<'_>) -> Mfa {
    let factors = credential_types(record);
    let factors: Vec<&str> = factors.iter().map(String::as_str).collect();
    match factors[..] {
        [] | ["EXTERNAL_IDP"] => Mfa::Unknown,
        ["PASSWORD"] | ["EMAIL_OTP"] => Mfa::No,
        _ => Mfa::Yes,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::BaseRecord::{self, *};
    use super::*;

    #[test]
    fn a_sign_in_says_which_door_how_it_ended_and_whether_a_second_factor_was_used() {
        let is = |way, outcome, mfa| Some(SignIn { way, outcome, mfa });
        let federated = r#"{"userIdentity": {"type": "AssumedRole", "userName": null}, "additionalEventData": {"MFAUsed": "No"}}"#;
        let table: &[(&str, BaseRecord, Option<SignIn>)] = &[
            ("console", ConsoleSignIn("{}"), is(Way::Console, Outcome::Success, Mfa::Yes)),
            (
                "MFAUsed NO",
                ConsoleSignIn(r#"{"additionalEventData": {"MFAUsed": "NO"}}"#),
                is(Way::Console, Outcome::Success, Mfa::No),
            ),
            (
                "MFAUsed yes",
                ConsoleSignIn(r#"{"additionalEventData": {"MFAUsed": "yes"}}"#),
                is(Way::Console, Outcome::Success, Mfa::Yes),
            ),
            (
                "MFAUsed absent",
                ConsoleSignIn(r#"{"additionalEventData": null}"#),
                is(Way::Console, Outcome::Success, Mfa::Unknown),
            ),
            (
                "MFAUsed is a list",
                ConsoleSignIn(r#"{"additionalEventData": {"MFAUsed": ["No"]}}"#),
                is(Way::Console, Outcome::Success, Mfa::Unknown),
            ),
            ("federated", ConsoleSignIn(federated), is(Way::Console, Outcome::Success, Mfa::Unknown)),
            (
                "SAML, as an IAM user",
                ConsoleSignIn(
                    r#"{"additionalEventData": {"MFAUsed": "No", "SamlProviderArn": "arn:aws:iam::111122223333:saml-provider/corp"}}"#,
                ),
                is(Way::Console, Outcome::Success, Mfa::Unknown),
            ),
            (
                "the session used MFA",
                ConsoleSignIn(
                    r#"{"userIdentity": {"type": "AssumedRole", "sessionContext": {"attributes": {"mfaAuthenticated": "true"}}}, "additionalEventData": {"MFAUsed": "No"}}"#,
                ),
                is(Way::Console, Outcome::Success, Mfa::Yes),
            ),
            (
                "a failure from a session that used MFA says nothing about this attempt",
                ConsoleSignIn(
                    r#"{"userIdentity": {"type": "AssumedRole", "sessionContext": {"attributes": {"mfaAuthenticated": "true"}}}, "additionalEventData": {"MFAUsed": "No"}, "responseElements": {"ConsoleLogin": "Failure"}}"#,
                ),
                is(Way::Console, Outcome::Failure, Mfa::Unknown),
            ),
            (
                "root",
                RootSignIn(r#"{"additionalEventData": {"MFAUsed": "No"}}"#),
                is(Way::Console, Outcome::Success, Mfa::No),
            ),
            (
                "a failure in lower case",
                ConsoleSignIn(r#"{"responseElements": {"ConsoleLogin": "failure"}}"#),
                is(Way::Console, Outcome::Failure, Mfa::Yes),
            ),
            (
                "a failure that is only in the error text",
                ConsoleSignIn(
                    r#"{"responseElements": null, "errorMessage": "Failed authentication", "additionalEventData": {"MFAUsed": "No"}}"#,
                ),
                is(Way::Console, Outcome::Failure, Mfa::No),
            ),
            (
                "MFAUsed is empty: absent",
                ConsoleSignIn(r#"{"additionalEventData": {"MFAUsed": " "}}"#),
                is(Way::Console, Outcome::Success, Mfa::Unknown),
            ),
            (
                "MFAUsed with a space",
                ConsoleSignIn(r#"{"additionalEventData": {"MFAUsed": "Yes "}}"#),
                is(Way::Console, Outcome::Success, Mfa::Yes),
            ),
            (
                "MFAUsed is true",
                ConsoleSignIn(r#"{"additionalEventData": {"MFAUsed": true}}"#),
                is(Way::Console, Outcome::Success, Mfa::Yes),
            ),
            (
                "MFAUsed No, whatever the session says",
                ConsoleSignIn(
                    r#"{"userIdentity": {"sessionContext": {"attributes": {"mfaAuthenticated": "true"}}}, "additionalEventData": {"MFAUsed": "No"}}"#,
                ),
                is(Way::Console, Outcome::Success, Mfa::No),
            ),
            (
                "a federated failure with MFAUsed Yes",
                ConsoleSignIn(
                    r#"{"userIdentity": {"type": "AssumedRole"}, "responseElements": {"ConsoleLogin": "Failure"}}"#,
                ),
                is(Way::Console, Outcome::Failure, Mfa::Unknown),
            ),
            (
                "a portal sign-in that only the error says failed",
                IdentityCenterSignIn(r#"{"serviceEventDetails": null, "errorCode": "AccessDenied"}"#),
                is(Way::IdentityCenter, Outcome::Failure, Mfa::Yes),
            ),
            (
                "a directory sign-in that only the error says failed",
                ConsoleSignIn(
                    r#"{"eventName": "ExternalIdPDirectoryLogin", "responseElements": null, "errorMessage": "no"}"#,
                ),
                is(Way::Other, Outcome::Failure, Mfa::Unknown),
            ),
            (
                "an undocumented name that only the error says failed",
                ConsoleSignIn(
                    r#"{"eventName": "PasskeyLogin", "responseElements": null, "errorMessage": "Failed authentication"}"#,
                ),
                is(Way::Other, Outcome::Failure, Mfa::Unknown),
            ),
            (
                "an undocumented name, with an error of another kind",
                ConsoleSignIn(
                    r#"{"eventName": "BeginSignIn", "responseElements": null, "errorMessage": "Throttled"}"#,
                ),
                None,
            ),
            (
                "portal, the same factor twice",
                IdentityCenterSignIn(r#"{"additionalEventData": {"CredentialType": "PASSWORD,PASSWORD"}}"#),
                is(Way::IdentityCenter, Outcome::Success, Mfa::No),
            ),
            (
                "an undocumented outcome",
                ConsoleSignIn(r#"{"responseElements": {"ConsoleLogin": "Deferred"}}"#),
                is(Way::Console, Outcome::Unknown, Mfa::Yes),
            ),
            (
                "the outcome is a list",
                ConsoleSignIn(r#"{"responseElements": {"ConsoleLogin": ["Success"]}}"#),
                is(Way::Console, Outcome::Unknown, Mfa::Yes),
            ),
            (
                "the outcome under another event's name",
                ConsoleSignIn(r#"{"responseElements": {"ConsoleLogin": null, "CheckMfa": "Success"}}"#),
                is(Way::Console, Outcome::Unknown, Mfa::Yes),
            ),
            (
                "CheckMfa passed or asked for",
                ConsoleSignIn(r#"{"eventName": "CheckMfa", "responseElements": {"CheckMfa": "Success"}}"#),
                None,
            ),
            (
                "CheckMfa failed",
                ConsoleSignIn(
                    r#"{"eventName": "CheckMfa", "responseElements": {"CheckMfa": "Failure"}, "additionalEventData": null}"#,
                ),
                is(Way::Console, Outcome::Failure, Mfa::Yes),
            ),
            (
                "CheckMfa without an outcome",
                ConsoleSignIn(r#"{"eventName": "CheckMfa", "responseElements": null}"#),
                is(Way::Console, Outcome::Unknown, Mfa::Unknown),
            ),
            ("portal", IdentityCenterSignIn("{}"), is(Way::IdentityCenter, Outcome::Success, Mfa::Yes)),
            (
                "portal, a password alone",
                IdentityCenterSignIn(r#"{"additionalEventData": {"CredentialType": "PASSWORD"}}"#),
                is(Way::IdentityCenter, Outcome::Success, Mfa::No),
            ),
            (
                "portal, a mailed code alone",
                IdentityCenterSignIn(r#"{"additionalEventData": {"CredentialType": "EMAIL_OTP"}}"#),
                is(Way::IdentityCenter, Outcome::Success, Mfa::No),
            ),
            (
                "portal, an external provider",
                IdentityCenterSignIn(r#"{"additionalEventData": {"CredentialType": "EXTERNAL_IDP"}}"#),
                is(Way::IdentityCenter, Outcome::Success, Mfa::Unknown),
            ),
            (
                "portal, no factor named",
                IdentityCenterSignIn(r#"{"additionalEventData": null}"#),
                is(Way::IdentityCenter, Outcome::Success, Mfa::Unknown),
            ),
            (
                "portal, a factor failed",
                IdentityCenterSignIn(
                    r#"{"eventName": "CredentialVerification", "serviceEventDetails": {"CredentialVerification": "Failure"}, "additionalEventData": {"CredentialType": "PASSWORD"}}"#,
                ),
                is(Way::IdentityCenter, Outcome::Failure, Mfa::No),
            ),
            (
                "portal, a factor passed",
                IdentityCenterSignIn(
                    r#"{"eventName": "CredentialVerification", "serviceEventDetails": {"CredentialVerification": "Success"}}"#,
                ),
                None,
            ),
            (
                "portal, a factor was asked for",
                IdentityCenterSignIn(
                    r#"{"eventName": "CredentialChallenge", "serviceEventDetails": {"CredentialChallenge": "Failure"}}"#,
                ),
                None,
            ),
            (
                "`aws login`",
                ConsoleSignIn(
                    r#"{"eventName": "CreateOAuth2Token", "responseElements": null, "additionalEventData": {"success": "true", "MFAUsed": null}}"#,
                ),
                is(Way::OAuth, Outcome::Success, Mfa::Unknown),
            ),
            (
                "`aws login`, with MFA",
                ConsoleSignIn(
                    r#"{"eventName": "CreateOAuth2Token", "responseElements": null, "additionalEventData": {"success": true}, "userIdentity": {"sessionContext": {"attributes": {"mfaAuthenticated": "true"}}}}"#,
                ),
                is(Way::OAuth, Outcome::Success, Mfa::Yes),
            ),
            (
                "`aws login`, success is no truth value",
                ConsoleSignIn(
                    r#"{"eventName": "CreateOAuth2Token", "responseElements": null, "additionalEventData": {"success": {}}}"#,
                ),
                is(Way::OAuth, Outcome::Failure, Mfa::Unknown),
            ),
            (
                "`aws login`, no word about success",
                ConsoleSignIn(
                    r#"{"eventName": "CreateOAuth2Token", "responseElements": null, "additionalEventData": null}"#,
                ),
                is(Way::OAuth, Outcome::Unknown, Mfa::Unknown),
            ),
            (
                "`aws login`, a step",
                ConsoleSignIn(
                    r#"{"eventName": "AuthorizeOAuth2Access", "responseElements": null, "additionalEventData": {"success": "true"}}"#,
                ),
                None,
            ),
            (
                "`aws login`, a step that was refused",
                ConsoleSignIn(
                    r#"{"eventName": "AuthorizeOAuth2Access", "responseElements": null, "errorCode": "AccessDenied"}"#,
                ),
                is(Way::OAuth, Outcome::Failure, Mfa::Unknown),
            ),
            (
                "an undocumented name",
                ConsoleSignIn(
                    r#"{"eventName": "PasskeyLogin", "responseElements": {"PasskeyLogin": "Success"}}"#,
                ),
                is(Way::Other, Outcome::Success, Mfa::Unknown),
            ),
            (
                "an undocumented name, without an outcome",
                ConsoleSignIn(r#"{"eventName": "BeginSignIn", "responseElements": null}"#),
                None,
            ),
            (
                "no sign-in",
                ConsoleSignIn(
                    r#"{"eventName": "PasswordUpdated", "responseElements": {"PasswordUpdated": "Failure"}}"#,
                ),
                None,
            ),
            (
                "an API call",
                ApiCall(r#"{"eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Failure"}}"#),
                None,
            ),
        ];
        for (name, record, expected) in table {
            let json = record.json();
            let record = Record::parse(json.as_bytes()).unwrap();
            assert_eq!(SignIn::of(&record), *expected, "{name}");
        }
    }
}
