//! One log file: decompressing it in windows, and scanning it.
//!
//! Source: CloudTrail User Guide, "Finding your CloudTrail log files"; RFC 1952 (gzip).
//!
//! CloudTrail writes one gzip member with one JSON document. Data after them is read as well, and reported: otherwise
//! a reader of the first member and a reader of all members would see different files.

use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};
use memchr::memmem;

use super::prefilter::Prefilter;
use super::scan::{Judge, PADDING, Scan, ScanCounts};
use crate::config::Config;

/// Compressed size up to which a file is decompressed at once. libdeflate is the fastest decoder, but cannot stop midway.
const MAX_WHOLE_COMPRESSED_BYTES: usize = 1 << 20;
/// The most that is decompressed at once; more than a small file needs.
const MAX_WHOLE_BYTES: usize = 16 << 20;
/// The window of a large file: half of a common second-level cache.
const WINDOW_BYTES: usize = 256 << 10;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
/// The flag, in the fourth byte of a member, that its header has a checksum.
const GZIP_FHCRC: u8 = 0x02;

/// Reads log files in turn and reuses its buffers.
pub struct LogFileReader {
    prefilter: &'static Prefilter,
    max_compressed_bytes: u64,
    max_decompressed_bytes: u64,
    max_record_bytes: usize,
    whole: libdeflater::Decompressor,
    buffer: Vec<u8>,
}

/// A log file that arrives in pieces.
pub struct OpenLogFile<'r> {
    scan: Scan,
    buffer: &'r mut Vec<u8>,
    /// The bytes of content in the buffer.
    filled: usize,
    window_bytes: usize,
    compression: Compression,
    /// Problems of the compression or the size.
    problems: Vec<String>,
    compressed_bytes: u64,
    decompressed_bytes: u64,
    max_compressed_bytes: u64,
    max_decompressed_bytes: u64,
}

enum Compression {
    /// At most one byte has arrived, which does not identify the format.
    Undecided(Vec<u8>),
    Plain,
    Gzip(Decompress),
    /// The last member has ended; these are the first bytes after it.
    AfterGzip(Vec<u8>),
    /// A limit was reached or the gzip stream is damaged: the rest is not read.
    GaveUp,
}

impl LogFileReader {
    /// A reader of the records that `prefilter` passes, with the limits of the settings.
    pub fn new(prefilter: &'static Prefilter, config: &Config) -> LogFileReader {
        LogFileReader {
            prefilter,
            max_compressed_bytes: config.max_compressed_bytes,
            max_decompressed_bytes: config.max_decompressed_bytes,
            max_record_bytes: config.max_record_bytes,
            whole: libdeflater::Decompressor::new(),
            buffer: Vec::new(),
        }
    }

    /// The bytes of the reader's content buffer: at most the larger of 16 MiB (the limit of a small file) and twice
    /// `MAX_RECORD_BYTES` and a few windows, for files of any size.
    pub fn buffer_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Reads a whole log file, gzip or plain.
    pub fn read(&mut self, file: &[u8], judge: &mut Judge<'_>) -> ScanCounts {
        if let Some(counts) = self.read_whole(file, judge) {
            return counts;
        }
        let mut open = self.open();
        open.push(file, judge);
        open.finish(judge)
    }

    /// Starts to read a log file that arrives in pieces.
    pub fn open(&mut self) -> OpenLogFile<'_> {
        self.open_with_windows_of(WINDOW_BYTES)
    }

    /// The same with another window size, which must change only the speed.
    #[doc(hidden)]
    pub fn open_with_windows_of(&mut self, window_bytes: usize) -> OpenLogFile<'_> {
        self.buffer.resize(window_bytes.max(1), 0);
        OpenLogFile {
            scan: Scan::new(self.prefilter, self.max_record_bytes),
            buffer: &mut self.buffer,
            filled: 0,
            window_bytes: window_bytes.max(1),
            compression: Compression::Undecided(Vec::new()),
            problems: Vec::new(),
            compressed_bytes: 0,
            decompressed_bytes: 0,
            max_compressed_bytes: self.max_compressed_bytes,
            max_decompressed_bytes: self.max_decompressed_bytes,
        }
    }

    /// The fast path for a small, valid, single gzip member. `None` for any other file.
    fn read_whole(&mut self, file: &[u8], judge: &mut Judge<'_>) -> Option<ScanCounts> {
        let small =
            file.len() <= MAX_WHOLE_COMPRESSED_BYTES && file.len() as u64 <= self.max_compressed_bytes;
        // libdeflate does not verify a header's checksum.
        let unchecked = file.get(3).is_none_or(|flags| flags & GZIP_FHCRC != 0);
        if !small || !file.starts_with(GZIP_MAGIC) || unchecked {
            return None;
        }
        // The size in a gzip trailer is modulo 2^32 and may be false: it is only a first guess.
        let (_, stated) = file.split_last_chunk::<4>()?;
        let stated = u32::from_le_bytes(*stated) as usize;
        if stated > MAX_WHOLE_BYTES || stated as u64 > self.max_decompressed_bytes {
            return None;
        }
        if self.buffer.len() < stated + PADDING {
            self.buffer.resize(stated + PADDING, 0);
        }
        let length = self.whole.gzip_decompress(file, &mut self.buffer[..stated]).ok()?;
        if length != stated || !is_one_member(file, length) {
            return None;
        }
        let mut scan = Scan::new(self.prefilter, self.max_record_bytes);
        scan.run(&mut self.buffer[..length + PADDING], length, true, judge);
        Some(scan.finish(Vec::new()))
    }
}

/// Whether the member that decompressed to `length` bytes is the whole file.
///
/// libdeflate does not report where the member ended, but has verified the length in its trailer. If these four
/// bytes occur only at the end of the file, the trailer is there.
fn is_one_member(file: &[u8], length: usize) -> bool {
    let stated = (length as u32).to_le_bytes();
    memmem::find(file, &stated) == Some(file.len() - stated.len())
}

impl OpenLogFile<'_> {
    /// Reads the next piece of the file.
    pub fn push(&mut self, piece: &[u8], judge: &mut Judge<'_>) {
        let allowed = self.max_compressed_bytes.saturating_sub(self.compressed_bytes);
        let allowed = usize::try_from(allowed).unwrap_or(usize::MAX).min(piece.len());
        self.compressed_bytes += allowed as u64;
        self.take(&piece[..allowed], judge);
        if allowed < piece.len() && !matches!(self.compression, Compression::GaveUp) {
            let max = self.max_compressed_bytes;
            self.give_up(format!("is larger than MAX_COMPRESSED_BYTES ({max}) as stored"));
        }
    }

    /// Whether the rest of the file is ignored: a limit was reached, or the gzip stream is damaged.
    pub fn gave_up(&self) -> bool {
        matches!(self.compression, Compression::GaveUp)
    }

    fn take(&mut self, mut piece: &[u8], judge: &mut Judge<'_>) {
        while !piece.is_empty() {
            match std::mem::replace(&mut self.compression, Compression::GaveUp) {
                Compression::GaveUp => return,
                Compression::Plain => {
                    self.compression = Compression::Plain;
                    self.plain(piece, judge);
                    return;
                }
                Compression::Undecided(mut head) => {
                    let taken = (GZIP_MAGIC.len() - head.len()).min(piece.len());
                    head.extend_from_slice(&piece[..taken]);
                    piece = &piece[taken..];
                    if head == GZIP_MAGIC {
                        self.begin_member(judge);
                    } else if GZIP_MAGIC.starts_with(&head) {
                        self.compression = Compression::Undecided(head);
                    } else {
                        self.compression = Compression::Plain;
                        self.plain(&head, judge);
                    }
                }
                Compression::AfterGzip(mut head) => {
                    self.problem("has bytes behind its gzip member, which CloudTrail does not write");
                    let taken = (GZIP_MAGIC.len() - head.len()).min(piece.len());
                    head.extend_from_slice(&piece[..taken]);
                    piece = &piece[taken..];
                    if head == GZIP_MAGIC {
                        self.begin_member(judge);
                    } else if GZIP_MAGIC.starts_with(&head) {
                        self.compression = Compression::AfterGzip(head);
                    }
                }
                Compression::Gzip(member) => piece = self.inflate(member, piece, judge),
            }
        }
    }

    /// Ends the file and returns its counts.
    pub fn finish(mut self, judge: &mut Judge<'_>) -> ScanCounts {
        match std::mem::replace(&mut self.compression, Compression::GaveUp) {
            Compression::Undecided(head) => self.plain(&head, judge),
            Compression::Gzip(_) => {
                self.problem("is cut: the file ends in the middle of its gzip data");
            }
            Compression::Plain | Compression::AfterGzip(_) | Compression::GaveUp => {}
        }
        self.buffer.resize(self.buffer.len().max(self.filled + PADDING), 0);
        self.scan.run(&mut self.buffer[..self.filled + PADDING], self.filled, true, judge);
        self.scan.finish(self.problems)
    }

    /// Records a problem of the compression, once.
    fn problem(&mut self, reason: &str) {
        if !self.problems.iter().any(|known| known == reason) {
            self.problems.push(reason.to_owned());
        }
    }

    fn give_up(&mut self, reason: String) {
        self.problem(&reason);
        self.compression = Compression::GaveUp;
    }

    fn begin_member(&mut self, judge: &mut Judge<'_>) {
        let mut member = Decompress::new_gzip(15);
        // The two bytes that identified the format are the start of its header.
        let rest = self.inflate_into(&mut member, GZIP_MAGIC, judge);
        if rest.is_some() {
            self.compression = Compression::Gzip(member);
        }
    }

    /// Decompresses a piece, and returns the part of it after the member's end.
    fn inflate<'p>(&mut self, mut member: Decompress, piece: &'p [u8], judge: &mut Judge<'_>) -> &'p [u8] {
        match self.inflate_into(&mut member, piece, judge) {
            Some((rest, true)) => {
                self.compression = Compression::AfterGzip(Vec::new());
                rest
            }
            Some((rest, false)) => {
                self.compression = Compression::Gzip(member);
                rest
            }
            None => &[],
        }
    }

    /// The rest of the piece and whether the member has ended. `None` after reading was stopped.
    fn inflate_into<'p>(
        &mut self,
        member: &mut Decompress,
        mut piece: &'p [u8],
        judge: &mut Judge<'_>,
    ) -> Option<(&'p [u8], bool)> {
        loop {
            self.make_room(judge);
            let allowed = self.max_decompressed_bytes.saturating_sub(self.decompressed_bytes);
            // One byte more than the limit, to distinguish a file of exactly the limit.
            let room = (self.buffer.len() - self.filled)
                .min(usize::try_from(allowed.saturating_add(1)).unwrap_or(usize::MAX));
            let (read_before, written_before) = (member.total_in(), member.total_out());
            let target = &mut self.buffer[self.filled..self.filled + room];
            let status = member.decompress(piece, target, FlushDecompress::None);
            let read = (member.total_in() - read_before) as usize;
            let written = (member.total_out() - written_before) as usize;
            piece = &piece[read..];
            self.filled += written;
            self.decompressed_bytes += written as u64;
            if self.decompressed_bytes > self.max_decompressed_bytes {
                self.filled -= 1;
                self.give_up(format!(
                    "unpacks to more than MAX_DECOMPRESSED_BYTES ({})",
                    self.max_decompressed_bytes
                ));
                return None;
            }
            match status {
                Ok(Status::StreamEnd) => return Some((piece, true)),
                Ok(_) if piece.is_empty() && written < room => return Some((piece, false)),
                Ok(_) if written == 0 && read == 0 => {
                    self.give_up("is no gzip data that can be unpacked: it makes no progress".to_owned());
                    return None;
                }
                Ok(_) => {}
                // The decompressor's own message depends on the sizes of the pieces.
                Err(_) => {
                    self.give_up(format!(
                        "is broken gzip data behind {} unpacked bytes",
                        self.decompressed_bytes
                    ));
                    return None;
                }
            }
        }
    }

    fn plain(&mut self, mut piece: &[u8], judge: &mut Judge<'_>) {
        while !piece.is_empty() {
            self.make_room(judge);
            let allowed = self.max_decompressed_bytes.saturating_sub(self.decompressed_bytes);
            let taken = piece.len().min(self.buffer.len() - self.filled);
            let taken = taken.min(usize::try_from(allowed).unwrap_or(usize::MAX));
            if taken == 0 {
                self.give_up(format!(
                    "is larger than MAX_DECOMPRESSED_BYTES ({})",
                    self.max_decompressed_bytes
                ));
                return;
            }
            self.buffer[self.filled..self.filled + taken].copy_from_slice(&piece[..taken]);
            self.filled += taken;
            self.decompressed_bytes += taken as u64;
            piece = &piece[taken..];
        }
    }

    /// Scans a full window and moves what is still needed of it to the front.
    fn make_room(&mut self, judge: &mut Judge<'_>) {
        if self.filled < self.buffer.len() {
            return;
        }
        let needed = self.scan.run(self.buffer, self.filled, false, judge).min(self.filled);
        self.buffer.copy_within(needed..self.filled, 0);
        self.scan.dropped(needed);
        self.filled -= needed;
        let end = self.filled + self.window_bytes;
        self.buffer.resize(end, 0);
    }
}

/// Decompresses a file, gzip or plain, for forms that cannot be read in windows: as much as the limits allow, and why
/// the rest was not read.
pub fn decompress(file: &[u8], config: &Config) -> (Vec<u8>, Option<String>) {
    let (max_stored, max) = (config.max_compressed_bytes, config.max_export_bytes);
    let over = file.len() as u64 > max_stored;
    let file = &file[..usize::try_from(max_stored).unwrap_or(usize::MAX).min(file.len())];
    let mut content = Vec::new();
    let decompressed = if file.starts_with(GZIP_MAGIC) {
        flate2::read::MultiGzDecoder::new(file).take(max.saturating_add(1)).read_to_end(&mut content)
    } else {
        file.take(max.saturating_add(1)).read_to_end(&mut content)
    };
    let kept_away = if content.len() as u64 > max {
        content.truncate(usize::try_from(max).unwrap_or(usize::MAX));
        Some(format!("unpacks to more than MAX_EXPORT_BYTES ({max})"))
    } else if over {
        Some(format!("is larger than MAX_COMPRESSED_BYTES ({max_stored}) as stored"))
    } else {
        decompressed.err().map(|fault| format!("cannot be unpacked whole: {fault}"))
    };
    (content, kept_away)
}
