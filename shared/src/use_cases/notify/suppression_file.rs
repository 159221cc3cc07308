//! The suppression file, and the findings about the file itself.

use crate::finding::Finding;
use crate::finding::suppression::Suppressions;
use crate::ports::{AwsError, Runtime, StateStore, StoredObject};
use crate::rules::health::{suppression_expired, suppressions_changed, suppressions_unreadable};
use crate::rules::registry;

use crate::state::store::StateClient;

/// The file that a person writes. No function may write it.
const FILE: &str = "config/suppressions.toml";

/// The file as it was when its last change was notified.
const SEEN: &str = "seen/suppressions.toml";

/// The suppression file as one run reads it.
pub struct SuppressionFile {
    /// Its entries.
    pub suppressions: Suppressions,
    /// The findings about the file itself.
    pub findings: Vec<Finding>,
    /// The id of the finding about a change.
    change: Option<String>,
    file: Vec<u8>,
    seen: Option<StoredObject>,
}

impl SuppressionFile {
    /// Reads the file, and the file as it was before.
    ///
    /// # Errors
    /// [`AwsError`] if one of them cannot be read.
    pub async fn load<S: StateStore, P: Runtime>(
        state: &StateClient<'_, S, P>,
        account: Option<&str>,
    ) -> Result<SuppressionFile, AwsError> {
        let (file, seen) = futures_util::try_join!(state.read(FILE), state.read(SEEN))?;
        let now = state.runtime.now();
        let uri = state.uri(FILE);
        let text = |stored: &StoredObject| String::from_utf8_lossy(&stored.content).into_owned();
        let (before, after) = (seen.as_ref().map(text), file.as_ref().map(text));
        let rules = registry::all();
        let suppressions = Suppressions::parse(after.as_deref().unwrap_or_default(), &rules, now);
        let modified = file.as_ref().and_then(|file| file.modified);
        // An empty file is the same as no file.
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

    /// Records the change as notified, unless its finding was not.
    pub async fn record_seen<S: StateStore, P: Runtime>(
        &self,
        state: &StateClient<'_, S, P>,
        is_not_notified: impl Fn(&str) -> bool,
    ) {
        if self.change.as_deref().is_some_and(|change| !is_not_notified(change)) {
            // If that fails, the next run finds the change again, and its case deduplicates it. The error is among those of
            // the state bucket.
            let _ = state.replace(SEEN, &self.file, self.seen.as_ref()).await;
        }
    }
}
