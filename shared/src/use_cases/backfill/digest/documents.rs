//! The findings file and the HTML report of a backfill.

use std::io::Write;

use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::marking::MarkedFindings;
use super::reading::JudgedItems;
use crate::config::Config;
use crate::finding::{Finding, ocsf};
use crate::mail;
use crate::mail::html_report;
use crate::ports::{AwsError, AwsErrorKind, Runtime, StateStore};
use crate::state::backfill::Plan;
use crate::state::store::StateClient;

/// Writes the documents of one digest.
pub(super) struct Documents<'a, S, P> {
    pub plan: &'a Plan,
    pub folder: &'a str,
    pub made_at: DateTime<Utc>,
    pub state_client: &'a StateClient<'a, S, P>,
    pub config: &'a Config,
}

impl<S: StateStore, P: Runtime> Documents<'_, S, P> {
    /// Writes both. Returns their `s3://` URIs.
    pub async fn write(
        &self,
        judged: &mut JudgedItems,
        marked: &MarkedFindings,
        gaps: &[Finding],
    ) -> Result<[String; 2], AwsError> {
        let [findings_key, page_key] =
            ["findings.jsonl.gz", "report.html"].map(|name| format!("{}{name}", self.folder));
        let mut all: Vec<&Finding> = marked.notified.iter().chain(&marked.others).chain(gaps).collect();
        all.sort_by(|one, other| (one.time, &one.id).cmp(&(other.time, &other.id)));
        all.iter().for_each(|finding| judged.overview.finding(finding));
        self.state_client.put(&findings_key, &self.compressed_lines(&all)?).await?;
        let uris = [self.state_client.uri(&findings_key), self.state_client.uri(&page_key)];
        let wanted = &self.plan.wanted;
        let scope = html_report::ReportScope {
            title: &mail::backfill::title(wanted),
            sources: &[format!("s3://{}", self.plan.bucket)],
            from: Some(wanted.from),
            to: Some(wanted.to),
            made_at: self.made_at,
            counts: judged.counts,
            unfetched_log_files: judged.unfetched,
            findings_at: Some(&uris[0]),
        };
        let page = html_report::render(&judged.overview, &scope, self.config);
        self.state_client.put(&page_key, page.as_bytes()).await?;
        Ok(uris)
    }

    /// The findings as OCSF, one a line, compressed.
    fn compressed_lines(&self, findings: &[&Finding]) -> Result<Vec<u8>, AwsError> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let written = findings.iter().try_for_each(|finding| {
            let line = format!("{}\n", ocsf::historic_finding(finding, self.config));
            encoder.write_all(line.as_bytes())
        });
        // Writing to memory does not fail.
        written.and_then(|()| encoder.finish()).map_err(|error| AwsError {
            kind: AwsErrorKind::Denied,
            call: "packing the findings".to_owned(),
            answer: error.to_string(),
        })
    }
}
