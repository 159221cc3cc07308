//! Ids that stay the same from run to run.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// A stable id of 128 bits in hexadecimal. The length of each part is hashed too: `["ab", "c"]` and
/// `["a", "bc"]` have different ids.
pub fn stable_id(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).fold(String::new(), |mut id, byte| {
        // Writing to a String cannot fail.
        let _ = write!(id, "{byte:02x}");
        id
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stable_id_changes_with_every_part_and_with_where_parts_end() {
        let ids = [
            stable_id(&[]),
            stable_id(&[""]),
            stable_id(&["ab", "c"]),
            stable_id(&["a", "bc"]),
            stable_id(&["abc"]),
            stable_id(&["abc", ""]),
        ];
        let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert!(ids.iter().all(|id| id.len() == 32));
        assert_eq!(
            stable_id(&["ab", "c"]),
            "43ee655579de01ca739b3f95c1c2d3f4",
            "ids are stored in the state bucket: they must not change"
        );
    }
}
