//! `pipectl catalog`: the lite catalog server, and a look at its store.

use std::path::Path;

use super::Exit;
use super::context::{Context, unwritable};
use crate::catalog::{self, Options, Server};
use crate::cli::{CatalogAction, CatalogArgs};
use crate::exit;
use crate::failure::Failure;

/// Variable with the admin's password.
const PASSWORD: &str = "PIPECTL_CATALOG_PASSWORD";

/// Password where none is given: that of OpenMetadata's own quick start.
const DEFAULT_PASSWORD: &str = "admin";

pub async fn run(context: &Context, arguments: &CatalogArgs) -> Exit {
    match &arguments.action {
        CatalogAction::Serve { listen, admin_password_file } => {
            let password = password(admin_password_file.as_deref())?;
            let options = Options { listen: *listen, data: arguments.data.clone(), password };
            serve(context, options).await
        }
        CatalogAction::Check => check(context, &arguments.data),
    }
}

async fn serve(context: &Context, options: Options) -> Exit {
    // Installed before the port is taken: whoever sees the port open may stop the server.
    let stop = context.ui.interrupts(None).map_err(|error| unwritable(&error))?;
    let data = options.data.clone();
    let server = Server::bind(options).await?;
    let address = server.address();
    context.ui.note(&format!("catalog: http://{address} (data in {}, stop with Ctrl-C)", data.display()));
    if !address.ip().is_loopback() {
        tracing::info!(%address, "the page needs no login and can be read from other machines");
    }
    server.run(async move { stop.cancelled().await }).await?;
    context.ui.note("catalog: stopped");
    Ok(exit::OK)
}

fn check(context: &Context, data: &Path) -> Exit {
    let findings = catalog::check(data)?;
    if findings.is_empty() {
        context.ui.note(&format!("catalog: nothing wrong with the store in {}", data.display()));
        return Ok(exit::OK);
    }
    Err(Failure::stack(format!("the store in {} is damaged", data.display()))
        .evidence("what contradicts itself", findings)
        .hint("move the directory away; the next start makes a new store, and `pipectl ingest` fills it again"))
}

/// The admin's password, from the file, the environment, or the default.
fn password(file: Option<&Path>) -> Result<String, Failure> {
    let password = match file {
        Some(file) => std::fs::read_to_string(file).map_err(|error| {
            Failure::usage(format!("the password file {} cannot be read", file.display())).because(error.to_string())
        })?,
        None => std::env::var(PASSWORD).unwrap_or_else(|_| DEFAULT_PASSWORD.to_owned()),
    };
    // Editors and secrets end a file with a newline that is not part of the password.
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        let place = file.map_or_else(|| PASSWORD.to_owned(), |file| file.display().to_string());
        return Err(Failure::usage(format!("the admin's password in {place} is empty")));
    }
    Ok(password)
}
