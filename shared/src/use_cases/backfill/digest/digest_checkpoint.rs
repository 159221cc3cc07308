//! What a digest must know again where its run dies and another one begins it anew.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ports::{AwsError, Runtime, StateStore};
use crate::state::backfill::Lost;
use crate::state::format::{FORMAT, check_format, not_json};
use crate::state::object::StateObject;
use crate::state::store::{StateClient, UnreadableObject};

/// A digest that was begun: an object of the state bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Begun {
    format: u32,
    /// When it was: what it says is as of then, however often it is begun.
    at: DateTime<Utc>,
    /// The objects that could not be read. A new one was begun in the place of each, so that nobody sees it again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    unreadable: BTreeSet<Lost>,
}

impl From<UnreadableObject> for Lost {
    fn from(UnreadableObject { uri, copy, reason }: UnreadableObject) -> Lost {
        Lost { uri, copy, reason }
    }
}

impl StateObject for Begun {
    fn read(content: &[u8], _: &Begun) -> Result<Begun, String> {
        check_format(content)?;
        serde_json::from_slice(content).map_err(not_json)
    }

    fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

impl Begun {
    /// One that was never begun.
    fn new() -> Begun {
        Begun { format: FORMAT, at: DateTime::default(), unreadable: BTreeSet::new() }
    }

    /// Begins a digest, or goes on with one.
    pub async fn begin<S: StateStore, P: Runtime>(
        folder: &str,
        memory: &StateClient<'_, S, P>,
    ) -> Result<Begun, AwsError> {
        // A moment is not known to be the first until it is written.
        let (new, now) = (Begun::new(), memory.runtime.now());
        let begin = |begun: &mut Begun, _| {
            if begun.at == new.at {
                begun.at = now;
            }
        };
        let (_, held) = memory.update(&key(folder), &new, None, begin).await?;
        Ok(held.object)
    }

    /// As of when all that the digest says is.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// The objects that could not be read so far.
    pub fn unreadable(&self) -> impl Iterator<Item = &Lost> {
        self.unreadable.iter()
    }

    /// Notes objects that could not be read, before a new one is begun in their place.
    pub async fn note<S: StateStore, P: Runtime>(
        &self,
        folder: &str,
        unreadable: Vec<UnreadableObject>,
        memory: &StateClient<'_, S, P>,
    ) -> Result<(), AwsError> {
        if unreadable.is_empty() {
            return Ok(());
        }
        let lost: Vec<Lost> = unreadable.into_iter().map(Lost::from).collect();
        let note = |begun: &mut Begun, _| begun.unreadable.extend(lost.iter().cloned());
        memory.update(&key(folder), self, None, note).await.map(|_| ())
    }
}

/// Notes objects that could not be read, for the digest that is still to be begun.
pub(in crate::use_cases::backfill) async fn note_unreadable<S: StateStore, P: Runtime>(
    folder: &str,
    unreadable: Vec<UnreadableObject>,
    memory: &StateClient<'_, S, P>,
) -> Result<(), AwsError> {
    Begun::new().note(folder, unreadable, memory).await
}

fn key(folder: &str) -> String {
    format!("{folder}digest.json")
}
