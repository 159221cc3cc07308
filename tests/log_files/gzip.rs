//! Gzip: cut, damaged, lying, doubled, and with every kind of header.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::*;

const FHCRC: u8 = 0x02;
const FEXTRA: u8 = 0x04;
const FNAME: u8 = 0x08;
const FCOMMENT: u8 = 0x10;

/// A gzip member in its parts, each of which may be made wrong.
///
/// Source: RFC 1952, "Member format".
pub struct Member {
    pub header: Vec<u8>,
    pub deflated: Vec<u8>,
    pub crc: u32,
    pub size: u32,
}

impl Member {
    pub fn of(content: &[u8], level: u32) -> Member {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(content).unwrap();
        Member {
            header: header(0),
            deflated: encoder.finish().unwrap(),
            crc: libdeflater::crc32(content),
            size: content.len() as u32,
        }
    }

    /// `unit` repeated; fast, for every unit is compressed once.
    pub fn of_many(unit: &[u8], times: usize) -> Member {
        let mut encoder = flate2::Compress::new(Compression::new(6), false);
        let mut compressed = Vec::with_capacity(unit.len() + 1024);
        encoder.compress_vec(unit, &mut compressed, flate2::FlushCompress::Full).unwrap();
        let mut deflated = compressed.repeat(times);
        // A last block that is empty.
        deflated.extend([0x03, 0x00]);
        let mut crc = libdeflater::Crc::new();
        (0..times).for_each(|_| crc.update(unit));
        Member { header: header(0), deflated, crc: crc.sum(), size: (unit.len() * times) as u32 }
    }

    pub fn trailer(&self) -> Vec<u8> {
        [self.crc.to_le_bytes(), self.size.to_le_bytes()].concat()
    }

    pub fn bytes(&self) -> Vec<u8> {
        [&self.header[..], &self.deflated, &self.trailer()].concat()
    }
}

fn header(flags: u8) -> Vec<u8> {
    let mut header = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255];
    if flags & FEXTRA != 0 {
        header.extend(b"\x06\0ab\x02\0xy");
    }
    if flags & FNAME != 0 {
        header.extend(b"a name.json\0");
    }
    if flags & FCOMMENT != 0 {
        header.extend(b"{\"Records\":[\0");
    }
    if flags & FHCRC != 0 {
        let crc = libdeflater::crc32(&header) as u16;
        header.extend(crc.to_le_bytes());
    }
    header
}

/// What can be decompressed of a truncated file.
fn decompressed_so_far(file: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    // The fault comes when all before it has been read.
    let _ = flate2::read::GzDecoder::new(file).read_to_end(&mut content);
    content
}

#[test]
fn a_log_file_comes_to_the_same_plain_and_gzip_at_every_level() {
    let plain = judge(&good_document());
    plain.assert_clean("plain");
    assert_eq!((plain.raised(), plain.counts.records), (vec!["a", "b", "c"], 5));
    for level in [0, 1, 6, 9] {
        let compressed = judge(&Member::of(&good_document(), level).bytes());
        assert_eq!(compressed.outcome(), plain.outcome(), "level {level}");
    }
}

#[test]
fn promise_3_a_cut_file_never_passes_as_clean() {
    let document = good_document();
    let ends: Vec<usize> = ["a", "b", "c"]
        .iter()
        .map(|event| {
            let record = sign_in(event);
            let text = String::from_utf8_lossy(&document);
            text.find(&record).unwrap() + record.len()
        })
        .collect();
    let whole_before = |cut: usize| ends.iter().filter(|end| **end <= cut).count();
    let all = ["a", "b", "c"];
    for cut in 0..document.len() {
        for (way, file) in
            [("plain", document[..cut].to_vec()), ("cut, then compressed", gzip(&document[..cut]))]
        {
            let name = format!("{way}, cut at {cut}");
            let judged = judge(&file);
            judged.assert_reported(&name, "");
            assert_eq!(judged.raised(), all[..whole_before(cut)], "{name}");
        }
    }
    for level in [0, 6] {
        let file = Member::of(&document, level).bytes();
        for cut in 0..file.len() {
            let name = format!("compressed at level {level}, cut at {cut}");
            let judged = judge(&file[..cut]);
            judged.assert_reported(&name, "");
            let kept = whole_before(decompressed_so_far(&file[..cut]).len());
            assert_eq!(judged.raised(), all[..kept], "{name}");
        }
    }
}

#[test]
fn a_flipped_bit_is_reported_or_changes_nothing() {
    let file = gzip(&good_document());
    let sound = judge(&file);
    let mut reported = 0;
    for bit in 0..file.len() * 8 {
        let mut file = file.clone();
        file[bit / 8] ^= 1 << (bit % 8);
        let flipped = judge(&file);
        match &flipped.reported {
            Some(_) => reported += 1,
            None => assert_eq!(flipped.outcome(), sound.outcome(), "bit {bit}"),
        }
    }
    // Bits without meaning: time, extra flags and system in the header, the flag that says "text", and the
    // bits between the end of the compressed data and the next byte.
    let unused = 6 * 8 + 1 + 7;
    assert!(
        reported + unused >= file.len() * 8,
        "{reported} of {} flipped bits were reported",
        file.len() * 8
    );
}

#[test]
fn a_wrong_trailer_is_reported_and_the_records_before_it_are_judged() {
    let document = good_document();
    let size = document.len() as u32;
    let sound = Member::of(&document, 6);
    for (name, crc, size) in [
        ("wrong check sum", !sound.crc, size),
        ("size 0", sound.crc, 0),
        ("a size that is one too small", sound.crc, size - 1),
        ("a size that is one too large", sound.crc, size + 1),
        ("a size that is twice too large", sound.crc, 2 * size),
        ("a size just over what is decompressed at once", sound.crc, (16 << 20) + 1),
        ("4 GiB less one", sound.crc, u32::MAX),
    ] {
        let file = Member { crc, size, ..Member::of(&document, 6) }.bytes();
        let judged = judge(&file);
        judged.assert_reported(name, "is broken gzip data");
        assert_eq!((judged.raised(), judged.counts.records), (vec!["a", "b", "c"], 5), "{name}");
    }
}

#[test]
fn trailing_data_after_the_gzip_member_is_reported_and_read_if_possible() {
    const BEHIND: &str = "bytes behind its gzip member";
    let first = Member::of(&document(&[sign_in("a"), sign_in("b")]), 6);
    let whole = first.bytes();
    let second = gzip(&document(&[sign_in("c")]));
    let halves = {
        let document = document(&[sign_in("a"), sign_in("b"), sign_in("c")]);
        let (one, two) = document.split_at(document.len() / 2);
        [gzip(one), gzip(two)].concat()
    };
    // Incompressible, so that it is large as stored.
    let mut noise = vec![0; 1_100_000];
    fastrand::Rng::with_seed(1).fill(&mut noise);
    let noise: String = noise.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    let large = document(&[&sign_in("a"), &UNWATCHED.replace("tag", &noise.repeat(2)), &sign_in("b")]);
    let large = [gzip(&large), second.clone()].concat();
    assert!(large.len() > (1 << 20) + second.len());
    let cases: [(&str, Vec<u8>, &[&str], &str); 12] = [
        (
            "two members, each a whole document",
            [&whole[..], &second].concat(),
            &["a", "b", "c"],
            "more behind the end of its JSON document",
        ),
        ("one document in two members", halves, &["a", "b", "c"], BEHIND),
        ("an empty second member", [&whole[..], &gzip(b"")].concat(), &["a", "b"], BEHIND),
        (
            "a hundred empty members, then a document",
            [gzip(b"").repeat(100), whole.clone()].concat(),
            &["a", "b"],
            BEHIND,
        ),
        ("a second member beyond 1 MiB", large, &["a", "b", "c"], BEHIND),
        (
            "a second member that is cut",
            [&whole[..], &second[..second.len() - 1]].concat(),
            &["a", "b", "c"],
            "is cut",
        ),
        ("garbage", [&whole[..], b"garbage"].concat(), &["a", "b"], BEHIND),
        ("one zero byte", [&whole[..], b"\0"].concat(), &["a", "b"], BEHIND),
        ("zero bytes", [&whole[..], &[0; 512]].concat(), &["a", "b"], BEHIND),
        ("half of a second magic", [&whole[..], b"\x1f"].concat(), &["a", "b"], BEHIND),
        (
            "garbage that ends in a copy of the trailer",
            [&whole[..], b"garbage", &first.trailer()].concat(),
            &["a", "b"],
            BEHIND,
        ),
        (
            "bytes between the compressed data and the trailer",
            [&first.header[..], &first.deflated, b"garbage", &first.trailer()].concat(),
            &["a", "b"],
            "is broken gzip data",
        ),
    ];
    for (name, file, raised, reason) in cases {
        let judged = judge(&file);
        judged.assert_reported(name, reason);
        assert_eq!(judged.raised(), raised, "{name}");
        let in_pieces = judge_in_pieces(&Config::default(), &file, 1000, 1 << 18);
        assert_eq!(in_pieces.outcome(), judged.outcome(), "{name}, in pieces");
    }
}

#[test]
fn every_valid_gzip_header_is_read_and_every_other_is_reported() {
    let document = good_document();
    for flags in 0..=0x1f {
        let file = Member { header: header(flags), ..Member::of(&document, 6) }.bytes();
        let judged = judge(&file);
        judged.assert_clean(&format!("flags {flags:#x}"));
        assert_eq!(judged.raised(), ["a", "b", "c"], "flags {flags:#x}");
    }
    let mut wrong_sum = header(FHCRC | FNAME);
    *wrong_sum.last_mut().unwrap() ^= 1;
    let mut other_method = header(0);
    other_method[2] = 7;
    for (name, header) in [
        ("a wrong check sum of the header", wrong_sum),
        ("a method that is not deflate", other_method),
        ("a reserved flag", header(0x80)),
        ("another reserved flag", header(0x20)),
    ] {
        let file = Member { header, ..Member::of(&document, 6) }.bytes();
        let whole = judge(&file);
        whole.assert_reported(name, "is broken gzip data");
        assert_eq!(judge_in_pieces(&Config::default(), &file, 3, 64).outcome(), whole.outcome(), "{name}");
    }
}

#[test]
fn a_file_of_almost_nothing_is_reported() {
    for (name, file, reason) in [
        ("empty", &b""[..], "is empty"),
        ("one byte of gzip", b"\x1f", "is no JSON"),
        ("the magic of gzip alone", b"\x1f\x8b", "is cut"),
        ("a gzip header alone", b"\x1f\x8b\x08\0\0\0\0\0\0\xff", "is cut"),
        ("one member with nothing in it", &gzip(b""), "is empty"),
        ("one byte", b"x", "is no JSON"),
        ("a space", b" ", "is empty"),
        ("a bracket", b"{", "is cut"),
        ("zero bytes", &[0; 64], "is no JSON"),
        ("another compression", b"BZh91AY&SY", "is no JSON"),
    ] {
        let judged = judge(file);
        judged.assert_reported(name, reason);
        assert_eq!(judged.counts.records, 0, "{name}");
    }
}

#[test]
fn pieces_of_every_size_come_to_the_same_as_the_whole() {
    let document = good_document();
    let sound = gzip(&document);
    let mut flipped = sound.clone();
    flipped[sound.len() / 2] ^= 0x10;
    for (name, file) in [
        ("plain", document.clone()),
        ("gzip", sound.clone()),
        ("stored", Member::of(&document, 0).bytes()),
        ("cut", sound[..sound.len() - 5].to_vec()),
        ("flipped", flipped),
        ("two members", sound.repeat(2)),
        ("garbage behind", [&sound[..], b"garbage"].concat()),
        ("not JSON", b"not JSON".to_vec()),
        ("a broken record", String::from_utf8_lossy(&document).replacen("\"1.11\"", "1.11\"", 1).into()),
        ("empty", Vec::new()),
    ] {
        let whole = judge(&file);
        for piece_bytes in (1..80).chain([100, 255, 256, 257, 1000, 1 << 20]) {
            for window_bytes in [1, 61, 200, 1000, 1 << 18] {
                let in_pieces = judge_in_pieces(&Config::default(), &file, piece_bytes, window_bytes);
                let place = format!("{name}, pieces of {piece_bytes}, windows of {window_bytes}");
                assert_eq!(in_pieces.outcome(), whole.outcome(), "{place}");
            }
        }
    }
}

#[test]
fn a_size_of_more_than_4_gib_is_stated_modulo_2_to_the_32_and_is_valid() {
    let white = vec![b' '; 1 << 20];
    let config =
        Config { max_decompressed_bytes: u64::MAX, max_compressed_bytes: u64::MAX, ..Config::default() };
    // White space outside of records may be as large as a record, no larger: records divide it.
    let unit = [&white[..], sign_in("x").as_bytes(), b","].concat();
    let times = (1_usize << 32) / unit.len() + 1;
    let member = Member::of_many(&unit, times);
    let start = Member::of(b"{\"Records\":[", 0);
    let end = [&b" "[..], UNWATCHED.as_bytes(), b"]}"].concat();
    let tail = Member::of(&end, 0);
    // One deflate stream out of three: stored blocks and flushed blocks all end at a byte.
    let unfinished = |deflated: &[u8]| {
        let mut deflated = deflated.to_vec();
        deflated[0] &= !1;
        deflated
    };
    let mut crc = libdeflater::Crc::new();
    crc.update(b"{\"Records\":[");
    (0..times).for_each(|_| crc.update(&unit));
    crc.update(&end);
    let flushed = &member.deflated[..member.deflated.len() - 2];
    let file = Member {
        header: header(0),
        deflated: [&unfinished(&start.deflated)[..], flushed, &tail.deflated].concat(),
        crc: crc.sum(),
        size: (12 + unit.len() * times + end.len()) as u32,
    };
    let judged = judge_with(&config, &file.bytes());
    judged.assert_clean("more than 4 GiB");
    assert_eq!(judged.counts.records as usize, times + 1);
}
