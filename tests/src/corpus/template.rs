//! Record templates: JSON text with `<...>` where chance or the log file decides.
//!
//! | placeholder | becomes |
//! |---|---|
//! | `<account>`, `<region>` | those of the log file |
//! | `<time>` | a time in the five minutes before the file was delivered |
//! | `<earlier>` | a time up to an hour before that |
//! | `<date>` | the day the file was delivered |
//! | `<ip>` | an address kept for documentation |
//! | `<uuid>` | a version 4 UUID |
//! | `<hex 17>`, `<id 9>`, `<base64 40-60>`, `<digits 10>`, `<text 22>` | so many such characters |
//! | `<int 1-90>` | a whole number in that range |
//! | `<pick a\|b\|c>` | one of them |
//! | `<some 1-9 x>` | 1 to 9 of `x`, with commas between |
//! | `<same x>` | `x`, the same wherever it stands in one template |
//! | `<own 40 x>` | one of 40 values of `x` that belong to the account for good, the same in one template |
//!
//! The arguments of `pick`, `some`, `same` and `own` are templates
//! themselves. Anything else is left as it stands, where the test for leftovers finds it.

use super::rng::Rng;

/// What a log file decides about the records in it.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The account whose records these are.
    pub account: &'static str,
    /// The Region of the log file.
    pub region: &'static str,
    /// The day the file was delivered, as `2026-04-01`.
    pub date: String,
    /// When the file was delivered, in seconds since midnight; at least 600.
    pub delivered_seconds: usize,
}

/// The networks kept for documentation (RFC 5737).
const NETWORKS: &[&str] = &["192.0.2.", "198.51.100.", "203.0.113."];

/// A file's records are at most this much older than the file.
const FILE_COVERS_SECONDS: usize = 300;

impl Scene {
    /// Appends `template`, its placeholders filled in.
    pub fn fill(&self, rng: &mut Rng, out: &mut Vec<u8>, template: &str) {
        let choice = rng.bits();
        self.fill_with(rng, choice, out, template);
    }

    /// As [`fill`](Self::fill), where the same `choice` makes `same` and `own` the same again.
    pub fn fill_with(&self, rng: &mut Rng, choice: u64, out: &mut Vec<u8>, template: &str) {
        let mut rest = template;
        while let Some(start) = rest.find('<') {
            out.extend_from_slice(&rest.as_bytes()[..start]);
            let Some(end) = closing(&rest[start..]) else {
                break;
            };
            self.placeholder(rng, choice, out, &rest[start + 1..start + end]);
            rest = &rest[start + end + 1..];
        }
        out.extend_from_slice(rest.as_bytes());
    }

    fn placeholder(&self, rng: &mut Rng, choice: u64, out: &mut Vec<u8>, inner: &str) {
        let (word, argument) = inner.split_once(' ').unwrap_or((inner, ""));
        let (number, template) = argument.split_once(' ').unwrap_or((argument, ""));
        match (word, range(number)) {
            ("account", _) => out.extend_from_slice(self.account.as_bytes()),
            ("region", _) => out.extend_from_slice(self.region.as_bytes()),
            ("date", _) => out.extend_from_slice(self.date.as_bytes()),
            ("time", _) => {
                // Chance leans towards the newest: records mostly arrive soon.
                let age = rng.below(FILE_COVERS_SECONDS).min(rng.below(FILE_COVERS_SECONDS));
                self.time(out, self.delivered_seconds.saturating_sub(60 + age));
            }
            ("earlier", _) => {
                let age = FILE_COVERS_SECONDS + rng.between(100, 3_600);
                self.time(out, self.delivered_seconds.saturating_sub(age));
            }
            ("ip", _) => {
                out.extend_from_slice(rng.pick(NETWORKS).as_bytes());
                whole_number(out, rng.between(1, 254));
            }
            ("uuid", _) => rng.uuid(out),
            ("hex", Some((low, high))) => {
                let count = rng.between(low, high);
                rng.hex(out, count);
            }
            ("id", Some((low, high))) => {
                let count = rng.between(low, high);
                rng.base32(out, count);
            }
            ("base64", Some((low, high))) => {
                let count = rng.between(low, high);
                rng.base64(out, count);
            }
            ("digits", Some((low, high))) => {
                let count = rng.between(low, high);
                rng.digits(out, count);
            }
            ("text", Some((low, high))) => {
                let count = rng.between(low, high);
                rng.letters_and_digits(out, count);
            }
            ("int", Some((low, high))) => whole_number(out, rng.between(low, high)),
            ("pick", _) => {
                let choices = argument.split('|').count();
                let chosen = argument.split('|').nth(rng.below(choices));
                self.fill_with(rng, choice, out, chosen.unwrap_or_default());
            }
            ("some", Some((low, high))) => {
                for n in 0..rng.between(low, high) {
                    if n > 0 {
                        out.push(b',');
                    }
                    self.fill(rng, out, template);
                }
            }
            ("same", _) => self.fixed(choice, out, argument),
            ("own", Some((_, values))) if values > 0 => {
                self.fixed(choice % values as u64, out, template);
            }
            _ => {
                out.push(b'<');
                out.extend_from_slice(inner.as_bytes());
                out.push(b'>');
            }
        }
    }

    /// Appends the value of `template` that the account has under the number `which`.
    fn fixed(&self, which: u64, out: &mut Vec<u8>, template: &str) {
        let mut rng = Rng::new(hash(self.account.as_bytes()) ^ hash(template.as_bytes()), which);
        self.fill_with(&mut rng, which, out, template);
    }

    /// Appends a time of the file's day, as `2026-04-01T09:30:00Z`.
    pub fn time(&self, out: &mut Vec<u8>, seconds: usize) {
        out.extend_from_slice(self.date.as_bytes());
        out.push(b'T');
        two_digits(out, seconds / 3_600);
        out.push(b':');
        two_digits(out, seconds / 60 % 60);
        out.push(b':');
        two_digits(out, seconds % 60);
        out.push(b'Z');
    }
}

/// Where the placeholder that opens `text` ends.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' if depth == 1 => return Some(at),
            b'>' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// `3-9` as `(3, 9)` and `3` as `(3, 3)`.
fn range(text: &str) -> Option<(usize, usize)> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    Some((low.parse().ok()?, high.parse().ok()?))
}

fn two_digits(out: &mut Vec<u8>, number: usize) {
    out.push(b'0' + (number / 10 % 10) as u8);
    out.push(b'0' + (number % 10) as u8);
}

fn whole_number(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(number.to_string().as_bytes());
}

/// FNV-1a: a number for a text, the same in every build.
pub fn hash(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
