//! `pipectl lineage`: where the data of a table comes from and where it goes, as the catalog holds it.

use serde::Serialize;

use super::Exit;
use super::context::Context;
use super::stack::Stack;
use crate::cli::LineageArgs;
use crate::exit;
use crate::failure::Failure;
use crate::governance::client::{FoundEdge, FoundEnd};
use crate::governance::lineage::{Edge, Lineage, show};
use crate::governance::{self, Held};

/// One edge of `--json`.
#[derive(Serialize)]
struct EdgeRow<'a> {
    from: &'a str,
    to: &'a str,
    pipeline: &'a str,
    columns: Vec<ColumnRow<'a>>,
    /// What is wrong with it in the catalog; nothing when it is as it should be, or was not asked for.
    problem: Option<String>,
}

#[derive(Serialize)]
struct ColumnRow<'a> {
    from: Vec<&'a str>,
    to: &'a str,
    computed: bool,
}

pub async fn run(context: &Context, arguments: &LineageArgs) -> Exit {
    let stack = Stack::open(context).await?;
    let pipeline = stack.pipeline()?;
    let Held { wanted, orphans, differences, wrong } = if arguments.declared {
        let wanted = governance::wanted_lineage(pipeline)?;
        let wrong = vec![None; wanted.edges.len()];
        Held { wanted, orphans: Vec::new(), differences: Vec::new(), wrong }
    } else {
        governance::held_lineage(pipeline).await.map_err(|error| {
            Failure::from(error).hint("`pipectl lineage --declared` tells what the files say, without the catalog")
        })?
    };
    let shown = match &arguments.table {
        Some(table) => wanted.through(table),
        None => wanted.clone(),
    };
    if let (Some(table), true) = (&arguments.table, shown.edges.is_empty()) {
        let known: Vec<&str> = pipeline.spec.tables.keys().map(String::as_str).collect();
        return Err(Failure::usage(format!("no data flows through `{table}`"))
            .hint(format!("tables of this pipeline: {}", known.join(", "))));
    }
    let problem = |edge: &Edge| {
        let place = wanted.edges.iter().position(|known| known == edge)?;
        wrong.get(place).cloned().flatten()
    };
    // With a table chosen, only what is left over at what is shown.
    let nodes = shown.nodes();
    let at_shown = |end: &FoundEnd| nodes.iter().any(|node| node.fqn == end.fqn);
    let near = |edge: &&FoundEdge| arguments.table.is_none() || at_shown(&edge.from) || at_shown(&edge.to);
    let orphans: Vec<&FoundEdge> = orphans.iter().filter(near).collect();
    if arguments.json {
        context.json(&rows(&shown, &problem))?;
    } else if arguments.mermaid {
        context.out(&show::mermaid(&show::lines(&shown, &problem, &orphans)))?;
    } else if arguments.dot {
        context.out(&show::dot(&show::lines(&shown, &problem, &orphans)))?;
    } else {
        context.out(&show::text(&shown, &|edge| problem(edge).map(|what| format!("[{what}]"))))?;
    }
    if differences.is_empty() {
        return Ok(exit::OK);
    }
    let failure = Failure::stack("the lineage in the catalog is not the pipeline's");
    Err(differences.iter().fold(failure, Failure::because).hint("`pipectl ingest` writes it again"))
}

fn rows<'a>(lineage: &'a Lineage, problem: &dyn Fn(&Edge) -> Option<String>) -> Vec<EdgeRow<'a>> {
    let column = |map: &'a governance::lineage::ColumnMap| ColumnRow {
        from: map.from.iter().map(String::as_str).collect(),
        to: &map.to,
        computed: !map.plain,
    };
    let row = |edge: &'a Edge| EdgeRow {
        from: &edge.from.fqn,
        to: &edge.to.fqn,
        pipeline: &edge.pipeline,
        columns: edge.columns.iter().map(column).collect(),
        problem: problem(edge),
    };
    lineage.edges.iter().map(row).collect()
}
