//! What a digest must know when another invocation starts it again after a crash.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ports::{AwsError, Runtime, StateStore};
use crate::state::backfill::LostObject;
use crate::state::format::{FORMAT, check_format, not_json};
use crate::state::object::StateObject;
use crate::state::store::{StateClient, UnreadableObject};

/// The checkpoint of a digest: an object of the state bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DigestCheckpoint {
    format: u32,
    /// When the digest was first started: all its times are relative to this one.
    at: DateTime<Utc>,
    /// The state objects that could not be read. Each was replaced, so that nobody finds it unreadable again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    unreadable: BTreeSet<LostObject>,
}

impl From<UnreadableObject> for LostObject {
    fn from(UnreadableObject { uri, copy, reason }: UnreadableObject) -> LostObject {
        LostObject { uri, copy, reason }
    }
}

impl StateObject for DigestCheckpoint {
    fn read(content: &[u8], _: &DigestCheckpoint) -> Result<DigestCheckpoint, String> {
        check_format(content)?;
        serde_json::from_slice(content).map_err(not_json)
    }

    fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

impl DigestCheckpoint {
    /// The checkpoint of a digest that was not started yet.
    fn new() -> DigestCheckpoint {
        DigestCheckpoint { format: FORMAT, at: DateTime::default(), unreadable: BTreeSet::new() }
    }

    /// Starts a digest, or continues it.
    pub async fn start<S: StateStore, P: Runtime>(
        folder: &str,
        state_client: &StateClient<'_, S, P>,
    ) -> Result<DigestCheckpoint, AwsError> {
        // The first time is only fixed once it is written.
        let (new, now) = (DigestCheckpoint::new(), state_client.runtime.now());
        let start = |checkpoint: &mut DigestCheckpoint, _| {
            if checkpoint.at == new.at {
                checkpoint.at = now;
            }
        };
        let (_, held) = state_client.update(&key(folder), &new, None, start).await?;
        Ok(held.object)
    }

    /// When the digest was first started.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// The state objects that could not be read so far.
    pub fn unreadable(&self) -> impl Iterator<Item = &LostObject> {
        self.unreadable.iter()
    }

    /// Notes state objects that could not be read, before they are replaced.
    pub async fn note<S: StateStore, P: Runtime>(
        &self,
        folder: &str,
        unreadable: Vec<UnreadableObject>,
        state_client: &StateClient<'_, S, P>,
    ) -> Result<(), AwsError> {
        if unreadable.is_empty() {
            return Ok(());
        }
        let lost: Vec<LostObject> = unreadable.into_iter().map(LostObject::from).collect();
        let note = |checkpoint: &mut DigestCheckpoint, _| checkpoint.unreadable.extend(lost.iter().cloned());
        state_client.update(&key(folder), self, None, note).await.map(|_| ())
    }
}

/// Notes state objects that could not be read, for a digest that may not be started yet.
pub(super) async fn note_unreadable<S: StateStore, P: Runtime>(
    folder: &str,
    unreadable: Vec<UnreadableObject>,
    state_client: &StateClient<'_, S, P>,
) -> Result<(), AwsError> {
    DigestCheckpoint::new().note(folder, unreadable, state_client).await
}

fn key(folder: &str) -> String {
    format!("{folder}digest.json")
}
