//! The budgets of an hour: how many notifications may be published.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::object::StateObject;
use crate::config::{Budget, Config};
use crate::severity::Severity;
use crate::state::case::CaseFinding;
use crate::state::format::{FORMAT, check_format, not_json};

/// The notifications granted in one hour, by budget: an object of the state bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hour {
    format: u32,
    /// `2026-04-01T08Z`
    hour: String,
    /// The names of the granted notifications; a retry has the same name.
    granted: BTreeMap<String, BTreeSet<String>>,
}

impl StateObject for Hour {
    fn read(content: &[u8], new: &Hour) -> Result<Hour, String> {
        check_format(content)?;
        let hour: Hour = serde_json::from_slice(content).map_err(not_json)?;
        if hour.hour != new.hour {
            return Err(format!("it is about another hour than {}", new.hour));
        }
        Ok(hour)
    }

    fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

impl Hour {
    /// The hour of that moment, with nothing granted.
    pub fn of(now: DateTime<Utc>) -> Hour {
        let hour = now.format("%Y-%m-%dT%HZ").to_string();
        Hour { format: FORMAT, hour, granted: BTreeMap::new() }
    }

    /// Its key.
    pub fn key(&self) -> String {
        format!("budgets/{}.json", self.hour)
    }

    /// The prefix of the notifications beyond a budget.
    pub fn overflow(&self, budget: Budget) -> String {
        format!("overflow/{}/{}/", self.hour, budget.name())
    }

    /// Grants notifications in their order, as far as the budgets allow; those granted before are granted again.
    pub fn grant(&mut self, alerts: &[(String, Budget)], config: &Config) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for (id, budget) in alerts {
            let granted = self.granted.entry(budget.name().to_owned()).or_default();
            let most = config.mails_per_hour.get(budget).copied().unwrap_or(u32::MAX) as usize;
            if granted.contains(id) || granted.len() < most {
                granted.insert(id.clone());
                all.insert(id.clone());
            }
        }
        all
    }
}

/// The budget of a notification about these findings. What anyone can cause without credentials has one of its own.
pub fn budget_of(findings: &[CaseFinding<'_>]) -> Budget {
    let earned = findings.iter().map(|of_case| of_case.finding).filter(|finding| !finding.unauthenticated);
    match earned.map(|finding| finding.severity).max() {
        None => Budget::Unauthenticated,
        Some(severity) => Budget::Of(severity.max(Severity::Low)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_used_up_by_different_alerts_of_one_hour_alone() {
        let mut config = Config::default();
        config.mails_per_hour.insert(Budget::Unauthenticated, 2);
        let at = |time: &str| Hour::of(time.parse().unwrap());
        let mut hour = at("2026-04-01T08:59:59Z");
        assert_eq!(hour.key(), "budgets/2026-04-01T08Z.json");
        assert_eq!(hour.overflow(Budget::Unauthenticated), "overflow/2026-04-01T08Z/UNAUTHENTICATED/");
        let alerts: Vec<_> = ["a", "b", "c"].map(|id| (id.to_owned(), Budget::Unauthenticated)).into();
        let granted = hour.grant(&alerts, &config);
        assert_eq!(granted, ["a", "b"].map(str::to_owned).into());
        let again = Hour::read(&hour.content().unwrap(), &at("2026-04-01T08:00:00Z")).unwrap();
        assert_eq!(again.clone().grant(&alerts, &config), granted, "its own work is known again");
        assert!(again.clone().grant(&[("d".to_owned(), Budget::Unauthenticated)], &config).is_empty());
        assert_eq!(again.clone().grant(&[("d".to_owned(), Budget::Of(Severity::High))], &config).len(), 1);
        let error = Hour::read(&hour.content().unwrap(), &at("2026-04-01T09:00:00Z")).unwrap_err();
        assert_eq!(error, "it is about another hour than 2026-04-01T09Z");
    }
}
