//! What a backfill keeps in the state bucket, under `backfills/`:
//!
//! | object | content |
//! |---|---|
//! | `backfills/RUN/run.json` | [`RunState`]: the stage, the lease and the result |
//! | `backfills/RUN/GENERATION/plan.json` | the [`Plan`], written once |
//! | `backfills/RUN/GENERATION/items.json` | what Step Functions hands to each invocation, where it reads the items |
//! | `backfills/RUN/GENERATION/parts/N.json.gz` | the [`ItemResult`] of item N, written once |
//! | `backfills/RUN/GENERATION/digest.json` | when the digest was begun, and the unreadable objects that it reports |
//! | `backfills/RUN/GENERATION/findings.jsonl.gz` | the findings, one OCSF Detection Finding a line |
//! | `backfills/RUN/GENERATION/report.html` | the HTML report |

mod digest_counts;
mod estimate;
pub(crate) mod item_result;
mod key_range;
mod plan;
mod result;
mod run;

pub use crate::formats::events::backfill::RunId;
pub use digest_counts::DigestCounts;
pub use estimate::Estimate;
pub use item_result::{ItemResult, KeptRecord, UnfetchedLogFile, UnreadableLogFile};
pub use key_range::KeyRange;
pub(crate) use key_range::weight;
pub use plan::{Plan, PlanItem};
pub use result::{BackfillResult, LostObject, ReadTotals};
pub use run::{FleetStart, Ownership, RunState, Stage, Worker};
