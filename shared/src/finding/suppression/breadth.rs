//! Whether an entry may suppress findings that were not intended.

use super::{RuleSelector, Suppression};
use crate::glob::Glob;
use crate::text;

impl Suppression {
    /// Whether it may suppress findings that were not intended: it does not name one rule, one account, and one
    /// principal, resource or address.
    pub fn is_broad(&self) -> bool {
        !self.broad_because().is_empty()
    }

    /// Why it may suppress findings that were not intended: phrases without an end.
    pub fn broad_because(&self) -> Vec<&'static str> {
        let is_wild = |glob: &Option<Glob>| glob.as_ref().is_some_and(|glob| !glob.is_exact());
        let one_address = self.source_ip.map(|range| range.prefix_len() == range.max_prefix_len());
        let names_nothing = self.principal.is_none() && self.resource.is_none() && one_address != Some(true);
        let reasons = [
            (matches!(self.selector, RuleSelector::Family(_)), "it names a family of rules"),
            (!self.account.is_exact(), "it names every account"),
            (is_wild(&self.principal), "its principal has a *"),
            (is_wild(&self.resource), "its resource has a *"),
            (
                self.has_bare_resource(),
                "its resource is a bare name, which a user, a role and others may share; write user/NAME, role/NAME or \
                 the ARN",
            ),
            (names_nothing && one_address.is_none(), "it names no principal, resource or address"),
            (
                names_nothing && one_address.is_some(),
                "it names a range of addresses, and no principal or resource",
            ),
        ];
        reasons.into_iter().filter(|(is_so, _)| *is_so).map(|(_, reason)| reason).collect()
    }

    /// Whether the resource is a name that things of several kinds may have. What sign-ins and IAM Identity Center name
    /// (an event, a directory, a group's id, an account) are no such names.
    fn has_bare_resource(&self) -> bool {
        !matches!(self.family(), "sign-in" | "identity-center" | "root")
            && self
                .resource
                .as_ref()
                .is_some_and(|name| name.is_exact() && text::iam_name(name.beginning()).is_some())
    }
}
