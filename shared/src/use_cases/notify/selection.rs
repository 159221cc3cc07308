//! Which findings are notified.

use super::result::{NotificationOutcome, NotificationResult};
use crate::config::Config;
use crate::finding::Finding;
use crate::mail;

/// The results of a run that notifies nobody.
pub fn not_requested(findings: Vec<Finding>, config: &Config) -> Vec<NotificationResult> {
    let findings = findings.into_iter().filter(|finding| is_notified(finding, config)).collect();
    let notifications = mail::by_subject(findings)
        .into_iter()
        .filter_map(|findings| mail::incident::notification(findings, &[], String::new(), config));
    let outcome = || NotificationOutcome::NotRequested;
    notifications.map(|of| NotificationResult { subject: of.subject, outcome: outcome() }).collect()
}

/// Whether a finding is notified. What is about iamwatch itself is, whatever `MAIL_MIN_SEVERITY` is: no mail must mean that
/// nothing was found.
pub fn is_notified(finding: &Finding, config: &Config) -> bool {
    finding.severity >= config.mail_min_severity || finding.rule.family() == "watch"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Subject;
    use crate::rules::registry;
    use crate::severity::Severity;

    #[test]
    fn whatever_is_about_iamwatch_itself_is_notified_however_little_severe() {
        let config = Config { mail_min_severity: Severity::Critical, ..Config::default() };
        for rule in registry::all() {
            let subject = Subject::Account("111122223333".to_owned());
            let finding = Finding::new(rule, Severity::Low, String::new(), subject, "x");
            assert_eq!(is_notified(&finding, &config), rule.family() == "watch", "{}", rule.id);
        }
    }
}
