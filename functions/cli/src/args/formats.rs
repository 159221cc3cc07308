//! The values of `--format`. Their comments are printed by `--help`.

use clap::ValueEnum;

/// How to print findings.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FindingFormat {
    /// The mails that would be sent: one for each principal or address, with what to do next.
    Text,
    /// One finding a line, never grouped or left out.
    Json,
    /// One OCSF Detection Finding a line.
    Ocsf,
}

/// How to print a credential report: its findings or, with `--list`, its users.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// The mail that would be sent, with what to do next.
    Text,
    /// One finding, or one user, a line.
    Json,
    /// One OCSF Detection Finding a line.
    Ocsf,
    /// Users in aligned columns.
    Table,
    /// Users as comma-separated values with a header.
    Csv,
}

/// How to print a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// Aligned columns.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One object a line.
    Json,
}

/// How to print the rules.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RulesFormat {
    /// Aligned columns.
    Table,
    /// One array.
    Json,
}
