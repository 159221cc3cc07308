//! One CloudTrail record, parsed leniently.
//!
//! Source: CloudTrail User Guide, "CloudTrail record contents" and "CloudTrail userIdentity element".
//!
//! A record that no rule can evaluate is an error: text that is not a JSON object, or whose `eventName` or
//! `eventSource` occurs twice or is not a scalar. Any other fact that is missing or of an undocumented type is absent.
//! If another key occurs twice, the last one counts, as in every common JSON parser. `aws_lambda_events` has a record type too, but it cannot read a
//! single console sign-in: those have no `requestID`.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// Text of a record, borrowed from the log file unless it has escapes. Absent means unknown.
pub type Text<'a> = Option<Cow<'a, str>>;

/// One element of `Records`. Every string in it may have been chosen by an attacker.
#[derive(Debug, Default)]
pub struct Record<'a> {
    /// `eventID`.
    pub event_id: Text<'a>,
    /// `addendum.originalEventID`: the record that this one is a later, corrected copy of.
    pub original_event_id: Text<'a>,
    /// `sharedEventID`: equal in all copies of one action that several accounts receive.
    pub shared_event_id: Text<'a>,
    /// `eventTime`, if it is valid.
    pub event_time: Option<DateTime<Utc>>,
    /// `eventSource`, such as `signin.amazonaws.com`; empty where it is absent.
    pub event_source: Cow<'a, str>,
    /// `eventName`, such as `ConsoleLogin`; empty where it is absent.
    pub event_name: Cow<'a, str>,
    /// `eventType`, such as `AwsConsoleSignIn`; AWS spells it in two ways.
    pub event_type: Text<'a>,
    /// `awsRegion`, which may differ from the Region in the log file's key and is the correct one.
    pub aws_region: Text<'a>,
    /// `sourceIPAddress`: an address, or the DNS name of an AWS service, or `AWS Internal`.
    pub source_ip_address: Text<'a>,
    /// `userAgent`.
    pub user_agent: Text<'a>,
    /// `errorCode`: the call was refused.
    pub error_code: Text<'a>,
    /// `errorMessage`; console sign-ins have one without a code.
    pub error_message: Text<'a>,
    /// `recipientAccountId`: the account that this copy was delivered to.
    pub recipient_account_id: Text<'a>,
    /// `readOnly`.
    pub read_only: Option<bool>,
    /// `userIdentity`; every fact in it absent where it is null or missing.
    pub user_identity: UserIdentity<'a>,
    /// `requestParameters`, null where absent.
    pub request_parameters: Value,
    /// `responseElements`, null where absent.
    pub response_elements: Value,
    /// `additionalEventData`, null where absent.
    pub additional_event_data: Value,
    /// `serviceEventDetails`, null where absent.
    pub service_event_details: Value,
    /// Which of the last four is unreadable, and why: a rule that needs this record cannot evaluate it.
    pub unreadable: Option<String>,
}

/// Who acted, as far as AWS records it.
#[derive(Debug, Default)]
pub struct UserIdentity<'a> {
    /// `type`: Root, IAMUser, AssumedRole, Role, FederatedUser, Directory, AWSAccount, AWSService,
    /// IdentityCenterUser, SAMLUser, WebIdentityUser, Unknown.
    pub kind: Text<'a>,
    /// `principalId`.
    pub principal_id: Text<'a>,
    /// `arn`; absent on failed sign-ins of IAM users.
    pub arn: Text<'a>,
    /// `accountId`.
    pub account_id: Text<'a>,
    /// `accessKeyId`; empty on sign-ins.
    pub access_key_id: Text<'a>,
    /// `userName`; for root, the account's alias where it has one.
    pub user_name: Text<'a>,
    /// `invokedBy`: the AWS service that made the call.
    pub invoked_by: Text<'a>,
    /// `sessionContext.attributes.mfaAuthenticated`; means nothing for federated sessions.
    pub mfa_authenticated: Option<bool>,
    /// `sessionContext.assumedRoot`: a root session opened with `sts:AssumeRoot`.
    pub assumed_root: Option<bool>,
    /// `sessionContext.sessionIssuer.arn`: the role behind a session.
    pub session_issuer_arn: Text<'a>,
    /// `sessionContext.sessionIssuer.userName`: the role's name.
    pub session_issuer_name: Text<'a>,
    /// `onBehalfOf.userId`: the Identity Center user.
    pub identity_center_user_id: Text<'a>,
    /// `onBehalfOf.identityStoreArn`.
    pub identity_store_arn: Text<'a>,
}

impl<'a> Record<'a> {
    /// Reads one element of `Records`.
    ///
    /// # Errors
    /// Why no rule can evaluate it: a phrase that follows "the record".
    pub fn parse(json: &'a [u8]) -> Result<Record<'a>, String> {
        let json = std::str::from_utf8(json)
            .map_err(|error| format!("has invalid UTF-8 at its byte {}", error.valid_up_to()))?;
        let members = Members::of(
            json,
            [
                "eventID",
                "addendum",
                "sharedEventID",
                "eventTime",
                "eventSource",
                "eventName",
                "eventType",
                "awsRegion",
                "sourceIPAddress",
                "userAgent",
                "errorCode",
                "errorMessage",
                "recipientAccountId",
                "readOnly",
                "userIdentity",
                "requestParameters",
                "responseElements",
                "additionalEventData",
                "serviceEventDetails",
            ],
        )
        .map_err(|error| format!("is no readable JSON object: {error}"))?;
        for decisive in ["eventName", "eventSource"] {
            if members.repeated(decisive) {
                return Err(format!("has two members named {decisive}"));
            }
        }
        let decisive = |name: &str| match members.raw(name) {
            None => Ok(Cow::Borrowed("")),
            Some(raw) => scalar(raw)
                .map(Option::unwrap_or_default)
                .ok_or_else(|| format!("has {name} that is neither text nor absent")),
        };
        let mut unreadable = None;
        let mut tree = |name: &str| {
            members.raw(name).map_or(Value::Null, |raw| {
                serde_json::from_str(raw.get()).unwrap_or_else(|error| {
                    unreadable = Some(format!("has {name} that cannot be read: {error}"));
                    Value::Null
                })
            })
        };
        let addendum = Members::of_optional(members.raw("addendum"), ["originalEventID"]);
        Ok(Record {
            event_source: decisive("eventSource")?,
            event_name: decisive("eventName")?,
            request_parameters: tree("requestParameters"),
            response_elements: tree("responseElements"),
            additional_event_data: tree("additionalEventData"),
            service_event_details: tree("serviceEventDetails"),
            event_id: members.filled("eventID"),
            original_event_id: addendum.filled("originalEventID"),
            shared_event_id: members.filled("sharedEventID"),
            event_time: members.text("eventTime").and_then(|time| time_of(&time)),
            event_type: members.filled("eventType"),
            aws_region: members.filled("awsRegion"),
            source_ip_address: members.filled("sourceIPAddress"),
            user_agent: members.filled("userAgent"),
            error_code: members.filled("errorCode"),
            error_message: members.filled("errorMessage"),
            recipient_account_id: members.filled("recipientAccountId"),
            read_only: members.truth("readOnly"),
            user_identity: UserIdentity::of(members.raw("userIdentity")),
            unreadable,
        })
    }

    /// The account that the record is about: the one it was delivered to, else the caller's own.
    pub fn account(&self) -> Option<&str> {
        self.recipient_account_id.as_deref().or(self.user_identity.account_id.as_deref())
    }

    /// The id of the event: that of the original if this is a corrected copy.
    pub fn event_key(&self) -> Option<&str> {
        self.original_event_id.as_deref().or(self.event_id.as_deref())
    }

    /// Whether the call succeeded. For API calls only: a failed console sign-in has no `errorCode`.
    pub fn call_succeeded(&self) -> bool {
        self.error_code.is_none() && self.error_message.is_none()
    }

    /// Whether the account's own root user acted: not a root session that `sts:AssumeRoot` opened,
    /// and not an AWS service in root's name.
    pub fn by_root(&self) -> bool {
        self.user_identity.kind.as_deref() == Some("Root")
            && self.user_identity.assumed_root != Some(true)
            && self.user_identity.invoked_by.is_none()
            && !self.event_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("AwsServiceEvent"))
    }

    /// The service that was called, as `eventSource` names it: `iam`.
    pub fn service(&self) -> &str {
        self.event_source.strip_suffix(".amazonaws.com").unwrap_or(&self.event_source)
    }

    /// A member of `requestParameters` as text.
    pub fn request(&self, name: &str) -> Text<'_> {
        text(&self.request_parameters[name])
    }

    /// A member of `additionalEventData` as text.
    pub fn additional(&self, name: &str) -> Text<'_> {
        text(&self.additional_event_data[name])
    }
}

impl<'a> UserIdentity<'a> {
    /// The role behind a session, with its path: `Admin`, `aws-service-role/sso.amazonaws.com/…`.
    /// A name can be chosen by anyone; the paths `aws-reserved/` and `aws-service-role/` only by AWS.
    pub fn session_role(&self) -> Option<&str> {
        // arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/...
        self.session_issuer_arn.as_deref()?.splitn(6, ':').nth(5)?.strip_prefix("role/")
    }

    fn of(raw: Option<&'a RawValue>) -> UserIdentity<'a> {
        let identity = Members::of_optional(
            raw,
            [
                "type",
                "principalId",
                "arn",
                "accountId",
                "accessKeyId",
                "userName",
                "invokedBy",
                "sessionContext",
                "onBehalfOf",
            ],
        );
        let session = Members::of_optional(
            identity.raw("sessionContext"),
            ["attributes", "sessionIssuer", "assumedRoot"],
        );
        let attributes = Members::of_optional(session.raw("attributes"), ["mfaAuthenticated", "assumedRoot"]);
        let issuer = Members::of_optional(session.raw("sessionIssuer"), ["arn", "userName"]);
        let behalf = Members::of_optional(identity.raw("onBehalfOf"), ["userId", "identityStoreArn"]);
        UserIdentity {
            kind: identity.filled("type"),
            principal_id: identity.filled("principalId"),
            arn: identity.filled("arn"),
            account_id: identity.filled("accountId"),
            access_key_id: identity.filled("accessKeyId"),
            user_name: identity.filled("userName"),
            invoked_by: identity.filled("invokedBy"),
            mfa_authenticated: attributes.truth("mfaAuthenticated"),
            assumed_root: session.truth("assumedRoot").or_else(|| attributes.truth("assumedRoot")),
            session_issuer_arn: issuer.filled("arn"),
            session_issuer_name: issuer.filled("userName"),
            identity_center_user_id: behalf.filled("userId"),
            identity_store_arn: behalf.filled("identityStoreArn"),
        }
    }
}

/// A JSON value as text: strings as they are, numbers and booleans as written, anything else absent.
pub fn text(value: &Value) -> Text<'_> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(_) | Value::Bool(_) => Some(Cow::Owned(value.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A JSON value as a boolean: AWS writes both `true` and `"true"`, in upper and lower case.
pub fn truth(value: &Value) -> Option<bool> {
    truth_of(&text(value)?)
}

fn truth_of(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Both spellings of a time that CloudTrail documents: `2026-04-01T00:00:00Z` and `20260401T000000Z`.
fn time_of(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .ok()
        .or_else(|| NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").map(|time| time.and_utc()).ok())
}

/// `Some(None)` for null, `None` for a value that is not a scalar.
fn scalar<'a>(raw: &'a RawValue) -> Option<Text<'a>> {
    match raw.get().as_bytes().first()? {
        b'"' => serde_json::from_str::<Key<'a>>(raw.get()).ok().map(|key| Some(key.0)),
        b'n' => Some(None),
        b'{' | b'[' => None,
        _ => Some(Some(Cow::Borrowed(raw.get()))),
    }
}

/// Selected members of one JSON object, each as JSON text.
struct Members<'a, const N: usize> {
    names: [&'static str; N],
    raw: [Option<&'a RawValue>; N],
    repeated: [bool; N],
}

impl<'a, const N: usize> Members<'a, N> {
    /// Accepts an object only: serde would also fill a struct from an array, by position.
    fn of(json: &'a str, names: [&'static str; N]) -> serde_json::Result<Self> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let members = deserializer.deserialize_map(MembersVisitor(names))?;
        deserializer.end()?;
        Ok(members)
    }

    /// No members if it is not an object.
    fn of_optional(raw: Option<&'a RawValue>, names: [&'static str; N]) -> Self {
        raw.and_then(|raw| Self::of(raw.get(), names).ok()).unwrap_or(Members {
            names,
            raw: [None; N],
            repeated: [false; N],
        })
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|wanted| *wanted == name)
    }

    fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.position(name).and_then(|position| self.raw[position])
    }

    fn repeated(&self, name: &str) -> bool {
        self.position(name).is_some_and(|position| self.repeated[position])
    }

    fn text(&self, name: &str) -> Text<'a> {
        self.raw(name).and_then(scalar).flatten()
    }

    /// A text that is not empty: AWS writes some absent facts as empty texts.
    fn filled(&self, name: &str) -> Text<'a> {
        self.text(name).filter(|text| !text.is_empty())
    }

    fn truth(&self, name: &str) -> Option<bool> {
        truth_of(&self.text(name)?)
    }
}

struct MembersVisitor<const N: usize>([&'static str; N]);

impl<'de, const N: usize> Visitor<'de> for MembersVisitor<N> {
    type Value = Members<'de, N>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members { names: self.0, raw: [None; N], repeated: [false; N] };
        while let Some(key) = map.next_key::<Key<'de>>()? {
            match members.position(&key.0) {
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some(position) => {
                    let raw = map.next_value::<&'de RawValue>()?;
                    members.repeated[position] |= members.raw[position].replace(raw).is_some();
                }
            }
        }
        Ok(members)
    }
}

/// A JSON string that borrows if possible; serde never borrows for a plain `Cow`.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_text_is_an_absent_fact() {
        let record = parse(
            r#"{"eventType": "", "awsRegion": "", "sourceIPAddress": "", "userAgent": "", "recipientAccountId": "",
                "userIdentity": {"type": "", "principalId": "", "accountId": "111122223333", "arn": "", "userName": "",
                    "onBehalfOf": {"userId": "", "identityStoreArn": ""},
                    "sessionContext": {"sessionIssuer": {"arn": "", "userName": ""}}}}"#,
        );
        assert_eq!(record.account(), Some("111122223333"));
        let identity = &record.user_identity;
        for fact in [
            &record.event_type,
            &record.aws_region,
            &record.source_ip_address,
            &record.user_agent,
            &record.recipient_account_id,
            &identity.kind,
            &identity.principal_id,
            &identity.arn,
            &identity.user_name,
            &identity.session_issuer_arn,
            &identity.session_issuer_name,
            &identity.identity_center_user_id,
            &identity.identity_store_arn,
        ] {
            assert_eq!(*fact, None);
        }
        assert_eq!(parse(r#"{"userIdentity": {"accountId": ""}}"#).account(), None);
    }

    #[test]
    fn parameters_that_nest_too_deeply_make_the_record_unreadable() {
        let json = format!(r#"{{"requestParameters": {}1{}}}"#, "[".repeat(200), "]".repeat(200));
        let unreadable = parse(&json).unreadable.unwrap();
        assert!(unreadable.starts_with("has requestParameters that cannot be read"), "{unreadable}");
    }

    fn parse(json: &str) -> Record<'_> {
        Record::parse(json.as_bytes()).unwrap()
    }

    fn refused(json: &str) -> String {
        Record::parse(json.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_repeated_name_or_source_is_refused() {
        for json in [
            r#"{"eventName": "ConsoleLogin", "eventName": "Logout"}"#,
            r#"{"eventName": "ConsoleLogin", "eventName": "ConsoleLogin"}"#,
            r#"{"eventName": "ConsoleLogin", "eventName": null}"#,
            r#"{"eventName": "ConsoleLogin", "event\u004eame": "Logout"}"#,
        ] {
            assert_eq!(refused(json), "has two members named eventName", "{json}");
        }
        assert_eq!(
            refused(r#"{"eventSource": "a", "x": 1, "eventSource": "b"}"#),
            "has two members named eventSource"
        );
    }

    #[test]
    fn a_name_or_source_that_is_no_scalar_is_refused() {
        for json in
            [r#"{"eventName": ["ConsoleLogin"]}"#, r#"{"eventName": {}}"#, r#"{"eventName": "\ud800"}"#]
        {
            assert_eq!(refused(json), "has eventName that is neither text nor absent", "{json}");
        }
        for json in [r#"{"eventName": null}"#, "{}"] {
            assert_eq!(parse(json).event_name, "", "{json}");
        }
    }

    #[test]
    fn of_any_other_repeated_member_the_last_one_counts() {
        let record = parse(
            r#"{"awsRegion": "a", "awsRegion": "b", "userIdentity": {"type": "Root"}, "userIdentity": {"type": "IAMUser", "userName": "x", "userName": "y"}}"#,
        );
        assert_eq!(record.aws_region.as_deref(), Some("b"));
        assert_eq!(record.user_identity.kind.as_deref(), Some("IAMUser"));
        assert_eq!(record.user_identity.user_name.as_deref(), Some("y"));
    }

    #[test]
    fn a_fact_of_the_wrong_type_is_absent() {
        for hostile in ["null", "[]", "{}", r#"["x"]"#, r#"{"x": 1}"#, r#""\udc00""#] {
            let json = format!(
                r#"{{"eventID": {hostile}, "eventTime": {hostile}, "awsRegion": {hostile}, "sourceIPAddress": {hostile},
                    "errorCode": {hostile}, "errorMessage": {hostile}, "readOnly": {hostile}, "addendum": {hostile},
                    "sharedEventID": {hostile}, "userIdentity": {hostile}, "recipientAccountId": {hostile}}}"#
            );
            let record = parse(&json);
            assert_eq!(record.event_key(), None, "{hostile}");
            assert_eq!(record.shared_event_id, None, "{hostile}");
            assert_eq!(record.event_time, None, "{hostile}");
            assert_eq!(record.aws_region, None, "{hostile}");
            assert_eq!(record.source_ip_address, None, "{hostile}");
            assert_eq!(record.read_only, None, "{hostile}");
            assert_eq!(record.user_identity.kind, None, "{hostile}");
            assert_eq!(record.account(), None, "{hostile}");
            assert!(record.call_succeeded(), "{hostile}");
        }
    }

    #[test]
    fn a_number_or_truth_value_where_text_is_documented_is_read_as_written() {
        let record = parse(
            r#"{"eventName": 7, "eventID": 1.50, "awsRegion": true, "recipientAccountId": 111122223333, "readOnly": "TRUE"}"#,
        );
        assert_eq!(record.event_name, "7");
        assert_eq!(record.event_key(), Some("1.50"));
        assert_eq!(record.aws_region.as_deref(), Some("true"));
        assert_eq!(record.account(), Some("111122223333"));
        assert_eq!(record.read_only, Some(true));
    }

    #[test]
    fn a_time_is_read_in_both_spellings_that_cloudtrail_has() {
        for (text, expected) in [
            ("2026-04-01T08:15:00Z", Some("2026-04-01T08:15:00+00:00")),
            ("20260401T081500Z", Some("2026-04-01T08:15:00+00:00")),
            ("2026-04-01T10:15:00+02:00", Some("2026-04-01T08:15:00+00:00")),
            ("2026-04-01T08:15:00.123Z", Some("2026-04-01T08:15:00.123+00:00")),
            ("2026-04-01", None),
            ("1775031300", None),
            ("", None),
        ] {
            let json = format!(r#"{{"eventTime": "{text}"}}"#);
            let time = parse(&json).event_time.map(|time| time.to_rfc3339());
            assert_eq!(time.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn invalid_utf_8_is_refused_with_its_place() {
        assert_eq!(
            Record::parse(b"{\"userAgent\": \"\xff\"}").unwrap_err(),
            "has invalid UTF-8 at its byte 15"
        );
    }

    #[test]
    fn only_an_object_is_a_record_or_an_identity() {
        for json in [
            r#"["id", null, null, null, "signin.amazonaws.com", "ConsoleLogin"]"#,
            "null",
            "7",
            r#""ConsoleLogin""#,
            "",
            "{",
            r#"{"eventName": "ConsoleLogin"} {}"#,
            r#"{"eventName": "ConsoleLogin",}"#,
        ] {
            let error = refused(json);
            assert!(error.starts_with("is no readable JSON object: "), "{json}: {error}");
        }
        let record = parse(r#"{"userIdentity": ["Root", "111122223333"]}"#);
        assert_eq!(record.user_identity.kind, None);
        assert!(!record.by_root());
    }

    #[test]
    fn deep_nesting_costs_at_most_the_record() {
        let open = "[".repeat(200_000);
        let close = "]".repeat(200_000);
        for member in ["x", "userIdentity", "addendum", "awsRegion"] {
            let json = format!(r#"{{"eventName": "ConsoleLogin", "{member}": {open}{close}}}"#);
            assert_eq!(parse(&json).event_name, "ConsoleLogin", "{member}");
        }
        for member in ["requestParameters", "responseElements"] {
            let json = format!(r#"{{"{member}": {open}{close}}}"#);
            let record = parse(&json);
            assert!(record.unreadable.is_some_and(|reason| reason.contains(member)), "{member}");
        }
        assert!(refused(&format!(r#"{{"eventName": {open}{close}}}"#)).contains("eventName"));
        assert!(Record::parse(format!(r#"{{"x": {open}"#).as_bytes()).is_err());
    }

    #[test]
    fn a_corrected_copy_is_known_by_the_first_copys_id() {
        let record = parse(r#"{"eventID": "later", "addendum": {"originalEventID": "first"}}"#);
        assert_eq!(record.event_key(), Some("first"));
        let record = parse(r#"{"eventID": "only", "addendum": {"originalEventID": ""}}"#);
        assert_eq!(record.event_key(), Some("only"));
        assert_eq!(parse(r#"{"eventID": ""}"#).event_key(), None);
    }

    #[test]
    fn root_is_the_accounts_own_user_and_no_service_that_acts_for_it() {
        for (name, json, expected) in [
            ("root", r#"{"userIdentity": {"type": "Root"}}"#, true),
            (
                "with an empty session issuer",
                r#"{"userIdentity": {"type": "Root", "sessionContext": {"sessionIssuer": {}}}}"#,
                true,
            ),
            (
                "assumedRoot as text",
                r#"{"userIdentity": {"type": "Root", "sessionContext": {"assumedRoot": "true"}}}"#,
                false,
            ),
            (
                "assumedRoot among the attributes",
                r#"{"userIdentity": {"type": "Root", "sessionContext": {"attributes": {"assumedRoot": true}}}}"#,
                false,
            ),
            (
                "assumedRoot is false",
                r#"{"userIdentity": {"type": "Root", "sessionContext": {"assumedRoot": "false"}}}"#,
                true,
            ),
            (
                "invokedBy",
                r#"{"userIdentity": {"type": "Root", "invokedBy": "support.amazonaws.com"}}"#,
                false,
            ),
            ("invokedBy is empty", r#"{"userIdentity": {"type": "Root", "invokedBy": ""}}"#, true),
            (
                "an event of AWS's own",
                r#"{"userIdentity": {"type": "Root"}, "eventType": "AwsServiceEvent"}"#,
                false,
            ),
            ("a user called root", r#"{"userIdentity": {"type": "IAMUser", "userName": "root"}}"#, false),
            ("no principal", r#"{}"#, false),
        ] {
            assert_eq!(parse(json).by_root(), expected, "{name}");
        }
    }

    #[test]
    fn the_role_of_a_session_is_named_with_its_path() {
        for (arn, expected) in [
            ("arn:aws:iam::111122223333:role/Admin", Some("Admin")),
            (
                "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_A_1",
                Some("aws-reserved/sso.amazonaws.com/AWSReservedSSO_A_1"),
            ),
            ("arn:aws:iam::111122223333:user/role/x", None),
            ("x", None),
        ] {
            let json = format!(
                r#"{{"userIdentity": {{"sessionContext": {{"sessionIssuer": {{"arn": "{arn}"}}}}}}}}"#
            );
            assert_eq!(parse(&json).user_identity.session_role(), expected, "{arn}");
        }
    }
}
