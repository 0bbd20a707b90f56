//! "Did you mean": the nearest known word.

/// The candidate that is nearest to `word`, if any is near enough to be meant.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let limit = (word.chars().count() / 3).clamp(1, 3);
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The hint that goes with an unknown word: the nearest one, else the whole list when it is short.
pub(crate) fn hint<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    match nearest(word, candidates.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if candidates.is_empty() || candidates.len() > 16 => None,
        None => Some(format!("known here: {}", candidates.join(", "))),
    }
}

/// Levenshtein distance in which two swapped neighbours count as one edit.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut best = (row[j] + usize::from(a != b)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = ["healthcheck", "image", "ports", "depends_on"];
        assert_eq!(nearest("heathcheck", known), Some("healthcheck"));
        assert_eq!(nearest("iamge", known), Some("image"));
        assert_eq!(nearest("dependson", known), Some("depends_on"));
        assert_eq!(nearest("volumes", known), None);
    }

    #[test]
    fn lists_a_few_candidates_when_none_is_near() {
        assert_eq!(hint("xyz", ["tcp", "http"]).as_deref(), Some("known here: tcp, http"));
        assert_eq!(hint("xyz", []), None);
    }
}
