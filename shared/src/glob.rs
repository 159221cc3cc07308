//! Patterns with `*`.

/// A pattern in which `*` matches any text, and `\*` matches `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    /// The texts between the stars: one more than there are stars.
    parts: Vec<String>,
}

impl Glob {
    /// Parses a pattern.
    pub fn of(text: &str) -> Glob {
        let mut parts = vec![String::new()];
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match (c, parts.last_mut()) {
                ('*', _) => parts.push(String::new()),
                ('\\', Some(part)) if chars.next_if_eq(&'*').is_some() => part.push('*'),
                (c, Some(part)) => part.push(c),
                (_, None) => {}
            }
        }
        Glob { parts }
    }

    /// The pattern as text.
    pub fn written(&self) -> String {
        let parts: Vec<String> = self.parts.iter().map(|part| part.replace('*', "\\*")).collect();
        parts.join("*")
    }

    /// Whether it has no `*`.
    pub fn is_exact(&self) -> bool {
        self.parts.len() == 1
    }

    /// The text before the first `*`, or the whole text if there is none.
    pub fn beginning(&self) -> &str {
        self.parts.first().map_or("", String::as_str)
    }

    /// Whether it matches a whole text.
    pub fn matches(&self, text: &str) -> bool {
        let [first, middle @ .., last] = &self.parts[..] else {
            return self.parts.first().is_some_and(|only| only == text);
        };
        let Some(rest) = text.strip_prefix(&first[..]) else { return false };
        let Some(mut rest) = rest.strip_suffix(&last[..]) else { return false };
        middle.iter().all(|part| match rest.find(&part[..]) {
            Some(found) => {
                rest = &rest[found + part.len()..];
                true
            }
            None => false,
        })
    }

    /// Whether it matches a resource, or the resource's name: the text after the last slash or colon.
    pub fn matches_resource(&self, resource: &str) -> bool {
        let name = resource.rsplit(['/', ':']).next().unwrap_or(resource);
        self.matches(resource) || self.matches(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_anything_and_an_escaped_star_matches_itself() {
        for (pattern, text, matches) in [
            ("alice", "alice", true),
            ("alice", "alice2", false),
            ("*", "", true),
            ("a*", "a", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("*b*b*", "xbyb", true),
            ("*b*b*", "xb", false),
            ("a**b", "ab", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("a\\b", "a\\b", true),
            ("", "", true),
            ("é*", "éa", true),
        ] {
            assert_eq!(Glob::of(pattern).matches(text), matches, "{pattern} {text}");
            assert_eq!(Glob::of(pattern).written(), pattern);
        }
        for (pattern, resource, matches) in [
            ("alice", "arn:aws:iam::111122223333:user/x/alice", true),
            ("main", "arn:aws:cloudtrail:us-east-1:111122223333:trail/main", true),
            ("arn:aws:iam::*:user/*", "arn:aws:iam::111122223333:user/x/alice", true),
            ("x", "arn:aws:iam::111122223333:user/x/alice", false),
        ] {
            assert_eq!(Glob::of(pattern).matches_resource(resource), matches, "{pattern} {resource}");
        }
    }
}
