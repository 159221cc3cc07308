//! The table of the rules over the credential report.

use super::check::Check;
use super::{access_key, certificate, password, root, user};

/// Every rule over the report.
pub fn table() -> impl Iterator<Item = &'static Check> {
    [root::CHECKS, password::CHECKS, access_key::CHECKS, certificate::CHECKS, user::CHECKS]
        .into_iter()
        .flatten()
}
