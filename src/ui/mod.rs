//! The screen: the only place that prints.
//!
//! Events become progress ([`Ui::show`]), views become text (`status`, `verify`, `addresses`, `table`), failures become
//! reports. Standard output carries data, standard error everything else; colours appear only where they are wanted.

pub mod addresses;
mod board;
pub mod doctor;
mod failure;
mod interrupts;
mod json;
pub mod logs;
mod plain;
mod prompt;
mod quiet;
mod render;
pub mod scaffold;
pub mod status;
mod style;
pub mod table;
mod terminal;
#[cfg(test)]
mod tests;
mod trace;
mod tty;
pub mod verify;
mod watch;
mod words;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

pub use interrupts::STOPPING;
pub use prompt::PromptError;
pub use render::Renderer;
pub use style::{Mark, age, bytes, duration};
pub use trace::LOG_VARIABLE;
pub use watch::Watch;

use crate::event::Event;
use crate::failure::Failure;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `Tty` where standard error is a terminal that can redraw, else `Plain`.
    #[default]
    Auto,
    /// Redrawn in place; without a terminal the same as `Plain`.
    Tty,
    /// Lines.
    Plain,
    /// One JSON object a line, on standard output.
    Json,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Also into files and pipes.
    Always,
    /// Never.
    Never,
}

/// How much is said and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// How progress is shown.
    pub format: Format,
    /// Warnings and errors only.
    pub quiet: bool,
    /// 1: output of builds and steps too; 2 and more: diagnostics.
    pub verbose: u8,
    /// Colours.
    pub color: Color,
}

/// Whether anyone still reads standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// It was written.
    Listening,
    /// The pipe is closed (`| head`): a success, but there is no point in going on.
    Gone,
}

/// Handle to the screen; cheap to clone.
#[derive(Debug, Clone)]
pub struct Ui(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    format: Format,
    quiet: bool,
    verbose: bool,
    colored: bool,
    /// The frame that is redrawn; everything that prints goes around it.
    bar: ProgressBar,
}

impl Ui {
    /// Decides once how this process prints.
    pub fn new(options: Options) -> Self {
        match options.color {
            Color::Auto => anstream::ColorChoice::Auto.write_global(),
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Never => anstream::ColorChoice::Never.write_global(),
        }
        let can_redraw = io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let format = match options.format {
            Format::Auto | Format::Tty if can_redraw => Format::Tty,
            Format::Auto | Format::Tty => Format::Plain,
            chosen => chosen,
        };
        let in_place = format == Format::Tty && !options.quiet;
        let target = if in_place {
            // The renderer's own ticks limit the rate, to half of this.
            ProgressDrawTarget::term_like_with_hz(Box::new(terminal::Screen::stderr()), 20)
        } else {
            ProgressDrawTarget::hidden()
        };
        let ui = Self(Arc::new(Inner {
            format,
            quiet: options.quiet,
            verbose: options.verbose > 0,
            colored: is_colored(&io::stderr()),
            bar: tty::frame_on(target),
        }));
        trace::install(&ui, options.verbose);
        ui
    }

    /// Starts showing the events of a run.
    pub fn show(&self, events: UnboundedReceiver<Event>) -> Renderer {
        let Inner { format, quiet, verbose, colored, ref bar } = *self.0;
        let consumer: Box<dyn render::Consumer> = match format {
            Format::Json => Box::new(json::Json(io::stdout())),
            _ if quiet => Box::new(quiet::Quiet(anstream::stderr())),
            Format::Tty => {
                let size = || {
                    let (rows, columns) = Term::stderr().size();
                    (usize::from(rows), usize::from(columns))
                };
                Box::new(tty::Tty::new(bar.clone(), Box::new(anstream::stderr()), Box::new(size), colored, verbose))
            }
            Format::Plain | Format::Auto => Box::new(plain::Plain::new(anstream::stderr(), verbose)),
        };
        Renderer::spawn(consumer, events)
    }

    /// True when standard output carries events: then a command prints no table of its own there.
    pub fn is_json(&self) -> bool {
        self.0.format == Format::Json
    }

    /// Width for tables: the terminal's, nothing off a terminal (then nothing is wrapped).
    pub fn width(&self) -> Option<usize> {
        screen_size().map(|(_, columns)| columns)
    }

    /// Writes data to standard output, with a newline at the end if it has none.
    pub fn out(&self, text: &str) -> io::Result<Reader> {
        let text = if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
        self.0.bar.suspend(|| written(&mut anstream::stdout(), text.as_bytes()))
    }

    /// Writes to standard error what a program wrote to its own, as it is.
    pub fn pass_on(&self, text: &str) -> io::Result<Reader> {
        self.0.bar.suspend(|| written(&mut anstream::stderr(), text.as_bytes()))
    }

    /// Says something to the person: one line on standard error, nothing with `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.0.quiet {
            self.say(text);
        }
    }

    /// A warning with what to do about it, outside of a run (inside, send [`Event::Warning`]).
    pub fn warning(&self, text: &str, hint: Option<&str>) {
        self.say(&failure::warning(text, hint));
    }

    /// Reports the failure that ends the command; with JSON events also as the last object of the stream.
    pub fn failure(&self, failure: &Failure) {
        if self.is_json() {
            // Whoever reads the stream may be gone; the report on standard error and the exit code remain.
            let _ = self.out(&json::failure(failure));
        }
        self.say(failure::render(failure).trim_end());
    }

    /// Asks before something is destroyed. Blocks: ask before [`Self::interrupts`].
    pub fn confirm(&self, question: &str) -> Result<bool, PromptError> {
        self.0.bar.suspend(|| prompt::confirm(question))
    }

    /// Handles Ctrl-C and SIGTERM from now on: the first cancels the token and prints `message` (see [`STOPPING`]), the
    /// second ends the program at once with [`crate::exit::INTERRUPTED`]. Needs a tokio runtime.
    pub fn interrupts(&self, message: Option<&'static str>) -> io::Result<CancellationToken> {
        interrupts::install(self.clone(), message)
    }

    /// A screen that is redrawn in place.
    pub fn watch(&self) -> Watch {
        Watch::new(self.clone())
    }

    /// One message on standard error, whatever else is on the screen.
    fn say(&self, text: &str) {
        // Nobody is left to be told when standard error itself fails.
        self.0.bar.suspend(|| {
            let _ = writeln!(anstream::stderr(), "{text}");
        });
    }

    /// Gives the terminal back: no frame, a visible cursor.
    fn restore_terminal(&self) {
        self.0.bar.finish_and_clear();
        if screen_size().is_some() {
            watch::show_cursor();
        }
    }
}

/// Rows and columns of the terminal on standard output.
fn screen_size() -> Option<(usize, usize)> {
    let terminal = Term::stdout();
    let (rows, columns) = terminal.features().is_attended().then(|| terminal.size())?;
    Some((usize::from(rows), usize::from(columns)))
}

/// True when colours go to this stream: `--color`, `NO_COLOR` and friends, or a terminal.
fn is_colored(stream: &impl anstream::stream::RawStream) -> bool {
    anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never
}

fn written(output: &mut dyn Write, bytes: &[u8]) -> io::Result<Reader> {
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Ok(()) => Ok(Reader::Listening),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(error),
    }
}
