//! `.env` files, by the rules of Compose: `export`, comments, quotes, `${VAR}` in values.
//!
//! Unquoted and double-quoted values are interpolated (earlier lines count), single-quoted ones are taken literally. A
//! name alone takes its value from the environment.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::{ModelError, Place};
use super::interpolate::interpolate;
use super::{files, paths};

/// Longest value in bytes: what Linux hands a program in one variable, `MAX_ARG_STRLEN` of execve(2). Lines that double each other
/// would fill any memory.
const LONGEST: usize = 131_072;

/// A line that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct DotenvError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// Parses the text of a `.env` file; `lookup` is the environment that its values may refer to.
pub fn parse(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<BTreeMap<String, String>, DotenvError> {
    let mut values = BTreeMap::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(values);
        }
        if rest.starts_with('#') {
            rest = split_line(rest).1;
            continue;
        }
        let line = text[..text.len() - rest.len()].matches('\n').count() + 1;
        let fail = |message| DotenvError { line, message };
        let declaration = rest.strip_prefix("export ").unwrap_or(rest);
        let (head, next) = split_line(declaration);
        let Some((name, _)) = head.split_once('=') else {
            let name = head.split(" #").next().unwrap_or_default().trim();
            check_name(name).map_err(fail)?;
            if let Some(value) = lookup(name) {
                values.insert(name.to_owned(), value);
            }
            rest = next;
            continue;
        };
        let (value, after) = value(&declaration[name.len() + 1..], &values, lookup).map_err(fail)?;
        let name = name.trim();
        check_name(name).map_err(fail)?;
        if value.len() > LONGEST {
            let why = format!("the value of `{name}` is longer than {LONGEST} bytes, which no program can be given");
            return Err(fail(why));
        }
        let (tail, next) = split_line(after);
        let tail = tail.trim();
        if !tail.is_empty() && !tail.starts_with('#') {
            return Err(fail(format!("unexpected `{tail}` after the value of `{name}`")));
        }
        values.insert(name.to_owned(), value);
        rest = next;
    }
}

/// Reads and parses a `.env` file.
pub fn read(file: &Path, lookup: &dyn Fn(&str) -> Option<String>) -> Result<BTreeMap<String, String>, ModelError> {
    let text = files::read(file)
        .map_err(|error| ModelError::in_file(file, format!("cannot be read: {}", paths::reason(&error))))?;
    parse(&text, lookup).map_err(|error| {
        let line = text.lines().nth(error.line - 1).unwrap_or_default().to_owned();
        let width = line.chars().count();
        let place = Place { file: file.to_owned(), line: error.line, column: 1, text: line, width };
        ModelError {
            place: Some(Box::new(place)),
            message: error.message,
            hint: Some("lines are NAME=value".to_owned()),
        }
    })
}

/// The value at the start of `text`, and what follows it.
fn value<'t>(
    text: &'t str,
    earlier: &BTreeMap<String, String>,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<(String, &'t str), String> {
    // The environment wins over the file, as it does for what the file defines.
    let variables = |name: &str| lookup(name).or_else(|| earlier.get(name).cloned());
    let expand = |raw: &str| interpolate(raw, &variables).map_err(|error| error.to_string());
    let text = text.trim_start_matches([' ', '\t']);
    if let Some(quoted) = text.strip_prefix('\'') {
        let (value, after) = quoted.split_once('\'').ok_or("a single quote is not closed")?;
        return Ok((value.to_owned(), after));
    }
    if let Some(quoted) = text.strip_prefix('"') {
        let (raw, after) = double_quoted(quoted).ok_or("a double quote is not closed")?;
        return Ok((expand(&raw)?, after));
    }
    let (line, _) = split_line(text);
    let raw = line.find(" #").or_else(|| line.find("\t#")).map_or(line, |at| &line[..at]);
    Ok((expand(raw.trim())?, &text[line.len()..]))
}

/// Text up to the closing quote with its escapes resolved, and what follows. `\$` becomes `$$` for the interpolation.
fn double_quoted(text: &str) -> Option<(String, &str)> {
    let mut raw = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((raw, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => raw.push('\n'),
                'r' => raw.push('\r'),
                't' => raw.push('\t'),
                '$' => raw.push_str("$$"),
                same @ ('"' | '\\') => raw.push(same),
                other => raw.extend(['\\', other]),
            },
            other => raw.push(other),
        }
    }
    None
}

/// The first line without its end, and what follows it.
fn split_line(text: &str) -> (&str, &str) {
    text.split_once('\n').map_or((text, ""), |(line, rest)| (line.trim_end_matches('\r'), rest))
}

fn check_name(name: &str) -> Result<(), String> {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']');
    if !name.is_empty() && name.chars().all(valid) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(());
    }
    Err(format!("`{name}` is no name of a variable"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> BTreeMap<String, String> {
        parse(text, &|name| (name == "HOME").then(|| "/home/me".to_owned())).unwrap()
    }

    #[test]
    fn reads_the_usual_forms() {
        let values = parsed(concat!(
            "# a comment\n\n",
            "PLAIN=value # comment\n",
            "export EXPORTED = spaced out \r\n",
            "HASH=a#b\n",
            "EMPTY=\n",
            "SINGLE='${HOME} # literal' # comment\n",
            "DOUBLE=\"a \\\"b\\\" ${PLAIN} \\$x\\n\"\n",
            "MULTI='one\ntwo'\n",
            "REF=${HOME}/${UNSET:-x}\n",
            "HOME\n",
            "NOT_SET\n",
            "LAST=1",
        ));
        let expected = [
            ("DOUBLE", "a \"b\" value $x\n"),
            ("EMPTY", ""),
            ("EXPORTED", "spaced out"),
            ("HASH", "a#b"),
            ("HOME", "/home/me"),
            ("LAST", "1"),
            ("MULTI", "one\ntwo"),
            ("PLAIN", "value"),
            ("REF", "/home/me/x"),
            ("SINGLE", "${HOME} # literal"),
        ];
        assert_eq!(values, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn names_the_line_of_a_mistake() {
        let error = |text| parse(text, &|_| None).unwrap_err().to_string();
        assert_eq!(error("A=1\n\n1B=2"), "line 3: `1B` is no name of a variable");
        assert_eq!(error("A='x\ny'\nB=\"open"), "line 3: a double quote is not closed");
        assert_eq!(error("A='x' y"), "line 1: unexpected `y` after the value of `A`");
        assert_eq!(error("A=${B:?say B}"), "line 1: required variable `B` is not set: say B");
    }
}
