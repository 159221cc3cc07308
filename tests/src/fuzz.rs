//! Shared by the fuzz targets: one file, judged in ways that must have the same result.

use shared::config::Config;
use shared::finding::RecordPlace;
use shared::formats::cloudtrail::log_file::LogFileReader;
use shared::formats::cloudtrail::scan::{Judge, ScanCounts};
use shared::rules::detections;
use shared::rules::registry;

/// The result of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Judged {
    /// The counts and problems.
    pub counts: ScanCounts,
    /// Place, rule and event id of every finding.
    pub raised: Vec<(u64, &'static str, Option<String>)>,
}

/// Judges a file that is there as a whole.
pub fn judged(config: &Config, file: &[u8]) -> Judged {
    judged_by(config, |judge| LogFileReader::new(registry::prefilter(), config).read(file, judge))
}

/// Judges a file that comes in pieces of that size, through windows of another.
pub fn judged_in_pieces(config: &Config, file: &[u8], piece_bytes: usize, window_bytes: usize) -> Judged {
    judged_by(config, |judge| {
        let mut reader = LogFileReader::new(registry::prefilter(), config);
        let mut open = reader.open_with_windows_of(window_bytes);
        file.chunks(piece_bytes).for_each(|piece| open.push(piece, judge));
        open.finish(judge)
    })
}

fn judged_by(config: &Config, read: impl FnOnce(&mut Judge<'_>) -> ScanCounts) -> Judged {
    let mut raised = Vec::new();
    let counts = read(&mut |index, json| {
        let place = RecordPlace { log_file: "s3://logs/x.json.gz", record: index, delivered: None };
        if let Some(finding) = detections::judge(json, config, place)? {
            raised.push((index, finding.rule.id, finding.evidence.event_id));
        }
        Ok(())
    });
    Judged { counts, raised }
}

/// One sound gzip member; nothing where it cannot be made, which does not happen.
pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut file = vec![0; compressor.gzip_compress_bound(content.len())];
    let length = compressor.gzip_compress(content, &mut file).unwrap_or_default();
    file.truncate(length);
    file
}
