//! `pipectl completions`

use super::Exit;
use super::context::Context;
use crate::cli::{self, CompletionsArgs};
use crate::exit;

pub fn run(context: &Context, arguments: &CompletionsArgs) -> Exit {
    context.out(&cli::completions(arguments.shell))?;
    Ok(exit::OK)
}
