//! A number and its noun.

use std::fmt::Display;

/// `1 user`, `0 users`, `2 users`.
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, one: &str, many: &str) -> String {
    let noun = noun(&count, one, many);
    format!("{count} {noun}")
}

/// `one` if the count is 1, else `many`.
pub fn noun<'a, N: PartialEq + From<u8>>(count: &N, one: &'a str, many: &'a str) -> &'a str {
    if *count == N::from(1) { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        for (count, expected) in [(-1, "-1 days"), (0, "0 days"), (1, "1 day"), (2, "2 days")] {
            assert_eq!(counted(count, "day", "days"), expected);
        }
        assert_eq!(noun(&1_u64, "entry", "entries"), "entry");
        assert_eq!(noun(&11_usize, "entry", "entries"), "entries");
    }
}
