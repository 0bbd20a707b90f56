//! Finds secrets in text by the name beside them and by their shape. Pure; over ASCII delimiters, so UTF-8 stays whole.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::secrets::REMOVED;

/// Parts of names whose values are secret.
const NAMES: [&str; 5] = ["PASSWORD", "PASSWD", "TOKEN", "SECRET", "KEY"];

/// True when a variable of this name holds a secret.
pub(super) fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    NAMES.iter().any(|part| name.contains(part))
}

/// True for the name of a variable or setting.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

/// Removes the value of every `name=value` and `name: value`, quoted or not, whose name tells that it is secret.
pub(super) fn without_named(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut clean = String::new();
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        if !is_name_byte(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && is_name_byte(bytes[at]) {
            at += 1;
        }
        if !names_a_secret(&text[start..at]) {
            continue;
        }
        let before = start.checked_sub(1).map(|place| bytes[place]);
        if let Some((from, to)) = value_after(bytes, at, before).filter(|(from, to)| to > from) {
            clean.push_str(&text[copied..from]);
            clean.push_str(REMOVED);
            (copied, at) = (to, to);
        }
    }
    finish(text, clean, copied)
}

/// Where the value begins and ends; `at` is after the name, `before` stands in front of it.
fn value_after(bytes: &[u8], mut at: usize, before: Option<u8>) -> Option<(usize, usize)> {
    let quoted_name = before.filter(|byte| is_quote(*byte));
    // A quoted name ends in its quote, which may be escaped.
    let closed = quoted_name.is_some() && {
        let escape = usize::from(bytes.get(at) == Some(&b'\\'));
        let closes = bytes.get(at + escape).copied() == quoted_name;
        at += if closes { escape + 1 } else { 0 };
        closes
    };
    at = skip_blanks(bytes, at);
    if !matches!(bytes.get(at), Some(b'=' | b':')) {
        return None;
    }
    at = skip_blanks(bytes, at + 1);
    let escape = usize::from(bytes.get(at) == Some(&b'\\'));
    if let Some(quote) = bytes.get(at + escape).copied().filter(|byte| is_quote(*byte)) {
        // An empty value in quotes is none.
        let from = at + escape + 1;
        return Some((from, end_of_quoted(bytes, from, quote, escape == 1)));
    }
    let end = match quoted_name.filter(|_| !closed) {
        // "NAME=value": the quotes are around both.
        Some(quote) => end_of_quoted(bytes, at, quote, false),
        None => bytes[at..].iter().position(|byte| ends_word(*byte)).map_or(bytes.len(), |length| at + length),
    };
    Some((at, end))
}

fn skip_blanks(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t')) {
        at += 1;
    }
    at
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'')
}

fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b',' | b';' | b'&' | b'"' | b'\'' | b')' | b']' | b'}')
}

/// The closing quote (or the backslash before it, where the opening one had one), or the end of the line.
fn end_of_quoted(bytes: &[u8], from: usize, quote: u8, escaped: bool) -> usize {
    let mut at = from;
    while at < bytes.len() && bytes[at] != b'\n' {
        match bytes[at] {
            b'\\' if escaped && bytes.get(at + 1) == Some(&quote) => return at,
            b'\\' if !escaped => at += 1,
            byte if byte == quote => return at,
            _ => {}
        }
        at += 1;
    }
    at.min(bytes.len())
}

/// Removes what looks like a JSON web token, a private key, an `Authorization` value, or a password in a URL.
pub(super) fn without_shapes(text: &str) -> String {
    let text = replace_each(text, "eyJ", |rest| {
        let end = rest.bytes().position(|byte| !is_name_byte(byte)).unwrap_or(rest.len());
        let token = rest[..end].trim_end_matches('.');
        (token.len() >= 20 && token.contains('.')).then_some((0, token.len()))
    });
    let text = replace_each(&text, "-----BEGIN ", |rest| {
        let (head, _) = rest.split_once("PRIVATE KEY-----").filter(|(head, _)| head.len() < 40)?;
        let end = rest.find("-----END ").map_or(rest.len(), |end| end);
        Some((head.len() + "PRIVATE KEY-----".len(), end)).filter(|(from, to)| from < to)
    });
    let text = replace_each(&text, "earer ", |rest| {
        let token = word(&rest["earer ".len()..]);
        (token.len() >= 8 && token.bytes().any(|byte| byte.is_ascii_digit()))
            .then_some(("earer ".len(), "earer ".len() + token.len()))
    });
    let text = replace_each(&text, "asic ", |rest| {
        let token = word(&rest["asic ".len()..]);
        let decoded = STANDARD.decode(token).ok()?;
        decoded.contains(&b':').then_some(("asic ".len(), "asic ".len() + token.len()))
    });
    replace_each(&text, "://", |rest| {
        let end = rest["://".len()..].find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '<' | '>'));
        let authority = &rest[..end.map_or(rest.len(), |end| end + "://".len())];
        let at = authority.rfind('@')?;
        let colon = authority["://".len()..at].find(':')? + "://".len() + 1;
        (colon < at).then_some((colon, at))
    })
    .into_owned()
}

/// The characters of base64 and of bearer tokens (RFC 6750) at the beginning.
fn word(text: &str) -> &str {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    &text[..text.bytes().position(|byte| !is_token(byte)).unwrap_or(text.len())]
}

/// Removes, wherever `mark` stands, the part that `find` tells of the text from there on.
fn replace_each<'a>(text: &'a str, mark: &str, find: impl Fn(&str) -> Option<(usize, usize)>) -> Cow<'a, str> {
    let mut clean = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = text[at..].find(mark).map(|found| at + found) {
        at = match find(&text[found..]) {
            Some((from, to)) => {
                clean.push_str(&text[copied..found + from]);
                clean.push_str(REMOVED);
                copied = found + to;
                copied.max(found + mark.len())
            }
            None => found + mark.len(),
        };
        if copied > at {
            at = copied;
        }
    }
    finish(text, clean, copied)
}

fn finish(text: &str, mut clean: String, copied: usize) -> Cow<'_, str> {
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(&text[copied..]);
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_values_go_however_they_are_written() {
        let cases = [
            ("POSTGRES_PASSWORD=geheim rest", "POSTGRES_PASSWORD=[removed] rest"),
            ("password: geheim", "password: [removed]"),
            ("password = 'two words', user", "password = '[removed]', user"),
            (r#"{"api-key": "a\"b", "x": 1}"#, r#"{"api-key": "[removed]", "x": 1}"#),
            (r#"["DB_PASSWORD=two words", "A=b"]"#, r#"["DB_PASSWORD=[removed]", "A=b"]"#),
            (r#"{\"token\":\"abc\",\"n\":1}"#, r#"{\"token\":\"[removed]\",\"n\":1}"#),
            ("jdbc:x?user=a&password=geheim&ssl=on", "jdbc:x?user=a&password=[removed]&ssl=on"),
            ("--secret=geheim --port=1", "--secret=[removed] --port=1"),
            ("TOKEN=ümlaut,ende", "TOKEN=[removed],ende"),
        ];
        for (text, clean) in cases {
            assert_eq!(without_named(text), clean, "{text}");
        }
    }

    #[test]
    fn texts_without_a_value_stay() {
        for text in [
            "duplicate key value violates",
            "Key (id)=(3) already exists",
            "PASSWORD=",
            "password: \"\"",
            "x=1",
            "key",
            "",
        ] {
            assert_eq!(without_named(text), text);
        }
    }

    #[test]
    fn shapes_of_secrets_go_without_a_name() {
        let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJib3QifQ.c2lnbmF0dXJl";
        let cases = [
            (format!("sent {jwt}, refused"), "sent [removed], refused"),
            (format!("\"{jwt}\""), "\"[removed]\""),
            ("Authorization: Bearer abc123def456.".into(), "Authorization: Bearer [removed]"),
            ("authorization: basic YWRtaW46Z2VoZWlt done".into(), "authorization: basic [removed] done"),
            ("postgresql://admin:ge@heim@db:5432/shop".into(), "postgresql://admin:[removed]@db:5432/shop"),
            (
                "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----".into(),
                "-----BEGIN PRIVATE KEY-----[removed]-----END PRIVATE KEY-----",
            ),
        ];
        for (text, clean) in cases {
            assert_eq!(without_shapes(&text), clean, "{text}");
        }
    }

    #[test]
    fn what_only_resembles_them_stays() {
        for text in ["eyJ", "basic usage", "the bearer of news", "http://host:80/a@b", "ftp://user@host/", "://", ""] {
            assert_eq!(without_shapes(text), text);
        }
    }
}
