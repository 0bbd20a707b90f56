//! Picks from a log what helps: the lines that tell of an error, wherever they are, and the end.

use crate::failure::Evidence;

/// Lines of a log that are looked through.
pub(super) const LOOK_BACK: usize = 400;
/// Last lines that are shown where no line tells of an error, and that are always looked through for what is known.
const TAIL: usize = 20;
/// Last lines that are shown where some do: what was done after the error hides it rather than explains it.
const SHORT_TAIL: usize = 5;
const ERRORS: usize = 8;
/// Longer lines are cut: one line of a class path fills a screen.
const WIDTH: usize = 300;

const WORDS: [&str; 16] = [
    "error",
    "exception",
    "fatal",
    "panic",
    "caused by",
    "traceback",
    "refused",
    "denied",
    "failed",
    "failure",
    "cannot",
    "no such",
    "not found",
    "out of memory",
    // What Postgres adds to an error, on lines of their own.
    "detail: ",
    "hint: ",
];

/// What a container wrote: its errors, then its last lines, few of them where there are errors.
pub(super) fn pick(container: &str, log: &[String]) -> Vec<Evidence> {
    let lines: Vec<&str> = log.iter().map(|line| line.trim_end()).filter(|line| !is_noise(line)).collect();
    let shown = if lines.iter().any(|line| tells_error(line)) { SHORT_TAIL } else { TAIL };
    let (before, tail) = lines.split_at(lines.len().saturating_sub(shown));
    let mut errors: Vec<&str> = Vec::new();
    // From the end: the newest errors count, each once.
    for (at, line) in before.iter().enumerate().rev().filter(|(_, line)| tells_error(line)) {
        let is_told_below = lines.get(at + 1).is_some_and(|next| is_cause(line) && is_cause(next));
        if !is_told_below && !errors.contains(line) && !tail.contains(line) && errors.len() < ERRORS {
            errors.push(line);
        }
    }
    errors.reverse();
    let mut evidence = Vec::new();
    if !errors.is_empty() {
        evidence.push(Evidence { title: format!("errors of {container}"), lines: cut(&errors), beside: Vec::new() });
    }
    if !tail.is_empty() {
        let beside = cut(&before[before.len().saturating_sub(TAIL - shown)..]);
        evidence.push(Evidence { title: format!("last lines of {container}"), lines: cut(tail), beside });
    }
    evidence
}

/// One link of a chain of causes: the last one is the reason of all that stand above it.
fn is_cause(line: &str) -> bool {
    line.trim_start().starts_with("Caused by: ")
}

/// Empty lines and the frames of stack traces, which hide the message above them.
fn is_noise(line: &str) -> bool {
    let text = line.trim_start();
    text.is_empty() || (text.len() < line.len() && (text.starts_with("at ") || text.starts_with("... ")))
}

fn tells_error(line: &str) -> bool {
    let line = line.to_lowercase();
    WORDS.iter().any(|word| line.contains(word))
}

fn cut(lines: &[&str]) -> Vec<String> {
    let short = |line: &&str| match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{} ..", &line[..end]),
        None => (*line).to_owned(),
    };
    lines.iter().map(short).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(log: &[String]) -> Vec<(String, Vec<String>)> {
        pick("web", log).into_iter().map(|evidence| (evidence.title, evidence.lines)).collect()
    }

    fn numbered(count: usize) -> impl Iterator<Item = String> {
        (0..count).map(|number| format!("shutting down part {number}"))
    }

    #[test]
    fn errors_come_first_and_a_short_end_after_them() {
        let mut log = vec!["ERROR cannot bind to port 9092".to_owned(), "\tat java.net.Bind(Net.java:1)".to_owned()];
        log.extend(numbered(30));
        let evidence = shown(&log);
        assert_eq!(evidence[0], ("errors of web".to_owned(), vec!["ERROR cannot bind to port 9092".to_owned()]));
        assert_eq!(evidence[1].0, "last lines of web");
        assert_eq!(evidence[1].1, log[27..]);
    }

    #[test]
    fn of_a_chain_of_causes_the_last_one_is_shown() {
        let trace = [
            "ERROR task failed",
            "java.lang.RuntimeException: no connection",
            "\tat a.B(C.java:1)",
            "Caused by: java.io.IOException: closed",
            "\tat d.E(F.java:2)",
            "Caused by: java.net.ConnectException: refused",
            "\t... 12 more",
        ];
        let log: Vec<String> = trace.map(str::to_owned).into_iter().chain(numbered(6)).collect();
        let chosen = [trace[0], trace[1], trace[5]].map(str::to_owned).to_vec();
        assert_eq!(shown(&log)[0], ("errors of web".to_owned(), chosen));
    }

    #[test]
    fn what_is_not_shown_any_more_is_still_looked_through() {
        let mut log = vec!["INFO cluster is in safe mode".to_owned()];
        log.extend(numbered(10));
        log.push("ERROR giving up".to_owned());
        let evidence = pick("web", &log);
        assert_eq!(evidence[0].lines.len(), SHORT_TAIL);
        assert!(evidence[0].beside.contains(&log[0]), "{evidence:?}");
    }

    #[test]
    fn without_an_error_the_end_is_shown_and_of_an_empty_log_nothing() {
        let log: Vec<String> = numbered(30).collect();
        assert_eq!(shown(&log), [("last lines of web".to_owned(), log[10..].to_vec())]);
        assert_eq!(shown(&["hello".to_owned()]), [("last lines of web".to_owned(), vec!["hello".to_owned()])]);
        assert!(shown(&[]).is_empty());
    }

    #[test]
    fn long_lines_are_cut_at_a_character() {
        let evidence = pick("c", &["é".repeat(1000)]);
        assert_eq!(evidence[0].lines[0].chars().count(), WIDTH + 3);
    }
}
