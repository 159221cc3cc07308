//! Who notifies: the state client of one run, the topic, and what became of each notification.

use std::collections::BTreeMap;
use std::time::Duration;

use super::outbox::Outbox;
use super::result::{NotificationResult, OnStateFailure};
use super::suppression_file::SuppressionFile;
use crate::config::Config;
use crate::ports::{AwsError, NotificationSink, Ports, Runtime, StateStore};
use crate::state::store::StateClient;

/// Notifies people of the findings of one run.
pub struct Notifier<'a, S, N, R> {
    pub(super) config: &'a Config,
    sink: &'a N,
    /// The state bucket.
    pub state_client: StateClient<'a, S, R>,
    pub(super) account: Option<&'a str>,
    pub(super) on_state_failure: OnStateFailure,
    /// What became of each notification, in order.
    pub mails: Vec<NotificationResult>,
    /// Why findings are not notified yet, by id.
    pub not_notified: BTreeMap<String, AwsError>,
    /// The number of deduplicated findings.
    pub deduplicated: u64,
    /// The number of suppressed findings.
    pub suppressed: u64,
}

impl<'a, S: StateStore, N: NotificationSink, R: Runtime> Notifier<'a, S, N, R> {
    /// `reserve` is the part of the run's time that is kept for notifying until [`Notifier::notify`] is called.
    pub fn new<L>(
        config: &'a Config,
        ports: &'a Ports<'a, L, S, N, R>,
        on_state_failure: OnStateFailure,
        reserve: Duration,
    ) -> Self {
        Notifier {
            config,
            sink: ports.alerts,
            state_client: StateClient::new(ports.state, ports.runtime, config, reserve),
            account: ports.account,
            on_state_failure,
            mails: Vec::new(),
            not_notified: BTreeMap::new(),
            deduplicated: 0,
            suppressed: 0,
        }
    }

    /// The outbox of this run.
    pub fn outbox(&self) -> Outbox<'_, 'a, S, N, R> {
        Outbox { state: &self.state_client, sink: self.sink }
    }

    /// The suppressions.
    ///
    /// # Errors
    /// [`AwsError`] if they cannot be read.
    pub async fn load_suppressions(&self) -> Result<SuppressionFile, AwsError> {
        SuppressionFile::load(&self.state_client, self.account).await
    }

    /// The errors of the state bucket, whether or not a retry succeeded.
    pub fn state_errors(&self) -> Vec<AwsError> {
        self.state_client.take_errors()
    }
}
