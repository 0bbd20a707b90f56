//! `pipectl man`

use std::io;
use std::path::Path;

use super::Exit;
use super::context::Context;
use crate::cli::{self, ManArgs};
use crate::exit;
use crate::failure::Failure;

pub fn run(context: &Context, arguments: &ManArgs) -> Exit {
    let pages = cli::man_pages()
        .map_err(|error| Failure::stack("the manual pages cannot be made").because(error.to_string()))?;
    if let Some(directory) = &arguments.directory {
        let paths = write(directory, &pages).map_err(|error| {
            Failure::stack(format!("manual pages cannot be written to {}", directory.display()))
                .because(error.to_string())
                .hint("name a folder that you may write to: `pipectl man DIR`")
        })?;
        context.out(&paths)?;
    } else {
        let own = pages.into_iter().find(|(name, _)| name == "pipectl.1").map(|(_, text)| text);
        context.out(&own.unwrap_or_default())?;
    }
    Ok(exit::OK)
}

/// Writes every page; returns their paths, one a line.
fn write(directory: &Path, pages: &[(String, String)]) -> io::Result<String> {
    std::fs::create_dir_all(directory)?;
    let mut paths = String::new();
    for (name, text) in pages {
        let path = directory.join(name);
        std::fs::write(&path, text)?;
        paths.push_str(&path.display().to_string());
        paths.push('\n');
    }
    Ok(paths)
}
