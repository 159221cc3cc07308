//! The suppression file, and the findings about the file itself.

use crate::finding::Finding;
use crate::finding::suppression::Suppressions;
use crate::ports::{AwsError, Runtime, StateStore, StoredObject};
use crate::rules::health::{
    critical_no_longer_hidden, suppression_expired, suppressions_changed, suppressions_unreadable,
};
use crate::rules::registry;

use crate::state::store::StateClient;

/// The file that a person writes. No function may write it.
const FILE: &str = "config/suppressions.toml";

/// The file as it was when its last change was notified, below [`SEEN_HEADER`].
const SEEN: &str = "seen/suppressions.toml";

/// The first line of [`SEEN`]. Before there was `max_severity`, the file stood there without it, and an entry could hide
/// CRITICAL findings.
const SEEN_HEADER: &str =
    "# iamwatch, format 2: the file of suppressions as it was when its last change was mailed\n";

/// The suppression file as one run reads it.
pub struct SuppressionFile {
    /// Its entries.
    pub suppressions: Suppressions,
    /// The findings about the file itself.
    pub findings: Vec<Finding>,
    /// The ids of the findings after which [`SEEN`] is written.
    changes: Vec<String>,
    /// Whether [`SEEN`] is another file, or has another format.
    is_new: bool,
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
        let (stored, after) = (seen.as_ref().map(text), file.as_ref().map(text));
        let below_header = stored.as_deref().and_then(|stored| stored.strip_prefix(SEEN_HEADER));
        let is_first_format = stored.is_some() && below_header.is_none();
        let before = below_header.or(stored.as_deref());
        let rules = registry::all();
        let suppressions = Suppressions::parse(after.as_deref().unwrap_or_default(), &rules, now);
        let modified = file.as_ref().and_then(|file| file.modified);
        // An empty file is the same as no file.
        let filled = |text: Option<&'_ str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let (before, written) = (filled(before), filled(after.as_deref()));
        let changed =
            suppressions_changed(before.as_deref(), written.as_deref(), &rules, &uri, modified, account);
        let is_new = changed.is_some() || is_first_format;
        let mut findings: Vec<Finding> = changed.into_iter().collect();
        if is_first_format {
            findings.extend(critical_no_longer_hidden(
                before.as_deref().unwrap_or_default(),
                (&suppressions, written.as_deref().unwrap_or_default()),
                &rules,
                &uri,
                modified,
                now,
                account,
            ));
        }
        let changes = findings.iter().map(|finding| finding.id.clone()).collect();
        findings.extend(suppressions_unreadable(
            suppressions.problems(),
            after.as_deref().unwrap_or_default(),
            &uri,
            modified,
            account,
        ));
        findings.extend(suppressions.expired(now).map(|entry| suppression_expired(entry, &uri, account)));
        let file = file.map(|file| file.content.to_vec()).unwrap_or_default();
        Ok(SuppressionFile { suppressions, findings, changes, is_new, file, seen })
    }

    /// Records the changes as notified, unless a finding about them was not.
    pub async fn record_seen<S: StateStore, P: Runtime>(
        &self,
        state: &StateClient<'_, S, P>,
        is_not_notified: impl Fn(&str) -> bool,
    ) {
        if self.is_new && !self.changes.iter().any(|change| is_not_notified(change)) {
            let content = [SEEN_HEADER.as_bytes(), &self.file].concat();
            // If that fails, the next run finds the change again, and its case deduplicates it. The error is among those of
            // the state bucket.
            let _ = state.replace(SEEN, &content, self.seen.as_ref()).await;
        }
    }
}
