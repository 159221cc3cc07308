//! What the accounts of an audit have in common: an object of the state bucket, and its changes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::run::AuditRun;
use super::source::AuditSource;
use crate::finding::Status;
use crate::ports::{AwsError, AwsErrorKind, IamReader, NotificationSink, Runtime, StateStore};
use crate::state::format::{FORMAT, check_format, not_json};
use crate::state::object::{HoldsOutbox, StateObject};
use crate::state::outbox::OutboxEntry;
use crate::use_cases::notify::Unrecorded;

/// The state of an audit over all accounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditState {
    format: u32,
    /// The watched accounts besides the own one, as they were last known.
    pub accounts: BTreeSet<String>,
    /// The number of finished mails. A run that loaded the ledgers before the last one must not report them.
    pub mails: u64,
    /// Whether it replaced a damaged one: what the next mail reports may have been notified before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_repeat: bool,
    /// The mail that is not finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<AuditMail>,
}

/// A mail over all accounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditMail {
    #[serde(rename = "pending")]
    pub entry: OutboxEntry,
    /// When it was published; then the ledgers have to record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<DateTime<Utc>>,
    /// The findings that it reports, by account and id.
    #[serde(rename = "said")]
    pub reported: BTreeMap<String, BTreeMap<String, Status>>,
}

impl StateObject for AuditState {
    fn read(content: &[u8], _: &AuditState) -> Result<AuditState, String> {
        check_format(content)?;
        serde_json::from_slice(content).map_err(not_json)
    }

    fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    fn outbox(&self) -> Vec<&OutboxEntry> {
        self.mail.iter().filter(|mail| mail.published.is_none()).map(|mail| &mail.entry).collect()
    }
}

impl HoldsOutbox for AuditState {
    fn outbox_mut(&mut self) -> Vec<&mut OutboxEntry> {
        let mail = self.mail.iter_mut().filter(|mail| mail.published.is_none());
        mail.map(|mail| &mut mail.entry).collect()
    }

    fn record_notified(&mut self, alert_id: &str, at: DateTime<Utc>) {
        if let Some(mail) = self.mail.as_mut().filter(|mail| mail.entry.alert_id() == alert_id) {
            mail.published = Some(at);
        }
    }
}

impl AuditState {
    pub fn new() -> AuditState {
        AuditState { format: FORMAT, accounts: BTreeSet::new(), mails: 0, may_repeat: false, mail: None }
    }

    /// Whether the mail of this notification is not finished.
    pub fn has_mail(&self, alert_id: &str) -> bool {
        self.mail.as_ref().is_some_and(|mail| mail.entry.alert_id() == alert_id)
    }
}

impl<C: AuditSource, I: IamReader, S: StateStore, N: NotificationSink, R: Runtime>
    AuditRun<'_, C, I, S, N, R>
{
    /// Changes the audit's state.
    pub(super) async fn update_state<T>(
        &self,
        change: impl FnMut(&mut AuditState) -> T,
    ) -> Result<T, AwsError> {
        self.record(&Unrecorded::default(), change).await
    }

    /// Changes the audit's state, and records the outcome of its mail in the same write.
    pub(super) async fn record<T>(
        &self,
        unrecorded: &Unrecorded,
        mut change: impl FnMut(&mut AuditState) -> T,
    ) -> Result<T, AwsError> {
        let change = |state: &mut AuditState, was_unreadable| {
            state.may_repeat |= was_unreadable;
            change(state)
        };
        let outbox = self.notifier.outbox();
        let (changed, _) =
            outbox.record(&Self::state_key(), &AuditState::new(), None, unrecorded, change).await?;
        Ok(changed)
    }

    /// Loads the audit's state.
    pub(super) async fn load_state(&self) -> Result<AuditState, AwsError> {
        let mut loaded = self.state().open(&Self::state_key(), &AuditState::new()).await?;
        loaded.object.may_repeat |= loaded.was_unreadable;
        Ok(loaded.object)
    }

    /// Records which accounts are watched.
    pub(super) async fn record_accounts(&self, accounts: &BTreeSet<String>) -> Result<(), AwsError> {
        self.update_state(|state| state.accounts.clone_from(accounts)).await
    }

    /// The error of a run while another one publishes the audit's mail.
    pub(super) fn busy() -> AwsError {
        AwsError {
            kind: AwsErrorKind::DeadlineExceeded,
            call: format!("notifying {}", Self::state_key()),
            answer: "another run is publishing its notification".to_owned(),
        }
    }

    fn state_key() -> String {
        format!("audits/{}.json", C::NAME)
    }
}
