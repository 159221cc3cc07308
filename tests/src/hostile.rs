//! Hostile log files: JSON that is valid, and as misleading as JSON can be.
//!
//! Random spacing and key order, letters spelled as escapes, repeated keys, values of other types,
//! records inside other records' parameters and inside strings, elements that are no records, text beyond
//! ASCII, deep nesting, long strings. The same seed makes the same file.

use fastrand::Rng;

/// JSON in which a key may be repeated and the order of keys is kept.
#[derive(Clone, Debug)]
enum Json {
    Raw(&'static str),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// One log file, valid JSON with one array of `Records`.
pub fn log_file(seed: u64) -> Vec<u8> {
    let mut rng = Rng::with_seed(seed);
    let count = rng.usize(0..6);
    let records = (0..count).map(|_| element(&mut rng)).collect();
    let mut members = vec![("Records".to_owned(), Json::List(records))];
    if rng.u8(0..4) == 0 {
        let place = rng.usize(0..=1);
        let other = ["Record", "records", "Digest", "RecordsX", ""][rng.usize(0..5)];
        let value = match rng.u8(0..3) {
            0 => any(&mut rng, 3),
            1 => Json::List(vec![record(&mut rng)]),
            _ => Json::Object(vec![("Records".to_owned(), Json::List(vec![record(&mut rng)]))]),
        };
        members.insert(place, (other.to_owned(), value));
    }
    let mut out = String::new();
    let style = Style { space: rng.u8(0..3), escape: [0, 0, 1, 4][rng.usize(0..4)] };
    style.write(&Json::Object(members), &mut rng, &mut out);
    out.into_bytes()
}

/// A file in which something is broken: bytes changed, lost, doubled, or the end cut off.
pub fn broken_log_file(seed: u64) -> Vec<u8> {
    let mut rng = Rng::with_seed(seed ^ 0x6272_6f6b_656e);
    let mut file = log_file(seed);
    for _ in 0..rng.usize(1..4) {
        if file.is_empty() {
            break;
        }
        let at = rng.usize(0..file.len());
        match rng.u8(0..6) {
            0 => file[at] = b"\"\\{}[],:x\0\xff"[rng.usize(0..11)],
            1 => file.truncate(at),
            2 => {
                file.remove(at);
            }
            3 => file.insert(at, b"\"\\{}[],:\n"[rng.usize(0..9)]),
            4 => {
                let end = (at + rng.usize(1..200)).min(file.len());
                file.drain(at..end);
            }
            _ => {
                let end = (at + rng.usize(1..200)).min(file.len());
                let piece = file[at..end].to_vec();
                let to = rng.usize(0..=file.len());
                file.splice(to..to, piece);
            }
        }
    }
    file
}

fn element(rng: &mut Rng) -> Json {
    match rng.u8(0..24) {
        0 => any(rng, 2),
        1 => Json::List(vec![record(rng)]),
        2 => Json::Text(r#"},{"eventVersion":"1.11","eventName":"ConsoleLogin"}]}"#.to_owned()),
        _ => record(rng),
    }
}

fn record(rng: &mut Rng) -> Json {
    let text = |text: &str| Json::Text(text.to_owned());
    let root = rng.u8(0..8) == 0;
    let names = [
        "ConsoleLogin",
        "ConsoleLogin",
        "ConsoleLogin",
        "CheckMfa",
        "CredentialVerification",
        "UserAuthentication",
        "GetSigninToken",
        "CreateAccessKey",
        "DeactivateMFADevice",
        "StopLogging",
        "DescribeInstances",
        "DescribeInstances",
        "GetObject",
        "PutObject",
        "AssumeRole",
        "consolelogin",
        "",
    ];
    let name = names[rng.usize(0..names.len())];
    let sources = [
        "signin.amazonaws.com",
        "iam.amazonaws.com",
        "cloudtrail.amazonaws.com",
        "ec2.amazonaws.com",
        "SIGNIN.amazonaws.com",
    ];
    let source = match name {
        "ConsoleLogin" | "CheckMfa" if rng.u8(0..8) > 0 => sources[0],
        _ => sources[rng.usize(0..sources.len())],
    };
    let outcome = ["Success", "Failure", "failure", "other"][rng.usize(0..4)];
    let kind = if root { "Root" } else { ["IAMUser", "AssumedRole", "rOOT", "Unknown"][rng.usize(0..4)] };
    let mut members = vec![
        ("eventVersion", text("1.11")),
        (
            "userIdentity",
            Json::Object(vec![
                ("type".to_owned(), text(kind)),
                ("accountId".to_owned(), text("111122223333")),
                ("userName".to_owned(), user_name(rng)),
            ]),
        ),
        ("eventTime", text("2026-04-01T08:15:00Z")),
        ("eventSource", text(source)),
        ("eventName", text(name)),
        ("awsRegion", text("us-east-1")),
        ("sourceIPAddress", text("192.0.2.10")),
        ("requestParameters", parameters(rng)),
        ("responseElements", Json::Object(vec![(name.to_owned(), text(outcome))])),
        (
            "additionalEventData",
            Json::Object(vec![("MFAUsed".to_owned(), text(["Yes", "No", "NO"][rng.usize(0..3)]))]),
        ),
        ("eventID", Json::Text(format!("{:016x}-EXAMPLE", rng.u64(..)))),
        ("recipientAccountId", text("111122223333")),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect::<Vec<_>>();
    if rng.u8(0..3) == 0 {
        members.push(("userAgent".to_owned(), user_name(rng)));
    }
    for _ in 0..[0, 0, 0, 1, 2][rng.usize(0..5)] {
        let at = rng.usize(0..members.len());
        match rng.u8(0..5) {
            0 => {
                members.remove(at);
            }
            1 => members[at].1 = any(rng, 2),
            2 => {
                let (key, value) = members[at].clone();
                let value = if rng.bool() { value } else { any(rng, 1) };
                members.push((key, value));
            }
            3 => members.push((
                ["eventName", "eventSource", "type"][rng.usize(0..3)].to_owned(),
                text(names[rng.usize(0..names.len())]),
            )),
            _ => rng.shuffle(&mut members),
        }
    }
    Json::Object(members)
}

fn user_name(rng: &mut Rng) -> Json {
    let names = [
        "alice",
        "HIDDEN_DUE_TO_SECURITY_REASONS",
        "日本語",
        "a\"b\\c",
        "\u{202e}evil",
        "\u{1f600}",
        "Root",
        "\"Root\"",
        "\"eventName\":\"ConsoleLogin\"",
        "}]}",
        "\\",
        "\\\"",
        "\r\nSubject: x",
        r#"{"eventVersion":"1.11","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin"}"#,
    ];
    Json::Text(names[rng.usize(0..names.len())].to_owned())
}

fn parameters(rng: &mut Rng) -> Json {
    match rng.u8(0..8) {
        0 => Json::Object(vec![("event".to_owned(), record(rng))]),
        1 => Json::Object(vec![("events".to_owned(), Json::List(vec![record(rng), record(rng)]))]),
        2 => Json::Object(vec![("Records".to_owned(), Json::List(vec![record(rng)]))]),
        3 => Json::Object(vec![
            ("userName".to_owned(), user_name(rng)),
            ("policyDocument".to_owned(), user_name(rng)),
        ]),
        4 => (0..rng.usize(1..150)).fold(Json::Raw("null"), |inner, depth| match depth % 2 {
            0 => Json::List(vec![inner]),
            _ => Json::Object(vec![("a".to_owned(), inner)]),
        }),
        5 => Json::Text("x".repeat(rng.usize(0..700))),
        _ => any(rng, 2),
    }
}

fn any(rng: &mut Rng, depth: u8) -> Json {
    match rng.u8(0..9) {
        0 => Json::Raw("null"),
        1 => Json::Raw("true"),
        2 => Json::Raw(["0", "-1.5e3", "12345678901234567890", "1e999"][rng.usize(0..4)]),
        3 | 4 => user_name(rng),
        5 => Json::List(Vec::new()),
        6 => Json::Object(Vec::new()),
        7 if depth > 0 => Json::List((0..rng.usize(0..4)).map(|_| any(rng, depth - 1)).collect()),
        _ if depth > 0 => {
            let keys = ["eventName", "a", "Root", "eventSource", "type"];
            Json::Object(
                (0..rng.usize(0..4))
                    .map(|_| (keys[rng.usize(0..keys.len())].to_owned(), any(rng, depth - 1)))
                    .collect(),
            )
        }
        _ => Json::Raw("false"),
    }
}

struct Style {
    /// 0: none; 1: some; 2: much.
    space: u8,
    /// How many characters of sixteen are written as escapes.
    escape: u8,
}

impl Style {
    fn write(&self, json: &Json, rng: &mut Rng, out: &mut String) {
        match json {
            Json::Raw(raw) => out.push_str(raw),
            Json::Text(text) => self.string(text, rng, out),
            Json::List(elements) => {
                self.separated(elements, '[', ']', rng, out, |element, rng, out| {
                    self.write(element, rng, out)
                });
            }
            Json::Object(members) => self.separated(members, '{', '}', rng, out, |(key, value), rng, out| {
                self.string(key, rng, out);
                self.blank(rng, out);
                out.push(':');
                self.blank(rng, out);
                self.write(value, rng, out);
            }),
        }
    }

    fn separated<T>(
        &self,
        items: &[T],
        open: char,
        close: char,
        rng: &mut Rng,
        out: &mut String,
        write: impl Fn(&T, &mut Rng, &mut String),
    ) {
        out.push(open);
        for (place, item) in items.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            self.blank(rng, out);
            write(item, rng, out);
            self.blank(rng, out);
        }
        out.push(close);
    }

    fn blank(&self, rng: &mut Rng, out: &mut String) {
        let count = match self.space {
            0 => 0,
            1 => rng.usize(0..2) * rng.usize(0..2),
            _ => [0, 0, 0, 1, 1, 2, 70][rng.usize(0..7)],
        };
        for _ in 0..count {
            out.push([' ', '\n', '\t', '\r'][rng.usize(0..4)]);
        }
    }

    fn string(&self, text: &str, rng: &mut Rng, out: &mut String) {
        out.push('"');
        for character in text.chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                control if (control as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", control as u32)),
                '/' if rng.bool() => out.push_str("\\/"),
                other if rng.u8(0..16) < self.escape => {
                    for unit in other.encode_utf16(&mut [0; 2]) {
                        let hexadecimal = format!("{unit:04x}");
                        out.push_str("\\u");
                        out.push_str(&if rng.bool() { hexadecimal.to_uppercase() } else { hexadecimal });
                    }
                }
                other => out.push(other),
            }
        }
        out.push('"');
    }
}
