//! The result of one invocation of a backfill.

use crate::ports::AwsError;
use crate::state::backfill::{ReadTotals, RunId, RunState};
use crate::use_cases::notify::NotificationResult;

/// The result of one invocation.
#[derive(Debug)]
pub struct Backfilled {
    /// The backfill.
    pub run: RunId,
    /// The `s3://` URI of its state.
    pub uri: String,
    /// What the invocation did.
    pub progress: BackfillProgress,
    /// The state, as far as it is known. Of a dry run: as it would be when started.
    pub state: Option<RunState>,
    /// What this invocation has read.
    pub read: ReadTotals,
    /// The mails.
    pub mails: Vec<NotificationResult>,
    /// The errors of the state bucket, including those that a retry resolved.
    pub state_errors: Vec<AwsError>,
}

/// What an invocation did for a backfill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackfillProgress {
    /// It was a dry run: it only planned.
    Planned,
    /// Another invocation, or the state machine, is working on it.
    UnderWay,
    /// It started the state machine.
    Started,
    /// It read an item.
    Read,
    /// The backfill is finished.
    Done,
    /// It stopped early: the same request continues.
    Unfinished(AwsError),
}

/// How a step ended, and the state of the backfill, as far as it is known.
pub(super) type StepEnd = (BackfillProgress, Option<RunState>);
