//! Noting in the cases of the live runs what a digest notifies of, so that no other mail repeats it.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt};

use super::super::digest_checkpoint::DigestCheckpoint;
use crate::config::Config;
use crate::finding::Finding;
use crate::finding::suppression::Suppressions;
use crate::mail;
use crate::ports::{AwsError, AwsErrorKind, Runtime, StateStore};
use crate::state::backfill::DigestCounts;
use crate::state::case;
use crate::state::case::{Case, CaseFinding, DigestIdentity};
use crate::state::store::StateClient;

/// How many cases are read or written at the same time.
const AT_ONCE: usize = 16;

/// What becomes of the findings.
#[derive(Default)]
pub(super) struct MarkedFindings {
    /// Those that the digest notifies of.
    pub notified: Vec<Finding>,
    /// The others.
    pub others: Vec<Finding>,
    /// How many of the others were notified before, are suppressed or are counted only.
    pub counts: DigestCounts,
    /// Whether some of them may be notified again.
    pub may_repeat: bool,
    /// How many cases AWS refuses to read or write, and its answer for the first.
    pub refused: u64,
    pub first_refused: Option<String>,
}

/// Marks the findings of one digest.
pub(super) struct Marking<'a, S, P> {
    pub teller: DigestIdentity<'a>,
    pub folder: &'a str,
    pub checkpoint: &'a DigestCheckpoint,
    pub suppressions: &'a Suppressions,
    pub state_client: &'a StateClient<'a, S, P>,
    pub config: &'a Config,
}

impl<S: StateStore, P: Runtime> Marking<'_, S, P> {
    /// Decides which findings the digest notifies of, and notes them.
    ///
    /// # Errors
    /// [`AwsError`] of the state bucket.
    pub async fn mark(&self, findings: Vec<Finding>) -> Result<MarkedFindings, AwsError> {
        let groups = mail::by_subject(findings).into_iter().map(|findings| self.mark_subject(findings));
        // All are tried before an error is returned, so that the next try has less to do.
        let groups: Vec<_> = Box::pin(stream::iter(groups).buffered(AT_ONCE)).collect().await;
        let mut all = MarkedFindings::default();
        for group in groups {
            let MarkedFindings { notified, others, counts, may_repeat, refused, first_refused } = group?;
            all.notified.extend(notified);
            all.others.extend(others);
            all.counts += counts;
            all.may_repeat |= may_repeat;
            all.refused += refused;
            all.first_refused = all.first_refused.or(first_refused);
        }
        Ok(all)
    }

    /// The same for the findings of one subject.
    async fn mark_subject(&self, findings: Vec<Finding>) -> Result<MarkedFindings, AwsError> {
        let Some(subject) = findings.first().map(|finding| finding.subject.clone()) else {
            return Ok(MarkedFindings::default());
        };
        let (state_client, now) = (self.state_client, self.checkpoint.at());
        let accepted = |finding: &Finding| self.suppressions.matching(finding, now).is_some();
        let seen: Vec<CaseFinding<'_>> =
            findings.iter().map(|finding| CaseFinding { finding, suppressed: accepted(finding) }).collect();
        let (key, new) = (case::key(&subject), Case::new(&subject));
        let held = state_client.open(&key, &new).await;
        self.checkpoint.note(self.folder, state_client.take_unreadable(), state_client).await?;
        let mut change = |case: &mut Case, _| {
            case.merge(&seen, now, self.config);
            let decided = case.select_for_digest(&self.teller, &seen, now, self.config);
            case.forget(state_client.runtime.now(), self.config);
            let may_repeat =
                (decided.repeated && !decided.notified.is_empty()) || !case.remembers(&decided.notified, now);
            (decided, may_repeat)
        };
        let changed = match held {
            Ok(held) => {
                state_client.update(&key, &new, Some(held), &mut change).await.map(|(changed, _)| changed)
            }
            Err(error) => Err(error),
        };
        let (decided, may_repeat, refused) = match changed {
            Ok((decided, may_repeat)) => (decided, may_repeat, None),
            // One case that AWS refuses does not delay the others; its own findings are notified without it.
            Err(error) if error.kind == AwsErrorKind::Denied => {
                let (decided, _) = change(&mut new.clone(), false);
                (decided, true, Some(format!("{}: {}", state_client.uri(&key), error.answer)))
            }
            Err(error) => return Err(error),
        };
        let ids: BTreeSet<String> = decided.notified.iter().map(|seen| seen.finding.id.clone()).collect();
        let suppressed = seen.iter().filter(|seen| seen.suppressed).count() as u64;
        let counts = DigestCounts { suppressed, ..decided.counts };
        let (notified, others) = findings.into_iter().partition(|finding| ids.contains(&finding.id));
        let (refused, first_refused) = (u64::from(refused.is_some()), refused);
        Ok(MarkedFindings { notified, others, counts, may_repeat, refused, first_refused })
    }
}
