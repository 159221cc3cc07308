//! `template.yaml`, held to the settings and metrics of the code.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

use std::collections::{BTreeMap, BTreeSet};

use saphyr::{LoadableYamlNode, Yaml};
use shared::config::{Accepts, ReadBy, SETTINGS, Setting, mailed_severities};

const TEMPLATE: &str = include_str!("../../template.yaml");
/// The source that defines the metrics of the functions and their dimension.
const METRICS: &str = include_str!("../../shared/aws/src/metrics.rs");
/// How long one invocation waits between two mails.
const PUBLISH: &str = include_str!("../../shared/aws/src/sns.rs");

/// What a function needs to know about its deployment; everything else in its environment is a parameter.
const WIRING: [&str; 3] = ["OWN_RESOURCES", "STATE_BUCKET", "TOPIC_ARN"];

/// The same, for the one that lists a bucket.
const WIRING_OF_BACKFILL: [&str; 2] = ["LOG_BUCKET", "STATE_MACHINE_ARN"];

/// What some functions read and others do not; whatever is not here is for all of them. (The environment of a
/// function has room for 4 KB.)
const READ_BY_SOME: [(&str, &[&str]); 3] = [
    (
        "BackfillFunction",
        &[
            "ALLOWED_SIGN_IN_CIDRS",
            "FLEET_ABOVE_LOG_FILES",
            "HIDDEN_NAME_FAILURES",
            "LOG_BUCKET",
            "MAX_COMPRESSED_BYTES",
            "MAX_DECOMPRESSED_BYTES",
            "MAX_IN_FLIGHT_BYTES",
            "MAX_RECORD_BYTES",
            "OWN_RESOURCES",
            "STATE_MACHINE_ARN",
        ],
    ),
    (
        "CredentialReportFunction",
        &[
            "ACCESS_KEY_MAX_AGE_DAYS",
            "CERTIFICATE_MAX_AGE_DAYS",
            "IDLE_DAYS",
            "MEMBER_EXTERNAL_ID",
            "MEMBER_ROLE_NAME",
            "PASSWORD_EXPIRING_DAYS",
            "REMIND_DAYS",
            "ROOT_RECENTLY_USED_DAYS",
            "UNUSED_CREDENTIAL_DAYS",
            "WATCHED_ACCOUNTS",
        ],
    ),
    (
        "SignInFunction",
        &[
            "ALLOWED_SIGN_IN_CIDRS",
            "HIDDEN_NAME_FAILURES",
            "MAX_COMPRESSED_BYTES",
            "MAX_DECOMPRESSED_BYTES",
            "MAX_IN_FLIGHT_BYTES",
            "MAX_RECORD_BYTES",
            "OWN_RESOURCES",
        ],
    ),
];

fn template() -> Yaml<'static> {
    Yaml::load_from_str(TEMPLATE).unwrap().remove(0)
}

/// The value under these names, one in the other.
#[track_caller]
fn at<'a>(yaml: &'a Yaml<'a>, path: &[&str]) -> &'a Yaml<'a> {
    path.iter().fold(yaml, |yaml, name| {
        yaml.as_mapping_get(name).unwrap_or_else(|| panic!("{name} of {} is missing", path.join(".")))
    })
}

fn members<'a>(yaml: &'a Yaml<'a>) -> BTreeMap<&'a str, &'a Yaml<'a>> {
    let members = yaml.as_mapping().into_iter().flatten();
    members.map(|(name, value)| (name.as_str().unwrap(), value)).collect()
}

/// A text or a number, as one would write it.
#[track_caller]
fn text(yaml: &Yaml) -> String {
    match yaml.as_integer() {
        Some(number) => number.to_string(),
        None => yaml.as_str().unwrap_or_else(|| panic!("{yaml:?} is no text")).to_owned(),
    }
}

fn texts(yaml: &Yaml) -> Vec<String> {
    yaml.as_sequence().unwrap().iter().map(text).collect()
}

/// The name in a `!Ref`.
fn referred<'a>(yaml: &'a Yaml<'a>) -> Option<&'a str> {
    match yaml {
        Yaml::Tagged(tag, node) if tag.suffix == "Ref" => node.as_str(),
        _ => None,
    }
}

/// `MAX_RECORD_BYTES` is the parameter `MaxRecordBytes`.
fn parameter_name(setting: &str) -> String {
    let word = |word: &str| word[..1].to_owned() + &word[1..].to_lowercase();
    setting.split('_').map(word).collect()
}

fn settings_of_functions() -> impl Iterator<Item = &'static Setting> {
    let wiring = |setting: &&Setting| WIRING.contains(&setting.name);
    SETTINGS.iter().filter(move |setting| setting.read_by != ReadBy::CommandLine && !wiring(setting))
}

#[test]
fn a_setting_of_the_functions_is_a_parameter_with_the_same_default_and_range() {
    let template = template();
    for setting in settings_of_functions() {
        let name = parameter_name(setting.name);
        let parameter = at(&template, &["Parameters", &name]);
        assert_eq!(text(at(parameter, &["Default"])), setting.default, "{name}");
        match setting.accepts {
            Accepts::Bytes(least, most) | Accepts::Count(least, most, _) => {
                let range = (text(at(parameter, &["MinValue"])), text(at(parameter, &["MaxValue"])));
                assert_eq!(range, (least.to_string(), most.to_string()), "{name}");
                assert_eq!(text(at(parameter, &["Type"])), "Number", "{name}");
            }
            Accepts::MailedSeverity => {
                let severities: Vec<&str> = mailed_severities().map(|severity| severity.name()).collect();
                assert_eq!(texts(at(parameter, &["AllowedValues"])), severities, "{name}");
            }
            Accepts::AccountNames | Accepts::Cidrs | Accepts::Names => {
                let expected = setting.accepts.expected();
                let said = text(at(parameter, &["ConstraintDescription"]));
                assert!(said.starts_with(&format!("must be empty or {expected};")), "{name}: {said}");
                at(parameter, &["AllowedPattern"]);
            }
            Accepts::WatchedAccounts | Accepts::RoleName | Accepts::ExternalId => {
                let expected = setting.accepts.expected();
                let said = text(at(parameter, &["ConstraintDescription"]));
                assert!(said.starts_with(&format!("must be {expected};")), "{name}: {said}");
                at(parameter, &["AllowedPattern"]);
            }
            Accepts::MailsPerHour | Accepts::Days | Accepts::DaysBySeverity => {
                let said = text(at(parameter, &["ConstraintDescription"]));
                assert_eq!(said, format!("must be {}", setting.accepts.expected()), "{name}");
                at(parameter, &["AllowedPattern"]);
            }
        }
    }
}

/// The functions of the template, by logical id.
fn functions<'a>(template: &'a Yaml<'a>) -> BTreeMap<&'a str, &'a Yaml<'a>> {
    let resources = members(at(template, &["Resources"])).into_iter();
    resources.filter(|(_, resource)| text(at(resource, &["Type"])) == "AWS::Serverless::Function").collect()
}

/// The environment of a function: the common variables, and its own.
fn environment<'a>(template: &'a Yaml<'a>, function: &'a Yaml<'a>) -> BTreeMap<&'a str, &'a Yaml<'a>> {
    let mut variables = members(at(template, &["Globals", "Function", "Environment", "Variables"]));
    for (name, value) in members(at(function, &["Properties", "Environment", "Variables"])) {
        assert!(variables.insert(name, value).is_none(), "{name} stands twice");
    }
    variables
}

#[test]
fn the_functions_environment_is_the_settings_it_reads_and_the_wiring_and_nothing_else() {
    let template = template();
    let functions = functions(&template);
    assert_eq!(functions.keys().copied().collect::<BTreeSet<_>>(), READ_BY_SOME.map(|(name, _)| name).into());
    let all: BTreeSet<&str> = settings_of_functions()
        .map(|setting| setting.name)
        .chain(WIRING.into_iter().chain(WIRING_OF_BACKFILL))
        .collect();
    for (name, function) in functions {
        let of = |wanted: bool| {
            let some = READ_BY_SOME.iter().filter(move |(one, _)| (*one == name) == wanted);
            some.flat_map(|(_, settings)| *settings).copied().collect::<BTreeSet<&str>>()
        };
        let (own, others) = (of(true), of(false));
        assert!(own.union(&others).all(|setting| all.contains(setting)), "{own:?} {others:?}");
        let mut expected = all.clone();
        expected.retain(|setting| own.contains(setting) || !others.contains(setting));
        let variables = environment(&template, function);
        assert_eq!(variables.keys().copied().collect::<BTreeSet<_>>(), expected, "{name}");
        for setting in settings_of_functions().filter(|setting| expected.contains(setting.name)) {
            let parameter = parameter_name(setting.name);
            assert_eq!(referred(variables[setting.name]), Some(parameter.as_str()), "{}", setting.name);
        }
    }
}

#[test]
fn every_parameter_is_described_bounded_and_shown_to_whoever_deploys() {
    let template = template();
    let interface = at(&template, &["Metadata", "AWS::CloudFormation::Interface"]);
    let labels = members(at(interface, &["ParameterLabels"]));
    let groups = at(interface, &["ParameterGroups"]).as_sequence().unwrap();
    let grouped: Vec<String> = groups.iter().flat_map(|group| texts(at(group, &["Parameters"]))).collect();
    let parameters = members(at(&template, &["Parameters"]));
    for (name, parameter) in &parameters {
        let has = |key: &str| parameter.as_mapping_get(key).is_some();
        assert!(has("Description") && has("Default"), "{name}");
        assert!(
            has("AllowedValues") || has("AllowedPattern") || has("MinValue") && has("MaxValue"),
            "{name}"
        );
        assert_eq!(has("AllowedPattern"), has("ConstraintDescription"), "{name}: a pattern explains nothing");
        assert!(labels.contains_key(name), "{name}");
        assert_eq!(grouped.iter().filter(|grouped| grouped == name).count(), 1, "{name}");
    }
    assert_eq!((labels.len(), grouped.len()), (parameters.len(), parameters.len()));
}

#[test]
fn alarms_on_our_own_metrics_name_them_as_they_are_written() {
    let template = template();
    let constant = |name: &str| {
        let start = format!("pub const {name}: &str = \"");
        METRICS.split_once(&start).unwrap().1.split_once('"').unwrap().0
    };
    let namespace = constant("NAMESPACE");
    let mut ours = BTreeSet::new();
    for (name, resource) in members(at(&template, &["Resources"])) {
        if text(at(resource, &["Type"])) != "AWS::CloudWatch::Alarm" {
            continue;
        }
        let alarm = at(resource, &["Properties"]);
        if text(at(alarm, &["Namespace"])).starts_with("AWS/") {
            continue;
        }
        assert_eq!(text(at(alarm, &["Namespace"])), namespace, "{name}");
        let metric = text(at(alarm, &["MetricName"]));
        let dimensions = at(alarm, &["Dimensions"]).as_sequence().unwrap();
        let names: Vec<String> = dimensions.iter().map(|dimension| text(at(dimension, &["Name"]))).collect();
        assert_eq!(names, [constant("DIMENSION")], "{name}");
        let function = referred(at(&dimensions[0], &["Value"])).unwrap();
        assert!(METRICS.contains(&format!("(\"{metric}\", \"")), "{name}: nothing writes {metric}");
        ours.insert((function, metric));
    }
    let expected = [
        ("BackfillFunction", "FailedPublishes"),
        ("BackfillFunction", "MailsHeldBack"),
        ("BackfillFunction", "StateFailures"),
        ("BackfillFunction", "Sweeps"),
        ("CredentialReportFunction", "AccountsLookedAt"),
        ("CredentialReportFunction", "FailedPublishes"),
        ("CredentialReportFunction", "StateFailures"),
        ("SignInFunction", "FailedPublishes"),
        ("SignInFunction", "MailsHeldBack"),
        ("SignInFunction", "StateFailures"),
    ];
    assert_eq!(ours, expected.map(|(function, metric)| (function, metric.to_owned())).into());
}

#[test]
fn an_address_is_never_sent_so_many_mails_a_second_that_sns_suspends_it() {
    const MOST_A_SECOND: f64 = 10.0;
    let template = template();
    let sources = functions(&template).into_values().flat_map(|function| {
        members(at(function, &["Properties", "Events"])).into_values().map(|source| {
            let at_once = at(source, &["Properties", "ScalingConfig", "MaximumConcurrency"]);
            let most =
                referred(at_once).map(|parameter| at(&template, &["Parameters", parameter, "MaxValue"]));
            most.unwrap_or(at_once).as_integer().unwrap()
        })
    });
    let invocations: i64 = sources.sum();
    let (_, spacing) = PUBLISH.split_once("SPACING: Duration = Duration::from_millis(").unwrap();
    let spacing: f64 = spacing.split_once(')').unwrap().0.parse().unwrap();
    let mails_a_second = invocations as f64 / (spacing / 1e3);
    assert!(mails_a_second <= 0.8 * MOST_A_SECOND, "{mails_a_second}, and a person may invoke too");
}
