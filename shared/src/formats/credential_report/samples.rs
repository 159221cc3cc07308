//! Sample rows of a credential report, for tests.

use super::row::COLUMNS;

/// A sample row, with the columns to change in it. Unchanged it raises no finding.
#[derive(Clone, Copy, Debug)]
pub enum BaseRow {
    /// Root with password and second factor, not used for months.
    Root(&'static [(&'static str, &'static str)]),
    /// Alice with password and second factor, who signed in yesterday.
    Person(&'static [(&'static str, &'static str)]),
    /// The user deploy, without a password, with one access key of February that was used yesterday.
    Machine(&'static [(&'static str, &'static str)]),
}

impl BaseRow {
    /// The cells of the changed row, in the order of [`COLUMNS`].
    ///
    /// # Panics
    /// If a change names a column that does not exist.
    pub fn cells(self) -> Vec<String> {
        let (base, changes) = match self {
            BaseRow::Root(changes) => (ROOT, changes),
            BaseRow::Person(changes) => (PERSON, changes),
            BaseRow::Machine(changes) => (MACHINE, changes),
        };
        let mut cells: Vec<String> = base.split(',').map(str::to_owned).collect();
        assert_eq!(cells.len(), COLUMNS.len(), "{base}");
        for (column, value) in changes {
            let place = COLUMNS.iter().position(|known| known == column);
            cells[place.unwrap_or_else(|| panic!("{column} is not a column"))] = (*value).to_owned();
        }
        cells
    }
}

/// A report of these rows, as AWS writes it: with 23 columns, without a line break at its end.
pub fn csv(rows: &[BaseRow]) -> String {
    let rows = rows.iter().map(|row| row.cells().join(","));
    std::iter::once(COLUMNS.join(",")).chain(rows).collect::<Vec<_>>().join("\n")
}

const ROOT: &str = "<root_account>,arn:aws:iam::111122223333:root,2019-05-05T00:00:00+00:00,true,\
    2025-11-03T09:12:44+00:00,2024-01-05T10:00:00+00:00,not_supported,true,\
    false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A,";

const PERSON: &str = "alice,arn:aws:iam::111122223333:user/alice,2024-01-15T09:30:00+00:00,true,\
    2026-03-31T16:20:00+00:00,2026-02-20T08:00:00+00:00,N/A,true,\
    false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A,";

const MACHINE: &str = "deploy,arn:aws:iam::111122223333:user/ci/deploy,2024-03-01T00:00:00+00:00,false,\
    N/A,N/A,N/A,false,\
    true,2026-02-15T07:00:00+00:00,2026-03-31T23:59:00+00:00,us-east-1,s3,\
    false,N/A,N/A,N/A,N/A,false,N/A,false,N/A,";
