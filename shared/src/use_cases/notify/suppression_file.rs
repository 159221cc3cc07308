//! The file of suppressions, as one run finds it, and what has to be told about it.

use crate::finding::Finding;
use crate::finding::suppression::Suppressions;
use crate::ports::{AwsError, Runtime, StateStore, Stored};
use crate::rules::health::{suppression_expired, suppressions_changed, suppressions_unreadable};
use crate::rules::registry;

use crate::state::store::StateClient;

/// What a person writes. No function may write it.
const FILE: &str = "config/suppressions.toml";

/// What the file was when its last change was told.
const SEEN: &str = "seen/suppressions.toml";

/// The file of suppressions.
pub struct SuppressionFile {
    /// What is accepted.
    pub suppressions: Suppressions,
    /// What has to be told about the file itself.
    pub findings: Vec<Finding>,
    /// The id of the finding that tells of a change.
    change: Option<String>,
    file: Vec<u8>,
    seen: Option<Stored>,
}

impl SuppressionFile {
    /// Reads the file, and what it was before.
    ///
    /// # Errors
    /// [`AwsError`] when it is not known what is accepted.
    pub async fn load<S: StateStore, P: Runtime>(
        memory: &StateClient<'_, S, P>,
        account: Option<&str>,
    ) -> Result<SuppressionFile, AwsError> {
        let (file, seen) = futures_util::try_join!(memory.read(FILE), memory.read(SEEN))?;
        let now = memory.runtime.now();
        let uri = memory.uri(FILE);
        let text = |stored: &Stored| String::from_utf8_lossy(&stored.content).into_owned();
        let (before, after) = (seen.as_ref().map(text), file.as_ref().map(text));
        let rules = registry::all();
        let suppressions = Suppressions::parse(after.as_deref().unwrap_or_default(), &rules, now);
        let modified = file.as_ref().and_then(|file| file.modified);
        // An empty file says as much as none.
        let filled = |text: Option<&'_ str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let (before, written) = (filled(before.as_deref()), filled(after.as_deref()));
        let changed =
            suppressions_changed(before.as_deref(), written.as_deref(), &rules, &uri, modified, account);
        let change = changed.as_ref().map(|finding| finding.id.clone());
        let mut findings: Vec<Finding> = changed.into_iter().collect();
        findings.extend(suppressions_unreadable(
            suppressions.problems(),
            after.as_deref().unwrap_or_default(),
            &uri,
            modified,
            account,
        ));
        findings.extend(suppressions.expired(now).map(|entry| suppression_expired(entry, &uri, account)));
        let file = file.map(|file| file.content.to_vec()).unwrap_or_default();
        Ok(SuppressionFile { suppressions, findings, change, file, seen })
    }

    /// Notes that the change was told, unless that is among what was not.
    pub async fn note<S: StateStore, P: Runtime>(
        &self,
        memory: &StateClient<'_, S, P>,
        is_untold: impl Fn(&str) -> bool,
    ) {
        if self.change.as_deref().is_some_and(|change| !is_untold(change)) {
            // Where that does not work, the next run finds the change again, and the case knows that it was told.
            // What went wrong is among the troubles of the state bucket.
            let _ = memory.replace(SEEN, &self.file, self.seen.as_ref()).await;
        }
    }
}
