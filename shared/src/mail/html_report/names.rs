//! Accounts and principals as the report shows them.

use super::markup::Markup;
use super::overview::PrincipalLabel;
use crate::config::Config;

/// Writes the account: its configured name and its id, or the id alone.
pub(super) fn account(page: &mut Markup, account: &str, config: &Config) {
    match config.account_names.get(account) {
        Some(name) => page.text(name).raw(" <span class=\"small\">").text(account).raw("</span>"),
        None => page.text(account),
    };
}

/// Writes the principal and AWS's type of it.
pub(super) fn principal(page: &mut Markup, who: &PrincipalLabel) {
    match who {
        PrincipalLabel::Named { name, kind } => {
            page.text(name);
            if !kind.is_empty() {
                page.raw(" <span class=\"small\">").text(kind).raw("</span>");
            }
        }
        PrincipalLabel::Hidden => {
            page.raw("<i>hidden by AWS: no such user</i>");
        }
        PrincipalLabel::Unknown => {
            page.raw("<i>not named</i>");
        }
    }
}
