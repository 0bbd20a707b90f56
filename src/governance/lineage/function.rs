//! The columns of a transformation that is a Python function: what pipeline.yml says of them, for code is not followed.

use crate::pipeline::spec::{Made, Table};
use crate::pipeline::sql::Output;

/// The columns that the function of a table gives; the error says why they are not known.
pub(super) fn outputs(relation: &str, table: &Table) -> Result<Vec<Output>, String> {
    let columns = &table.destination.results.columns;
    if columns.is_empty() {
        return Err(
            "a Python function is not followed; `columns` in pipeline.yml can say what each is made of".to_owned()
        );
    }
    let origin = |column: &String| (relation.to_owned(), column.clone());
    let output = |(name, made): (&String, &Made)| {
        let (from, expression) = match made {
            Made::Same => (vec![name.clone()], None),
            Made::From(columns) => (columns.clone(), Some("a Python function".to_owned())),
        };
        Output { name: name.clone(), from: from.iter().map(origin).collect(), expression, ..Output::default() }
    };
    Ok(columns.iter().map(output).collect())
}
