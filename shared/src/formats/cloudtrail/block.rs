//! Bit masks of 64 bytes of JSON: bit *i* is byte *i*.
//!
//! Two implementations: AVX2, if the processor has it, and 16-byte vectors that every x86-64 and arm64 processor has
//! (with a portable fallback elsewhere). AVX2 about halves the cost of the whole scan. Both are safe code, and a
//! property test compares them.

use wide::{i8x16, u8x16};

/// The bytes of one block.
pub(super) const BLOCK: usize = 64;

/// The positions of the bytes that the scan needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Masks {
    /// `"`, escaped or not.
    pub quotes: u64,
    /// `{` and `[`.
    pub opens: u64,
    /// `}` and `]`.
    pub closes: u64,
    /// `N`, `S` and `R`: see `prefilter`.
    pub marks: u64,
    /// Whether the block holds a backslash, a control character or a byte beyond ASCII.
    pub odd: bool,
}

/// An implementation of the masks.
pub(super) trait Classify: Copy {
    fn classify(self, block: &[u8; BLOCK]) -> Masks;
}

/// 16-byte vectors: SSE2, NEON or portable code.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Classify for Portable {
    #[inline(always)]
    fn classify(self, block: &[u8; BLOCK]) -> Masks {
        let mut masks = Masks::default();
        let mut odd = u8x16::ZERO;
        for (lane, bytes) in block.as_chunks::<16>().0.iter().enumerate() {
            let shift = lane * 16;
            let bytes = u8x16::new(*bytes);
            let is = |byte: u8| bytes.simd_eq(u8x16::splat(byte));
            let bits = |mask: u8x16| u64::from(mask.to_bitmask()) << shift;
            // `[` and `{`, and `]` and `}`, differ in this bit only.
            let folded = bytes | u8x16::splat(0x20);
            masks.quotes |= bits(is(b'"'));
            masks.opens |= bits(folded.simd_eq(u8x16::splat(b'{')));
            masks.closes |= bits(folded.simd_eq(u8x16::splat(b'}')));
            masks.marks |= bits(is(b'N') | is(b'S') | is(b'R'));
            // As signed numbers, control characters and non-ASCII bytes are less than the space.
            let signed: i8x16 = pulp::bytemuck::cast(bytes);
            let low: u8x16 = pulp::bytemuck::cast(signed.simd_lt(i8x16::splat(0x20)));
            odd |= low | is(b'\\');
        }
        masks.odd = odd.to_bitmask() != 0;
        masks
    }
}

/// The positions of the bytes that make a block odd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Oddities {
    /// `\`.
    pub backslashes: u64,
    /// Control characters, including white space other than the space.
    pub control: u64,
    /// Bytes beyond ASCII.
    pub beyond_ascii: u64,
}

/// The odd bytes of a block. Few blocks have any, and one implementation is enough.
pub(super) fn oddities(block: &[u8; BLOCK]) -> Oddities {
    let mut oddities = Oddities::default();
    for (lane, bytes) in block.as_chunks::<16>().0.iter().enumerate() {
        let bytes = u8x16::new(*bytes);
        let bits = |mask: u8x16| u64::from(mask.to_bitmask()) << (lane * 16);
        oddities.backslashes |= bits(bytes.simd_eq(u8x16::splat(b'\\')));
        oddities.control |= bits(bytes.min(u8x16::splat(0x1f)).simd_eq(bytes));
        // The bit mask is made of the bytes' highest bits.
        oddities.beyond_ascii |= bits(bytes);
    }
    oddities
}

/// 32-byte vectors; the token proves that the processor has them.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx2(pub pulp::x86::V3);

#[cfg(target_arch = "x86_64")]
impl Classify for Avx2 {
    #[inline(always)]
    fn classify(self, block: &[u8; BLOCK]) -> Masks {
        let (avx, avx2) = (self.0.avx, self.0.avx2);
        let splat = |byte: u8| avx._mm256_set1_epi8(byte.cast_signed());
        let mut masks = Masks::default();
        let mut odd = avx._mm256_setzero_si256();
        for (lane, bytes) in block.as_chunks::<32>().0.iter().enumerate() {
            let shift = lane * 32;
            let bytes = pulp::bytemuck::cast(*bytes);
            let is = |byte: u8| avx2._mm256_cmpeq_epi8(bytes, splat(byte));
            let bits = |mask| u64::from(avx2._mm256_movemask_epi8(mask).cast_unsigned()) << shift;
            let folded = avx2._mm256_or_si256(bytes, splat(0x20));
            masks.quotes |= bits(is(b'"'));
            masks.opens |= bits(avx2._mm256_cmpeq_epi8(folded, splat(b'{')));
            masks.closes |= bits(avx2._mm256_cmpeq_epi8(folded, splat(b'}')));
            masks.marks |= bits(avx2._mm256_or_si256(avx2._mm256_or_si256(is(b'N'), is(b'S')), is(b'R')));
            let low = avx2._mm256_cmpgt_epi8(splat(0x20), bytes);
            odd = avx2._mm256_or_si256(odd, avx2._mm256_or_si256(low, is(b'\\')));
        }
        masks.odd = avx2._mm256_movemask_epi8(odd) != 0;
        masks
    }
}

/// Bit *i* of the result is the parity of bits 0 to *i*.
#[inline(always)]
pub(super) fn prefix_xor(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ bits << 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one_by_one(block: &[u8; BLOCK]) -> Masks {
        let mut masks = Masks::default();
        for (position, byte) in block.iter().enumerate() {
            let bit = 1 << position;
            match byte {
                b'"' => masks.quotes |= bit,
                b'{' | b'[' => masks.opens |= bit,
                b'}' | b']' => masks.closes |= bit,
                b'N' | b'S' | b'R' => masks.marks |= bit,
                b'\\' | 0..0x20 | 0x80.. => masks.odd = true,
                _ => {}
            }
        }
        masks
    }

    fn oddities_one_by_one(block: &[u8; BLOCK]) -> Oddities {
        let mut oddities = Oddities::default();
        for (position, byte) in block.iter().enumerate() {
            match byte {
                b'\\' => oddities.backslashes |= 1 << position,
                0..0x20 => oddities.control |= 1 << position,
                0x80.. => oddities.beyond_ascii |= 1 << position,
                _ => {}
            }
        }
        oddities
    }

    proptest! {
        #[test]
        fn every_way_makes_the_same_masks(bytes in prop::array::uniform32(any::<u8>()), more in prop::array::uniform32(prop::sample::select(b"\"\\{}[]NSRa \n\x1f\x7f\x80\xffY_y;".to_vec()))) {
            let mut block = [0; BLOCK];
            block[..32].copy_from_slice(&bytes);
            block[32..].copy_from_slice(&more);
            for _ in 0..2 {
                prop_assert_eq!(Portable.classify(&block), one_by_one(&block));
                prop_assert_eq!(oddities(&block), oddities_one_by_one(&block));
                #[cfg(target_arch = "x86_64")]
                if let Some(token) = pulp::x86::V3::try_new() {
                    prop_assert_eq!(Avx2(token).classify(&block), one_by_one(&block));
                }
                block.rotate_left(32);
            }
        }
    }
}
