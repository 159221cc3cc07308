//! Reading files, several at once, into whatever a command wants of them.

use shared::rules::registry;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};
use shared::config::Config;
use shared::finding::Finding;
use shared::formats::cloudtrail::counts::Counts;
use shared::formats::cloudtrail::export;
use shared::formats::cloudtrail::log_file;
use shared::formats::cloudtrail::log_file::LogFileReader;
use shared::formats::cloudtrail::prefilter::Prefilter;
use shared::formats::cloudtrail::scan;
use shared::formats::cloudtrail::scan::{Judge, Problem};
use shared::state::backfill::KeptRecord;

use crate::args::Reading;
use crate::files::{Files, Found};
use crate::output::{counted, note, note_each};

/// Files up to this size are read as a whole, larger ones piece by piece.
const MAX_WHOLE_FILE_BYTES: u64 = 1 << 20;
const PIECE_BYTES: usize = 256 << 10;

/// What came of all files.
pub struct Outcome<T> {
    /// What the command wanted, file by file in order of their paths.
    pub results: Vec<T>,
    /// What was read.
    pub counts: Counts,
    /// What could not be looked at, or not as a whole, in sentences; it has been said.
    pub failed: Vec<String>,
    /// Whether there is such a thing.
    pub could_not_look: bool,
}

/// What was found in S3.
#[derive(Default)]
pub struct Remote {
    /// The records that raise a finding or are sign-ins.
    pub records: Vec<KeptRecord>,
    /// What they raise, and what could not be read.
    pub findings: Vec<Finding>,
    /// What was read.
    pub counts: Counts,
    /// What could not be looked at; it has been said.
    pub failed: Vec<String>,
}

/// How a file is read: whoever is shown its records is what it is called with.
pub type ReadFile<'r> = dyn FnMut(&mut Judge<'_>) -> std::io::Result<scan::Counts> + 'r;

/// Reads every file of the paths. `each` is given a file's name and a way to read it, which it calls once.
pub fn read_all<T: Default + Send>(
    reading: &Reading,
    config: &Config,
    each: impl Fn(&str, &mut ReadFile<'_>, &mut T) -> std::io::Result<Counts> + Sync,
) -> Outcome<T> {
    let asked = Asked { prefilter: registry::prefilter(), shows_progress: true, has_enough: &|| false };
    read_each(reading, config, &asked, |_, name, read, result| each(name, read, result))
}

/// What is asked of the files, and how.
pub struct Asked<'a> {
    /// Which records are worth parsing.
    pub prefilter: &'static Prefilter,
    /// Whether a progress bar may be shown where stderr is a terminal.
    pub shows_progress: bool,
    /// Whether no further file has to be read.
    pub has_enough: &'a (dyn Fn() -> bool + Sync),
}

/// The same for other records than the rules ask for. `each` is given a file's number too: their order is that of
/// their paths, and a file is begun only after those before it have been.
pub fn read_each<T: Default + Send>(
    reading: &Reading,
    config: &Config,
    asked: &Asked<'_>,
    each: impl Fn(usize, &str, &mut ReadFile<'_>, &mut T) -> std::io::Result<Counts> + Sync,
) -> Outcome<T> {
    let paths = reading.files();
    if paths.is_empty() {
        // What is in S3 is read elsewhere.
        return Outcome {
            results: Vec::new(),
            counts: Counts::default(),
            failed: Vec::new(),
            could_not_look: false,
        };
    }
    let files = Files::under(&paths);
    let threads = reading.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, usize::from);
    let bytes = files.found.iter().map(|file| file.bytes).sum();
    let progress = if asked.shows_progress { progress_bar(bytes) } else { ProgressBar::hidden() };
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let work = || {
        let mut reader = LogFileReader::new(asked.prefilter, config);
        let mut buffer = Vec::new();
        let mut mine = Vec::new();
        while !(asked.has_enough)() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(Found { path, bytes, .. }) = files.found.get(number) else { break };
            // A name that is no Unicode is written with escapes: two such names stay two.
            let name = path.to_str().map_or_else(|| format!("{path:?}"), str::to_owned);
            let mut result = T::default();
            let mut problem = None;
            let mut read = |judge: &mut Judge<'_>| {
                let counts = read_file(path, *bytes, &mut reader, &mut buffer, config, judge)?;
                problem = counts.problems.first().map(in_words);
                Ok(counts)
            };
            let counts = each(number, &name, &mut read, &mut result);
            mine.push((path, result, counts, problem));
            progress.inc(*bytes);
        }
        // A lock is only poisoned by a panic, which the scope passes on.
        done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(mine);
    };
    thread::scope(|scope| {
        // This thread reads too. Where the system makes no more threads, fewer do.
        for _ in 1..threads.min(files.found.len()) {
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    progress.finish_and_clear();
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_unstable_by_key(|(path, ..)| *path);

    let mut read =
        Outcome { results: Vec::new(), counts: Counts::default(), failed: Vec::new(), could_not_look: false };
    let mut failed: Vec<String> =
        files.failed.iter().map(|failure| format!("could not look at {failure}")).collect();
    for (path, result, counts, problem) in done {
        read.results.push(result);
        match counts {
            Ok(counts) => read.counts += counts,
            Err(error) => failed.push(format!("could not look at {}: {error}", path.display())),
        }
        failed.extend(problem.map(|problem| format!("could not read {} whole: {problem}", path.display())));
    }
    note_each(&failed, "more file");
    note(&summary(read.counts, &files));
    read.could_not_look = !failed.is_empty();
    read.failed = failed;
    read
}

/// What was read, in one line; `what` is what was: `3 log files`.
pub fn read_in_words(what: &str, counts: Counts) -> String {
    let Counts { records, judged, skipped, unreadable, unreadable_log_files, .. } = counts;
    // Nobody asked for the others: that no rule can match them is what judging them comes to.
    let judged = judged + skipped;
    let mut words =
        format!("Read {what}: {}, {judged} judged, {unreadable} unreadable.", counted(records, "record"));
    if unreadable_log_files > 0 {
        words += &format!(" {} could not be read whole.", counted(unreadable_log_files, "log file"));
    }
    words
}

/// What was read and what was not, in one line.
fn summary(counts: Counts, files: &Files) -> String {
    let mut summary = read_in_words(&counted(counts.log_files, "log file"), counts);
    let mut skipped: Vec<String> =
        files.skipped.iter().map(|(kind, count)| format!("{count} {}", kind.name())).collect();
    match files.folder_links {
        0 => {}
        1 => skipped.push("1 link to a folder (name it to have it read)".to_owned()),
        links => skipped.push(format!("{links} links to folders (name them to have them read)")),
    }
    if !skipped.is_empty() {
        summary += &format!(" Skipped: {}.", skipped.join(", "));
    }
    summary
}

/// What is wrong, of a record or of the file.
pub fn in_words(problem: &Problem) -> String {
    match problem.record {
        Some(record) => format!("record {record} {}", problem.reason),
        None => format!("it {}", problem.reason),
    }
}

fn read_file(
    path: &Path,
    bytes: u64,
    reader: &mut LogFileReader,
    buffer: &mut Vec<u8>,
    config: &Config,
    judge: &mut Judge<'_>,
) -> std::io::Result<scan::Counts> {
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

/// What is no log file may hold records in another form.
fn read_export(path: &Path, config: &Config, judge: &mut Judge<'_>) -> std::io::Result<scan::Counts> {
    let mut packed = Vec::new();
    File::open(path)?.take(config.max_compressed_bytes.saturating_add(1)).read_to_end(&mut packed)?;
    let (content, kept_away) = log_file::unpack(&packed, config);
    let mut counts = export::read(&content, judge);
    let problem = kept_away.map(|reason| Problem { record: None, reason });
    counts.problems.splice(0..0, problem);
    Ok(counts)
}

/// Hidden where stderr is no terminal.
fn progress_bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    if let Ok(style) =
        ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left")
    {
        bar.set_style(style);
    }
    bar
}
