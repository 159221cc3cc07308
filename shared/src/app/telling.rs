//! Telling people: one alert a subject, the worst first.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::alert::{self, Alert};
use crate::config::Config;
use crate::finding::Finding;
use crate::ports::{AlertSink, Pace, Trouble, TroubleKind};

/// No publish is begun with less than this left: its outcome might not be learnt any more.
const LEAST_TIME: Duration = Duration::from_secs(5);

/// One alert, and what became of it.
#[derive(Debug)]
pub struct Mailed {
    /// Its subject.
    pub subject: String,
    /// The findings that it tells, by id.
    pub findings: BTreeSet<String>,
    /// Whether it was published; nothing where nobody was to be told.
    pub published: Option<Result<(), Trouble>>,
}

impl Mailed {
    /// Why it has to be told again.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.published.as_ref()?.as_ref().err()
    }
}

/// Publishes what is at or above `MAIL_MIN_SEVERITY`, if `notify` says so.
pub(super) async fn tell(
    findings: Vec<Finding>,
    notify: bool,
    config: &Config,
    alerts: &impl AlertSink,
    pace: &impl Pace,
) -> Vec<Mailed> {
    let mailed = |finding: &Finding| finding.severity >= config.mail_min_severity;
    let mut told = Vec::new();
    for findings in alert::group(findings.into_iter().filter(mailed).collect()) {
        let ids = findings.iter().map(|finding| finding.id.clone()).collect();
        let Some(alert) = alert::alert(findings, config) else { continue };
        let published = if notify { Some(publish(&alert, alerts, pace).await) } else { None };
        told.push(Mailed { subject: alert.subject, findings: ids, published });
    }
    told
}

async fn publish(alert: &Alert, alerts: &impl AlertSink, pace: &impl Pace) -> Result<(), Trouble> {
    if pace.time_left() < LEAST_TIME {
        return Err(Trouble {
            kind: TroubleKind::OutOfTime,
            call: format!("publishing alert {}", alert.id),
            answer: "no time is left in this run".to_owned(),
        });
    }
    alerts.publish(alert).await.map(|_| ())
}
