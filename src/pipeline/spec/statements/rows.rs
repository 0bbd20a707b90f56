//! What a transformation makes of rows: each of its own row alone, and with its key as it is.

use std::sync::Arc;

use sqlparser::ast::Query;

use super::super::problems::Problems;
use super::{at, beginning};
use crate::model::ModelError;
use crate::model::yaml::Source;
use crate::pipeline::sql::batch::mixed;
use crate::pipeline::sql::{Relation, outputs};

/// Refuses what would give other rows with other batches, and keys under which a row would not be found again.
pub(super) fn check(
    file: &Arc<Source>,
    query: &Query,
    relation: &Relation,
    key: &[String],
    what: &str,
    problems: &mut Problems,
) {
    for mixed in mixed(query, &relation.name) {
        let mark = at(file, mixed.line, mixed.column, mixed.width);
        let message = format!("{what} has {}, which depends on the changes that happen to come together", mixed.what);
        problems
            .add(ModelError::at(&mark, message).hint(
                "a batch is no table: make each row of its own row alone, and compute over rows in `aggregates`",
            ));
    }
    // What cannot be followed is left to the destination.
    let Ok(outputs) = outputs(query, std::slice::from_ref(relation)) else { return };
    for output in outputs.iter().filter(|output| key.contains(&output.name)) {
        let same = (relation.name.clone(), output.name.clone());
        let is_same = output.from.len() == 1 && output.from.contains(&same);
        let given = match &output.expression {
            Some(expression) => expression.clone(),
            None if is_same || output.lost.is_some() => continue,
            None => output.from.iter().map(|(_, column)| column.clone()).collect::<Vec<_>>().join(" or "),
        };
        let message = format!("{what} gives `{given}` as the key column `{}`", output.name);
        let hint = format!(
            "write `{0}` as it is: a deleted row is found again by the source's key; give the other value a name of its own",
            output.name
        );
        problems.add(ModelError::at(&beginning(file).narrow(&output.name), message).hint(hint));
    }
}
