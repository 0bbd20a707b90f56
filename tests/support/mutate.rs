//! Real files with a few things wrong: changes that know lines, words and JSON, drawn by proptest.
//!
//! What a text is changed into depends on the text, so a drawn change is a list of [`Change`]s with relative places.
//! `PROPTEST_CASES` and `PROPTEST_RNG_SEED` say how many are drawn, and from where on.

use std::sync::mpsc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;
use serde_json::Value;

/// Longest that one input may take. Far above any honest run, in a debug build on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// What stands in the place of a word.
const WORDS: &[&str] = &[
    "",
    "~",
    "null",
    "true",
    "-1",
    "0",
    "1.5",
    "1e999",
    "18446744073709551616",
    "99999999999999999999s",
    "0x",
    "[]",
    "{}",
    "[a, b]",
    "{a: b}",
    "&a",
    "*a",
    "<<",
    "!!binary",
    "!reset",
    "|",
    ">-",
    "- ",
    ": ",
    "# ",
    "\"",
    "'",
    "`",
    ";",
    "--",
    "/*",
    "(",
    ")",
    ",",
    "$",
    "$$",
    "${",
    "}",
    "${A:-${B}}",
    "${A?}",
    "../..",
    "/dev/zero",
    "/dev/null",
    ".",
    "\0",
    "\u{feff}",
    "\u{85}",
    "ä",
    "\u{1F600}",
    "e\u{301}",
    "\t",
    "\r\n",
    "select",
    "union all",
    "localhost:99999",
    "127.0.0.1:0",
    "\\",
];

/// One change of a text.
#[derive(Debug, Clone)]
pub enum Change {
    /// Another word in the place of one.
    Word(Index, &'static str),
    /// A word many times over.
    Repeat(Index, u16),
    /// A line less.
    DropLine(Index),
    /// A line twice.
    DoubleLine(Index),
    /// Two lines in each other's place.
    SwapLines(Index, Index),
    /// A line further to the right.
    Indent(Index, u8),
    /// Lines of another text after a line.
    Graft(Index, Index, u8),
    /// Another byte, which may end UTF-8.
    Byte(Index, u8),
    /// The end is missing.
    Cut(Index),
}

/// A change of any kind.
pub fn change() -> impl Strategy<Value = Change> {
    let place = any::<Index>;
    prop_oneof![
        6 => (place(), prop::sample::select(WORDS)).prop_map(|(at, word)| Change::Word(at, word)),
        1 => (place(), 2..200_u16).prop_map(|(at, times)| Change::Repeat(at, times)),
        2 => place().prop_map(Change::DropLine),
        1 => place().prop_map(Change::DoubleLine),
        1 => (place(), place()).prop_map(|(one, other)| Change::SwapLines(one, other)),
        2 => (place(), 1..6_u8).prop_map(|(at, by)| Change::Indent(at, by)),
        2 => (place(), place(), 1..8_u8).prop_map(|(at, from, lines)| Change::Graft(at, from, lines)),
        1 => (place(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        1 => place().prop_map(Change::Cut),
    ]
}

/// A few changes at once.
pub fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change(), 1..5)
}

/// The text with the changes; lines that are grafted come from `donor`.
pub fn mutate(text: &[u8], donor: &[u8], changes: &[Change]) -> Vec<u8> {
    changes.iter().fold(text.to_vec(), |text, change| apply(&text, donor, change))
}

fn apply(text: &[u8], donor: &[u8], change: &Change) -> Vec<u8> {
    if text.is_empty() {
        return donor.to_vec();
    }
    let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let indent;
    match change {
        Change::Word(at, word) => return with_word(text, *at, |_| word.as_bytes().to_vec()),
        Change::Repeat(at, times) => return with_word(text, *at, |word| word.repeat(usize::from(*times))),
        Change::DropLine(at) => drop(lines.remove(at.index(lines.len()))),
        Change::DoubleLine(at) => {
            let at = at.index(lines.len());
            lines.insert(at, lines[at]);
        }
        Change::SwapLines(one, other) => {
            let count = lines.len();
            lines.swap(one.index(count), other.index(count));
        }
        Change::Indent(at, by) => {
            indent = vec![b' '; usize::from(*by)];
            lines.insert(at.index(lines.len()), &indent);
        }
        Change::Graft(at, from, count) => {
            let foreign: Vec<&[u8]> = donor.split_inclusive(|byte| *byte == b'\n').collect();
            if !foreign.is_empty() {
                let from = from.index(foreign.len());
                let at = at.index(lines.len());
                lines.splice(at..at, foreign.into_iter().skip(from).take(usize::from(*count)));
            }
        }
        Change::Byte(at, byte) => {
            let mut text = text.to_vec();
            let at = at.index(text.len());
            text[at] = *byte;
            return text;
        }
        Change::Cut(at) => return text[..at.index(text.len())].to_vec(),
    }
    lines.concat()
}

/// Words and single signs take turns as what is replaced; blanks never are.
fn with_word(text: &[u8], at: Index, replace: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    let mut words: Vec<(usize, usize)> = Vec::new();
    for (place, byte) in text.iter().enumerate().filter(|(_, byte)| !byte.is_ascii_whitespace()) {
        match words.last_mut() {
            Some((_, end)) if *end == place && is_word(*byte) && is_word(text[place - 1]) => *end = place + 1,
            _ => words.push((place, place + 1)),
        }
    }
    if words.is_empty() {
        return text.to_vec();
    }
    let (start, end) = words[at.index(words.len())];
    [&text[..start], &replace(&text[start..end]), &text[end..]].concat()
}

/// One change of a JSON document: the value at a place becomes another one, or is taken out.
#[derive(Debug, Clone)]
pub struct Twist(Index, Option<Value>);

/// A few twists, then changes of the text, mostly none.
pub fn twists() -> impl Strategy<Value = (Vec<Twist>, Vec<Change>)> {
    let numbers = [Value::from(-1), Value::from(u64::MAX), Value::from(i64::MIN), Value::from(1e308), Value::from(0.5)];
    let words = ["", "null", "RUNNING", "\0", "x.\"y", "é\u{301}", "99999999999999999999"];
    let mut values: Vec<Value> = numbers.into_iter().chain(words.map(Value::from)).collect();
    values.extend([Value::Null, Value::Bool(true), Value::Array(Vec::new()), Value::Object(serde_json::Map::new())]);
    values.extend([
        Value::from("long ".repeat(5_000)),
        Value::from(vec![Value::Null; 100]),
        Value::from(vec![vec![1]]),
    ]);
    let value = prop::option::weighted(0.8, prop::sample::select(values));
    let twist = (any::<Index>(), value).prop_map(|(at, value)| Twist(at, value));
    let text = prop_oneof![4 => Just(Vec::new()), 1 => prop::collection::vec(change(), 1..3)];
    (prop::collection::vec(twist, 0..4), text)
}

/// The document with the changes; what is not JSON is changed as text.
pub fn twist(document: &str, (twists, changes): &(Vec<Twist>, Vec<Change>)) -> Vec<u8> {
    let text = match serde_json::from_str::<Value>(document) {
        Ok(mut value) => {
            for Twist(at, new) in twists {
                let places = places(&value, String::new());
                let place = &places[at.index(places.len())];
                match (new, place.rsplit_once('/')) {
                    (Some(new), _) => *value.pointer_mut(place).expect("a place of its own") = new.clone(),
                    (None, Some((parent, key))) => match value.pointer_mut(parent) {
                        Some(Value::Object(object)) => drop(object.remove(&key.replace("~1", "/").replace("~0", "~"))),
                        Some(Value::Array(array)) => drop(array.remove(key.parse().expect("a number"))),
                        _ => unreachable!("only these have parts"),
                    },
                    (None, None) => value = Value::Null,
                }
            }
            value.to_string()
        }
        Err(_) => document.to_owned(),
    };
    mutate(text.as_bytes(), document.as_bytes(), changes)
}

/// The JSON pointers of a value and of everything in it.
fn places(value: &Value, here: String) -> Vec<String> {
    let below: Vec<String> = match value {
        Value::Object(object) => object
            .iter()
            .flat_map(|(key, value)| places(value, format!("{here}/{}", key.replace('~', "~0").replace('/', "~1"))))
            .collect(),
        Value::Array(array) => {
            array.iter().enumerate().flat_map(|(at, value)| places(value, format!("{here}/{at}"))).collect()
        }
        _ => Vec::new(),
    };
    std::iter::once(here).chain(below).collect()
}

/// So many cases in `cargo test`, the same ones each time; as many as `PROPTEST_CASES` says, others each time, where it is set.
pub fn cases(count: u32) -> ProptestConfig {
    let told = std::env::var_os("PROPTEST_CASES").is_some();
    let standard = ProptestConfig { failure_persistence: None, max_shrink_iters: 2_000, ..ProptestConfig::default() };
    if told { standard } else { ProptestConfig { cases: count, rng_seed: RngSeed::Fixed(1), ..standard } }
}

/// Runs it in a thread of its own: a panic is passed on, and what does not end is one.
pub fn ends<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let value = run();
        // Nobody listens any more after the deadline, and the test has failed by then.
        let _ = sender.send(());
        value
    });
    let ended = receiver.recv_timeout(PATIENCE) != Err(mpsc::RecvTimeoutError::Timeout);
    assert!(ended, "still at it after {} s", PATIENCE.as_secs());
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
