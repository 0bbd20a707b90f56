//! `command` and `entrypoint`: a list, or one string that is split as a shell splits words.

use crate::model::error::ModelError;
use crate::model::yaml::Node;

/// A command in a file.
pub(crate) fn read(node: &Node, what: &str) -> Result<Vec<String>, ModelError> {
    match node.scalar() {
        Some(text) => split(text).ok_or_else(|| {
            node.error(format!("{what} has a quote that is not closed: `{text}`"))
                .hint("close it, or write the command as a list")
        }),
        None if node.items().is_some() => node.strings(what),
        None => Err(node.mismatch(what, "text or a list")),
    }
}

/// Splits at spaces outside of quotes; no variable, no pipe, no glob. None when a quote or an escape is open at the end.
pub fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '\'' => break,
                        other => word.push(other),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '"' => break,
                        '\\' => match characters.next()? {
                            same @ ('"' | '\\' | '$' | '`') => word.push(same),
                            '\n' => {}
                            other => word.extend(['\\', other]),
                        },
                        other => word.push(other),
                    }
                }
            }
            '\\' => match characters.next()? {
                '\n' => {}
                other => word.get_or_insert_default().push(other),
            },
            space if space.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_like_a_shell() {
        let split = |text| split(text).unwrap();
        assert_eq!(split("postgres -c  wal_level=logical"), ["postgres", "-c", "wal_level=logical"]);
        assert_eq!(split(r#"sh -c 'echo "a b" $x'"#), ["sh", "-c", r#"echo "a b" $x"#]);
        assert_eq!(split(r#"a "b \"c\" \n" d\ e '' f"g"h"#), ["a", r#"b "c" \n"#, "d e", "", "fgh"]);
        assert_eq!(split("one \\\n two"), ["one", "two"]);
        assert!(split("").is_empty());
    }

    #[test]
    fn an_open_quote_is_refused() {
        assert_eq!(split("echo 'a"), None);
        assert_eq!(split("echo \"a"), None);
        assert_eq!(split("echo \\"), None);
    }
}
