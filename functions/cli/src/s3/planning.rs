//! Lists the log files to read and divides them into batches.

use std::collections::BTreeSet;

use iamwatch_aws::runtime::Unbounded;
use iamwatch_aws::s3::S3;
use indicatif::ProgressBar;
use shared::formats::events::backfill::Wanted;
use shared::state::backfill::KeyRange;
use shared::use_cases;
use shared::use_cases::Unplanned;

use super::checkpoint::S3Batch;
use super::error_messages::message;
use super::job::{S3Job, StopReason};
use crate::read_totals::not_read;
use crate::s3_location::S3Location;

/// The most log files of a batch, unless a single key range has more.
const MAX_BATCH_OBJECTS: u64 = 5_000;

/// Plans all locations of the job. A location without log files is added to `failures`.
pub async fn plan(job: &S3Job<'_>, s3: &S3, failures: &mut Vec<String>) -> Result<Vec<S3Batch>, StopReason> {
    let mut batches = Vec::new();
    let spinner = if job.shows_progress { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    for location in &job.locations {
        let bucket = &location.bucket;
        let (from, to) = match (job.period.from, job.period.to) {
            (Some(from), Some(to)) if !location.is_object() => (from, to),
            _ => {
                batches.push(S3Batch { bucket: bucket.clone(), key_ranges: vec![one_object(location)] });
                continue;
            }
        };
        spinner.set_message(format!("looking for log files in {}", location.uri));
        spinner.tick();
        let wanted = Wanted { from, to, accounts: job.accounts.clone(), regions: BTreeSet::new() };
        let plan = use_cases::plan(bucket, &location.prefix, &wanted, &job.config, s3, &Unbounded).await;
        let plan = plan.map_err(|unplanned| match unplanned {
            Unplanned::Unfit(error) => StopReason::Failed(error.to_string().replace("s3[:]//", "s3://")),
            Unplanned::AwsError(error) => StopReason::Failed(message(&error)),
        })?;
        if plan.objects() == 0 {
            failures.push(not_read(
                &location.uri,
                format!("there is no log file in it that was delivered from {from} to {to}"),
            ));
        }
        batches.extend(batches_of(bucket, plan.items.into_iter().flat_map(|item| item.ranges)));
    }
    spinner.finish_and_clear();
    Ok(batches)
}

/// The object that a location names.
fn one_object(location: &S3Location) -> KeyRange {
    KeyRange::of_one(&location.prefix, 0)
}

/// Puts consecutive key ranges into batches.
fn batches_of(bucket: &str, key_ranges: impl Iterator<Item = KeyRange>) -> Vec<S3Batch> {
    let mut batches: Vec<S3Batch> = Vec::new();
    for key_range in key_ranges {
        match batches.last_mut() {
            Some(batch) if batch.objects() + key_range.objects <= MAX_BATCH_OBJECTS => {
                batch.key_ranges.push(key_range)
            }
            _ => batches.push(S3Batch { bucket: bucket.to_owned(), key_ranges: vec![key_range] }),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_holds_as_many_key_ranges_as_fit_and_at_least_one() {
        let key_range = |objects| KeyRange { prefix: "x".to_owned(), objects, ..KeyRange::default() };
        let of = |objects: &[u64]| -> Vec<Vec<u64>> {
            let batches = batches_of("logs", objects.iter().map(|objects| key_range(*objects)));
            let of_batch =
                |batch: &S3Batch| batch.key_ranges.iter().map(|key_range| key_range.objects).collect();
            batches.iter().map(of_batch).collect()
        };
        assert_eq!(of(&[]), Vec::<Vec<u64>>::new());
        assert_eq!(of(&[2_000, 3_000, 1]), [vec![2_000, 3_000], vec![1]]);
        assert_eq!(of(&[20_000, 1, 1]), [vec![20_000], vec![1, 1]]);
    }
}
