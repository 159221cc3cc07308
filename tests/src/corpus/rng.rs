//! The generator's only source of chance: SplitMix64.
//!
//! The same seed gives the same bytes on every machine and in every version,
//! which a general-purpose crate does not promise.
//!
//! Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014.

const LOWER_HEX: &[u8] = b"0123456789abcdef";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const DIGITS: &[u8] = b"0123456789";

/// A stream of random numbers that its seed decides.
#[derive(Debug, Clone)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// A stream of its own for each `(seed, stream)`.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = Self { state: seed };
        rng.state = rng.bits() ^ stream.wrapping_mul(0xff51_afd7_ed55_8ccd);
        rng
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `limit - 1`; 0 where `limit` is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        // The upper half of the product: close enough to even for limits far below 2^64.
        ((u128::from(self.bits()) * limit as u128) >> 64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True `parts` times in 100,000.
    pub fn chance(&mut self, parts: usize) -> bool {
        self.below(100_000) < parts
    }

    /// One of `choices`, which is not empty.
    pub fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// Appends `count` hexadecimal digits.
    pub fn hex(&mut self, out: &mut Vec<u8>, count: usize) {
        self.characters(out, LOWER_HEX, count);
    }

    /// Appends `count` of the characters that AWS makes unique ids from.
    pub fn base32(&mut self, out: &mut Vec<u8>, count: usize) {
        self.characters(out, BASE32, count);
    }

    /// Appends `count` base64 characters, without padding.
    pub fn base64(&mut self, out: &mut Vec<u8>, count: usize) {
        self.characters(out, BASE64, count);
    }

    /// Appends `count` letters and digits.
    pub fn letters_and_digits(&mut self, out: &mut Vec<u8>, count: usize) {
        self.characters(out, &BASE64[..62], count);
    }

    /// Appends `count` decimal digits.
    pub fn digits(&mut self, out: &mut Vec<u8>, count: usize) {
        self.characters(out, DIGITS, count);
    }

    /// Appends a version 4 UUID.
    pub fn uuid(&mut self, out: &mut Vec<u8>) {
        self.hex(out, 8);
        out.push(b'-');
        self.hex(out, 4);
        out.extend_from_slice(b"-4");
        self.hex(out, 3);
        out.push(b'-');
        self.characters(out, b"89ab", 1);
        self.hex(out, 3);
        out.push(b'-');
        self.hex(out, 12);
    }

    fn characters(&mut self, out: &mut Vec<u8>, alphabet: &[u8], count: usize) {
        let mut left = count;
        while left > 0 {
            // Ten characters of up to six bits each from one draw.
            let mut drawn = self.bits();
            for _ in 0..left.min(10) {
                let index = ((drawn & 0x3f) as usize * alphabet.len()) >> 6;
                out.push(alphabet[index]);
                drawn >>= 6;
            }
            left -= left.min(10);
        }
    }
}
