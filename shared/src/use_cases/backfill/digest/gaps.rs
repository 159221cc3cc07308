//! The findings about what a backfill could not look at.

use chrono::{DateTime, Utc};

use super::marking::MarkedFindings;
use super::reading::JudgedItems;
use crate::finding::Finding;
use crate::mail::phrases;
use crate::rules::health::{backfill_could_not_look, backfill_without_log_files, state_unreadable};
use crate::state::backfill::{LostObject, Plan};

/// Those of the items, the plan, the unreadable state objects and the cases. Each is counted, and noted in the HTML
/// report.
pub(super) fn gaps(
    plan: &Plan,
    judged: &mut JudgedItems,
    unreadable: &[&LostObject],
    marked: &MarkedFindings,
    folder_uri: &str,
    at: DateTime<Utc>,
) -> Vec<Finding> {
    let no_log_files = (!plan.has_wanted_days()).then(|| {
        let what = phrases::no_log_files(&plan.bucket, plan.wanted.from, plan.wanted.to);
        backfill_without_log_files(folder_uri, what, at)
    });
    let unreadable =
        unreadable.iter().map(|lost| state_unreadable(&lost.uri, &lost.copy, &lost.reason, at, None));
    let refused = marked.first_refused.as_ref().map(|first| {
        let what = phrases::cases_not_marked(marked.refused, first);
        backfill_could_not_look(folder_uri, "cases", what, None, at)
    });
    let of_items = std::mem::take(&mut judged.gaps);
    let gaps: Vec<Finding> =
        of_items.into_iter().chain(no_log_files).chain(unreadable).chain(refused).collect();
    for gap in &gaps {
        *judged.severities.entry(gap.severity).or_default() += 1;
        judged.overview.note(gap.summary.clone());
    }
    gaps
}
