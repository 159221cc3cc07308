//! IAM policy documents: what they allow, and whom they trust.
//!
//! Source: IAM User Guide, "IAM JSON policy elements reference" and "Grammar of the IAM JSON policy language".

use std::borrow::Cow;

use serde_json::Value;

use crate::text::is_account_id;

/// A policy document.
#[derive(Debug)]
pub struct PolicyDocument(Value);

/// What an Allow statement over all resources allows; more is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// An IAM action with which a principal can give itself more permissions.
    Escalation,
    /// Every IAM action, with which a principal can give itself every permission.
    AllOfIam,
    /// Every action except those of a `NotAction`.
    AllButSome,
    /// Every action.
    Everything,
}

/// An Allow statement over all resources, or over all IAM resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdminGrant {
    /// What it allows.
    pub reach: Reach,
    /// Whether a `Condition` limits it.
    pub conditional: bool,
}

/// The principal of an Allow statement of a trust policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trusted {
    /// Anyone with an AWS account.
    Anyone,
    /// Every principal that this account permits.
    Account(String),
    /// One principal of an account, by its ARN.
    Principal {
        /// The account.
        account: String,
        /// The ARN.
        arn: String,
    },
    /// A service, an identity provider, or an id without an account.
    Other(String),
}

impl PolicyDocument {
    /// Reads a document as CloudTrail records it: JSON, or JSON in a string, which may be percent-encoded.
    /// `None` if it is absent or invalid.
    pub fn read(value: &Value) -> Option<PolicyDocument> {
        let document = match value {
            Value::String(text) => {
                serde_json::from_str(text).or_else(|_| serde_json::from_slice(&percent_decoded(text))).ok()?
            }
            other => other.clone(),
        };
        let readable = member(&document, "Statement").is_some_and(|it| it.is_object() || it.is_array());
        readable.then_some(PolicyDocument(document))
    }

    /// Its Allow statements over all resources, or over all IAM resources, that make a principal an administrator.
    pub fn admin_grants(&self) -> Vec<AdminGrant> {
        self.allows()
            .filter_map(|statement| {
                let resources = strings(member(statement, "Resource"));
                let all = resources.iter().any(|pattern| every_resource(pattern))
                    // NotResource: all resources except some, which may not even exist.
                    || member(statement, "NotResource").is_some();
                if !all && !resources.iter().any(|pattern| every_resource_of_iam(pattern)) {
                    return None;
                }
                let actions = strings(member(statement, "Action"));
                let reach = if actions.iter().any(|action| every_action(action)) {
                    if all { Reach::Everything } else { Reach::AllOfIam }
                } else if member(statement, "NotAction").is_some() && all {
                    Reach::AllButSome
                } else if actions.iter().any(|action| every_action_of_iam(action)) {
                    Reach::AllOfIam
                } else if actions.iter().any(|action| escalates(action)) {
                    Reach::Escalation
                } else {
                    return None;
                };
                Some(AdminGrant { reach, conditional: conditional(statement) })
            })
            .collect()
    }

    /// The principals of its Allow statements, each with whether a `Condition` limits it.
    pub fn trusted(&self) -> Vec<(Trusted, bool)> {
        self.allows()
            .flat_map(|statement| {
                let conditional = conditional(statement);
                principals(statement).into_iter().map(move |trusted| (trusted, conditional))
            })
            .collect()
    }

    fn allows(&self) -> impl Iterator<Item = &Value> {
        let statements = match member(&self.0, "Statement") {
            Some(Value::Array(statements)) => statements.iter().collect(),
            Some(statement) => vec![statement],
            None => Vec::new(),
        };
        let allow = |statement: &Value| {
            strings(member(statement, "Effect")).iter().any(|effect| effect.eq_ignore_ascii_case("Allow"))
        };
        statements.into_iter().filter(move |statement| allow(statement))
    }
}

fn conditional(statement: &Value) -> bool {
    member(statement, "Condition")
        .is_some_and(|condition| condition.as_object().is_some_and(|it| !it.is_empty()))
}

fn principals(statement: &Value) -> Vec<Trusted> {
    // Everyone except those it names.
    if member(statement, "NotPrincipal").is_some() {
        return vec![Trusted::Anyone];
    }
    let Some(principal) = member(statement, "Principal") else {
        return Vec::new();
    };
    if principal.is_string() {
        return strings(Some(principal)).into_iter().map(trusted).collect();
    }
    let kinds = principal.as_object().into_iter().flatten();
    kinds
        .flat_map(|(kind, names)| {
            let of_aws = kind.eq_ignore_ascii_case("AWS");
            strings(Some(names)).into_iter().map(move |name| {
                if of_aws || name == "*" { trusted(name) } else { Trusted::Other(name.to_owned()) }
            })
        })
        .collect()
}

fn trusted(name: &str) -> Trusted {
    if name == "*" {
        return Trusted::Anyone;
    }
    if is_account_id(name) {
        return Trusted::Account(name.to_owned());
    }
    // arn:aws:iam::111122223333:root
    let parts: Vec<&str> = name.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, _, _, account, _] if account.contains('*') => Trusted::Anyone,
        ["arn", _, _, _, account, "root"] if is_account_id(account) => Trusted::Account(account.to_owned()),
        ["arn", _, _, _, account, _] if is_account_id(account) => {
            Trusted::Principal { account: account.to_owned(), arn: name.to_owned() }
        }
        _ => Trusted::Other(name.to_owned()),
    }
}

/// A member by name, in any case. IAM may not accept `action`, but to miss it if IAM does would be worse.
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, member)| member)
}

/// One string, or each string of a list.
fn strings(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// `*`, and the other ways to write it, such as `*:*` or `?*`.
fn every_action(pattern: &str) -> bool {
    pattern.contains('*') && pattern.bytes().all(|byte| matches!(byte, b'*' | b'?' | b':'))
}

fn every_action_of_iam(pattern: &str) -> bool {
    pattern
        .split_once(':')
        .is_some_and(|(service, action)| service.eq_ignore_ascii_case("iam") && every_action(action))
}

/// Whether the action is, or by a wildcard includes, an IAM action with which a principal can give itself more
/// permissions.
///
/// Source: MITRE ATT&CK T1098.003; the calls that write or attach a policy, make a credential, change a trust,
/// or hand a role to a service.
fn escalates(pattern: &str) -> bool {
    const CALLS: &[&str] = &[
        "addusertogroup",
        "attachgrouppolicy",
        "attachrolepolicy",
        "attachuserpolicy",
        "createaccesskey",
        "createloginprofile",
        "createpolicyversion",
        "passrole",
        "putgrouppolicy",
        "putrolepolicy",
        "putuserpolicy",
        "setdefaultpolicyversion",
        "updateassumerolepolicy",
        "updateloginprofile",
    ];
    pattern.split_once(':').is_some_and(|(service, action)| {
        let action = action.to_ascii_lowercase();
        service.eq_ignore_ascii_case("iam")
            && CALLS.iter().any(|call| like(action.as_bytes(), call.as_bytes()))
    })
}

/// Whether a pattern with `*` and `?` matches, in time that grows with the product of both lengths.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut matched, mut star) = (0, 0, None);
    while matched < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, matched));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[matched] => {
                at += 1;
                matched += 1;
            }
            _ => match star {
                Some((behind, from)) => {
                    star = Some((behind, from + 1));
                    (at, matched) = (behind + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// All IAM resources of one account or of all: `arn:aws:iam::111122223333:*`, `arn:aws:iam::*`.
fn every_resource_of_iam(pattern: &str) -> bool {
    let Some((partition, rest)) = pattern.strip_prefix("arn:").and_then(|rest| rest.split_once(":iam:"))
    else {
        return false;
    };
    let wild = |byte: u8| matches!(byte, b'*' | b'?' | b':') || byte.is_ascii_digit();
    !partition.contains(':') && rest.ends_with('*') && rest.bytes().all(wild)
}

/// `*`, or an ARN of wildcards only, such as `arn:aws:*` or `arn:*:*:*:*:*`.
fn every_resource(pattern: &str) -> bool {
    let rest = pattern.strip_prefix("arn:").unwrap_or(pattern);
    let rest = match rest.split_once(':') {
        Some((partition, rest)) if partition.starts_with("aws") => rest,
        _ => rest,
    };
    every_action(rest)
}

/// Percent-decoded text; text that does not decode to UTF-8 is unchanged.
fn percent_decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('%') {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        let escaped = match (first, others) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                rest = &others[2..];
            }
            None => {
                decoded.push(first);
                rest = others;
            }
        }
    }
    Cow::Owned(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_statement_makes_an_administrator_only_where_it_allows_all_on_all() {
        let grant = |reach, conditional| Some(AdminGrant { reach, conditional });
        for (name, statement, expected) in [
            (
                "plain",
                json!({"Effect": "Allow", "Action": "*", "Resource": "*"}),
                grant(Reach::Everything, false),
            ),
            (
                "in lists",
                json!({"Effect": "Allow", "Action": ["s3:Get*", "*"], "Resource": ["*"]}),
                grant(Reach::Everything, false),
            ),
            (
                "*:*",
                json!({"Effect": "Allow", "Action": "*:*", "Resource": "*"}),
                grant(Reach::Everything, false),
            ),
            (
                "a joker",
                json!({"Effect": "Allow", "Action": "?*", "Resource": "**"}),
                grant(Reach::Everything, false),
            ),
            (
                "ARN of jokers",
                json!({"Effect": "Allow", "Action": "*", "Resource": "arn:aws:*"}),
                grant(Reach::Everything, false),
            ),
            (
                "members in lower case",
                json!({"effect": "Allow", "action": "*", "resource": "*"}),
                grant(Reach::Everything, false),
            ),
            (
                "NotResource",
                json!({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::x"}),
                grant(Reach::Everything, false),
            ),
            (
                "with a condition",
                json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}),
                grant(Reach::Everything, true),
            ),
            (
                "with an empty condition",
                json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {}}),
                grant(Reach::Everything, false),
            ),
            (
                "NotAction",
                json!({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}),
                grant(Reach::AllButSome, false),
            ),
            (
                "all of IAM",
                json!({"Effect": "Allow", "Action": "IAM:*", "Resource": "*"}),
                grant(Reach::AllOfIam, false),
            ),
            (
                "all of IAM, on all that IAM keeps in any account",
                json!({"Effect": "Allow", "Action": "iam:*", "Resource": "arn:aws:iam::*:*"}),
                grant(Reach::AllOfIam, false),
            ),
            (
                "all of IAM, on an ARN that ends early",
                json!({"Effect": "Allow", "Action": "iam:*", "Resource": "arn:aws:iam::*"}),
                grant(Reach::AllOfIam, false),
            ),
            (
                "all of IAM, on all that IAM keeps in this account",
                json!({"Effect": "Allow", "Action": "iam:*", "Resource": "arn:aws-cn:iam::111122223333:*"}),
                grant(Reach::AllOfIam, false),
            ),
            (
                "everything, on all that IAM keeps",
                json!({"Effect": "Allow", "Action": "*", "Resource": "arn:aws:iam::*:*"}),
                grant(Reach::AllOfIam, false),
            ),
            (
                "all of IAM, on one user",
                json!({"Effect": "Allow", "Action": "iam:*", "Resource": "arn:aws:iam::111122223333:user/x"}),
                None,
            ),
            (
                "attaching anything to anyone",
                json!({"Effect": "Allow", "Action": ["s3:Get*", "iam:attach*"], "Resource": "*"}),
                grant(Reach::Escalation, false),
            ),
            (
                "writing policies",
                json!({"Effect": "Allow", "Action": "iam:*Policy", "Resource": "arn:aws:iam::*:*"}),
                grant(Reach::Escalation, false),
            ),
            (
                "handing any role to a service",
                json!({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}),
                grant(Reach::Escalation, false),
            ),
            (
                "reading IAM",
                json!({"Effect": "Allow", "Action": ["iam:Get*", "iam:List*"], "Resource": "*"}),
                None,
            ),
            (
                "handing one role to a service",
                json!({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::111122223333:role/x"}),
                None,
            ),
            ("all of S3", json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}), None),
            (
                "all on one bucket",
                json!({"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::x/*"}),
                None,
            ),
            ("denied", json!({"Effect": "Deny", "Action": "*", "Resource": "*"}), None),
            ("numbers", json!({"Effect": 1, "Action": 2, "Resource": 3}), None),
            ("no object", json!("Allow"), None),
        ] {
            for document in [json!({"Statement": statement}), json!({"Statement": [statement]})] {
                let Some(document) = PolicyDocument::read(&document) else {
                    assert_eq!(expected, None, "{name}");
                    continue;
                };
                assert_eq!(document.admin_grants().first().copied(), expected, "{name}");
            }
        }
    }

    #[test]
    fn a_document_is_read_as_text_percent_encoded_or_as_json() {
        let plain = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let encoded: String = plain.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for value in [json!(plain), json!(encoded), serde_json::from_str(plain).unwrap()] {
            assert_eq!(PolicyDocument::read(&value).unwrap().admin_grants().len(), 1, "{value}");
        }
        for unreadable in [
            json!(null),
            json!(7),
            json!("%"),
            json!("%7"),
            json!("%zz{"),
            json!("{"),
            json!("[]"),
            json!("{\"Statement\": 1}"),
            json!({}),
        ] {
            assert!(PolicyDocument::read(&unreadable).is_none(), "{unreadable}");
        }
    }

    #[test]
    fn a_document_nested_too_deeply_is_unreadable_and_nothing_worse() {
        let deep = format!("{{\"Statement\":{}", "[".repeat(100_000));
        assert!(PolicyDocument::read(&json!(deep)).is_none());
    }

    #[test]
    fn a_trust_policy_names_whom_it_trusts() {
        let account = |id: &str| Trusted::Account(id.to_owned());
        for (name, principal, expected) in [
            ("anyone", json!("*"), vec![Trusted::Anyone]),
            ("anyone of AWS", json!({"AWS": "*"}), vec![Trusted::Anyone]),
            ("anyone by federation", json!({"Federated": "*"}), vec![Trusted::Anyone]),
            ("any account", json!({"AWS": "arn:aws:iam::*:root"}), vec![Trusted::Anyone]),
            ("an id", json!({"AWS": "444455556666"}), vec![account("444455556666")]),
            ("a root", json!({"AWS": ["arn:aws-cn:iam::444455556666:root"]}), vec![account("444455556666")]),
            (
                "a role",
                json!({"AWS": "arn:aws:iam::444455556666:role/a:b"}),
                vec![Trusted::Principal {
                    account: "444455556666".into(),
                    arn: "arn:aws:iam::444455556666:role/a:b".into(),
                }],
            ),
            (
                "a service",
                json!({"Service": "ec2.amazonaws.com"}),
                vec![Trusted::Other("ec2.amazonaws.com".into())],
            ),
            (
                "an id that is left of a deleted user",
                json!({"AWS": "AIDAEXAMPLE"}),
                vec![Trusted::Other("AIDAEXAMPLE".into())],
            ),
            ("a number", json!({"AWS": 4}), vec![]),
        ] {
            let document = json!({"Statement": [{"Effect": "Allow", "Principal": principal}]});
            let trusted = PolicyDocument::read(&document).unwrap().trusted();
            let trusted: Vec<Trusted> = trusted.into_iter().map(|(trusted, _)| trusted).collect();
            assert_eq!(trusted, expected, "{name}");
        }
        let all_but = json!({"Statement": {"Effect": "Allow", "NotPrincipal": {"AWS": "444455556666"}}});
        assert_eq!(PolicyDocument::read(&all_but).unwrap().trusted(), [(Trusted::Anyone, false)]);
    }
}
