//! Continuing after a fault: where the end of a record cannot be trusted, or the file ends in the middle of one.

use std::ops::Range;

use memchr::memmem;
use serde::de::IgnoredAny;

use super::state::{LOOK_BACK, Scan};

/// The beginning of every record of CloudTrail.
pub(super) const RECORD_START: &[u8] = b"{\"eventVersion\"";

impl Scan {
    /// Begins again at the next record after a fault, if there is one before `end`: a stray quote, in a
    /// record or between two, hides all brackets after it.
    pub(super) fn look_for_sibling(&mut self, bytes: &[u8], fault: usize, end: usize) {
        if let Some(sibling) = sibling(bytes, fault, end)
            && self.may_look_again(end - sibling.end)
        {
            self.begin_again(sibling.end);
        }
    }

    /// Whether this many bytes may be looked at again; if not, that is reported.
    pub(super) fn may_look_again(&mut self, bytes: usize) -> bool {
        match self.again_bytes.checked_sub(bytes as u64) {
            Some(left) => {
                self.again_bytes = left;
                true
            }
            None => {
                self.note(None, format_args!("is so broken that records in it may not have been found"));
                false
            }
        }
    }

    pub(super) fn begin_again(&mut self, start: usize) {
        self.began(start);
        self.position = start;
        self.in_string = 0;
        self.escaped = false;
        self.quotes = 0;
        self.depth = 2;
        self.in_records = true;
        self.lost = true;
    }

    /// Looks for the place to begin again; whether there is one in this window.
    pub(super) fn resume(&mut self, bytes: &[u8], length: usize) -> bool {
        let from = self.start.min(length);
        let found = sibling(bytes, from, length);
        match found {
            Some(Range { start: comma, end: start }) => {
                self.began(comma);
                self.position = start;
                self.lost = false;
            }
            None => {
                self.start = length.saturating_sub(RECORD_START.len() + LOOK_BACK).max(from);
                self.position = length;
            }
        }
        found.is_some()
    }

    /// The record or gap is larger than what is kept of one: either it is huge, or its end went unseen.
    /// Only as much of it is looked at as is kept, however much of it the window holds.
    pub(super) fn outgrown(&mut self, bytes: &[u8]) {
        let max = self.max_record_bytes;
        let in_record = self.in_records && self.depth > 2;
        if !self.too_large && in_record {
            let kept = self.start + max;
            let json = &bytes[self.start..kept];
            if let Err(fault) = serde_json::from_slice::<IgnoredAny>(json)
                && !fault.is_eof()
            {
                let index = self.counts.records;
                self.counts.records += 1;
                self.unreadable(index, format_args!("is no JSON: {fault}"));
                let fault = self.start + behind(&fault, json);
                let from = if self.may_look_again(kept - fault) { fault } else { kept };
                self.begin_again(from);
                return;
            }
        } else if !self.too_large {
            self.note(None, format_args!("has more than MAX_RECORD_BYTES ({max}) outside of its records"));
            if self.in_records {
                self.look_for_sibling(bytes, self.start, self.start + max);
                if self.lost {
                    return;
                }
            }
        }
        self.too_large = true;
        self.start = self.position;
    }

    /// The last byte has been seen: a file that ends in the middle of something is cut.
    pub(super) fn end(&mut self, bytes: &[u8], length: usize) {
        self.start = self.start.min(length);
        let rest = &bytes[self.start..length];
        if self.depth == 0 && self.in_string == 0 {
            if !self.too_large {
                self.between_documents(rest);
            }
        } else if self.in_records && self.depth > 2 {
            let index = self.counts.records;
            self.counts.records += 1;
            self.unreadable(index, format_args!("is cut: the file ends in the middle of it"));
            if !self.too_large
                && let Err(fault) = serde_json::from_slice::<IgnoredAny>(rest)
                && !fault.is_eof()
            {
                self.look_for_sibling(bytes, self.start + behind(&fault, rest), length);
            }
        } else {
            self.note(None, format_args!("is cut: it ends before its JSON document does"));
            if self.in_records && !self.too_large {
                self.look_for_sibling(bytes, self.start, length);
            }
        }
        if !self.lost {
            // A second call with nothing new must find nothing new.
            self.depth = 0;
            self.in_string = 0;
            self.in_records = false;
            self.began(length);
        }
    }
}

/// The next `{"eventVersion"` at or after `from` that may be an element of `Records`, with its comma where it
/// has one. A little white space may be between them; no more than is kept of a window while looking.
pub(super) fn sibling(bytes: &[u8], from: usize, end: usize) -> Option<Range<usize>> {
    let from = from.min(end);
    memmem::find_iter(&bytes[from..end], RECORD_START).find_map(|found| {
        let start = from + found;
        let look_back = start.saturating_sub(LOOK_BACK);
        let before = bytes[look_back..start].trim_ascii_end();
        match before.last() {
            // A record's copy in the parameters of another, or the first of a list.
            Some(b':' | b'[') => None,
            Some(b',') => Some(look_back + before.len() - 1..start),
            // A damaged comma.
            _ => Some(start..start),
        }
    })
}

/// Where in `json`, after its beginning and the fault of the parser, the next record may begin.
pub(super) fn behind(fault: &serde_json::Error, json: &[u8]) -> usize {
    // Text that lost its last quote ends with the first quote of the next record, in which the fault is.
    offset_of(fault, json).saturating_sub(b"{\"".len()).clamp(1, json.len().max(1))
}

/// Where in `json` the parser stopped, to within one byte.
pub(in crate::formats::cloudtrail) fn offset_of(fault: &serde_json::Error, json: &[u8]) -> usize {
    let line = json.split(|byte| *byte == b'\n').take(fault.line().saturating_sub(1));
    let before: usize = line.map(|line| line.len() + 1).sum();
    (before + fault.column().saturating_sub(1)).min(json.len())
}
