//! The IAM credential report: one row per user, and one for the root user.
//!
//! Each line is parsed separately: no value can contain a line break, and an unclosed quote affects only its own line.
//! Every line is a row, a duplicate, or unreadable; every cell is a known value or unreadable.
//!
//! Source: IAM User Guide, "Generate credential reports for your AWS account".

mod cell;
mod line;
mod row;
#[cfg(any(test, feature = "cases"))]
#[expect(clippy::panic, reason = "only tests use the samples, and a bad change is a mistake in a test")]
pub mod samples;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

pub use cell::Cell;
use line::{Header, LineSplitter};
pub use row::{AccessKey, COLUMNS, Certificate, Password, ROOT_USER, Row, UnreadableRow};

/// The readable rows of a report, and its problems.
#[derive(Clone, Debug, Default)]
pub struct CredentialReport {
    rows: Vec<Row>,
    unreadable_rows: Vec<UnreadableRow>,
    contradictions: Vec<Contradiction>,
    repeated_rows: usize,
    missing_columns: Vec<&'static str>,
}

/// A user with two rows that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The user, as in [`Row::user`].
    pub user: String,
    /// The lines of the report, from 1: the first row, and those that differ from it.
    pub lines: Vec<usize>,
}

impl CredentialReport {
    /// Reads a report, by the names in its header.
    ///
    /// # Errors
    /// A phrase that says why it is not a credential report.
    pub fn parse(csv: &[u8]) -> Result<CredentialReport, String> {
        if csv.starts_with(b"\xff\xfe") || csv.starts_with(b"\xfe\xff") {
            return Err("it is UTF-16; it must be UTF-8".to_owned());
        }
        let csv = csv.strip_prefix(b"\xef\xbb\xbf").unwrap_or(csv);
        let mut line = LineSplitter::new();
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

    /// Every readable row in the order of the file, including the root user's.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Every unreadable line, in the order of the file.
    pub fn unreadable_rows(&self) -> &[UnreadableRow] {
        &self.unreadable_rows
    }

    /// Users with different rows. All of these rows are in [`CredentialReport::rows`].
    pub fn contradictions(&self) -> &[Contradiction] {
        &self.contradictions
    }

    /// The number of duplicate lines, which are in no other list.
    pub fn repeated_rows(&self) -> usize {
        self.repeated_rows
    }

    /// The columns of [`COLUMNS`] that are missing in the report.
    pub fn missing_columns(&self) -> &[&'static str] {
        &self.missing_columns
    }

    /// The root user's first row.
    pub fn root(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.is_root())
    }

    /// The account in the root user's ARN, or else in the first ARN.
    pub fn account(&self) -> Option<&str> {
        self.root().and_then(Row::account).or_else(|| self.rows.iter().find_map(Row::account))
    }

    /// Removes duplicate rows, and finds users with different rows.
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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    use super::samples::BaseRow;
    use super::*;

    const ROOT: BaseRow = BaseRow::Root(&[]);
    const ALICE: BaseRow = BaseRow::Person(&[]);
    const DEPLOY: BaseRow = BaseRow::Machine(&[]);

    fn parse(csv: &str) -> CredentialReport {
        CredentialReport::parse(csv.as_bytes()).unwrap_or_else(|error| panic!("{error}: {csv}"))
    }

    /// A report of these columns, by their places in [`COLUMNS`].
    fn of_columns(columns: &[usize], rows: &[BaseRow]) -> String {
        let line = |cells: &[String]| {
            columns.iter().map(|column| cells[*column].clone()).collect::<Vec<_>>().join(",")
        };
        let rows = rows.iter().map(|row| line(&row.cells()));
        let header = line(&COLUMNS.map(str::to_owned));
        std::iter::once(header).chain(rows).collect::<Vec<_>>().join("\n")
    }

    fn all_columns() -> Vec<usize> {
        (0..COLUMNS.len()).collect()
    }

    /// The same rows, on whatever lines they are.
    fn rows(report: &CredentialReport) -> Vec<Row> {
        let mut rows: Vec<Row> = report.rows().iter().map(|row| Row { line: 0, ..row.clone() }).collect();
        rows.sort_by(|one, other| one.user.cmp(&other.user));
        rows
    }

    #[test]
    fn a_row_is_what_its_line_says() {
        let report = parse(&of_columns(&all_columns(), &[ROOT, ALICE, DEPLOY]));
        let at = |date: &str| Cell::Value(date.parse::<DateTime<Utc>>().unwrap());
        let [root, alice, deploy] = report.rows() else { panic!("{report:#?}") };
        assert_eq!((root.line, alice.line, deploy.line), (2, 3, 4));
        assert!(root.is_root() && !alice.is_root() && report.root() == Some(root));
        assert_eq!((root.account(), root.partition()), (Some("111122223333"), Some("aws")));
        assert_eq!(root.password.next_rotation, Cell::NotSupported);
        assert_eq!(alice.user, "alice");
        assert_eq!(alice.arn.as_deref(), Some("arn:aws:iam::111122223333:user/alice"));
        assert_eq!(alice.created, at("2024-01-15T09:30:00Z"));
        assert_eq!(alice.password.enabled, Cell::Value(true));
        assert_eq!(alice.password.last_used, at("2026-03-31T16:20:00Z"));
        assert_eq!(alice.password.last_changed, at("2026-02-20T08:00:00Z"));
        assert_eq!(alice.password.next_rotation, Cell::NotApplicable);
        assert_eq!(alice.mfa_active, Cell::Value(true));
        assert_eq!(deploy.mfa_active, Cell::Value(false));
        let [key, none] = &deploy.access_keys;
        assert_eq!((&key.active, &key.last_rotated), (&Cell::Value(true), &at("2026-02-15T07:00:00Z")));
        assert_eq!(key.last_used, at("2026-03-31T23:59:00Z"));
        assert_eq!(key.last_used_region, Cell::Value("us-east-1".to_owned()));
        assert_eq!(key.last_used_service, Cell::Value("s3".to_owned()));
        assert_eq!((&none.active, &none.last_rotated), (&Cell::Value(false), &Cell::NotApplicable));
        let [certificate, _] = &deploy.certificates;
        assert_eq!(
            (&certificate.active, &certificate.last_rotated),
            (&Cell::Value(false), &Cell::NotApplicable)
        );
        assert_eq!(deploy.additional, Cell::NotApplicable);
    }

    #[test]
    fn every_column_is_shown_unchanged() {
        for row in [ROOT, ALICE, DEPLOY] {
            let cells = row.cells();
            let report = parse(&of_columns(&all_columns(), &[row]));
            for (column, cell) in COLUMNS.iter().zip(cells) {
                let cell = if cell.is_empty() { "N/A".to_owned() } else { cell.replace("+00:00", "Z") };
                assert_eq!(report.rows()[0].shown(column), Some(cell), "{column}");
            }
        }
    }

    #[test]
    fn the_columns_may_be_fewer_more_or_in_another_order() {
        let whole = parse(&of_columns(&all_columns(), &[ROOT, ALICE, DEPLOY]));
        assert!(whole.missing_columns().is_empty());

        let mut backwards = all_columns();
        backwards.reverse();
        assert_eq!(rows(&parse(&of_columns(&backwards, &[DEPLOY, ROOT, ALICE]))), rows(&whole));

        let as_usual = parse(&of_columns(&all_columns()[..22], &[ROOT, ALICE]));
        assert_eq!(as_usual.missing_columns(), ["additional_credentials_info"]);
        assert_eq!(as_usual.rows()[1].additional, Cell::Missing);

        // Before April 2015 nothing was said of when a key was used.
        let sixteen: Vec<usize> = all_columns()
            .into_iter()
            .filter(|at| {
                *at < 22
                    && !COLUMNS[*at].contains("_key_1_last_used")
                    && !COLUMNS[*at].contains("_key_2_last_used")
            })
            .collect();
        assert_eq!(sixteen.len(), 16);
        let old = parse(&of_columns(&sixteen, &[ROOT, DEPLOY]));
        assert_eq!(old.missing_columns().len(), 7);
        let key = &old.rows()[1].access_keys[0];
        assert_eq!((&key.active, &key.last_used), (&Cell::Value(true), &Cell::Missing));
        assert_eq!(old.rows()[1].certificates[0].active, Cell::Value(false));

        let wider = of_columns(&all_columns(), &[ROOT, ALICE, DEPLOY]);
        let wider: Vec<String> = wider
            .lines()
            .enumerate()
            .map(
                |(at, line)| {
                    if at == 0 { format!("passkeys,{line},more") } else { format!("\"1,2\",{line},") }
                },
            )
            .collect();
        assert_eq!(rows(&parse(&wider.join("\n"))), rows(&whole));
    }

    #[test]
    fn line_ends_quotes_and_capitals_do_not_matter() {
        let plain = of_columns(&all_columns(), &[ROOT, ALICE, DEPLOY]);
        let whole = parse(&plain);
        let quoted: Vec<String> =
            plain.lines().map(|line| format!("\"{}\"", line.replace(',', "\",\""))).collect();
        for (name, other) in [
            ("CRLF", plain.replace('\n', "\r\n")),
            ("CR alone", plain.replace('\n', "\r")),
            ("a final line break", format!("{plain}\n")),
            ("a final CRLF", format!("{plain}\r\n")),
            ("empty lines", format!("\n{}\n\n", plain.replace('\n', "\n\n"))),
            ("a byte order mark", format!("\u{feff}{plain}")),
            (
                "capitals",
                plain
                    .replace("true", "TRUE")
                    .replace("false", "False")
                    .replace("not_supported", "Not_Supported")
                    .replace("N/A", "n/a"),
            ),
            ("Z", plain.replace("+00:00", "Z")),
            ("a fraction of a second", plain.replace("+00:00", ".000Z")),
            ("another zone", plain.replace("T08:00:00+00:00", "T10:00:00+02:00")),
            ("spaces", plain.replace(",true", ", true ")),
            ("quotes", quoted.join("\n")),
            ("the header in capitals", plain.replacen("password_enabled", "PASSWORD_ENABLED", 1)),
            ("every row twice", format!("{plain}\n{}", plain.lines().skip(1).collect::<Vec<_>>().join("\n"))),
        ] {
            let report = parse(&other);
            assert_eq!(rows(&report), rows(&whole), "{name}");
            assert!(report.unreadable_rows().is_empty() && report.contradictions().is_empty(), "{name}");
            assert_eq!(report.repeated_rows(), if name == "every row twice" { 3 } else { 0 }, "{name}");
        }
    }

    #[test]
    fn a_cell_that_contains_commas_is_joined_again() {
        let rest = "2024-01-15T09:30:00Z,true,N/A,N/A,N/A,TRUE,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A";
        let header = COLUMNS.join(",");
        for (name, line, user, arn, additional) in [
            (
                "a name",
                format!("a,b,arn:aws:iam::111122223333:user/a,b,{rest},"),
                "a,b",
                "arn:aws:iam::111122223333:user/a,b",
                "",
            ),
            (
                "a quoted name",
                format!("\"a,b\",\"arn:aws:iam::111122223333:user/a,b\",{rest},"),
                "a,b",
                "arn:aws:iam::111122223333:user/a,b",
                "",
            ),
            (
                "a name, quoted where it is alone",
                format!("\"a,b\",arn:aws:iam::111122223333:user/a,b,{rest},"),
                "a,b",
                "arn:aws:iam::111122223333:user/a,b",
                "",
            ),
            (
                "commas at both ends",
                format!(",a,,arn:aws:iam::111122223333:user/,a,,{rest},"),
                ",a,",
                "arn:aws:iam::111122223333:user/,a,",
                "",
            ),
            (
                "a path",
                format!("bob,arn:aws:iam::111122223333:user/x,y/bob,{rest},"),
                "bob",
                "arn:aws:iam::111122223333:user/x,y/bob",
                "",
            ),
            (
                "a path that ends like the name before it ends",
                format!("bob,arn:aws:iam::111122223333:user/x/bob,y/bob,{rest},"),
                "bob",
                "arn:aws:iam::111122223333:user/x/bob,y/bob",
                "",
            ),
            (
                "a path with quotes",
                format!("bob,\"arn:aws:iam::111122223333:user/\"\"x,\"\"/bob\",{rest},"),
                "bob",
                "arn:aws:iam::111122223333:user/\"x,\"/bob",
                "",
            ),
            (
                "the last column",
                format!("bob,arn:aws:iam::111122223333:user/bob,{rest},1 more, see ListAccessKeys"),
                "bob",
                "arn:aws:iam::111122223333:user/bob",
                "1 more, see ListAccessKeys",
            ),
            (
                "everything",
                format!("a,b,arn:aws:iam::111122223333:user/x,y/a,b,{rest},1 more, see ListAccessKeys,2"),
                "a,b",
                "arn:aws:iam::111122223333:user/x,y/a,b",
                "1 more, see ListAccessKeys,2",
            ),
        ] {
            let report = parse(&format!("{header}\n{line}"));
            assert!(report.unreadable_rows().is_empty(), "{name}: {report:#?}");
            let row = &report.rows()[0];
            assert_eq!((&row.user[..], row.arn.as_deref()), (user, Some(arn)), "{name}");
            assert_eq!(row.created, Cell::Value("2024-01-15T09:30:00Z".parse().unwrap()), "{name}");
            assert_eq!(row.mfa_active, Cell::Value(true), "{name}");
            assert_eq!(row.certificates[1].last_rotated, Cell::NotApplicable, "{name}");
            assert_eq!(row.additional.value().map_or("", |text| text), additional, "{name}");
            if additional.is_empty() {
                // Without the last column there is less to choose from.
                let line = line.strip_suffix(',').unwrap();
                let header = header.strip_suffix(",additional_credentials_info").unwrap();
                let report = parse(&format!("{header}\n{line}"));
                assert_eq!(report.rows()[0].arn.as_deref(), Some(arn), "{name}, 22 columns");
            }
        }
    }

    #[test]
    fn an_unreadable_line_is_reported_and_the_others_are_read() {
        let whole = of_columns(&all_columns(), &[ROOT, ALICE, DEPLOY]);
        let alice = ALICE.cells().join(",");
        for (name, line, user) in [
            (
                "cut off",
                "alice,arn:aws:iam::111122223333:user/alice,2024-01-15T09:3".to_owned(),
                Some("alice"),
            ),
            (
                "cut off, with a comma in the name",
                "a,b,arn:aws:iam::111122223333:user/a,b,2024-01".to_owned(),
                Some("a,b"),
            ),
            ("cut off in the ARN", "alice,ar".to_owned(), None),
            ("one word", "garbage".to_owned(), None),
            ("an unclosed quote", format!("\"{alice}"), None),
            ("an unclosed quote, further on", alice.replacen(",true", ",\"true", 1), Some("alice")),
            ("no ARN", alice.replacen("arn:aws:", "", 1), None),
            ("no name", alice.replacen("alice", "", 1), None),
            ("very many commas", ",".repeat(100_000), None),
            ("very many commas after an ARN", format!("alice,arn:{}", ",".repeat(100_000)), Some("alice")),
        ] {
            let csv = whole.replacen(&format!("\n{alice}"), &format!("\n{line}"), 1);
            let report = parse(&csv);
            let [unreadable] = report.unreadable_rows() else { panic!("{name}: {report:#?}") };
            assert_eq!((unreadable.line, unreadable.user.as_deref()), (3, user), "{name}");
            assert!(!unreadable.reason.is_empty(), "{name}");
            let users: Vec<&str> = report.rows().iter().map(|row| &row.user[..]).collect();
            assert_eq!(users, [ROOT_USER, "deploy"], "{name}");
        }
        let too_many = of_columns(&all_columns()[..22], &[ROOT, ALICE]).replacen(",true", ",true,true", 1);
        let report = parse(&too_many);
        assert_eq!((report.rows().len(), report.unreadable_rows()[0].line), (1, 2));
    }

    #[test]
    fn invalid_utf_8_makes_its_cell_unreadable_or_its_row_if_it_is_the_name() {
        let csv = of_columns(&all_columns(), &[ROOT, ALICE]);
        let with = |from: &str, to: &[u8]| {
            let at = csv.rfind(from).unwrap();
            let bytes = [&csv.as_bytes()[..at], to, &csv.as_bytes()[at + from.len()..]].concat();
            CredentialReport::parse(&bytes).unwrap()
        };
        let cell = with("2026-03-31", b"\xff");
        assert_eq!(cell.rows()[1].unreadable_columns(), ["password_last_used"]);
        for (name, report) in
            [("user", with("alice,arn", b"al\xffce,arn")), ("arn", with("user/alice", b"user/al\xffce"))]
        {
            assert_eq!(report.rows().len(), 1, "{name}");
            let [unreadable] = report.unreadable_rows() else { panic!("{report:#?}") };
            assert_eq!(unreadable.user.as_deref(), (name == "arn").then_some("alice"));
            assert!(unreadable.reason.contains(&format!("column {name}")), "{}", unreadable.reason);
        }
    }

    #[test]
    fn differing_rows_of_one_user_are_all_kept_and_reported() {
        let csv = of_columns(
            &all_columns(),
            &[
                ROOT,
                ALICE,
                BaseRow::Person(&[("mfa_active", "false")]),
                ALICE,
                BaseRow::Person(&[("mfa_active", "?")]),
                DEPLOY,
            ],
        );
        let report = parse(&csv);
        assert_eq!(report.rows().len(), 5);
        assert_eq!(report.repeated_rows(), 1);
        let expected = Contradiction { user: "alice".to_owned(), lines: vec![3, 4, 6] };
        assert_eq!(report.contradictions(), [expected]);
    }

    #[test]
    fn names_are_kept_as_they_are_whatever_they_hold() {
        for user in [
            "=cmd|'/C calc'!A0",
            "\u{202e}ecila",
            "<root_account> ",
            "root",
            "\u{1b}[31m",
            "a.b@c+d=e_f-g",
            "ROOT",
        ] {
            let csv = of_columns(&all_columns(), &[ROOT, ALICE]).replacen("\nalice", &format!("\n{user}"), 1);
            let report = parse(&csv);
            assert_eq!(report.rows()[1].user, user);
            assert!(!report.rows()[1].is_root(), "{user}");
        }
    }

    #[test]
    fn every_partition_has_accounts() {
        for partition in ["aws", "aws-us-gov", "aws-cn"] {
            let csv =
                of_columns(&all_columns(), &[ALICE, ROOT]).replace("arn:aws:", &format!("arn:{partition}:"));
            let report = parse(&csv);
            assert_eq!(report.account(), Some("111122223333"), "{partition}");
            assert_eq!(report.rows()[0].partition(), Some(partition));
        }
        let without_root = parse(&of_columns(&all_columns(), &[ALICE]));
        assert_eq!((without_root.root(), without_root.account()), (None, Some("111122223333")));
        let no_account = of_columns(&all_columns(), &[ALICE]).replace("111122223333", "x");
        assert_eq!(parse(&no_account).account(), None);
    }

    #[test]
    fn an_invalid_credential_report_is_refused_with_the_expected_form() {
        for (csv, said) in [
            (&b""[..], "it is empty"),
            (b"\n\r\n \n", "it is empty"),
            (b"\xef\xbb\xbf", "it is empty"),
            (b"\xff\xfeu\0s\0e\0r\0", "it is UTF-16; it must be UTF-8"),
            (
                b"dXNlcixhcm4s",
                "its first line begins with \"dXNlcixhcm4s\"; it must be the header of a credential report, with the column user, as `aws iam get-credential-report --query Content --output text | base64 -d` prints it",
            ),
            (
                b"arn,mfa_active\nx,true",
                "its first line begins with \"arn\"; it must be the header of a credential report, with the column user, as `aws iam get-credential-report --query Content --output text | base64 -d` prints it",
            ),
            (b"user,mfa_active,MFA_ACTIVE\nx,true,false", "its header has the column mfa_active twice"),
        ] {
            assert_eq!(CredentialReport::parse(csv).unwrap_err(), said);
        }
        assert!(
            CredentialReport::parse(b"user").unwrap().rows().is_empty(),
            "no rows are for the caller to judge"
        );
    }

    #[test]
    fn a_date_after_the_report_is_unreadable_but_for_the_next_change_of_a_password() {
        let generated: DateTime<Utc> = "2026-04-01T08:15:00Z".parse().unwrap();
        let row = |date: &str, column: usize| {
            let csv = of_columns(&all_columns(), &[ALICE]);
            let (header, line) = csv.split_once('\n').unwrap();
            let mut cells: Vec<&str> = line.split(',').collect();
            cells[column] = date;
            parse(&format!("{header}\n{}", cells.join(","))).rows()[0].clone()
        };
        for (column, name) in COLUMNS.iter().enumerate().skip(2) {
            let is_date = name.contains("_last_used_date")
                || name.contains("_last_rotated")
                || name.contains("_time")
                || ["password_last_used", "password_last_changed"].contains(name);
            let later = row("2026-04-02T08:15:01Z", column);
            assert_eq!(later.has_dates_after(generated), is_date, "{name}");
            if is_date {
                assert_eq!(later.without_dates_after(generated).unreadable_columns(), [*name]);
                let sooner = row("2026-04-02T08:15:00Z", column);
                assert!(!sooner.has_dates_after(generated), "{name}");
            }
            assert!(!later.has_dates_after(DateTime::<Utc>::MAX_UTC), "{name}");
        }
    }

    /// Bytes of which some are much like a report.
    fn reports() -> impl Strategy<Value = Vec<u8>> {
        let bits = prop::sample::select(vec![
            "\n",
            "\r\n",
            "\r",
            ",",
            "\"",
            "\"\"",
            "arn:",
            "/",
            "user/",
            "alice",
            "a,b",
            "true",
            "FALSE",
            "N/A",
            "no_information",
            "not_supported",
            "2026-04-01T08:15:00Z",
            "9999-12-31T23:59:59+00:00",
            "arn:aws:iam::111122223333:user/alice",
            "<root_account>",
            "\u{feff}",
            "\u{0}",
            "é",
            " ",
        ]);
        let row = prop::sample::select(vec![ROOT, ALICE, DEPLOY]).prop_map(|row| row.cells().join(","));
        let part = prop_oneof![
            4 => bits.prop_map(|bit| bit.as_bytes().to_vec()),
            2 => row.prop_map(|row| format!("\n{row}").into_bytes()),
            1 => prop::collection::vec(any::<u8>(), 0..8),
        ];
        let header = prop_oneof![
            3 => Just(COLUMNS.join(",")),
            1 => Just(COLUMNS[..22].join(",")),
            1 => Just("arn,user,mfa_active".to_owned()),
            1 => Just("user".to_owned()),
            1 => Just(String::new()),
        ];
        (header, prop::collection::vec(part, 0..60))
            .prop_map(|(header, parts)| [header.into_bytes(), parts.concat()].concat())
    }

    proptest! {
        #[test]
        fn no_line_is_lost_and_nothing_panics(csv in reports()) {
            let Ok(report) = CredentialReport::parse(&csv) else { return Ok(()) };
            // A line ends in any of the three ways.
            let mut breaks = csv.clone();
            for at in 0..breaks.len() {
                if breaks[at] == b'\r' && breaks.get(at + 1) != Some(&b'\n') {
                    breaks[at] = b'\n';
                }
            }
            let data: Vec<usize> = breaks
                .strip_prefix(b"\xef\xbb\xbf")
                .unwrap_or(&breaks)
                .split(|byte| *byte == b'\n')
                .enumerate()
                .filter(|(_, line)| !line.trim_ascii_end().is_empty())
                .skip(1)
                .map(|(at, _)| at + 1)
                .collect();
            let rows = report.rows().len() + report.repeated_rows() + report.unreadable_rows().len();
            prop_assert_eq!(rows, data.len(), "{}: {:#?}", String::from_utf8_lossy(&csv), report);
            let numbers = report.rows().iter().map(|row| row.line);
            for number in numbers.chain(report.unreadable_rows().iter().map(|row| row.line)) {
                prop_assert!(data.contains(&number), "{}", number);
            }
            for row in report.rows() {
                let _ = (row.account(), row.partition(), row.unreadable_columns());
                let _ = COLUMNS.map(|column| row.shown(column));
            }
        }

        /// Any name that IAM allows, on any path, with or without quotes.
        #[test]
        fn a_name_that_iam_accepts_is_read_as_it_is(name in "[A-Za-z0-9_+=,.@-]{1,64}", path in "(/[!#-~]{1,20}){0,2}/", quote: bool) {
            let arn = format!("arn:aws:iam::111122223333:user{path}{name}");
            let quoted = |text: &str| if quote { format!("\"{text}\"") } else { text.to_owned() };
            let mut row = ALICE.cells();
            (row[0], row[1]) = (quoted(&name), quoted(&arn));
            for columns in [22, 23] {
                let report = parse(&format!("{}\n{}", COLUMNS[..columns].join(","), row[..columns].join(",")));
                prop_assert!(report.unreadable_rows().is_empty(), "{:?}", report);
                let read = &report.rows()[0];
                prop_assert_eq!((&read.user, read.arn.as_ref()), (&name, Some(&arn)));
                prop_assert_eq!(&read.mfa_active, &Cell::Value(true));
            }
        }
    }
}
