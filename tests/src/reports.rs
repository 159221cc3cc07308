//! Credential reports as IAM makes them: few users for a test, or thousands that a seed decides.
//!
//! Sources: IAM User Guide, "Generate credential reports for your AWS account"; reports of real accounts, from
//! which come the lower-case `true` and `false`, the order of the rows and the missing last line end.

#![allow(clippy::expect_used, reason = "a test stops at the first thing that is not so")]

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::corpus::Rng;

/// The columns of the guide, in its order.
const COLUMNS: [&str; 23] = [
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

/// Which columns a report has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// The 16 of old reports: nothing about when, where and for what keys were used.
    Sixteen,
    /// The 22 that most accounts get.
    TwentyTwo,
    /// The 23 of the guide.
    TwentyThree,
}

impl Columns {
    /// Their names, in order.
    pub fn names(self) -> Vec<&'static str> {
        let there = |name: &&str| match self {
            Columns::Sixteen => !name.contains("_last_used_") && *name != "additional_credentials_info",
            Columns::TwentyTwo => *name != "additional_credentials_info",
            Columns::TwentyThree => true,
        };
        COLUMNS.into_iter().filter(there).collect()
    }
}

/// How IAM writes a time here.
pub fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// One row: the root user or another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    name: String,
    cells: BTreeMap<&'static str, String>,
}

impl User {
    /// A user without a password, a second factor, keys and certificates.
    pub fn new(name: &str, created: DateTime<Utc>) -> User {
        let cell = |column: &'static str| {
            let text = match column {
                "additional_credentials_info" => "",
                _ if column.ends_with("_active") || column.ends_with("_enabled") => "false",
                _ => "N/A",
            };
            (column, text.to_owned())
        };
        let user = User { name: name.to_owned(), cells: COLUMNS.into_iter().map(cell).collect() };
        user.with("user", name).with("user_creation_time", &time(created))
    }

    /// The root user, with a password, which has not been used, and a second factor; without keys.
    pub fn root(created: DateTime<Utc>) -> User {
        let root = User::new("<root_account>", created).with("password_enabled", "true").mfa();
        let root = root.with("password_last_used", "no_information");
        root.with("password_last_changed", &time(created)).with("password_next_rotation", "not_supported")
    }

    /// The root user as in older reports, which do not say whether it has a password.
    pub fn root_of_old(created: DateTime<Utc>) -> User {
        let root = User::root(created).with("password_enabled", "not_supported");
        root.with("password_last_changed", "not_supported")
    }

    /// Sets any cell to any text.
    #[must_use]
    pub fn with(mut self, column: &str, text: &str) -> User {
        let cell = self.cells.get_mut(column).expect("it is one of the columns");
        text.clone_into(cell);
        self
    }

    fn with_time(self, column: &str, at: Option<DateTime<Utc>>, absent: &str) -> User {
        self.with(column, &at.map_or(absent.to_owned(), time))
    }

    /// A password, and when it was last used.
    #[must_use]
    pub fn password(self, changed: DateTime<Utc>, used: Option<DateTime<Utc>>) -> User {
        let user = self.with("password_enabled", "true").with("password_last_changed", &time(changed));
        user.with_time("password_last_used", used, "no_information")
    }

    /// When the password has to be changed.
    #[must_use]
    pub fn password_until(self, next: DateTime<Utc>) -> User {
        self.with("password_next_rotation", &time(next))
    }

    /// A second factor.
    #[must_use]
    pub fn mfa(self) -> User {
        self.with("mfa_active", "true")
    }

    /// The first or the second access key, active, and when it was last used.
    #[must_use]
    pub fn key(self, n: usize, rotated: DateTime<Utc>, used: Option<DateTime<Utc>>) -> User {
        let of_key = |what: &str| format!("access_key_{n}_{what}");
        let (region, service) = if used.is_some() { ("us-east-1", "s3") } else { ("N/A", "N/A") };
        self.with(&of_key("active"), "true")
            .with(&of_key("last_rotated"), &time(rotated))
            .with_time(&of_key("last_used_date"), used, "N/A")
            .with(&of_key("last_used_region"), region)
            .with(&of_key("last_used_service"), service)
    }

    /// The same key, made inactive at that time. It keeps its dates.
    #[must_use]
    pub fn key_made_inactive(self, n: usize, at: DateTime<Utc>) -> User {
        let user = self.with(&format!("access_key_{n}_active"), "false");
        user.with(&format!("access_key_{n}_last_rotated"), &time(at))
    }

    /// The first or the second signing certificate, active.
    #[must_use]
    pub fn certificate(self, n: usize, rotated: DateTime<Utc>) -> User {
        let user = self.with(&format!("cert_{n}_active"), "true");
        user.with(&format!("cert_{n}_last_rotated"), &time(rotated))
    }
}

/// A credential report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    account: String,
    partition: &'static str,
    columns: Columns,
    root: Option<User>,
    users: Vec<User>,
}

impl Report {
    /// The report of an account that has a well-kept root user and no others; 22 columns.
    pub fn new(account: &str, created: DateTime<Utc>) -> Report {
        Report {
            account: account.to_owned(),
            partition: "aws",
            columns: Columns::TwentyTwo,
            root: Some(User::root(created)),
            users: Vec::new(),
        }
    }

    /// With these columns.
    #[must_use]
    pub fn columns(self, columns: Columns) -> Report {
        Report { columns, ..self }
    }

    /// In this partition, such as `aws-cn`.
    #[must_use]
    pub fn partition(self, partition: &'static str) -> Report {
        Report { partition, ..self }
    }

    /// With this root user.
    #[must_use]
    pub fn root(self, root: User) -> Report {
        Report { root: Some(root), ..self }
    }

    /// Without the root user: not as IAM makes it.
    #[must_use]
    pub fn without_root(self) -> Report {
        Report { root: None, ..self }
    }

    /// With one more user.
    #[must_use]
    pub fn user(mut self, user: User) -> Report {
        self.users.push(user);
        self
    }

    /// Its text: the root user first, then the others in the order of their names.
    pub fn csv(&self) -> String {
        let columns = self.columns.names();
        let mut users: Vec<&User> = self.users.iter().collect();
        users.sort_by_cached_key(|user| user.name.to_lowercase());
        let mut text = columns.join(",");
        for user in self.root.iter().chain(users) {
            text.push('\n');
            for (n, column) in columns.iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                match user.cells.get(column) {
                    Some(cell) if *column != "arn" || cell != "N/A" => push_cell(&mut text, cell),
                    _ => push_cell(&mut text, &self.arn(user)),
                }
            }
        }
        text
    }

    fn arn(&self, user: &User) -> String {
        let Report { account, partition, .. } = self;
        match user.name.as_str() {
            "<root_account>" => format!("arn:{partition}:iam::{account}:root"),
            name => format!("arn:{partition}:iam::{account}:user/{name}"),
        }
    }
}

fn push_cell(text: &mut String, cell: &str) {
    if cell.contains([',', '"']) {
        text.push('"');
        text.push_str(&cell.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(cell);
    }
}

/// A report of people who were given their passwords yesterday and have used them since: `alice` without a second
/// factor, which is all that is wrong, `alice+mfa` with one.
pub fn of_people(account: &str, now: DateTime<Utc>, users: &[&str]) -> Report {
    let yesterday = now - TimeDelta::days(1);
    let user = |name: &&str| {
        let user = |name: &str| User::new(name, yesterday).password(yesterday, Some(yesterday));
        name.strip_suffix("+mfa").map_or_else(|| user(name), |name| user(name).mfa())
    };
    users.iter().map(user).fold(Report::new(account, now - TimeDelta::days(900)), Report::user)
}

/// A kind of user: how many of a hundred are such, how it is called, and what it is like.
struct Kind {
    of_hundred: usize,
    prefix: &'static str,
    made: fn(User, &mut Past<'_>) -> User,
}

/// Times before a report was made.
struct Past<'a> {
    generated: DateTime<Utc>,
    rng: &'a mut Rng,
}

impl Past<'_> {
    /// This many days ago, and a part of a day.
    fn days(&mut self, from: usize, to: usize) -> DateTime<Utc> {
        let seconds = self.rng.between(from * 86_400, (to + 1) * 86_400 - 1);
        self.generated - TimeDelta::seconds(seconds as i64)
    }

    /// Such a time, unless it never was.
    fn days_or_never(&mut self, from: usize, to: usize) -> Option<DateTime<Utc>> {
        let at = self.days(from, to);
        (!self.rng.chance(30_000)).then_some(at)
    }
}

/// The users of an account with well and badly kept credentials.
const KINDS: [Kind; 12] = [
    // People: as it should be.
    Kind {
        of_hundred: 38,
        prefix: "ana.garcia",
        made: |user, past| user.password(past.days(1, 80), Some(past.days(0, 20))).mfa(),
    },
    Kind {
        of_hundred: 4,
        prefix: "wei.chen",
        made: |user, past| {
            let user = user.password(past.days(1, 80), Some(past.days(0, 20))).mfa();
            user.key(1, past.days(1, 80), Some(past.days(0, 10)))
        },
    },
    // Without a second factor.
    Kind {
        of_hundred: 9,
        prefix: "john.smith",
        made: |user, past| user.password(past.days(1, 80), Some(past.days(0, 20))),
    },
    // Gone, or never come.
    Kind {
        of_hundred: 8,
        prefix: "Maria.Rossi",
        made: |user, past| user.password(past.days(50, 900), past.days_or_never(46, 900)).mfa(),
    },
    // A password that has run out or soon will.
    Kind {
        of_hundred: 4,
        prefix: "li.na",
        made: |user, past| {
            let next = past.days(0, 30) + TimeDelta::days(15);
            user.password(next - TimeDelta::days(90), Some(past.days(0, 20))).mfa().password_until(next)
        },
    },
    // Machines: as it should be.
    Kind {
        of_hundred: 14,
        prefix: "svc-deploy",
        made: |user, past| user.key(1, past.days(1, 80), Some(past.days(0, 1))),
    },
    Kind { of_hundred: 3, prefix: "svc-none", made: |user, _| user },
    // A key that is old, one that is not used, and two at a time.
    Kind {
        of_hundred: 9,
        prefix: "svc-backup",
        made: |user, past| user.key(1, past.days(91, 1500), Some(past.days(0, 1))),
    },
    Kind {
        of_hundred: 5,
        prefix: "svc-report",
        made: |user, past| user.key(1, past.days(60, 1500), past.days_or_never(46, 900)),
    },
    Kind {
        of_hundred: 3,
        prefix: "svc-both",
        made: |user, past| {
            let user = user.key(1, past.days(1, 400), Some(past.days(0, 1)));
            user.key(2, past.days(1, 400), past.days_or_never(0, 100))
        },
    },
    // A key that was made inactive.
    Kind {
        of_hundred: 2,
        prefix: "svc-former",
        made: |user, past| {
            let user = user.key(2, past.days(400, 900), past.days_or_never(200, 399));
            user.key_made_inactive(2, past.days(1, 199))
        },
    },
    Kind { of_hundred: 1, prefix: "svc-soap", made: |user, past| user.certificate(1, past.days(1, 1500)) },
];

/// A report of this many users beside root, of all kinds, made at that time. The same seed gives the same report.
pub fn of_many(account: &str, generated: DateTime<Utc>, users: usize, seed: u64) -> Report {
    let mut rng = Rng::new(seed, 0);
    let mut past = Past { generated, rng: &mut rng };
    let mut report = Report::new(account, past.days(2000, 2500));
    for n in 0..users {
        let mut at = past.rng.below(100);
        let kind = KINDS.iter().find(|kind| {
            let found = at < kind.of_hundred;
            at = at.saturating_sub(kind.of_hundred);
            found
        });
        let kind = kind.expect("the shares of all kinds are a hundred together");
        let user = User::new(&format!("{}.{n:05}", kind.prefix), past.days(901, 1999));
        report = report.user((kind.made)(user, &mut past));
    }
    report
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const ACCOUNT: &str = "111122223333";

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn records(csv: &str) -> Vec<csv::StringRecord> {
        csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(csv.as_bytes())
            .into_records()
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn a_report_reads_as_those_of_iam_do() {
        let created = at("2019-05-05T00:00:00Z");
        let report = Report::new(ACCOUNT, created)
            .user(User::new("bob", created).key(1, created, None))
            .user(User::new("Alice", created).password(created, None).mfa());
        let expected = [
            "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
             password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,\
             access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,\
             access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,\
             access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,\
             cert_2_active,cert_2_last_rotated",
            "<root_account>,arn:aws:iam::111122223333:root,2019-05-05T00:00:00+00:00,true,no_information,\
             2019-05-05T00:00:00+00:00,not_supported,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,\
             false,N/A",
            "Alice,arn:aws:iam::111122223333:user/Alice,2019-05-05T00:00:00+00:00,true,no_information,\
             2019-05-05T00:00:00+00:00,N/A,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A",
            "bob,arn:aws:iam::111122223333:user/bob,2019-05-05T00:00:00+00:00,false,N/A,N/A,N/A,false,true,\
             2019-05-05T00:00:00+00:00,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A",
        ];
        assert_eq!(report.csv(), expected.join("\n"));
    }

    #[test]
    fn every_row_has_the_columns_that_were_asked_for() {
        let created = at("2019-05-05T00:00:00Z");
        for (columns, count) in [(Columns::Sixteen, 16), (Columns::TwentyTwo, 22), (Columns::TwentyThree, 23)]
        {
            let user = User::new("a,\"b\"", created).with("additional_credentials_info", "1, more");
            let report = Report::new(ACCOUNT, created).columns(columns).user(user).without_root();
            let records = records(&report.partition("aws-cn").csv());
            assert_eq!(records.iter().map(csv::StringRecord::len).collect::<Vec<_>>(), [count, count]);
            assert_eq!(&records[1][0], "a,\"b\"");
            assert_eq!(&records[1][1], "arn:aws-cn:iam::111122223333:user/a,\"b\"");
        }
    }

    #[test]
    fn a_seed_decides_about_many_users_of_every_kind() {
        let generated = at("2026-04-01T08:00:00Z");
        let csv = of_many(ACCOUNT, generated, 5_000, 1).csv();
        assert!(csv == of_many(ACCOUNT, generated, 5_000, 1).csv());
        assert!(csv != of_many(ACCOUNT, generated, 5_000, 2).csv());
        let records = records(&csv);
        let names: BTreeSet<&str> = records.iter().skip(1).map(|record| &record[0]).collect();
        assert_eq!(names.len(), 5_001, "each name once");
        assert_eq!(KINDS.iter().map(|kind| kind.of_hundred).sum::<usize>(), 100);
        for kind in &KINDS {
            let such = names.iter().filter(|name| name.starts_with(&format!("{}.", kind.prefix))).count();
            let expected = 50 * kind.of_hundred;
            assert!(such > expected / 2 && such < 2 * expected, "{} {such} times", kind.prefix);
        }
        for record in records.iter().skip(1) {
            for (cell, column) in record.iter().zip(COLUMNS) {
                let later = cell.parse().is_ok_and(|time: DateTime<Utc>| time > generated);
                assert!(!later || column == "password_next_rotation", "{column} of {record:?}");
            }
        }
    }
}
