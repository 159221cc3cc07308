//! What is to be read of the places in S3, divided into what is read before it is noted that it was.

use std::collections::BTreeSet;

use iamwatch_aws::runtime::Unbounded;
use iamwatch_aws::s3::S3;
use indicatif::ProgressBar;
use shared::formats::events::backfill::Wanted;
use shared::state::backfill::KeyRange;
use shared::use_cases;
use shared::use_cases::Unplanned;

use super::cursor::Batch;
use super::reading::Stopped;
use super::{Errand, said};
use crate::places::Location;

/// So many log files are read before it is noted that they were, where the plan can be divided so.
const BATCH: u64 = 5_000;

/// What is to be read of all places, divided.
pub async fn planned(errand: &Errand<'_>, s3: &S3, failed: &mut Vec<String>) -> Result<Vec<Batch>, Stopped> {
    let mut batches = Vec::new();
    let spinner = if errand.shows_progress { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    for location in &errand.locations {
        let bucket = &location.bucket;
        let (from, to) = match (errand.period.from, errand.period.to) {
            (Some(from), Some(to)) if !location.is_object() => (from, to),
            _ => {
                batches.push(Batch { bucket: bucket.clone(), stretches: vec![object(location)] });
                continue;
            }
        };
        spinner.set_message(format!("looking for log files in {}", location.uri));
        spinner.tick();
        let wanted = Wanted { from, to, accounts: errand.accounts.clone(), regions: BTreeSet::new() };
        let plan = use_cases::plan(bucket, &location.prefix, &wanted, &errand.config, s3, &Unbounded).await;
        let plan = plan.map_err(|unplanned| match unplanned {
            Unplanned::Unfit(error) => Stopped::Said(error.to_string().replace("s3[:]//", "s3://")),
            Unplanned::AwsError(trouble) => Stopped::Said(said::said(&trouble)),
        })?;
        if plan.objects() == 0 {
            failed.push(format!(
                "could not look at {}: there is no log file in it that was delivered from {from} to {to}",
                location.uri
            ));
        }
        batches.extend(divided(bucket, plan.items.into_iter().flat_map(|item| item.ranges)));
    }
    spinner.finish_and_clear();
    Ok(batches)
}

/// The one object that a place is.
fn object(location: &Location) -> KeyRange {
    KeyRange::of_one(&location.prefix, 0)
}

/// Stretches, as many together as make a batch.
fn divided(bucket: &str, stretches: impl Iterator<Item = KeyRange>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for stretch in stretches {
        match batches.last_mut() {
            Some(batch) if batch.objects() + stretch.objects <= BATCH => batch.stretches.push(stretch),
            _ => batches.push(Batch { bucket: bucket.to_owned(), stretches: vec![stretch] }),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_holds_as_many_stretches_as_fit_and_one_at_least() {
        let stretch = |objects| KeyRange { prefix: "x".to_owned(), objects, ..KeyRange::default() };
        let of = |objects: &[u64]| -> Vec<Vec<u64>> {
            let batches = divided("logs", objects.iter().map(|objects| stretch(*objects)));
            let of_batch = |batch: &Batch| batch.stretches.iter().map(|stretch| stretch.objects).collect();
            batches.iter().map(of_batch).collect()
        };
        assert_eq!(of(&[]), Vec::<Vec<u64>>::new());
        assert_eq!(of(&[2_000, 3_000, 1]), [vec![2_000, 3_000], vec![1]]);
        assert_eq!(of(&[20_000, 1, 1]), [vec![20_000], vec![1, 1]]);
    }
}
