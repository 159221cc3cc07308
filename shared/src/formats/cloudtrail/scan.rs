//! Finding the records of a log file that are worth parsing, without parsing the others.
//!
//! A log file is one JSON object, `{"Records":[{…},{…}]}`. One pass over it, 64 bytes at a time, follows
//! strings and nesting. It proves where each element of `Records` begins and ends, counts them, and hands
//! those that a query asks for (see `prefilter`) to the caller, which parses them. So an object that only
//! looks like a record, inside another record's parameters, is never taken for one, and a file that is cut is
//! seen to be cut.
//!
//! What the pass does not check is the grammar inside a record that no query asks for: where its colons and
//! commas are, how its numbers are spelled, and which bracket closes which. No finding can depend on that.
//! Strings in it are checked: escapes, control characters, UTF-8.
//!
//! Where the grammar of a record is broken so that its end cannot be trusted (a stray quote, a cut in the
//! middle of a file), the pass begins again at the next `{"eventVersion"` after the fault. What it may look
//! at twice is bounded, so that no file costs more than its size.

mod between;
mod odd;
mod recovery;
mod state;

use serde::de::IgnoredAny;

use self::odd::Odd;
pub(super) use self::recovery::offset_of;
use self::recovery::{RECORD_START, behind, sibling};
pub(super) use self::state::Scan;
use self::state::{LOOK_BACK, MAX_PROBLEMS, RecordSigns};
pub use self::state::{Problem, ScanCounts};
use super::block::{BLOCK, Classify, Masks, Portable, prefix_xor};
use super::prefilter::{LOOK_AHEAD, Mark};

/// How many bytes must follow the content of a last window; their values do not matter.
pub(super) const PADDING: usize = BLOCK + LOOK_AHEAD;

/// Who judges the records that are worth parsing: place in `Records`, JSON; an error says why it cannot.
pub type Judge<'j> = dyn FnMut(u64, &[u8]) -> Result<(), String> + 'j;

impl Scan {
    /// Goes on over `bytes[..length]`; what is not yet a whole block waits for more, unless this is the last.
    /// After a last window's length there are [`PADDING`] more bytes.
    ///
    /// Bytes before the answer are not looked at again; after the caller has dropped some, it says so
    /// with [`Scan::dropped`].
    pub(super) fn run(
        &mut self,
        bytes: &mut [u8],
        length: usize,
        last: bool,
        judge: &mut Judge<'_>,
    ) -> usize {
        if last {
            // White space changes nothing, so the last block needs no code of its own.
            bytes[length..length + PADDING].fill(b' ');
        }
        let bytes = &bytes[..if last { length + PADDING } else { length }];
        #[cfg(target_arch = "x86_64")]
        if let Some(token) = pulp::x86::V3::try_new() {
            struct Run<'r, 'j> {
                scan: &'r mut Scan,
                way: super::block::Avx2,
                bytes: &'r [u8],
                length: usize,
                last: bool,
                judge: &'r mut Judge<'j>,
            }
            impl pulp::NullaryFnOnce for Run<'_, '_> {
                type Output = ();
                #[inline(always)]
                fn call(self) {
                    self.scan.blocks(self.way, self.bytes, self.length, self.last, self.judge);
                }
            }
            token.vectorize(Run { scan: self, way: super::block::Avx2(token), bytes, length, last, judge });
            return self.needed();
        }
        self.blocks(Portable, bytes, length, last, judge);
        self.needed()
    }

    /// The first byte that a later [`Scan::run`] may look at.
    fn needed(&self) -> usize {
        self.start.min(self.position).saturating_sub(LOOK_BACK)
    }

    /// Says that the first `count` bytes of the window are gone.
    pub(super) fn dropped(&mut self, count: usize) {
        self.position -= count;
        self.start -= count;
    }

    /// The counts after the last window; their first problems are those of the stored file.
    pub(super) fn finish(mut self, of_the_storage: Vec<String>) -> ScanCounts {
        let problems = of_the_storage.into_iter().map(|reason| Problem { record: None, reason });
        self.counts.problems.splice(0..0, problems);
        self.counts.problems.truncate(MAX_PROBLEMS);
        if !self.counts.has_records && self.counts.problems.is_empty() {
            let reason = if self.documents == 0 { "is empty" } else { "has no Records" };
            self.note(None, format_args!("{reason}"));
        }
        self.counts
    }

    #[inline(always)]
    fn blocks<C: Classify>(
        &mut self,
        way: C,
        bytes: &[u8],
        length: usize,
        last: bool,
        judge: &mut Judge<'_>,
    ) {
        loop {
            if self.lost && !self.resume(bytes, length) {
                return;
            }
            while !self.lost && self.position < length && self.position + PADDING <= bytes.len() {
                self.inside_record(way, bytes, length);
                if let Some((block, _)) = bytes[self.position..].split_first_chunk::<BLOCK>()
                    && self.position < length
                    && self.position + PADDING <= bytes.len()
                {
                    self.block(way.classify(block), bytes, judge);
                }
            }
            if self.lost {
                continue;
            }
            if self.position.min(length).saturating_sub(self.start) > self.max_record_bytes {
                self.outgrown(bytes);
            }
            if !self.lost && last && self.position >= length {
                self.end(bytes, length);
            }
            if !self.lost {
                return;
            }
        }
    }

    /// Goes on while nothing is odd and no bracket can end the record: most of every log file, so that what
    /// changes from block to block is kept out of memory.
    #[inline(always)]
    fn inside_record<C: Classify>(&mut self, way: C, bytes: &[u8], length: usize) {
        if !self.in_records || self.escaped {
            return;
        }
        let end = length.min((bytes.len() + 1).saturating_sub(PADDING));
        let mut position = self.position;
        let mut in_string = self.in_string;
        let mut quotes_before = self.quotes;
        let mut depth = u64::from(self.depth);
        while position < end
            && let Some((block, _)) = bytes[position..].split_first_chunk::<BLOCK>()
        {
            let masks = way.classify(block);
            let inside = prefix_xor(masks.quotes) ^ in_string;
            let opens = masks.opens & !inside;
            let closes = masks.closes & !inside;
            let ends = u64::from(closes.count_ones());
            if masks.odd || depth <= ends + 2 {
                break;
            }
            depth = depth - ends + u64::from(opens.count_ones());
            let mut marks = marks(masks, masks.quotes, quotes_before);
            while marks != 0 {
                self.mark(bytes, position + marks.trailing_zeros() as usize);
                marks &= marks - 1;
            }
            // The sign bit says whether the block ends inside a string.
            in_string = (inside.cast_signed() >> 63).cast_unsigned();
            quotes_before = masks.quotes;
            position += BLOCK;
        }
        self.position = position;
        self.in_string = in_string;
        self.quotes = quotes_before;
        self.depth = u32::try_from(depth).unwrap_or(u32::MAX);
    }

    /// Any block, whatever it holds.
    fn block(&mut self, masks: Masks, bytes: &[u8], judge: &mut Judge<'_>) {
        let mut quotes = masks.quotes;
        let mut odd = Odd::default();
        if masks.odd || self.escaped {
            (quotes, odd) = self.odd_block(masks.quotes, bytes);
        }
        let inside = prefix_xor(quotes) ^ self.in_string;
        self.in_string = (inside.cast_signed() >> 63).cast_unsigned();
        let opens = masks.opens & !inside;
        let closes = masks.closes & !inside;
        let marks = marks(masks, quotes, self.quotes);
        self.quotes = quotes;
        self.boundary(opens, closes, marks, odd, bytes, judge);
    }

    /// A block in which a record may begin or end: bracket by bracket, mark by mark, in their order.
    fn boundary(
        &mut self,
        opens: u64,
        closes: u64,
        marks: u64,
        odd: Odd,
        bytes: &[u8],
        judge: &mut Judge<'_>,
    ) {
        let block = self.position;
        self.position += BLOCK;
        // An oddity may be any record's of this block; parsing one record too many is harmless.
        self.record.worth |= odd.worth;
        self.record.beyond_ascii |= odd.beyond_ascii;
        let mut events = opens | closes | marks;
        while events != 0 {
            let bit = events & events.wrapping_neg();
            events ^= bit;
            let at = block + bit.trailing_zeros() as usize;
            if opens & bit != 0 {
                self.open(at, odd, bytes);
            } else if closes & bit != 0 {
                self.close(at, bytes, judge);
            } else {
                self.mark(bytes, at);
            }
            if self.lost {
                return;
            }
        }
    }

    #[inline(always)]
    fn mark(&mut self, bytes: &[u8], at: usize) {
        match self.prefilter.mark(bytes, at) {
            Mark::Nothing => {}
            Mark::Name => self.record.names += 1,
            Mark::Source => self.record.sources += 1,
            Mark::Worth => self.record.worth = true,
        }
    }

    fn open(&mut self, at: usize, odd: Odd, bytes: &[u8]) {
        match (self.depth, self.in_records) {
            // A bracket too many in a record closes Records and the document early; the records go on here.
            (0, _)
                if self.had_records
                    && sibling(bytes, at, at + RECORD_START.len()).is_some_and(|found| found.end == at) =>
            {
                self.gap(bytes, at);
                self.note(None, format_args!("has records behind the end of its JSON document"));
                self.begin_again(at);
                return;
            }
            (0, _) => {
                if let Some(gap) = self.gap(bytes, at) {
                    self.between_documents(gap);
                }
                self.documents = self.documents.saturating_add(1);
                if self.documents == 2 {
                    self.note(None, format_args!("has more behind the end of its JSON document"));
                }
                if bytes[at] != b'{' {
                    self.note(
                        None,
                        format_args!("is a JSON array at its top level, not an object with Records"),
                    );
                }
                self.had_records = false;
                self.began(at + 1);
            }
            (1, _) => {
                let name = self.gap(bytes, at).and_then(|gap| self.members(gap, true));
                if name.is_none() && self.had_records {
                    // A bracket too few in a record closes Records early; the other records go on here.
                    self.begin_again(at);
                    return;
                }
                if name.as_deref() == Some("Records") {
                    if bytes[at] == b'[' {
                        if std::mem::replace(&mut self.had_records, true) {
                            self.note(None, format_args!("has two members named Records"));
                        }
                        self.counts.has_records = true;
                        self.in_records = true;
                    } else {
                        self.note(None, format_args!("has Records that are an object, not an array"));
                    }
                }
                self.began(at + 1);
            }
            (2, true) => {
                if let Some(gap) = self.gap(bytes, at)
                    && !self.between_records(gap)
                {
                    self.look_for_sibling(bytes, self.start, at);
                }
                if self.lost {
                    return;
                }
                self.began(at);
                let worth = odd.worth || self.prefilter.everything();
                self.record = RecordSigns { worth, beyond_ascii: odd.beyond_ascii, ..RecordSigns::default() };
            }
            _ => {}
        }
        self.depth = self.depth.saturating_add(1);
    }

    fn close(&mut self, at: usize, bytes: &[u8], judge: &mut Judge<'_>) {
        match (self.depth, self.in_records) {
            (0, _) => {
                self.gap(bytes, at);
                self.note(None, format_args!("has a {:?} that closes nothing", char::from(bytes[at])));
                self.began(at + 1);
                if self.had_records {
                    self.begin_again(at + 1);
                }
                return;
            }
            (1, _) => {
                if let Some(gap) = self.gap(bytes, at) {
                    self.members(gap, false);
                }
                if bytes[at] != b'}' {
                    self.note(None, format_args!("is a JSON document that does not end with }}"));
                }
                self.began(at + 1);
            }
            (2, true) => {
                if let Some(gap) = self.gap(bytes, at)
                    && !self.last_of_records(gap)
                {
                    self.look_for_sibling(bytes, self.start, at);
                }
                if self.lost {
                    return;
                }
                self.in_records = false;
                self.began(at + 1);
                if bytes[at] != b']' {
                    self.note(None, format_args!("has Records that begin with [ and end with }}"));
                    self.begin_again(at + 1);
                    return;
                }
            }
            (2, false) => {
                self.gap(bytes, at);
                self.began(at + 1);
            }
            (3, true) => {
                self.record_ends(at + 1, bytes, judge);
                return;
            }
            _ => {}
        }
        self.depth -= 1;
    }

    /// The text outside of records up to `at`; `None` if it is too large, which has been reported.
    fn gap<'b>(&mut self, bytes: &'b [u8], at: usize) -> Option<&'b [u8]> {
        let gap = &bytes[self.start..at];
        if gap.len() > self.max_record_bytes {
            self.outgrown(bytes);
        }
        (!self.too_large && !self.lost).then_some(gap)
    }

    fn record_ends(&mut self, end: usize, bytes: &[u8], judge: &mut Judge<'_>) {
        if end - self.start > self.max_record_bytes {
            self.outgrown(bytes);
            if self.lost {
                return;
            }
        }
        self.depth = 2;
        let index = self.counts.records;
        self.counts.records += 1;
        let start = std::mem::replace(&mut self.start, end);
        if std::mem::take(&mut self.too_large) {
            let max = self.max_record_bytes;
            self.unreadable(index, format_args!("is larger than MAX_RECORD_BYTES ({max})"));
            return;
        }
        let json = &bytes[start..end];
        let RecordSigns { worth, beyond_ascii, names, sources } = self.record;
        let invalid = beyond_ascii && std::str::from_utf8(json).is_err();
        let object = json.starts_with(b"{") && json.ends_with(b"}");
        if object && !worth && !invalid && names == 1 && sources == 1 {
            self.counts.skipped += 1;
            return;
        }
        if let Err(reason) = judge(index, json) {
            self.unreadable(index, format_args!("{reason}"));
            // A fault in the grammar itself may have hidden where the record really ends.
            if let Err(fault) = serde_json::from_slice::<IgnoredAny>(json) {
                self.look_for_sibling(bytes, start + behind(&fault, json), end);
            }
        }
    }
}

/// `N`, `S` and `R` six bytes after a quote, and those that begin a string of four characters: where a key
/// or value that matters may be. Quotes after the block are unknown and assumed to be there.
#[inline(always)]
fn marks(masks: Masks, quotes: u64, quotes_before: u64) -> u64 {
    let six_behind = quotes << 6 | quotes_before >> 58;
    let one_behind = quotes << 1 | quotes_before >> 63;
    let four_before = quotes >> 4 | 0xf << 60;
    masks.marks & (six_behind | one_behind & four_before)
}
