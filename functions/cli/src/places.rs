//! Where log files are: on this machine, or in a bucket.

use std::path::PathBuf;

use shared::formats::cloudtrail::period::Period;

/// A bucket, or what of it has a key that begins so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// As it was written: `s3://bucket/prefix`.
    pub uri: String,
    /// The bucket.
    pub bucket: String,
    /// A folder, or an object; empty for the whole bucket.
    pub prefix: String,
}

impl Location {
    /// Whether it is one object, by its name.
    pub fn is_object(&self) -> bool {
        [".json", ".json.gz"].iter().any(|ending| self.prefix.ends_with(ending))
    }

    /// Why it cannot be read, whatever it holds.
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

/// Tells paths of this machine from places in S3.
pub fn split(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<Location>) {
    let (mut files, mut locations) = (Vec::new(), Vec::new());
    for path in paths {
        match path.to_str().and_then(|text| Some((text, text.strip_prefix("s3://")?))) {
            None => files.push(path.clone()),
            Some((uri, rest)) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                let [uri, bucket, prefix] = [uri, bucket, prefix].map(str::to_owned);
                locations.push(Location { uri, bucket, prefix });
            }
        }
    }
    (files, locations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_s3_is_a_bucket_and_what_keys_begin_with() {
        let (files, locations) =
            split(&["logs", "s3://bucket", "s3:/x", "s3://bucket/a/b c/x.json.gz"].map(PathBuf::from));
        assert_eq!(files, ["logs", "s3:/x"].map(PathBuf::from));
        let said: Vec<(&str, &str, bool)> = locations
            .iter()
            .map(|location| (&*location.bucket, &*location.prefix, location.is_object()))
            .collect();
        assert_eq!(said, [("bucket", "", false), ("bucket", "a/b c/x.json.gz", true)]);
        assert_eq!(split(&["s3:///x"].map(PathBuf::from)).1[0].bucket, "");
    }
}
