//! `template.yaml`, held to the settings and metrics of the code.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

use std::collections::{BTreeMap, BTreeSet};

use iamwatch_aws::sns::SPACING;
use saphyr::{LoadableYamlNode, Yaml};
use shared::config::{Accepts, ReadBy, SETTINGS, Setting, mailed_severities};

const TEMPLATE: &str = include_str!("../../template.yaml");
/// Where the functions write their metrics.
const REPORT: &str = include_str!("../../shared/aws/src/report.rs");

/// What a function needs to know about its deployment; everything else in its environment is a parameter.
const WIRING: [&str; 3] = ["OWN_RESOURCES", "STATE_BUCKET", "TOPIC_ARN"];

fn template() -> Yaml<'static> {
    Yaml::load_from_str(TEMPLATE).unwrap().remove(0)
}

/// What stands under these names, one in the other.
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

/// What `!Ref` names.
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
            Accepts::MailsPerHour => {
                let said = text(at(parameter, &["ConstraintDescription"]));
                assert_eq!(said, format!("must be {}", setting.accepts.expected()), "{name}");
                at(parameter, &["AllowedPattern"]);
            }
        }
    }
}

#[test]
fn the_functions_environment_is_the_settings_and_the_wiring_and_nothing_else() {
    let template = template();
    let functions: Vec<&Yaml> = members(at(&template, &["Resources"]))
        .into_values()
        .filter(|resource| text(at(resource, &["Type"])) == "AWS::Serverless::Function")
        .collect();
    assert!(!functions.is_empty());
    for function in functions {
        let variables = members(at(function, &["Properties", "Environment", "Variables"]));
        let mut expected: BTreeSet<&str> = settings_of_functions().map(|setting| setting.name).collect();
        expected.extend(WIRING);
        assert_eq!(variables.keys().copied().collect::<BTreeSet<_>>(), expected);
        for setting in settings_of_functions() {
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
        REPORT.split_once(&start).unwrap().1.split_once('"').unwrap().0
    };
    let namespace = constant("NAMESPACE");
    let mut ours = Vec::new();
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
        assert!(REPORT.contains(&format!("(\"{metric}\", \"")), "{name}: nothing writes {metric}");
        let dimensions = at(alarm, &["Dimensions"]).as_sequence().unwrap();
        let names: Vec<String> = dimensions.iter().map(|dimension| text(at(dimension, &["Name"]))).collect();
        assert_eq!(names, [constant("DIMENSION")], "{name}");
        assert_eq!(referred(at(&dimensions[0], &["Value"])), Some("SignInFunction"), "{name}");
        ours.push(metric);
    }
    assert_eq!(ours, ["FailedPublishes", "StateFailures"]);
}

#[test]
fn an_address_is_never_sent_so_many_mails_a_second_that_sns_suspends_it() {
    const MOST_A_SECOND: f64 = 10.0;
    let template = template();
    let concurrency = at(&template, &["Parameters", "MaximumConcurrency", "MaxValue"]).as_integer().unwrap();
    let mails_a_second = concurrency as f64 / SPACING.as_secs_f64();
    assert!(mails_a_second <= 0.8 * MOST_A_SECOND, "{mails_a_second}, and a person may invoke too");
}
