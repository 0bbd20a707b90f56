//! How a failure travels from where it happened to the screen: what, why, where, and the next command.

use std::fmt;

/// A failure with everything a person needs. Convert any error into it with `Failure::from` or [`Failure::new`].
#[derive(Debug, Clone)]
pub struct Failure {
    /// Exit code, see [`crate::exit`].
    pub code: u8,
    /// What failed, one line, lower case, no full stop.
    pub message: String,
    /// The line of the file with the mistake, and a line of carets below it.
    pub excerpt: Box<[String]>,
    /// Causes, outermost first, one per line.
    pub causes: Vec<String>,
    /// What shows why.
    pub evidence: Vec<Evidence>,
    /// What to do, each a sentence or a command to type.
    pub hints: Vec<String>,
    /// What the plan counted on was removed by something else since it was made: a new plan may do better.
    pub outdated: bool,
}

/// Lines that show why something failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What they are: "last lines of pipectl-kafka-1".
    pub title: String,
    /// The lines.
    pub lines: Vec<String>,
    /// Lines beside them that are not shown: what is known of a failure is looked for in them, too.
    pub beside: Vec<String>,
}

impl Failure {
    /// A failure with nothing but a message.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code,
            message,
            excerpt: Box::default(),
            causes: Vec::new(),
            evidence: Vec::new(),
            hints: Vec::new(),
            outdated: false,
        }
    }

    /// A failure of the stack, a step or a verification.
    pub fn stack(message: impl Into<String>) -> Self {
        Self::new(crate::exit::FAILED, message)
    }

    /// A mistake in what the user gave.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(crate::exit::USAGE, message)
    }

    /// Adds a cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds evidence.
    #[must_use]
    pub fn evidence(mut self, title: impl Into<String>, lines: Vec<String>) -> Self {
        self.evidence.push(Evidence { title: title.into(), lines, beside: Vec::new() });
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(failure) => failure,
            Err(error) => {
                let mut chain = error.chain().map(ToString::to_string);
                let message = chain.next().unwrap_or_default();
                Self { causes: chain.collect(), ..Self::stack(message) }
            }
        }
    }
}
