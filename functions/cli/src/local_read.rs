//! Reads local files, several at once. Each command decides what to collect from a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use shared::config::Config;
use shared::formats::cloudtrail::counts::Counts;
use shared::formats::cloudtrail::export;
use shared::formats::cloudtrail::log_file::{self, LogFileReader};
use shared::formats::cloudtrail::prefilter::Prefilter;
use shared::formats::cloudtrail::scan::{self, Judge, Problem};
use shared::rules::registry;
use shared::text::counted;

use crate::args::ReadArgs;
use crate::local_files::{FileSelection, LocalFile};
use crate::output::{note, note_each};
use crate::progress;
use crate::read_totals::{LogFileTotals, not_read, not_read_whole, summary};

/// Files up to this size are read in one piece.
const MAX_WHOLE_FILE_BYTES: u64 = 1 << 20;

/// Larger files are read in pieces of this size.
const PIECE_BYTES: usize = 256 << 10;

/// What was read of local files.
pub struct LocalResults<T> {
    /// What the command collected from each file, in the order of their paths.
    pub results: Vec<T>,
    /// What was read.
    pub totals: LogFileTotals,
}

/// Reads one file and passes each of its records to the judge.
pub type ReadFile<'r> = dyn FnMut(&mut Judge<'_>) -> std::io::Result<scan::ScanCounts> + 'r;

/// How to read files.
pub struct LocalReadOptions<'a> {
    /// Which records are parsed.
    pub prefilter: &'static Prefilter,
    /// Whether to show a progress bar if stderr is a terminal.
    pub shows_progress: bool,
    /// Whether to stop before the next file.
    pub stops: &'a (dyn Fn() -> bool + Sync),
}

/// Reads every file of the paths for the records that rules match. `each` is given a file's name and a function that
/// reads the file, to be called once.
pub fn read_files<T: Default + Send>(
    args: &ReadArgs,
    config: &Config,
    each: impl Fn(&str, &mut ReadFile<'_>, &mut T) -> std::io::Result<Counts> + Sync,
) -> LocalResults<T> {
    let options =
        LocalReadOptions { prefilter: registry::prefilter(), shows_progress: true, stops: &|| false };
    read_numbered_files(args, config, &options, |_, name, read, result| each(name, read, result))
}

/// Reads every file of the paths. `each` is also given the file's number in the order of the paths; files are started in
/// this order.
pub fn read_numbered_files<T: Default + Send>(
    args: &ReadArgs,
    config: &Config,
    options: &LocalReadOptions<'_>,
    each: impl Fn(usize, &str, &mut ReadFile<'_>, &mut T) -> std::io::Result<Counts> + Sync,
) -> LocalResults<T> {
    let mut local = LocalResults { results: Vec::new(), totals: LogFileTotals::default() };
    let paths = args.local_paths();
    if paths.is_empty() {
        // All paths are in S3.
        return local;
    }
    let selection = FileSelection::under(&paths);
    let threads = args.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, usize::from);
    let bytes = selection.files.iter().map(|file| file.bytes).sum();
    let template = "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
    let bar = progress::bar(options.shows_progress, bytes, template);
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let work = || {
        let mut reader = LogFileReader::new(options.prefilter, config);
        let mut buffer = Vec::new();
        let mut done_here = Vec::new();
        while !(options.stops)() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(LocalFile { path, bytes, .. }) = selection.files.get(number) else { break };
            // A name that is not Unicode is escaped: two such names stay different.
            let name = path.to_str().map_or_else(|| format!("{path:?}"), str::to_owned);
            let mut result = T::default();
            let mut damage = None;
            let mut read = |judge: &mut Judge<'_>| {
                let counts = read_file(path, *bytes, &mut reader, &mut buffer, config, judge)?;
                damage = counts.problems.first().map(|problem| not_read_whole(path.display(), problem));
                Ok(counts)
            };
            let counts = each(number, &name, &mut read, &mut result);
            done_here.push((path, result, counts, damage));
            bar.inc(*bytes);
        }
        // Only a panic poisons a lock, and the scope passes the panic on.
        done.lock().unwrap_or_else(PoisonError::into_inner).extend(done_here);
    };
    thread::scope(|scope| {
        // This thread reads too. If the system refuses another thread, fewer read.
        for _ in 1..threads.min(selection.files.len()) {
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    bar.finish_and_clear();
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(path, ..)| *path);

    let LogFileTotals { counts: total, failures } = &mut local.totals;
    failures.extend_from_slice(&selection.failures);
    for (path, result, counts, damage) in done {
        local.results.push(result);
        match counts {
            Ok(counts) => *total += counts,
            Err(error) => failures.push(not_read(path.display(), error)),
        }
        failures.extend(damage);
    }
    note_each(failures, "more file", "more files");
    note(&(summary(&counted(total.log_files, "log file", "log files"), *total) + &skipped(&selection)));
    local
}

/// ` Skipped: 2 digests.`; empty if every file was read.
fn skipped(selection: &FileSelection) -> String {
    let mut skipped: Vec<String> =
        selection.skipped.iter().map(|(kind, count)| format!("{count} {}", kind.name())).collect();
    match selection.folder_links {
        0 => {}
        1 => skipped.push("1 link to a folder (name it to have it read)".to_owned()),
        links => skipped.push(format!("{links} links to folders (name them to have them read)")),
    }
    if skipped.is_empty() { String::new() } else { format!(" Skipped: {}.", skipped.join(", ")) }
}

fn read_file(
    path: &Path,
    bytes: u64,
    reader: &mut LogFileReader,
    buffer: &mut Vec<u8>,
    config: &Config,
    judge: &mut Judge<'_>,
) -> std::io::Result<scan::ScanCounts> {
    let mut file = File::open(path)?;
    let counts = if bytes <= MAX_WHOLE_FILE_BYTES {
        buffer.clear();
        file.read_to_end(buffer)?;
        reader.read(buffer, judge)
    } else {
        buffer.resize(PIECE_BYTES, 0);
        let mut open = reader.open();
        loop {
            match file.read(buffer)? {
                0 => break open.finish(judge),
                count => open.push(&buffer[..count], judge),
            }
        }
    };
    if counts.has_records {
        return Ok(counts);
    }
    read_export(path, config, judge)
}

/// Reads a file that is no log file: other tools export records in other forms.
fn read_export(path: &Path, config: &Config, judge: &mut Judge<'_>) -> std::io::Result<scan::ScanCounts> {
    let mut content = Vec::new();
    File::open(path)?.take(config.max_compressed_bytes.saturating_add(1)).read_to_end(&mut content)?;
    let (content, damage) = log_file::decompress(&content, config);
    let mut counts = export::read(&content, judge);
    counts.problems.splice(0..0, damage.map(|reason| Problem { record: None, reason }));
    Ok(counts)
}
