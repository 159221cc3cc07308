//! The IAM credential report: one row a user, plus the root user.
//!
//! A report is read line by line, each line with a CSV reader of its own: no value of it can hold a line
//! break, and so a quote that nobody closed costs its own line and no other. Every line is a row, the same as
//! another one, or told as unreadable; every cell is what it says, or told as unreadable.
//!
//! Source: IAM User Guide, "Generate credential reports for your AWS account".

mod line;
pub mod packed;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::text;
use line::{Header, Line};

/// Every column that iamwatch knows, in the order in which AWS writes them. Old reports have no `…_last_used…`
/// columns, and most have no `additional_credentials_info`.
pub const COLUMNS: [&str; 23] = [
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_1_last_used_region",
    "access_key_1_last_used_service",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
    "access_key_2_last_used_region",
    "access_key_2_last_used_service",
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
    "additional_credentials_info",
];

/// What stands in the column `user` of the root user's row. No IAM user can have it: it holds `<`.
pub const ROOT_USER: &str = "<root_account>";

/// AWS's first service opened in March 2006: what is said to have happened before did not.
const FIRST_YEAR: i32 = 2006;

/// A cell that cannot be read is shown by so much of it.
const MAX_UNREADABLE_CHARS: usize = 200;

/// A report, as far as it could be read.
#[derive(Clone, Debug, Default)]
pub struct CredentialReport {
    rows: Vec<Row>,
    unreadable_rows: Vec<UnreadableRow>,
    contradictions: Vec<Contradiction>,
    repeated_rows: usize,
    missing_columns: Vec<&'static str>,
}

/// One user, or the root user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line of the report, from 1.
    pub line: usize,
    /// The user's name, or [`ROOT_USER`].
    pub user: String,
    /// The ARN; nothing where the report has no such column.
    pub arn: Option<String>,
    /// When the user, or the account, was made.
    pub created: Cell<DateTime<Utc>>,
    /// The console password.
    pub password: Password,
    /// Whether there is a second factor of any kind.
    pub mfa_active: Cell<bool>,
    /// The first two access keys. Which is which may change from one report to the next.
    pub access_keys: [AccessKey; 2],
    /// The first two X.509 signing certificates.
    pub certificates: [Certificate; 2],
    /// What AWS says about access keys and certificates beyond two.
    pub additional: Cell<String>,
}

/// The console password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    /// Whether there is one. Of root older reports say `not_supported`.
    pub enabled: Cell<bool>,
    /// `no_information`: never, or not since October 2014.
    pub last_used: Cell<DateTime<Utc>>,
    /// When it was set.
    pub last_changed: Cell<DateTime<Utc>>,
    /// By when it must be changed; `N/A` where the password policy says nothing of that.
    pub next_rotation: Cell<DateTime<Utc>>,
}

/// One access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// Whether it can be used. A key that cannot may still have dates.
    pub active: Cell<bool>,
    /// When it was made, activated or deactivated.
    pub last_rotated: Cell<DateTime<Utc>>,
    /// `N/A`: never, or not since April 2015.
    pub last_used: Cell<DateTime<Utc>>,
    /// Where; `N/A` for a service without Regions too.
    pub last_used_region: Cell<String>,
    /// For which service.
    pub last_used_service: Cell<String>,
}

/// One X.509 signing certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whether it can be used. One that cannot may still have a date.
    pub active: Cell<bool>,
    /// When it was made, activated or deactivated.
    pub last_rotated: Cell<DateTime<Utc>>,
}

/// One cell, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<T> {
    /// A value.
    Value(T),
    /// `N/A`: there is nothing to have a value, such as no access key.
    NotApplicable,
    /// `no_information`: there is something, and IAM knows nothing of it.
    NoInformation,
    /// `not_supported`: IAM does not say it of this user, which is root.
    NotSupported,
    /// The report has no such column.
    Missing,
    /// Something else: what stands there.
    Unreadable(String),
}

/// A line that is no row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableRow {
    /// The line of the report, from 1.
    pub line: usize,
    /// The user, as in [`Row::user`]; nothing where it cannot be told for certain.
    pub user: Option<String>,
    /// What is wrong: a phrase that follows "the line".
    pub reason: String,
}

/// A user with two rows that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The user, as in [`Row::user`].
    pub user: String,
    /// The lines of the report, from 1: the first one, and those that differ from it.
    pub lines: Vec<usize>,
}

impl CredentialReport {
    /// Reads a report, by the names in its header.
    ///
    /// # Errors
    /// A phrase that says why it is no credential report at all.
    pub fn parse(csv: &[u8]) -> Result<CredentialReport, String> {
        if csv.starts_with(b"\xff\xfe") || csv.starts_with(b"\xfe\xff") {
            return Err("it is UTF-16; it must be UTF-8".to_owned());
        }
        let csv = csv.strip_prefix(b"\xef\xbb\xbf").unwrap_or(csv);
        let mut line = Line::new();
        let mut lines = line::lines(csv);
        let (_, first) = lines.next().ok_or("it is empty")?;
        let header = Header::of(&line.fields(first))?;
        let mut report =
            CredentialReport { missing_columns: header.missing().collect(), ..CredentialReport::default() };
        for (number, text) in lines {
            match header.row(number, &line.fields(text)) {
                Ok(row) => report.rows.push(row),
                Err(unreadable) => report.unreadable_rows.push(unreadable),
            }
        }
        report.compare_rows();
        Ok(report)
    }

    /// Every row that could be read, in the order of the file, the root user's included, wherever it stands.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Every line that is no row, in the order of the file.
    pub fn unreadable_rows(&self) -> &[UnreadableRow] {
        &self.unreadable_rows
    }

    /// Users with rows that differ. All of these rows stand in [`CredentialReport::rows`].
    pub fn contradictions(&self) -> &[Contradiction] {
        &self.contradictions
    }

    /// How many lines said nothing but what an earlier one had said: they are in no other list.
    pub fn repeated_rows(&self) -> usize {
        self.repeated_rows
    }

    /// The columns of [`COLUMNS`] that the report does not have.
    pub fn missing_columns(&self) -> &[&'static str] {
        &self.missing_columns
    }

    /// The root user's row; the first, where there are several.
    pub fn root(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.is_root())
    }

    /// The account that the ARNs name: root's, or else the first one.
    pub fn account(&self) -> Option<&str> {
        self.root().and_then(Row::account).or_else(|| self.rows.iter().find_map(Row::account))
    }

    /// Finds users that have several rows: what says the same twice is taken out.
    fn compare_rows(&mut self) {
        let mut first_rows: HashMap<&str, (&Row, Option<usize>)> = HashMap::with_capacity(self.rows.len());
        let mut repeated = Vec::new();
        for row in &self.rows {
            match first_rows.entry(&row.user) {
                Entry::Vacant(vacant) => {
                    vacant.insert((row, None));
                }
                Entry::Occupied(first) if row.says_the_same_as(first.get().0) => repeated.push(row.line),
                Entry::Occupied(mut first) => {
                    let (first, contradiction) = first.get_mut();
                    let contradiction = *contradiction.get_or_insert_with(|| {
                        let lines = vec![first.line];
                        self.contradictions.push(Contradiction { user: row.user.clone(), lines });
                        self.contradictions.len() - 1
                    });
                    self.contradictions[contradiction].lines.push(row.line);
                }
            }
        }
        self.repeated_rows = repeated.len();
        // Both are in the order of the file.
        let mut repeated = repeated.into_iter().peekable();
        self.rows.retain(|row| repeated.next_if_eq(&row.line).is_none());
    }
}

impl Row {
    /// Whether it is the root user's.
    pub fn is_root(&self) -> bool {
        self.user == ROOT_USER
    }

    /// The account that its ARN names.
    pub fn account(&self) -> Option<&str> {
        // arn:aws:iam::111122223333:user/alice
        self.arn.as_deref()?.split(':').nth(4).filter(|account| text::is_account_id(account))
    }

    /// The partition that its ARN names.
    pub fn partition(&self) -> Option<&str> {
        self.arn.as_deref()?.split(':').nth(1)
    }

    /// What stands in a column of [`COLUMNS`], dates as RFC 3339; nothing where there is no such column.
    pub fn shown(&self, column: &str) -> Option<String> {
        let ([key_1, key_2], [cert_1, cert_2]) = (&self.access_keys, &self.certificates);
        let cell: &dyn fmt::Display = match column {
            "user" => &self.user,
            "arn" => return self.arn.clone(),
            "user_creation_time" => &self.created,
            "password_enabled" => &self.password.enabled,
            "password_last_used" => &self.password.last_used,
            "password_last_changed" => &self.password.last_changed,
            "password_next_rotation" => &self.password.next_rotation,
            "mfa_active" => &self.mfa_active,
            "access_key_1_active" => &key_1.active,
            "access_key_1_last_rotated" => &key_1.last_rotated,
            "access_key_1_last_used_date" => &key_1.last_used,
            "access_key_1_last_used_region" => &key_1.last_used_region,
            "access_key_1_last_used_service" => &key_1.last_used_service,
            "access_key_2_active" => &key_2.active,
            "access_key_2_last_rotated" => &key_2.last_rotated,
            "access_key_2_last_used_date" => &key_2.last_used,
            "access_key_2_last_used_region" => &key_2.last_used_region,
            "access_key_2_last_used_service" => &key_2.last_used_service,
            "cert_1_active" => &cert_1.active,
            "cert_1_last_rotated" => &cert_1.last_rotated,
            "cert_2_active" => &cert_2.active,
            "cert_2_last_rotated" => &cert_2.last_rotated,
            "additional_credentials_info" => &self.additional,
            _ => return None,
        };
        Some(cell.to_string()).filter(|shown| !shown.is_empty())
    }

    /// The columns in which it holds what AWS does not write there: what is neither a value of the right kind
    /// nor a word for its absence, and such a word where only yes or no has a meaning. (Of root's password
    /// AWS does write `not_supported`.)
    pub fn unreadable_columns(&self) -> Vec<&'static str> {
        let ([key_1, key_2], [cert_1, cert_2]) = (&self.access_keys, &self.certificates);
        let enabled = &self.password.enabled;
        let flag = |cell: &Cell<bool>| !matches!(cell, Cell::Value(_) | Cell::Missing);
        let other = |cell: &Cell<DateTime<Utc>>| matches!(cell, Cell::Unreadable(_));
        let text = |cell: &Cell<String>| matches!(cell, Cell::Unreadable(_));
        let unreadable = [
            ("user_creation_time", other(&self.created)),
            ("password_enabled", flag(enabled) && !(self.is_root() && *enabled == Cell::NotSupported)),
            ("password_last_used", other(&self.password.last_used)),
            ("password_last_changed", other(&self.password.last_changed)),
            ("password_next_rotation", other(&self.password.next_rotation)),
            ("mfa_active", flag(&self.mfa_active)),
            ("access_key_1_active", flag(&key_1.active)),
            ("access_key_1_last_rotated", other(&key_1.last_rotated)),
            ("access_key_1_last_used_date", other(&key_1.last_used)),
            ("access_key_1_last_used_region", text(&key_1.last_used_region)),
            ("access_key_1_last_used_service", text(&key_1.last_used_service)),
            ("access_key_2_active", flag(&key_2.active)),
            ("access_key_2_last_rotated", other(&key_2.last_rotated)),
            ("access_key_2_last_used_date", other(&key_2.last_used)),
            ("access_key_2_last_used_region", text(&key_2.last_used_region)),
            ("access_key_2_last_used_service", text(&key_2.last_used_service)),
            ("cert_1_active", flag(&cert_1.active)),
            ("cert_1_last_rotated", other(&cert_1.last_rotated)),
            ("cert_2_active", flag(&cert_2.active)),
            ("cert_2_last_rotated", other(&cert_2.last_rotated)),
            ("additional_credentials_info", text(&self.additional)),
        ];
        unreadable.into_iter().filter_map(|(column, unreadable)| unreadable.then_some(column)).collect()
    }

    /// Takes every date that lies more than a day after the report for unreadable: nothing was used or changed
    /// after the report was made, but clocks differ. (A password's next change may lie ahead.)
    pub fn take_out_later_than(&mut self, generated: DateTime<Utc>) {
        let [key_1, key_2] = &mut self.access_keys;
        let [cert_1, cert_2] = &mut self.certificates;
        let past = [
            &mut self.created,
            &mut self.password.last_used,
            &mut self.password.last_changed,
            &mut key_1.last_rotated,
            &mut key_1.last_used,
            &mut key_2.last_rotated,
            &mut key_2.last_used,
            &mut cert_1.last_rotated,
            &mut cert_2.last_rotated,
        ];
        for cell in past {
            if cell.later_than(generated) {
                *cell = Cell::Unreadable(cell.to_string());
            }
        }
    }

    /// Whether [`Row::take_out_later_than`] would change anything.
    pub fn has_dates_later_than(&self, generated: DateTime<Utc>) -> bool {
        let past = [&self.created, &self.password.last_used, &self.password.last_changed];
        let of_keys = self.access_keys.iter().flat_map(|key| [&key.last_rotated, &key.last_used]);
        let of_certificates = self.certificates.iter().map(|certificate| &certificate.last_rotated);
        past.into_iter().chain(of_keys).chain(of_certificates).any(|cell| cell.later_than(generated))
    }

    fn says_the_same_as(&self, other: &Row) -> bool {
        Row { line: other.line, ..self.clone() } == *other
    }
}

impl<T> Cell<T> {
    /// The value, where there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Cell::Value(value) => Some(value),
            _ => None,
        }
    }

    /// What a field holds; nothing is [`Cell::Missing`].
    fn of(field: Option<&[u8]>, value: impl Fn(&str) -> Option<T>) -> Cell<T> {
        let Some(field) = field else {
            return Cell::Missing;
        };
        let unreadable = |text: &str| Cell::Unreadable(text::cut(text, MAX_UNREADABLE_CHARS));
        let Ok(text) = std::str::from_utf8(field) else {
            return unreadable(&String::from_utf8_lossy(field));
        };
        let text = text.trim();
        // CIS writes `No_Information`.
        if text.eq_ignore_ascii_case("N/A") {
            Cell::NotApplicable
        } else if text.eq_ignore_ascii_case("no_information") {
            Cell::NoInformation
        } else if text.eq_ignore_ascii_case("not_supported") {
            Cell::NotSupported
        } else {
            value(text).map_or_else(|| unreadable(text), Cell::Value)
        }
    }
}

impl Cell<bool> {
    /// Whether it says yes. Everything else is no "no".
    pub fn is_yes(&self) -> bool {
        *self == Cell::Value(true)
    }

    /// Whether it says no.
    pub fn is_no(&self) -> bool {
        *self == Cell::Value(false)
    }

    /// AWS documents `TRUE` and writes `true`.
    fn flag(field: Option<&[u8]>) -> Cell<bool> {
        Cell::of(field, |text| match text {
            _ if text.eq_ignore_ascii_case("true") => Some(true),
            _ if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        })
    }
}

impl Cell<DateTime<Utc>> {
    /// Whether it lies more than a day after that.
    fn later_than(&self, generated: DateTime<Utc>) -> bool {
        self.value().is_some_and(|date| *date - generated > TimeDelta::days(1))
    }

    /// With `Z` or `+00:00`, as both are seen.
    fn date(field: Option<&[u8]>) -> Cell<DateTime<Utc>> {
        Cell::of(field, |text| {
            let date = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
            (chrono::Datelike::year(&date) >= FIRST_YEAR).then_some(date)
        })
    }
}

impl Cell<String> {
    /// An empty one says that there is nothing to say.
    fn text(field: Option<&[u8]>) -> Cell<String> {
        match Cell::of(field, |text| Some(text.to_owned())) {
            Cell::Value(text) if text.is_empty() => Cell::NotApplicable,
            cell => cell,
        }
    }
}

impl fmt::Display for Cell<bool> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, bool::to_string)
    }
}

impl fmt::Display for Cell<DateTime<Utc>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, |date| date.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

impl fmt::Display for Cell<String> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, String::clone)
    }
}

impl<T> Cell<T> {
    /// AWS's own words; nothing where there is no such column.
    fn write(&self, f: &mut fmt::Formatter<'_>, value: impl Fn(&T) -> String) -> fmt::Result {
        match self {
            Cell::Value(it) => f.write_str(&value(it)),
            Cell::NotApplicable => f.write_str("N/A"),
            Cell::NoInformation => f.write_str("no_information"),
            Cell::NotSupported => f.write_str("not_supported"),
            Cell::Missing => Ok(()),
            Cell::Unreadable(text) => f.write_str(text),
        }
    }
}
