//! Locations in S3, and how they differ from local paths.

use std::path::PathBuf;

use shared::formats::cloudtrail::period::Period;

/// An object, or every object of a bucket whose key begins with a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Location {
    /// As the argument is written: `s3://bucket/prefix`.
    pub uri: String,
    /// The bucket.
    pub bucket: String,
    /// The prefix, or the key of one object; empty for the whole bucket.
    pub prefix: String,
}

impl S3Location {
    /// Whether it names one object: a key of a log file.
    pub fn is_object(&self) -> bool {
        [".json", ".json.gz"].iter().any(|ending| self.prefix.ends_with(ending))
    }

    /// Checks that it can be read without knowing what it holds.
    pub fn check(&self, period: &Period) -> anyhow::Result<()> {
        if !cfg!(feature = "s3") {
            anyhow::bail!(
                "{} is in S3, which this iamwatch is built without; `make cli` builds one with it",
                self.uri
            );
        }
        if self.bucket.is_empty() {
            anyhow::bail!("PATH is {:?}; it must be s3://BUCKET or s3://BUCKET/PREFIX", self.uri);
        }
        if !self.is_object() && (period.from.is_none() || period.to.is_none()) {
            anyhow::bail!(
                "{} needs --from and --to, such as --from 2026-04-01 --to 2026-04-30: a bucket may hold years",
                self.uri
            );
        }
        Ok(())
    }
}

/// Splits arguments into local paths and locations in S3.
pub fn split_paths(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<S3Location>) {
    let (mut files, mut locations) = (Vec::new(), Vec::new());
    for path in paths {
        match path.to_str().and_then(|text| Some((text, text.strip_prefix("s3://")?))) {
            None => files.push(path.clone()),
            Some((uri, rest)) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                let [uri, bucket, prefix] = [uri, bucket, prefix].map(str::to_owned);
                locations.push(S3Location { uri, bucket, prefix });
            }
        }
    }
    (files, locations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_s3_location_is_a_bucket_and_a_prefix() {
        let (files, locations) =
            split_paths(&["logs", "s3://bucket", "s3:/x", "s3://bucket/a/b c/x.json.gz"].map(PathBuf::from));
        assert_eq!(files, ["logs", "s3:/x"].map(PathBuf::from));
        let split: Vec<(&str, &str, bool)> = locations
            .iter()
            .map(|location| (&*location.bucket, &*location.prefix, location.is_object()))
            .collect();
        assert_eq!(split, [("bucket", "", false), ("bucket", "a/b c/x.json.gz", true)]);
        assert_eq!(split_paths(&["s3:///x"].map(PathBuf::from)).1[0].bucket, "");
    }
}
