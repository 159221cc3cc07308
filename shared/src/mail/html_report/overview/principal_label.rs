//! How the report names a principal.

use crate::finding::Principal;
use crate::text;

/// How many characters of a name or an address are kept. AWS makes no longer ones.
pub(super) const MAX_NAME_CHARS: usize = 256;

/// A principal's name and type, or why it has none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PrincipalLabel {
    /// The record names it.
    Named {
        /// The name, else the ARN. It may be untrusted.
        name: String,
        /// AWS's type: `IAMUser`.
        kind: String,
    },
    /// AWS hides the name, for no such user exists.
    Hidden,
    /// The record names no principal.
    Unknown,
}

impl PrincipalLabel {
    /// The label of a record's principal.
    pub fn of(principal: Option<&Principal>) -> PrincipalLabel {
        let Some(principal) = principal else {
            return PrincipalLabel::Unknown;
        };
        let kind = principal.kind.as_deref().unwrap_or_default();
        match principal.name.as_deref().or(principal.arn.as_deref()) {
            Some(name) => PrincipalLabel::Named {
                name: text::cut(if principal.root_session { "root session" } else { name }, MAX_NAME_CHARS),
                kind: text::cut(kind, MAX_NAME_CHARS),
            },
            None if principal.name_hidden => PrincipalLabel::Hidden,
            None => PrincipalLabel::Unknown,
        }
    }
}
