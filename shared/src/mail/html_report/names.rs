//! Accounts and principals as the report shows them.

use super::markup::Markup;
use super::overview::PrincipalLabel;
use crate::config::Config;

/// Writes the account: its configured name and its id, or the id alone.
pub(super) fn account(report: &mut Markup, account: &str, config: &Config) {
    match config.account_names.get(account) {
        Some(name) => report.text(name).raw(" <span class=\"small\">").text(account).raw("</span>"),
        None => report.text(account),
    };
}

/// Writes the principal and AWS's type of it.
pub(super) fn principal(report: &mut Markup, who: &PrincipalLabel) {
    match who {
        PrincipalLabel::Named { name, kind } => {
            report.text(name);
            if !kind.is_empty() {
                report.raw(" <span class=\"small\">").text(kind).raw("</span>");
            }
        }
        PrincipalLabel::Hidden => {
            report.raw("<i>hidden by AWS: no such user</i>");
        }
        PrincipalLabel::Unknown => {
            report.raw("<i>not named</i>");
        }
    }
}
