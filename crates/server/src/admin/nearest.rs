//! "Did you mean …?": the name that comes closest to one that is not there.

/// The candidate nearest to `asked` in edits (Levenshtein, case does not count), if it is near enough to be meant: at
/// most about a third of the asked name's characters, at least one.
pub fn nearest<'a>(asked: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let asked: Vec<char> = asked.to_lowercase().chars().take(100).collect();
    let limit = ((asked.len() + 1) / 3).max(1);
    let scored = candidates.into_iter().map(|name| (distance(&asked, name), name));
    scored.filter(|(edits, _)| *edits <= limit).min().map(|(_, name)| name.to_owned())
}

fn distance(asked: &[char], name: &str) -> usize {
    let mut row: Vec<usize> = (0..=asked.len()).collect();
    for (i, c) in name.to_lowercase().chars().take(100).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, a) in asked.iter().enumerate() {
            let substituted = diagonal + usize::from(c != *a);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[asked.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_only_when_it_may_be_meant() {
        let names = ["alice", "bob", "Wiki"];
        assert_eq!(nearest("alcie", names).as_deref(), Some("alice"));
        assert_eq!(nearest("alic", names).as_deref(), Some("alice"));
        assert_eq!(nearest("wikki", names).as_deref(), Some("Wiki"));
        assert_eq!(nearest("zzz", names), None);
        assert_eq!(nearest("malcolm", names), None);
        assert_eq!(nearest("", names), None);
    }
}
