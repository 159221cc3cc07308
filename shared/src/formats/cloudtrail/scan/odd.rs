//! Blocks with backslashes, control characters or bytes beyond ASCII: few are, so they may take their time.

use super::state::Scan;
use crate::formats::cloudtrail::block::{self, BLOCK, Oddities, prefix_xor};

/// What an odd block says about the records in it.
#[derive(Clone, Copy, Default)]
pub(super) struct Odd {
    pub worth: bool,
    pub beyond_ascii: bool,
}

impl Scan {
    /// A block with backslashes, control characters or bytes beyond ASCII: its unescaped quotes, and
    /// whether what is odd about it is more than a plain search may judge.
    #[inline(never)]
    pub(super) fn odd_block(&mut self, quotes: u64, bytes: &[u8]) -> (u64, Odd) {
        let mut odd = Odd::default();
        let mut escaped = u64::from(std::mem::take(&mut self.escaped));
        let Some((block, _)) = bytes[self.position..].split_first_chunk::<BLOCK>() else {
            return (quotes, odd);
        };
        let Oddities { backslashes, control, beyond_ascii } = block::oddities(block);
        let mut rest = backslashes & !escaped;
        while rest != 0 {
            let index = rest.trailing_zeros() as usize;
            odd.worth |= !plain_escape(&bytes[self.position + index + 1..]);
            let next = (1_u64 << index) << 1;
            if next == 0 {
                self.escaped = true;
            }
            escaped |= next;
            rest &= !(next | 1 << index);
        }
        let quotes = quotes & !escaped;
        let inside = prefix_xor(quotes) ^ self.in_string;
        let white = |index: u32| matches!(block[index as usize], b'\t' | b'\n' | b'\r');
        odd.beyond_ascii = beyond_ascii != 0;
        odd.worth |= (control & inside) | ((backslashes | beyond_ascii) & !inside) != 0;
        let mut outside = control & !inside;
        while outside != 0 && !odd.worth {
            odd.worth |= !white(outside.trailing_zeros());
            outside &= outside - 1;
        }
        (quotes, odd)
    }
}

/// Whether the text after a backslash is valid JSON and cannot be a character of some needle in
/// disguise: a letter, a digit, `.` or `-`. (AWS itself writes `<`, `>`, `=` and `&` in this way.)
fn plain_escape(behind: &[u8]) -> bool {
    match behind {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => true,
        [b'u', a, b, c, d, ..] => {
            let hexadecimal = [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit());
            let needle = match (a, b, c) {
                (b'0', b'0', b'4'..=b'7') => true,
                (b'0', b'0', b'3') => d.is_ascii_digit(),
                (b'0', b'0', b'2') => matches!(d, b'd' | b'D' | b'e' | b'E'),
                _ => false,
            };
            let surrogate = matches!(a, b'd' | b'D') && !(b'0'..=b'7').contains(b);
            hexadecimal && !needle && !surrogate
        }
        _ => false,
    }
}
