//! Picks from a log what helps: the lines that tell of an error, wherever they are, and the end.

/// Lines of a log that are looked through.
pub(super) const LOOK_BACK: usize = 400;
const TAIL: usize = 20;
const ERRORS: usize = 8;
/// Longer lines are cut: one line of a class path fills a screen.
const WIDTH: usize = 300;

const WORDS: [&str; 14] = [
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
];

/// Titles and lines for the last lines of a container: its errors that are not among the last lines, then those.
pub(super) fn pick(container: &str, log: &[String]) -> Vec<(String, Vec<String>)> {
    let lines: Vec<&str> = log.iter().map(|line| line.trim_end()).filter(|line| !is_noise(line)).collect();
    let (before, tail) = lines.split_at(lines.len().saturating_sub(TAIL));
    let mut errors: Vec<&str> = Vec::new();
    // From the end: the newest errors count, each once.
    for line in before.iter().rev().filter(|line| tells_error(line)) {
        if !errors.contains(line) && !tail.contains(line) && errors.len() < ERRORS {
            errors.push(line);
        }
    }
    errors.reverse();
    let mut evidence = Vec::new();
    if !errors.is_empty() {
        evidence.push((format!("errors of {container} before that"), cut(&errors)));
    }
    if !tail.is_empty() {
        evidence.insert(0, (format!("last lines of {container}"), cut(tail)));
    }
    evidence
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

    #[test]
    fn errors_are_found_before_the_tail_and_stack_frames_are_left_out() {
        let mut log = vec!["ERROR cannot bind to port 9092".to_owned(), "\tat java.net.Bind(Net.java:1)".to_owned()];
        log.extend((0..30).map(|n| format!("shutting down part {n}")));
        let evidence = pick("shop-web-1", &log);
        assert_eq!(evidence[0].0, "last lines of shop-web-1");
        assert_eq!((evidence[0].1.len(), evidence[0].1[19].as_str()), (20, "shutting down part 29"));
        assert_eq!(evidence[1].1, ["ERROR cannot bind to port 9092"]);
    }

    #[test]
    fn a_short_log_is_shown_whole_and_an_empty_one_not_at_all() {
        assert_eq!(pick("c", &["hello".into()]), [("last lines of c".to_owned(), vec!["hello".to_owned()])]);
        assert!(pick("c", &[]).is_empty());
    }

    #[test]
    fn long_lines_are_cut_at_a_character() {
        let lines = &pick("c", &["é".repeat(1000)])[0].1;
        assert_eq!(lines[0].chars().count(), WIDTH + 3);
    }
}
