//! The two databases against pipeline.yml: tables, columns, types and keys as they are, before anything is captured.
//!
//! `facts` reads, `source` and `destination` decide, and every difference is told at once with what mends it.

pub mod destination;
pub mod facts;
pub mod kinds;
pub mod problem;
pub mod publication;
pub mod server;
pub mod source;

use std::time::Duration;

use super::Pipeline;
use super::clients::ClientError;
use super::spec::{Made, PipelineSpec, Table, lake_name};
use super::sql::{Flavour, Output, Reading, Relation, outputs, read, result};
use destination::{Gifts, Given, OWN};
use problem::Problem;

/// Compares both databases with the declaration; nothing is changed.
pub async fn check(pipeline: &Pipeline, patience: Duration) -> Result<Vec<Problem>, ClientError> {
    let spec = &pipeline.spec;
    let of_source = async {
        let names: Vec<String> = spec.tables.keys().cloned().collect();
        let database = pipeline.source(patience).await?;
        let mut problems = Vec::new();
        // The project's own server is set up by its image; a publication can be changed anywhere.
        if spec.source.external.is_some() {
            problems.extend(server::compare(spec, &server::read(&database, spec).await?));
        }
        problems.extend(publication::compare(spec, publication::read(&database, spec).await?.as_ref()));
        problems.extend(source::compare(spec, &facts::read(&database, &names).await?));
        Ok::<_, ClientError>(problems)
    };
    let of_destination = async {
        let schema = &spec.destination.schema;
        let mut names: Vec<String> =
            spec.destination_tables().into_iter().map(|table| format!("{schema}.{table}")).collect();
        names.extend(OWN.map(str::to_owned));
        let found = facts::read(&pipeline.destination(patience).await?, &names).await?;
        Ok(destination::compare(spec, &gifts(pipeline), &found))
    };
    let (mut problems, others) = tokio::try_join!(of_source, of_destination)?;
    problems.extend(others);
    Ok(problems)
}

/// What the SQL files give. One that cannot be read or followed is left to the jobs, which say why.
fn gifts(pipeline: &Pipeline) -> Gifts {
    let spec = &pipeline.spec;
    let text = |path| std::fs::read_to_string(pipeline.file(path)).unwrap_or_default();
    let mut gifts = Gifts::new();
    for (name, table) in &spec.tables {
        if let Some(given) = transformed(spec, name, &text(&table.destination.transform)) {
            gifts.insert(table.destination.table.clone(), given);
        }
    }
    for aggregate in spec.aggregates.values() {
        let Reading::Select(query) = read(&text(&aggregate.query), Flavour::Postgres) else { continue };
        let Some(names) = result(&query, &[]).filter(|names| names.complete) else { continue };
        let given = names.names.into_iter().map(|name| Given { name, kind: None }).collect();
        gifts.insert(aggregate.table.clone(), given);
    }
    gifts
}

/// The columns that a function gives, where pipeline.yml says it.
fn declared(table: &Table) -> Option<Vec<Given>> {
    let columns = &table.destination.results.columns;
    let given = |(name, made): (&String, &Made)| {
        let kind = (*made == Made::Same).then(|| table.columns.get(name).cloned()).flatten();
        Given { name: name.clone(), kind }
    };
    (!columns.is_empty()).then(|| columns.iter().map(given).collect())
}

/// The columns that a table's transformation gives, with their types where they are passed on.
pub fn transformed(spec: &PipelineSpec, name: &str, sql: &str) -> Option<Vec<Given>> {
    let table = spec.tables.get(name)?;
    if table.destination.is_function() {
        return declared(table);
    }
    let Reading::Select(query) = read(sql, Flavour::Spark) else { return None };
    let relations = [Relation::table(lake_name(name), table.columns.keys())];
    if !result(&query, &relations)?.complete {
        return None;
    }
    let kind = |output: &Output| {
        let plain = output.expression.is_none() && output.lost.is_none() && output.from.len() == 1;
        let (_, column) = output.from.first().filter(|_| plain)?;
        table.columns.get(column).cloned()
    };
    let outputs = outputs(&query, &relations).ok()?;
    Some(outputs.iter().map(|output| Given { name: output.name.clone(), kind: kind(output) }).collect())
}
