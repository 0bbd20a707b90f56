//! `pipectl credentials`, and the table of addresses that ends `up`.

use serde::Serialize;

use super::Exit;
use super::context::Context;
use crate::cli::CredentialsArgs;
use crate::exit;
use crate::model::Project;
use crate::ui::addresses::{self, Address};

/// One row of `--json`.
#[derive(Serialize)]
struct Row<'a> {
    service: &'a str,
    label: &'a str,
    url: &'a str,
    user: Option<&'a str>,
    password: Option<&'a str>,
}

pub fn run(context: &Context, arguments: &CredentialsArgs) -> Exit {
    let project = context.project()?;
    let addresses = of(&project);
    if arguments.json {
        let rows: Vec<Row<'_>> = addresses
            .iter()
            .map(|address| {
                let login = address.login.as_ref();
                Row {
                    service: &address.service,
                    label: &address.label,
                    url: &address.url,
                    user: login.map(|(user, _)| user.as_str()),
                    password: login.map(|(_, password)| password.as_str()),
                }
            })
            .collect();
        context.json(&rows)?;
    } else {
        // Of services of which one or the other runs, at one address, the address is said once.
        let mut said: Vec<Address> = Vec::new();
        for address in addresses {
            let same = |other: &Address| {
                (&other.label, &other.url, &other.login) == (&address.label, &address.url, &address.login)
            };
            if !said.iter().any(same) {
                said.push(address);
            }
        }
        context.out(&addresses::render(&said, context.ui.width()))?;
    }
    Ok(exit::OK)
}

/// Addresses of every service that has one.
pub fn of(project: &Project) -> Vec<Address> {
    let with_endpoint = project.services.values().filter_map(|service| Some((service, service.ext.endpoint.as_ref()?)));
    with_endpoint
        .map(|(service, endpoint)| Address {
            service: service.name.clone(),
            label: endpoint.label.clone(),
            url: endpoint.url.clone(),
            login: service.ext.credentials.clone().map(|login| (login.user, login.password)),
        })
        .collect()
}
