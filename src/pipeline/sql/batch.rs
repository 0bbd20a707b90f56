//! What a transformation's SELECT makes of the batch as a whole. A batch is no table: which changes come together is chance, so
//! every row has to be made of its own row alone.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Expr, Function, GroupByExpr, LimitClause, ObjectName, Query, Select, SetExpr, SetOperator, SetQuantifier,
    Spanned, Visit, Visitor, visit_relations,
};
use sqlparser::tokenizer::Span;

/// Something that depends on which rows come together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mixed {
    /// What it is, in SQL's words.
    pub what: String,
    /// Line in the statement, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// Characters that it takes.
    pub width: usize,
}

/// Functions of Spark's that make one value of many rows.
const AGGREGATES: [&str; 59] = [
    "any",
    "any_value",
    "approx_count_distinct",
    "approx_percentile",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "collect_list",
    "collect_set",
    "corr",
    "count",
    "count_if",
    "covar_pop",
    "covar_samp",
    "every",
    "first",
    "first_value",
    "histogram_numeric",
    "kurtosis",
    "last",
    "last_value",
    "listagg",
    "max",
    "max_by",
    "mean",
    "median",
    "min",
    "min_by",
    "mode",
    "percentile",
    "percentile_approx",
    "percentile_cont",
    "percentile_disc",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "skewness",
    "some",
    "std",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "try_avg",
    "try_sum",
    "var_pop",
    "var_samp",
    "variance",
];

/// Everything in a statement that depends on which rows of `batch` come together. A subquery that reads other relations only has
/// a table before it, and may do what it likes.
pub fn mixed(query: &Query, batch: &str) -> Vec<Mixed> {
    let mut finder =
        Finder { batch: batch.to_lowercase(), reads: Vec::new(), names: BTreeSet::new(), found: Vec::new() };
    let _: ControlFlow<()> = query.visit(&mut finder);
    finder.found
}

struct Finder {
    batch: String,
    /// For each query around the place, whether it reads the batch.
    reads: Vec<bool>,
    /// Names that a WITH gives to what it makes of the batch.
    names: BTreeSet<String>,
    found: Vec<Mixed>,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for common in query.with.iter().flat_map(|with| &with.cte_tables) {
            if self.reads(&common.query) {
                self.names.insert(common.alias.name.value.to_lowercase());
            }
        }
        let reads = self.reads(query);
        self.reads.push(reads);
        if reads {
            self.clauses(query);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.reads.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        if let (Expr::Function(function), Some(true)) = (expression, self.reads.last()) {
            self.function(function);
        }
        ControlFlow::Continue(())
    }
}

impl Finder {
    fn reads(&self, query: &Query) -> bool {
        let is_it = |name: &ObjectName| match name.0.as_slice() {
            // One of a database is a table of the metastore.
            [part] => part.as_ident().is_some_and(|name| self.is_batch(&name.value.to_lowercase())),
            _ => false,
        };
        let visited =
            visit_relations(query, |name| if is_it(name) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) });
        visited.is_break()
    }

    fn is_batch(&self, name: &str) -> bool {
        name == self.batch || self.names.contains(name)
    }

    /// What stands behind and around the query's SELECT.
    fn clauses(&mut self, query: &Query) {
        match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit: None, offset: Some(offset), .. }) => {
                self.add("OFFSET", offset.span());
            }
            Some(clause) => self.add("LIMIT", clause.span()),
            None => {}
        }
        if let Some(fetch) = &query.fetch {
            self.add("FETCH", fetch.span());
        }
        self.body(&query.body);
    }

    fn body(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::SetOperation { op, set_quantifier, left, right } => {
                let all = matches!(set_quantifier, SetQuantifier::All | SetQuantifier::AllByName);
                if *op != SetOperator::Union || !all {
                    let what = if *op == SetOperator::Union { "UNION without ALL".to_owned() } else { op.to_string() };
                    self.add(&what, right.span());
                }
                self.body(left);
                self.body(right);
            }
            _ => {}
        }
    }

    fn select(&mut self, select: &Select) {
        if matches!(select.distinct, Some(Distinct::Distinct | Distinct::On(_))) {
            self.add("DISTINCT", select.select_token.0.span);
        }
        match &select.group_by {
            GroupByExpr::Expressions(by, _) if by.is_empty() => {}
            GroupByExpr::Expressions(by, _) => {
                let first = by.first().map_or_else(Span::empty, Spanned::span);
                self.add("GROUP BY", first);
            }
            GroupByExpr::All(_) => self.add("GROUP BY", select.select_token.0.span),
        }
    }

    fn function(&mut self, function: &Function) {
        let Some(name) = function.name.0.last().and_then(|part| part.as_ident()) else { return };
        let plain = name.value.to_lowercase();
        if function.over.is_some() {
            self.add(&format!("the window function {plain}"), name.span);
        } else if AGGREGATES.contains(&plain.as_str()) {
            self.add(&format!("the aggregate function {plain}"), name.span);
        }
    }

    /// Notes it. What has no place is at the statement's beginning.
    fn add(&mut self, what: &str, span: Span) {
        let (start, end) = (span.start, span.end);
        let width = if start.line == end.line { end.column.saturating_sub(start.column) } else { 1 };
        let width = usize::try_from(width).unwrap_or(1).max(1);
        self.found.push(Mixed { what: what.to_owned(), line: start.line.max(1), column: start.column.max(1), width });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::sql::{Flavour, Reading, read};

    fn told(sql: &str) -> Vec<String> {
        let Reading::Select(query) = read(sql, Flavour::Spark) else { panic!("a SELECT: {sql}") };
        mixed(&query, "orders")
            .into_iter()
            .map(|mixed| format!("{}:{} {}", mixed.line, mixed.column, mixed.what))
            .collect()
    }

    #[test]
    fn what_depends_on_the_other_rows_is_found() {
        assert_eq!(told("SELECT id FROM orders LIMIT 10"), ["1:29 LIMIT"]);
        assert_eq!(told("SELECT id FROM orders OFFSET 3"), ["1:30 OFFSET"]);
        assert_eq!(told("SELECT DISTINCT id FROM orders"), ["1:1 DISTINCT"]);
        assert_eq!(
            told("SELECT id, SUM(amount) AS total\nFROM orders GROUP BY id"),
            ["2:22 GROUP BY", "1:12 the aggregate function sum"]
        );
        assert_eq!(told("SELECT id, count(*) AS n FROM orders GROUP BY ALL").len(), 2);
        assert_eq!(
            told("SELECT id, row_number() OVER (ORDER BY id) AS n FROM orders"),
            ["1:12 the window function row_number"]
        );
        assert_eq!(told("SELECT id FROM orders UNION SELECT id + 1 FROM orders").len(), 1);
        assert_eq!(told("SELECT id FROM orders EXCEPT SELECT 3").len(), 1);
    }

    #[test]
    fn it_is_found_in_every_query_that_reads_the_batch() {
        let nested = [
            "SELECT o.id, n FROM Orders o JOIN (SELECT customer, count(*) AS n FROM orders GROUP BY customer) c USING (customer)",
            "WITH all AS (SELECT id, amount FROM orders) SELECT id, (SELECT max(amount) FROM all) AS most FROM all",
            "SELECT id FROM (SELECT id FROM orders LIMIT 3) o",
        ];
        for sql in nested {
            assert!(!told(sql).is_empty(), "{sql}");
        }
    }

    #[test]
    fn rows_made_of_their_own_row_are_right() {
        let right = [
            "SELECT id, upper(note) AS note FROM orders WHERE amount > 0 ORDER BY id",
            "SELECT ALL id FROM orders UNION ALL SELECT -id FROM orders",
            "SELECT id, aggregate(tags, 0, (n, t) -> n + 1) AS n, array_max(tags) AS most FROM orders",
            "SELECT id, (SELECT max(rate) FROM lake.orders) AS rate FROM orders",
            "WITH rates AS (SELECT DISTINCT day, rate FROM lake.rates LIMIT 9) SELECT id, rate FROM orders JOIN rates USING (day)",
        ];
        for sql in right {
            assert_eq!(told(sql), [""; 0], "{sql}");
        }
    }
}
