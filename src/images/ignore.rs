//! `.dockerignore`: which files of a directory are not part of the build context.

/// The rules of one file; the last one that matches decides.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    segments: Vec<String>,
    keep: bool,
}

impl Ignore {
    /// Parses the text of a `.dockerignore`.
    pub(super) fn parse(text: &str) -> Self {
        let rule = |line: &str| {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                return None;
            }
            let (keep, pattern) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest.trim()));
            let segments: Vec<String> =
                pattern.split('/').filter(|segment| !matches!(*segment, "" | ".")).map(str::to_owned).collect();
            (!segments.is_empty()).then_some(Rule { segments, keep })
        };
        Self { rules: text.lines().filter_map(rule).collect() }
    }

    /// Whether a path, relative and with slashes, is left out. A rule for a directory covers what is in it.
    pub(super) fn covers(&self, path: &str) -> bool {
        let path: Vec<&str> = path.split('/').collect();
        let matches = |rule: &&Rule| (1..=path.len()).any(|length| matches_path(&rule.segments, &path[..length]));
        self.rules.iter().rev().find(matches).is_some_and(|rule| !rule.keep)
    }
}

fn matches_path(pattern: &[String], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((first, rest)) if first == "**" => (0..=path.len()).any(|skipped| matches_path(rest, &path[skipped..])),
        Some((first, rest)) => {
            path.split_first().is_some_and(|(name, below)| matches_name(first, name) && matches_path(rest, below))
        }
    }
}

/// `*`, `?`, `[a-z]` and `\x` within one path segment.
fn matches_name(pattern: &str, name: &str) -> bool {
    let mut pattern_chars = pattern.chars();
    let Some(first) = pattern_chars.next() else { return name.is_empty() };
    let rest = pattern_chars.as_str();
    let mut name_chars = name.chars();
    let next = name_chars.next();
    let name_rest = name_chars.as_str();
    match (first, next) {
        ('*', None) => matches_name(rest, name),
        ('*', Some(_)) => matches_name(rest, name) || matches_name(pattern, name_rest),
        (_, None) => false,
        ('?', Some(_)) => matches_name(rest, name_rest),
        ('[', Some(character)) => match rest.split_once(']') {
            Some((set, rest)) => in_set(set, character) && matches_name(rest, name_rest),
            None => false,
        },
        ('\\', Some(character)) => {
            let mut escaped = rest.chars();
            escaped.next() == Some(character) && matches_name(escaped.as_str(), name_rest)
        }
        (literal, Some(character)) => literal == character && matches_name(rest, name_rest),
    }
}

fn in_set(set: &str, character: char) -> bool {
    let (negated, set) = set.strip_prefix('^').map_or((false, set), |rest| (true, rest));
    let characters: Vec<char> = set.chars().collect();
    let mut index = 0;
    let mut found = false;
    while index < characters.len() {
        if characters.get(index + 1) == Some(&'-') && index + 2 < characters.len() {
            found |= (characters[index]..=characters[index + 2]).contains(&character);
            index += 3;
        } else {
            found |= characters[index] == character;
            index += 1;
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::Ignore;

    #[test]
    fn the_last_matching_rule_decides() {
        let ignore = Ignore::parse("# comment\n*.md\n!README.md\n/tmp\n**/__pycache__\na/**/z\nlog?.[a-c]\n");
        for covered in ["x.md", "tmp/deep/file", "__pycache__/m.pyc", "d/__pycache__/m.pyc", "a/z", "a/b/c/z", "log1.b"]
        {
            assert!(ignore.covers(covered), "{covered}");
        }
        for kept in ["README.md", "d/x.md", "d/tmp", "a/b", "log1.d", "log.b"] {
            assert!(!ignore.covers(kept), "{kept}");
        }
    }

    #[test]
    fn everything_but_can_be_said() {
        let ignore = Ignore::parse("*\n!src\n");
        assert!(ignore.covers("target/x") && !ignore.covers("src/deep/x"));
    }
}
