//! Lines of a report, and their fields by the names in the header.

use std::borrow::Cow;

use csv_core::ReadRecordResult;
use memchr::{memchr_iter, memchr2_iter};

use super::cell::Cell;
use super::row::{AccessKey, COLUMNS, Certificate, Password, Row, UnreadableRow};
use crate::text;

/// The most commas in the texts of a line: a name has at most 64 characters, and occurs again in the ARN after a path
/// of at most 512.
///
/// Source: IAM User Guide, "IAM and AWS STS quotas", IAM name limits.
const MAX_EXTRA_FIELDS: usize = 64 + 64 + 512;

/// The positions of the columns `user`, `arn` and `additional_credentials_info` in [`COLUMNS`].
const USER: usize = 0;
const ARN: usize = 1;
const ADDITIONAL: usize = COLUMNS.len() - 1;

/// The lines that are not empty, with their numbers from 1. They end in a line feed, a carriage return or both.
pub(super) fn lines(csv: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let within_a_break = |end: &usize| *end > 0 && csv[end - 1..=*end] == *b"\r\n";
    let ends = memchr2_iter(b'\n', b'\r', csv).filter(move |end| !within_a_break(end)).chain([csv.len()]);
    let mut start = 0;
    let lines = ends.map(move |end| {
        let line = &csv[start..end];
        start = end + 1;
        line.strip_prefix(b"\n").unwrap_or(line).trim_ascii_end()
    });
    (1..).zip(lines).filter(|(_, line)| !line.is_empty())
}

/// Splits lines into fields, and reuses its buffers.
pub(super) struct LineSplitter {
    csv: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl LineSplitter {
    pub(super) fn new() -> LineSplitter {
        // `Reader::default` would not set the reader's options.
        LineSplitter { csv: csv_core::Reader::new(), text: Vec::new(), ends: Vec::new() }
    }

    /// The fields of a line, without their quotes.
    pub(super) fn fields(&mut self, line: &[u8]) -> Vec<&[u8]> {
        self.csv.reset();
        // One more than needed: the reader stops if its buffer is full.
        self.text.resize(self.text.len().max(line.len() + 1), 0);
        let most = memchr_iter(b',', line).count() + 1;
        self.ends.resize(self.ends.len().max(most + 1), 0);
        let (mut read, mut written, mut fields) = (0, 0, 0);
        loop {
            // An empty input ends the line. The buffers are large enough: no field is longer than its source.
            let (result, more_read, more_written, more_fields) =
                self.csv.read_record(&line[read..], &mut self.text[written..], &mut self.ends[fields..]);
            (read, written, fields) = (read + more_read, written + more_written, fields + more_fields);
            if result != ReadRecordResult::InputEmpty {
                break;
            }
        }
        let mut start = 0;
        let ends = self.ends[..fields].iter();
        ends.map(|end| &self.text[std::mem::replace(&mut start, *end)..*end]).collect()
    }
}

/// The position of each column.
pub(super) struct Header {
    /// For each of [`COLUMNS`].
    places: [Option<usize>; COLUMNS.len()],
    width: usize,
}

impl Header {
    /// Parses the first line.
    ///
    /// # Errors
    /// A phrase that says why this is not the header of a credential report.
    pub(super) fn of(fields: &[&[u8]]) -> Result<Header, String> {
        let mut places = [None; COLUMNS.len()];
        for (place, field) in fields.iter().enumerate() {
            let name = field.trim_ascii();
            let Some(column) = COLUMNS.iter().position(|column| name.eq_ignore_ascii_case(column.as_bytes()))
            else {
                continue;
            };
            if places[column].replace(place).is_some() {
                return Err(format!("its header has the column {} twice", COLUMNS[column]));
            }
        }
        if places[USER].is_none() {
            let first = fields.first().copied().unwrap_or_default();
            let first = text::clean(&String::from_utf8_lossy(first), 60);
            return Err(format!(
                "its first line begins with \"{first}\"; it must be the header of a credential report, with the column user, as `aws iam get-credential-report --query Content --output text | base64 -d` prints it"
            ));
        }
        Ok(Header { places, width: fields.len() })
    }

    /// The missing columns.
    pub(super) fn missing(&self) -> impl Iterator<Item = &'static str> {
        COLUMNS.into_iter().zip(self.places).filter_map(|(column, place)| place.is_none().then_some(column))
    }

    /// Parses a line.
    pub(super) fn row(&self, line: usize, fields: &[&[u8]]) -> Result<Row, UnreadableRow> {
        let unreadable = |reason: String| {
            let user = self.user_before_arn(fields).and_then(|user| String::from_utf8(user).ok());
            UnreadableRow { line, user: user.filter(|user| !user.is_empty()), reason }
        };
        let in_place = self.places[ARN].is_none_or(|arn| fields.get(arn).is_some_and(|arn| is_arn(arn)));
        if fields.len() == self.width && in_place {
            return self.row_of(line, fields).map_err(unreadable);
        }
        let rejoined = self.rejoined(fields).map_err(unreadable)?;
        let rejoined: Vec<&[u8]> = rejoined.iter().map(|field| &field[..]).collect();
        self.row_of(line, &rejoined).map_err(unreadable)
    }

    fn row_of(&self, line: usize, fields: &[&[u8]]) -> Result<Row, String> {
        let utf8 = |field: &[u8], column: &str| match std::str::from_utf8(field) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => {
                let shown = text::cut(&String::from_utf8_lossy(field), 100);
                Err(format!("is not UTF-8 in the column {column}: {}", text::quoted(&shown)))
            }
        };
        let mut places = self.places.iter();
        // In the order of `COLUMNS`.
        let mut next = || fields.get((*places.next()?)?).copied();
        let user = utf8(next().unwrap_or_default(), "user")?;
        if user.is_empty() {
            return Err("names no user".to_owned());
        }
        Ok(Row {
            line,
            user,
            arn: next().map(|arn| utf8(arn, "arn")).transpose()?,
            created: Cell::date(next()),
            password: Password {
                enabled: Cell::flag(next()),
                last_used: Cell::date(next()),
                last_changed: Cell::date(next()),
                next_rotation: Cell::date(next()),
            },
            mfa_active: Cell::flag(next()),
            access_keys: std::array::from_fn(|_| AccessKey {
                active: Cell::flag(next()),
                last_rotated: Cell::date(next()),
                last_used: Cell::date(next()),
                last_used_region: Cell::text(next()),
                last_used_service: Cell::text(next()),
            }),
            certificates: std::array::from_fn(|_| Certificate {
                active: Cell::flag(next()),
                last_rotated: Cell::date(next()),
            }),
            additional: Cell::text(next()),
        })
    }

    /// Joins fields that were split at unquoted commas. A user's name may contain commas, and so may the ARN, which ends
    /// in the name after a path of any visible characters, and the text about additional credentials. The ARN begins
    /// with `arn:`, which no name can contain.
    ///
    /// # Errors
    /// A phrase that says why the fields cannot be joined.
    fn rejoined<'f>(&self, fields: &[&'f [u8]]) -> Result<Vec<Cow<'f, [u8]>>, String> {
        let (count, width) = (fields.len(), self.width);
        let fields_in_words = || text::counted(count, "field", "fields");
        let wrong = || format!("has {}, and the header has {width}", fields_in_words());
        let (user, arn) = self.user_and_arn().ok_or_else(wrong)?;
        let arn_start = first_arn(fields, arn).ok_or_else(|| format!("{}; no ARN stands there", wrong()))?;
        let name = fields[user..arn_start].join(&b',');
        let extra = count.checked_sub(width).filter(|extra| *extra <= MAX_EXTRA_FIELDS).ok_or_else(wrong)?;
        let after_name = extra.checked_sub(arn_start - arn).ok_or_else(wrong)?;
        let text_is_last = self.places[ADDITIONAL] == Some(width - 1);
        // The commas that are not part of the ARN are part of the text, which does not end in the name.
        let taken_least = if text_is_last { 0 } else { after_name };
        let ends_in_name = |arn: &[u8]| arn.strip_suffix(&name[..]).is_some_and(|rest| rest.ends_with(b"/"));
        let (whole_arn, arn_end) = (taken_least..=after_name)
            .rev()
            .map(|taken| (fields[arn_start..=arn_start + taken].join(&b','), arn_start + taken + 1))
            .find(|(arn, _)| ends_in_name(arn))
            .ok_or_else(wrong)?;
        let borrowed = |fields: &[&'f [u8]]| fields.iter().map(|field| Cow::Borrowed(*field)).collect();
        let mut rejoined: Vec<Cow<'f, [u8]>> = borrowed(&fields[..user]);
        rejoined.extend([Cow::Owned(name), Cow::Owned(whole_arn)]);
        let rest: Vec<Cow<'f, [u8]>> = borrowed(&fields[arn_end..]);
        rejoined.extend(rest);
        if rejoined.len() > width {
            let text = fields[count - (rejoined.len() - width) - 1..].join(&b',');
            rejoined.truncate(width - 1);
            rejoined.push(Cow::Owned(text));
        }
        Ok(rejoined)
    }

    /// The positions of the user's name and of the ARN, if the ARN follows the name as AWS writes it.
    fn user_and_arn(&self) -> Option<(usize, usize)> {
        let (user, arn) = (self.places[USER]?, self.places[ARN]?);
        (arn == user + 1).then_some((user, arn))
    }

    /// The user's name, which ends where the ARN begins.
    fn user_before_arn(&self, fields: &[&[u8]]) -> Option<Vec<u8>> {
        let (user, arn) = self.user_and_arn()?;
        Some(fields[user..first_arn(fields, arn)?].join(&b','))
    }
}

fn first_arn(fields: &[&[u8]], from: usize) -> Option<usize> {
    (from..fields.len()).find(|place| is_arn(fields[*place]))
}

fn is_arn(field: &[u8]) -> bool {
    field.starts_with(b"arn:")
}
