//! Notifications beyond the hourly mail limit.

use chrono::{DateTime, Utc};

use super::finding::health_finding;
use super::state_bucket::state_bucket;
use crate::config::Budget;
use crate::finding::rule::{Rule, RuleKind};
use crate::finding::{Evidence, Finding};
use crate::severity::Severity;
use crate::text;

/// More notifications in one hour than the limit allows.
pub static MAILS_RATE_LIMITED: Rule = Rule {
    id: "watch.mails-held-back",
    kind: RuleKind::Check,
    title: "Mails were held back",
    severity: Severity::Medium,
    severity_reason: "As severe as what is held back; LOW where that is what anyone can cause without credentials.",
    condition: "more alerts were raised in an hour than `MAILS_PER_HOUR` lets be mailed",
    references: &["mitre-attack:17/T1562.008"],
    remediation: &[
        "Read the mails of this hour first, the most severe ones before all: somebody may be making noise to hide in.",
        "Look through what was held back: each object is one alert, whole. `aws s3 ls` names them, `aws s3 cp --recursive` fetches them.",
        "Where much of it is harmless and comes again: suppress it, or have it stopped where it comes from.",
        "Where it is not: raise `MAILS_PER_HOUR`, and count on more such hours.",
    ],
};

/// How many notifications of this hour exceed a budget: one finding for each budget and hour. They are stored
/// whole under `prefix_uri` in the state bucket.
pub fn mails_rate_limited(
    budget: Budget,
    severity: Severity,
    rate_limited: u64,
    prefix_uri: &str,
    now: DateTime<Utc>,
    account: Option<&str>,
) -> Finding {
    let alerts = text::counted(rate_limited, "alert has", "alerts have");
    let mails = match budget {
        Budget::Of(severity) => format!("no more {severity} mails are sent in this hour"),
        Budget::Unauthenticated => {
            "no more mails are sent in this hour about what anyone can cause without credentials".to_owned()
        }
    };
    let hour = now.format("%Y-%m-%dT%HZ").to_string();
    let subject = state_bucket(prefix_uri);
    let prefix = prefix_uri.splitn(4, '/').nth(3).unwrap_or(prefix_uri);
    let what = format!("{alerts} been held back so far, for {mails}");
    let facts = vec![("held_back", rate_limited.to_string()), ("budget", budget.name().to_owned())];
    Finding {
        account: account.map(str::to_owned),
        resource: Some(prefix.to_owned()),
        time: Some(now),
        evidence: Evidence {
            object: Some(prefix_uri.to_owned()),
            facts: facts.into(),
            ..Evidence::default()
        },
        ..health_finding(&MAILS_RATE_LIMITED, severity, &[prefix_uri, budget.name(), &hour], subject, what)
    }
    .with_summary()
}
