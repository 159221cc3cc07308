//! Telling people: one alert a subject, the worst first, as far as a mailbox and the time allow.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use futures_util::{FutureExt, select_biased};
use serde_json::json;

use crate::alert::{self, Alert};
use crate::config::Config;
use crate::finding::Finding;
use crate::ports::{AlertSink, Over, Pace, StateStore, Trouble, TroubleKind, Written};

/// So many alerts about one subject each are published in a run; all other subjects share one more.
const MAX_ALERTS: usize = 10;

/// What is kept of a run's time for its answer.
const TIME_TO_ANSWER: Duration = Duration::from_secs(4);

/// Nothing is begun with less than this besides: its outcome might not be learnt.
const LEAST_TIME: Duration = Duration::from_secs(1);

/// Where the claim of what many runs come upon stands in the state bucket; a lifecycle rule removes it.
const CLAIMS: &str = "told/could-not-look/";

/// One alert, and what became of it.
#[derive(Debug)]
pub struct Mailed {
    /// Its subject.
    pub subject: String,
    /// The findings that it tells, by id.
    pub findings: BTreeSet<String>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of an alert.
#[derive(Debug)]
pub enum Outcome {
    /// It was published.
    Published,
    /// It has to be told again.
    Failed(Trouble),
    /// Nobody was to be told.
    Withheld,
}

/// The telling of one run.
pub(super) struct Telling<'a, S, A, P> {
    config: &'a Config,
    state: &'a S,
    alerts: &'a A,
    pace: &'a P,
    notify: bool,
    /// What became of each alert, in order.
    pub mails: Vec<Mailed>,
    /// What went wrong with the state bucket. Nothing is lost by it, but something may be told twice.
    pub state_troubles: Vec<Trouble>,
}

impl<'a, S: StateStore, A: AlertSink, P: Pace> Telling<'a, S, A, P> {
    pub fn new(config: &'a Config, state: &'a S, alerts: &'a A, pace: &'a P, notify: bool) -> Self {
        let (mails, state_troubles) = (Vec::new(), Vec::new());
        Telling { config, state, alerts, pace, notify, mails, state_troubles }
    }

    /// Publishes what is at or above `MAIL_MIN_SEVERITY`.
    pub async fn tell(&mut self, findings: Vec<Finding>) {
        self.tell_before(Duration::ZERO, findings).await;
    }

    /// The same, with some time left for what comes after it.
    async fn tell_before(&mut self, rest: Duration, findings: Vec<Finding>) {
        let mailed = |finding: &Finding| is_mailed(finding, self.config);
        let mut groups = alert::group(findings.into_iter().filter(mailed).collect());
        let others: Vec<Finding> = groups.drain(groups.len().min(MAX_ALERTS)..).flatten().collect();
        for findings in groups.into_iter().chain([others]) {
            let ids = findings.iter().map(|finding| finding.id.clone()).collect();
            let Some(alert) = alert::alert(findings, self.config) else { continue };
            let outcome = if self.notify { self.publish(rest, &alert).await } else { Outcome::Withheld };
            self.mails.push(Mailed { subject: alert.subject, findings: ids, outcome });
        }
    }

    async fn publish(&self, rest: Duration, alert: &Alert) -> Outcome {
        let call = format!("publishing alert {}", alert.id);
        match self.in_time(rest, &call, self.alerts.publish(alert)).await {
            Ok(_) => Outcome::Published,
            Err(trouble) => Outcome::Failed(trouble),
        }
    }

    /// Tells a finding that many runs come upon at the same time, once: whoever writes its claim first.
    ///
    /// The claim is given back where the alert could not be published. Should this run end before that, it
    /// is told in the next hour, if it is still so: what could not be looked at comes back until then.
    pub async fn tell_once(&mut self, finding: Finding) {
        let claim = format!("{CLAIMS}{}.json", finding.id);
        let content = json!({"format": 1, "rule": finding.rule.id, "summary": finding.summary}).to_string();
        let call = format!("writing {claim}");
        // There must be time to write the claim, to publish, and to give the claim back.
        let claimed = self
            .in_time(LEAST_TIME * 2, &call, self.state.write(&claim, content.as_bytes(), Over::Nothing))
            .await;
        match &claimed {
            Ok(Written::Done(_)) => {}
            Ok(Written::Changed) => return,
            Err(Trouble { kind: TroubleKind::OutOfTime, .. }) => return,
            // Where nobody knows whether it is claimed, it is better told twice than not at all.
            Err(trouble) => self.state_troubles.push(trouble.clone()),
        }
        self.tell_before(LEAST_TIME, vec![finding]).await;
    }

    /// What becomes of a call before this run has to answer, or to do the rest.
    async fn in_time<T>(
        &self,
        rest: Duration,
        call: &str,
        work: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        let trouble = |kind, answer: &str| Trouble { kind, call: call.to_owned(), answer: answer.to_owned() };
        let time_left = self.pace.time_left().saturating_sub(TIME_TO_ANSWER + rest);
        if time_left < LEAST_TIME {
            return Err(trouble(TroubleKind::OutOfTime, "no time is left in this run"));
        }
        let mut time_is_up = pin!(self.pace.sleep(time_left).fuse());
        let mut work = pin!(work.fuse());
        select_biased! {
            done = work => done,
            () = time_is_up => Err(trouble(TroubleKind::Unanswered, "no answer came before this run had to end")),
        }
    }
}

/// Whether somebody is told. What iamwatch could not look at is told whatever the least severity is:
/// silence must mean that nothing was found.
fn is_mailed(finding: &Finding, config: &Config) -> bool {
    finding.severity >= config.mail_min_severity || finding.rule.family() == "watch"
}
