//! The one mail over all accounts: what it tells, and who publishes it.
//!
//! What has changed stands in the ledgers before anything is published. The mail is put under way in one object,
//! with what it says of which finding. Once it is published, that is noted there; then in the ledgers; then the
//! object lets go of it. Whoever finds it half done goes on where it stands.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};

use super::{AT_ONCE, Run, key};
use crate::finding::suppression::Suppressions;
use crate::finding::{Finding, Status};
use crate::mail;
use crate::mail::audit::AuditSummary;
use crate::ports::{AwsError, AwsErrorKind, IamReader, NotificationSink, Runtime, StateStore, Taken};
use crate::rules::registry;
use crate::severity::Severity;
use crate::state::format::{FORMAT, check_format, not_json};
use crate::state::ledger::Ledger;
use crate::state::outbox::OutboxEntry;
use crate::state::store::{Loaded, Object, TIME_TO_ANSWER, random_id};
use crate::use_cases::notify::{Mailed, Outcome, TIME_TO_NOTE, is_mailed};

/// Where it stands.
const KEY: &str = "audits/credential-report.json";

/// What all accounts have in common: an object of the state bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditState {
    format: u32,
    /// The accounts that were watched when that could last be found out, besides the own one.
    pub accounts: BTreeSet<String>,
    /// How many mails were brought to their end: whoever has read the ledgers before one was may not tell
    /// what they say.
    mails: u64,
    /// Whether it was begun anew over one that could not be read, and people may know already what the next mail says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    may_repeat: bool,
    /// The mail that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mail: Option<UnderWay>,
}

/// A mail, and what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnderWay {
    pending: OutboxEntry,
    /// When it was published, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    published: Option<DateTime<Utc>>,
    /// By account and finding.
    said: BTreeMap<String, BTreeMap<String, Status>>,
}

impl Object for AuditState {
    fn read(content: &[u8], _: &AuditState) -> Result<AuditState, String> {
        check_format(content)?;
        serde_json::from_slice(content).map_err(not_json)
    }

    fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

impl AuditState {
    fn new() -> AuditState {
        AuditState { format: FORMAT, accounts: BTreeSet::new(), mails: 0, may_repeat: false, mail: None }
    }

    /// Whether people may know already what the next mail says.
    pub fn may_repeat(&self) -> bool {
        self.may_repeat
    }

    /// The mail of that alert, if it is under way.
    fn mail(&mut self, alert_id: &str) -> Option<&mut UnderWay> {
        self.mail.as_mut().filter(|mail| mail.pending.alert_id() == alert_id)
    }
}

impl<I: IamReader, S: StateStore, A: NotificationSink, P: Runtime> Run<'_, I, S, A, P> {
    /// Changes what all accounts have in common.
    async fn update<T>(&self, mut change: impl FnMut(&mut AuditState) -> T) -> Result<T, AwsError> {
        let new = AuditState::new();
        let change = |bulletin: &mut AuditState, was_unreadable| {
            bulletin.may_repeat |= was_unreadable;
            change(bulletin)
        };
        self.telling.memory.update(KEY, &new, None, change).await.map(|(changed, _)| changed)
    }

    /// What all accounts have in common, as it stands.
    pub(super) async fn bulletin(&self) -> Result<AuditState, AwsError> {
        let Loaded { mut object, was_unreadable, .. } =
            self.telling.memory.open(KEY, &AuditState::new()).await?;
        object.may_repeat |= was_unreadable;
        Ok(object)
    }

    /// Notes which accounts are watched.
    pub(super) async fn note_accounts(&self, accounts: &BTreeSet<String>) -> Result<(), AwsError> {
        self.update(|bulletin| bulletin.accounts.clone_from(accounts)).await
    }

    /// Brings to its end what another run has begun to tell. The answer is how things stand then, and why it could
    /// not be told, or is another's to tell.
    ///
    /// # Errors
    /// [`AwsError`] of the state bucket.
    pub(super) async fn settle(&mut self) -> Result<(AuditState, Option<AwsError>), AwsError> {
        let bulletin = self.bulletin().await?;
        if bulletin.mail.is_none() {
            return Ok((bulletin, None));
        }
        let memory = &self.telling.memory;
        let (claim, now) = (memory.claim.clone(), memory.runtime.now());
        let bulletin = self
            .update(|bulletin| {
                if let Some(mail) = bulletin.mail.as_mut().filter(|mail| mail.published.is_none()) {
                    mail.pending.take_over(&claim, now);
                }
                bulletin.clone()
            })
            .await?;
        match bulletin.mail.clone() {
            None => Ok((bulletin, None)),
            Some(mail) if mail.published.is_some() || mail.pending.is_claimed_by(&claim.token) => {
                match self.bring_to_its_end(mail).await? {
                    Ok(bulletin) => Ok((bulletin, None)),
                    Err(trouble) => Ok((bulletin, Some(trouble))),
                }
            }
            Some(_) => Ok((bulletin, Some(busy()))),
        }
    }

    /// Tells what has changed in these accounts, and reminds people of what stands. `before` is how things stood
    /// before the ledgers were read.
    pub(super) async fn tell_changes(
        &mut self,
        before: &AuditState,
        ledgers: &BTreeMap<String, Loaded<Ledger>>,
        suppressions: &Suppressions,
    ) -> Result<(), AwsError> {
        let memory = &self.telling.memory;
        memory.reserve(TIME_TO_ANSWER);
        let now = memory.runtime.now();
        let is_accepted = |finding: &Finding| suppressions.matching(finding, now).is_some();
        let mut findings: Vec<Finding> = Vec::new();
        let (mut open, mut accepted, mut due) = (0, 0, None);
        for ledger in ledgers.values().map(|held| &held.object) {
            for finding in ledger.changes(registry::check_rule).chain(ledger.standing(registry::check_rule)) {
                if is_accepted(&finding) {
                    accepted += 1;
                } else if is_mailed(&finding, self.config) {
                    open += u64::from(finding.status != Some(Status::Resolved));
                    if finding.status != Some(Status::Still) {
                        findings.push(finding);
                    } else if ledger.is_due(&finding.id, now, self.config) {
                        due = Some(due.map_or(finding.severity, |due: Severity| due.min(finding.severity)));
                    }
                }
            }
        }
        // Whoever is reminded of one is reminded of all that is as bad, so that the rest does not trickle in.
        if let Some(least) = due {
            let standing = ledgers.values().flat_map(|held| held.object.standing(registry::check_rule));
            let is_as_bad = |finding: &Finding| {
                finding.severity >= least && is_mailed(finding, self.config) && !is_accepted(finding)
            };
            findings.extend(standing.filter(is_as_bad));
        }
        self.audited.accepted += accepted;
        let reports = ledgers.values().filter_map(|held| held.object.generated());
        let about = AuditSummary {
            accounts: ledgers.len(),
            users: ledgers.values().map(|held| held.object.users()).sum(),
            generated: reports.clone().min().zip(reports.max()),
            open,
            suppressed: accepted,
            ledgers_at: Some(memory.uri("audits/credential-report/")),
        };
        let mut said: BTreeMap<String, BTreeMap<String, Status>> = BTreeMap::new();
        for finding in &findings {
            if let (Some(account), Some(status)) = (&finding.account, finding.status) {
                said.entry(account.clone()).or_default().insert(finding.id.clone(), status);
            }
        }
        let may_repeat = before.may_repeat || ledgers.values().any(|held| held.object.may_repeat());
        let Some(alert) = mail::audit::notification(findings, &about, random_id(memory.runtime), self.config)
        else {
            return Ok(());
        };
        let mail = UnderWay {
            pending: OutboxEntry::claimed(alert, may_repeat, &memory.claim),
            published: None,
            said,
        };
        // Another run may be telling the same.
        let begun = self
            .update(|bulletin| {
                let is_free = bulletin.mail.is_none() && bulletin.mails == before.mails;
                if is_free {
                    bulletin.mail = Some(mail.clone());
                }
                // Its own may be there already, where an answer was lost.
                is_free || bulletin.mail(mail.pending.alert_id()).is_some()
            })
            .await?;
        if !begun {
            return Err(busy());
        }
        self.bring_to_its_end(mail).await?.map(|_| ())
    }

    /// Publishes a mail unless that is done, and notes it. The inner error is why it was not published.
    async fn bring_to_its_end(&mut self, mail: UnderWay) -> Result<Result<AuditState, AwsError>, AwsError> {
        let id = mail.pending.alert_id().to_owned();
        let published = match mail.published {
            Some(published) => published,
            None => {
                if let Err(trouble) = self.publish(&mail.pending, &id).await? {
                    return Ok(Err(trouble));
                }
                for status in mail.said.values().flat_map(BTreeMap::values) {
                    *self.audited.told.entry(*status).or_default() += 1;
                }
                let now = self.telling.memory.runtime.now();
                self.update(|bulletin| {
                    if let Some(mail) = bulletin.mail(&id) {
                        mail.published = Some(now);
                    }
                })
                .await?;
                now
            }
        };
        let memory = &self.telling.memory;
        let note = mail.said.iter().map(|(account, said)| async move {
            let told = |ledger: &mut Ledger, was_unreadable| {
                ledger.told(said, published);
                if was_unreadable {
                    ledger.was_unreadable();
                }
            };
            memory.update(&key(account), &Ledger::new(account), None, told).await.map(|_| ())
        });
        let noted: Vec<Result<(), AwsError>> = stream::iter(note).buffer_unordered(AT_ONCE).collect().await;
        noted.into_iter().collect::<Result<(), AwsError>>()?;
        let bulletin = self.update(|bulletin| {
            if bulletin.mail(&id).is_some() {
                bulletin.mail = None;
                bulletin.mails += 1;
                bulletin.may_repeat = false;
            }
            bulletin.clone()
        });
        bulletin.await.map(Ok)
    }

    /// The inner error is why it was not published, the outer one that this could not be noted.
    async fn publish(&mut self, pending: &OutboxEntry, id: &str) -> Result<Result<(), AwsError>, AwsError> {
        let alert = pending.alert();
        let (outcome, result) = match self.telling.publish(&alert, TIME_TO_NOTE).await {
            Ok(()) => (Outcome::Published, Ok(())),
            Err((trouble, taken)) => (Outcome::Failed(trouble.clone()), Err((trouble, taken))),
        };
        self.telling.mails.push(Mailed { subject: alert.subject, outcome });
        if let Err((_, Taken::No)) = &result {
            self.update(|bulletin| {
                if let Some(mail) = bulletin.mail(id) {
                    mail.pending.release();
                }
            })
            .await?;
        }
        Ok(result.map_err(|(trouble, _)| trouble))
    }
}

fn busy() -> AwsError {
    let (call, answer) = (format!("telling {KEY}"), "another run is telling it".to_owned());
    AwsError { kind: AwsErrorKind::DeadlineExceeded, call, answer }
}
