//! Which relations a statement reads, each with the place where it is named.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{Ident, ObjectName, Query, Visit, Visitor};

/// A relation that a statement of Postgres' names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Its schema, where the statement says it.
    pub schema: Option<String>,
    /// Its name as Postgres understands it: in small letters, unless it is quoted.
    pub name: String,
    /// Line in the statement, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

/// Every relation that it reads, in order, without those that it defines itself.
pub fn reads(query: &Query) -> Vec<Read> {
    let mut reader = Reader::default();
    let _: ControlFlow<()> = query.visit(&mut reader);
    let own = reader.own;
    reader.named.into_iter().filter(|read| read.schema.is_some() || !own.contains(&read.name)).collect()
}

#[derive(Default)]
struct Reader {
    named: Vec<Read>,
    /// Names that a WITH defines.
    own: BTreeSet<String>,
}

impl Visitor for Reader {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let common = query.with.iter().flat_map(|with| &with.cte_tables);
        self.own.extend(common.map(|common| folded(&common.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let idents: Vec<&Ident> = relation.0.iter().filter_map(|part| part.as_ident()).collect();
        if let [before @ .., name] = idents.as_slice() {
            let start = name.span.start;
            let schema = before.last().map(|schema| folded(schema));
            self.named.push(Read { schema, name: folded(name), line: start.line, column: start.column });
        }
        ControlFlow::Continue(())
    }
}

fn folded(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::sql::{Flavour, Reading, read};

    #[test]
    fn what_is_read_is_told_with_its_place() {
        let sql = "WITH own AS (SELECT * FROM Orders)\nSELECT (SELECT max(x) FROM crm.\"Rates\") FROM own JOIN affected USING (day)";
        let Reading::Select(query) = read(sql, Flavour::Postgres) else { panic!("a SELECT") };
        let told = |read: Read| format!("{}:{} {:?} {}", read.line, read.column, read.schema, read.name);
        let told: Vec<String> = reads(&query).into_iter().map(told).collect();
        assert_eq!(told, ["1:28 None orders", "2:32 Some(\"crm\") Rates", "2:55 None affected"]);
    }
}
