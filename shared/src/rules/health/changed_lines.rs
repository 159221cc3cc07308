//! Which lines of a small file changed.
//!
//! The same lines at the beginning and at the end are left out. Of the rest, the longest common subsequence is
//! left out too, unless the rest is large: then all of it counts as changed.

/// The most pairs of lines that are searched for a common subsequence: this takes a few milliseconds and 4 MiB,
/// and no person changes a thousand lines at once.
const MAX_PAIRS: usize = 1 << 20;

/// NumberedLines with their numbers, from 1.
pub(super) type NumberedLines<'a> = Vec<(usize, &'a str)>;

/// The lines that only the first text has, and those that only the second one has, without empty lines.
pub(super) fn changed_lines<'a>(before: &'a str, after: &'a str) -> (NumberedLines<'a>, NumberedLines<'a>) {
    let lines = |text: &'a str| -> NumberedLines<'a> {
        (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()).collect()
    };
    let (before, after) = (lines(before), lines(after));
    let same = |pair: &(&(usize, &str), &(usize, &str))| pair.0.1 == pair.1.1;
    let head = before.iter().zip(&after).take_while(same).count();
    let tail = before[head..].iter().rev().zip(after[head..].iter().rev()).take_while(same).count();
    let (old, new) = (head..before.len() - tail, head..after.len() - tail);
    if old.is_empty() {
        return (NumberedLines::new(), after[from_header(&after, new)].to_vec());
    }
    if new.is_empty() {
        return (before[from_header(&before, old)].to_vec(), NumberedLines::new());
    }
    let (old, new) = (&before[old], &after[new]);
    if old.len().saturating_mul(new.len()) > MAX_PAIRS {
        return (old.to_vec(), new.to_vec());
    }
    without_common(old, new)
}

/// A block of added or removed lines, moved up to the header of its entry: if entries look alike, the lines
/// that differ may begin in the middle of the entry before.
fn from_header(lines: &[(usize, &str)], block: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let mut moved = block.clone();
    while !moved.is_empty() {
        if lines[moved.start].1.trim() == "[[suppression]]" {
            return moved;
        }
        if moved.start == 0 || lines[moved.start - 1].1 != lines[moved.end - 1].1 {
            break;
        }
        moved = moved.start - 1..moved.end - 1;
    }
    block
}

/// Both without their longest common subsequence of lines.
fn without_common<'a>(
    old: &[(usize, &'a str)],
    new: &[(usize, &'a str)],
) -> (NumberedLines<'a>, NumberedLines<'a>) {
    // longest[i][j]: of old[i..] and new[j..].
    let width = new.len() + 1;
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i * width + j] = if old[i].1 == new[j].1 {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut removed, mut added) = (NumberedLines::new(), NumberedLines::new());
    let (mut i, mut j) = (0, 0);
    while i < old.len() && j < new.len() {
        if old[i].1 == new[j].1 {
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            removed.push(old[i]);
            i += 1;
        } else {
            added.push(new[j]);
            j += 1;
        }
    }
    removed.extend(&old[i..]);
    added.extend(&new[j..]);
    (removed, added)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(principal: &str) -> String {
        format!(
            "[[suppression]]\nrule = \"sign-in.failed\"\naccount = \"111122223333\"\nprincipal = \"{principal}\"\nreason = \"an exercise\"\nexpires = \"2026-04-30\"\n"
        )
    }

    #[test]
    fn changed_lines_have_their_numbers() {
        let numbers = |(removed, added): (NumberedLines<'_>, NumberedLines<'_>)| {
            let numbers =
                |lines: NumberedLines<'_>| lines.into_iter().map(|(number, _)| number).collect::<Vec<_>>();
            (numbers(removed), numbers(added))
        };
        let (alice, bob, carol) = (entry("alice"), entry("bob"), entry("carol"));
        let two = format!("{alice}\n{bob}");
        for (name, before, after, expected) in [
            ("at the end", alice.clone(), two.clone(), (vec![], (8..=13).collect())),
            ("at the beginning", bob.clone(), two.clone(), (vec![], (1..=6).collect())),
            ("in the middle", two.clone(), format!("{alice}\n{carol}\n{bob}"), (vec![], (8..=13).collect())),
            ("taken out", two.clone(), bob.clone(), ((1..=6).collect(), vec![])),
            (
                "two lines of many",
                two.clone(),
                two.replace("bob", "eve").replacen("exercise", "drill", 1),
                (vec![5, 11], vec![5, 11]),
            ),
            (
                "moved from one to another",
                two.clone(),
                two.replace("alice", "x").replace("bob", "alice").replace("\"x\"", "\"bob\""),
                (vec![4, 11], vec![4, 11]),
            ),
            ("empty lines", two.clone(), two.replace('\n', "\n\n"), (vec![], vec![])),
        ] {
            assert_eq!(numbers(changed_lines(&before, &after)), expected, "{name}");
        }
    }
}
