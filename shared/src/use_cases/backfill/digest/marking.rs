//! Noting in the cases of the live runs what a digest tells, so that nobody says it again.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt};

use super::digest_checkpoint::Begun;
use crate::config::Config;
use crate::finding::Finding;
use crate::finding::suppression::Suppressions;
use crate::mail;
use crate::ports::{AwsError, AwsErrorKind, Runtime, StateStore};
use crate::state::case;
use crate::state::case::{Case, CaseFinding, DigestIdentity};
use crate::state::store::StateClient;

/// So many cases are read or written at the same time.
const AT_ONCE: usize = 16;

/// What became of all findings.
#[derive(Default)]
pub(super) struct Marked {
    /// Those that the digest tells.
    pub told: Vec<Finding>,
    /// The others.
    pub others: Vec<Finding>,
    /// How many people were told before.
    pub known: u64,
    /// How many a suppression hides.
    pub accepted: u64,
    /// How many are too few to be told.
    pub counted: u64,
    /// Whether something of it cannot be remembered.
    pub may_repeat: bool,
    /// How many cases AWS does not give or take, and what it said of the first of them.
    pub refused: u64,
    pub first_refused: Option<String>,
}

/// Marks for one digest.
pub(super) struct Marking<'a, S, P> {
    pub teller: DigestIdentity<'a>,
    pub folder: &'a str,
    pub begun: &'a Begun,
    pub suppressions: &'a Suppressions,
    pub memory: &'a StateClient<'a, S, P>,
    pub config: &'a Config,
}

impl<S: StateStore, P: Runtime> Marking<'_, S, P> {
    /// Decides what the digest tells, and notes it.
    ///
    /// # Errors
    /// [`AwsError`] of the state bucket.
    pub async fn mark(&self, findings: Vec<Finding>) -> Result<Marked, AwsError> {
        let groups = mail::by_subject(findings).into_iter().map(|findings| self.mark_subject(findings));
        // All are tried, so that whoever begins again has less to do.
        let groups: Vec<_> = Box::pin(stream::iter(groups).buffered(AT_ONCE)).collect().await;
        let mut all = Marked::default();
        for group in groups {
            let Marked { told, others, known, accepted, counted, may_repeat, refused, first_refused } =
                group?;
            all.told.extend(told);
            all.others.extend(others);
            all.known += known;
            all.accepted += accepted;
            all.counted += counted;
            all.may_repeat |= may_repeat;
            all.refused += refused;
            all.first_refused = all.first_refused.or(first_refused);
        }
        Ok(all)
    }

    /// The same for the findings of one subject.
    async fn mark_subject(&self, findings: Vec<Finding>) -> Result<Marked, AwsError> {
        let Some(subject) = findings.first().map(|finding| finding.subject.clone()) else {
            return Ok(Marked::default());
        };
        let (memory, now) = (self.memory, self.begun.at());
        let accepted = |finding: &Finding| self.suppressions.matching(finding, now).is_some();
        let seen: Vec<CaseFinding<'_>> =
            findings.iter().map(|finding| CaseFinding { finding, suppressed: accepted(finding) }).collect();
        let (key, new) = (case::key(&subject), Case::new(&subject));
        let held = memory.open(&key, &new).await;
        self.begun.note(self.folder, memory.take_unreadable(), memory).await?;
        let mut change = |case: &mut Case, _| {
            case.merge(&seen, now, self.config);
            let decided = case.select_for_digest(&self.teller, &seen, now, self.config);
            case.forget(memory.runtime.now(), self.config);
            let may_repeat =
                (decided.repeated && !decided.notified.is_empty()) || !case.remembers(&decided.notified, now);
            (decided, may_repeat)
        };
        let changed = match held {
            Ok(held) => memory.update(&key, &new, Some(held), &mut change).await.map(|(changed, _)| changed),
            Err(trouble) => Err(trouble),
        };
        let (decided, may_repeat, refused) = match changed {
            Ok((decided, may_repeat)) => (decided, may_repeat, None),
            // One case that AWS will not give keeps nobody from being told of all others, nor of what belongs there.
            Err(trouble) if trouble.kind == AwsErrorKind::Denied => {
                let (decided, _) = change(&mut new.clone(), false);
                (decided, true, Some(format!("{}: {}", memory.uri(&key), trouble.answer)))
            }
            Err(trouble) => return Err(trouble),
        };
        let ids: BTreeSet<String> = decided.notified.iter().map(|seen| seen.finding.id.clone()).collect();
        let (known, counted) = (decided.known, decided.counted);
        let accepted = seen.iter().filter(|seen| seen.suppressed).count() as u64;
        let (told, others) = findings.into_iter().partition(|finding| ids.contains(&finding.id));
        let (refused, first_refused) = (u64::from(refused.is_some()), refused);
        Ok(Marked { told, others, known, accepted, counted, may_repeat, refused, first_refused })
    }
}
