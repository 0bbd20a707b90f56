//! Asking before something is destroyed. Only a person at a terminal can answer.

use std::io::{self, BufRead, IsTerminal, Write};

use owo_colors::OwoColorize;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// Standard input or standard error is not a terminal.
    #[error("cannot ask for confirmation: this is not a terminal")]
    NotATerminal,
    /// The terminal failed.
    #[error("cannot read the answer")]
    Terminal(#[from] io::Error),
}

/// Asks on standard error; anything but `y` or `yes` is no, the end of input too.
///
/// Blocks, so ask before [`super::Ui::interrupts`] is installed: until then Ctrl-C ends the program as usual.
pub(super) fn confirm(question: &str) -> Result<bool, PromptError> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(PromptError::NotATerminal);
    }
    Ok(ask(question, &mut io::stdin().lock(), &mut anstream::stderr())?)
}

fn ask(question: &str, input: &mut dyn BufRead, output: &mut dyn Write) -> io::Result<bool> {
    write!(output, "{} {} ", question.bold(), "[y/N]".dimmed())?;
    output.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(typed: &str) -> bool {
        let mut output = Vec::new();
        let answer = ask("remove it?", &mut typed.as_bytes(), &mut output).expect("memory can be read");
        assert!(String::from_utf8(output).expect("text").contains("remove it?"));
        answer
    }

    #[test]
    fn only_yes_is_yes() {
        assert_eq!(["y\n", "YES\n", " yes \n"].map(answer), [true; 3]);
        assert_eq!(["\n", "", "n\n", "yess\n", "ja\n"].map(answer), [false; 5]);
    }
}
