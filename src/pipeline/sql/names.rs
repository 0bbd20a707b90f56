//! Names in a SELECT of Spark's that mean nothing: relations and columns that are not there.
//!
//! Only what is certain is told. Where a scope is not wholly known (a table of the metastore, a lateral view, a subquery inside of
//! an expression), Spark has the last word, when the statement runs.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, Expr, GroupByExpr, Ident, JoinConstraint, JoinOperator, Query, Select, SelectItem, SetExpr,
    TableFactor, TableWithJoins, visit_expressions,
};

use super::{Relation, factor, renamed, select};

/// A name that means nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// The name.
    pub name: String,
    /// What it is not, for people.
    pub problem: String,
    /// Names that would mean something in its place.
    pub known: Vec<String>,
    /// Line in the statement, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

/// Words that look like columns and are none: units of time as arguments of functions, and values without parentheses.
const WORDS: [&str; 31] = [
    "year",
    "years",
    "quarter",
    "quarters",
    "month",
    "months",
    "week",
    "weeks",
    "day",
    "days",
    "dayofyear",
    "hour",
    "hours",
    "minute",
    "minutes",
    "second",
    "seconds",
    "millisecond",
    "milliseconds",
    "microsecond",
    "microseconds",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "session_user",
    "user",
    "localtimestamp",
    "both",
    "_metadata",
    "default",
];

/// The names of a statement that mean nothing where there are these relations.
pub fn strays(query: &Query, relations: &[Relation]) -> Vec<Stray> {
    let mut found = Vec::new();
    Known { relations: relations.to_vec(), opaque: Vec::new() }.query(query, &mut found);
    found
}

/// What a statement may select from.
#[derive(Clone)]
struct Known {
    relations: Vec<Relation>,
    /// Relations whose columns could not be told.
    opaque: Vec<String>,
}

/// What a SELECT's expressions may name.
#[derive(Default)]
struct Scope {
    relations: Vec<Relation>,
    /// True when there are columns that are not known.
    open: bool,
}

impl Known {
    fn query(mut self, query: &Query, found: &mut Vec<Stray>) {
        for common in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.clone().query(&common.query, found);
            let name = common.alias.name.value.clone();
            match select(&common.query, &self.relations) {
                Ok(columns) => {
                    let columns = renamed(columns, Some(&common.alias));
                    self.relations.insert(0, Relation { name, columns });
                }
                Err(_) => self.opaque.push(name),
            }
        }
        self.body(&query.body, found);
    }

    fn body(&self, body: &SetExpr, found: &mut Vec<Stray>) {
        match body {
            SetExpr::Select(inner) => self.select(inner, found),
            SetExpr::Query(inner) => self.clone().query(inner, found),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left, found);
                self.body(right, found);
            }
            _ => {}
        }
    }

    fn select(&self, select: &Select, found: &mut Vec<Stray>) {
        let mut scope = Scope { open: !select.lateral_views.is_empty(), ..Scope::default() };
        for from in &select.from {
            self.joined(from, &mut scope, found);
        }
        if scope.open {
            return;
        }
        // An alias can be named by the items behind it, and by GROUP BY and HAVING.
        let aliases: BTreeSet<String> = select.projection.iter().filter_map(alias).collect();
        for expression in expressions(select) {
            names(expression, &scope, &aliases, found);
        }
    }

    fn joined(&self, from: &TableWithJoins, scope: &mut Scope, found: &mut Vec<Stray>) {
        let joined = from.joins.iter().map(|join| &join.relation);
        for relation in std::iter::once(&from.relation).chain(joined) {
            self.factor(relation, scope, found);
        }
    }

    fn factor(&self, relation: &TableFactor, scope: &mut Scope, found: &mut Vec<Stray>) {
        match relation {
            TableFactor::Table { name, args: None, .. } => {
                let [part] = name.0.as_slice() else {
                    scope.open = true;
                    return;
                };
                let Some(ident) = part.as_ident() else { return };
                let is_it = |known: &str| known.eq_ignore_ascii_case(&ident.value);
                if self.opaque.iter().any(|known| is_it(known)) {
                    scope.open = true;
                    return;
                }
                if !self.relations.iter().any(|known| is_it(&known.name)) {
                    let known = self.relations.iter().map(|known| known.name.clone()).collect();
                    found.push(stray(ident, format!("there is no relation `{}` to select from", ident.value), known));
                    scope.open = true;
                    return;
                }
            }
            TableFactor::Derived { lateral: false, subquery, .. } => self.clone().query(subquery, found),
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                self.joined(table_with_joins, scope, found);
                return;
            }
            _ => {
                scope.open = true;
                return;
            }
        }
        scope.open |= factor(relation, &self.relations, &mut scope.relations).is_err();
    }
}

/// The expressions of a SELECT that see nothing but its FROM and its aliases.
fn expressions(select: &Select) -> Vec<&Expr> {
    let mut all: Vec<&Expr> = Vec::new();
    for item in &select.projection {
        if let SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } = item {
            all.push(expression);
        }
    }
    all.extend(&select.selection);
    all.extend(&select.having);
    if let GroupByExpr::Expressions(by, _) = &select.group_by {
        all.extend(by);
    }
    all.extend(select.from.iter().flat_map(|from| &from.joins).filter_map(|join| condition(&join.join_operator)));
    all
}

fn condition(join: &JoinOperator) -> Option<&Expr> {
    match join {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint) => match constraint {
            JoinConstraint::On(expression) => Some(expression),
            _ => None,
        },
        _ => None,
    }
}

fn alias(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.to_lowercase()),
        _ => None,
    }
}

/// Adds the names of an expression that mean nothing.
fn names(expression: &Expr, scope: &Scope, aliases: &BTreeSet<String>, found: &mut Vec<Stray>) {
    // Names that belong to the expression itself: parameters of lambdas, fields behind a dot.
    let mut own: BTreeSet<String> = aliases.clone();
    let mut candidates: Vec<Vec<Ident>> = Vec::new();
    let visited = visit_expressions(expression, |part| {
        match part {
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => return ControlFlow::Break(()),
            Expr::Lambda(lambda) => {
                own.extend(lambda.params.iter().map(|parameter| parameter.name.value.to_lowercase()));
            }
            Expr::CompoundFieldAccess { access_chain, .. } => {
                for access in access_chain {
                    if let AccessExpr::Dot(Expr::Identifier(field)) = access {
                        own.insert(field.value.to_lowercase());
                    }
                }
            }
            Expr::Identifier(name) => candidates.push(vec![name.clone()]),
            Expr::CompoundIdentifier(names) => candidates.push(names.clone()),
            _ => {}
        }
        ControlFlow::Continue(())
    });
    if visited.is_break() {
        return;
    }
    for names in candidates {
        let (Some(first), second) = (names.first(), names.get(1)) else { continue };
        let word = first.value.to_lowercase();
        let is_word = first.quote_style.is_none() && WORDS.contains(&word.as_str());
        if is_word || own.contains(&word) {
            continue;
        }
        let relation = scope.relations.iter().find(|known| known.name.eq_ignore_ascii_case(&first.value));
        match (relation, second) {
            (Some(relation), Some(column)) if relation.column(&column.value).is_none() => {
                let known = relation.columns.iter().map(|known| known.name.clone()).collect();
                found.push(stray(column, format!("`{}` has no column `{}`", relation.name, column.value), known));
            }
            (Some(_), _) => {}
            (None, _) if scope.relations.iter().any(|known| known.column(&first.value).is_some()) => {}
            (None, _) => {
                let columns = scope.relations.iter().flat_map(|known| &known.columns);
                let known = columns.map(|column| column.name.clone()).collect();
                let problem = match scope.relations.as_slice() {
                    [only] if second.is_none() => format!("`{}` has no column `{}`", only.name, first.value),
                    _ => format!("no relation of its FROM has a column `{}`", first.value),
                };
                found.push(stray(first, problem, known));
            }
        }
    }
}

fn stray(name: &Ident, problem: String, known: Vec<String>) -> Stray {
    let start = name.span.start;
    Stray { name: name.value.clone(), problem, known, line: start.line, column: start.column }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::sql::{Flavour, Reading, read};

    /// `line:column problem`, one a line.
    fn told(sql: &str) -> Vec<String> {
        let orders = Relation::table("orders", ["id", "amount", "quantity", "details", "tags", "ordered_at"]);
        let Reading::Select(query) = read(sql, Flavour::Spark) else { panic!("a SELECT: {sql}") };
        let line = |stray: Stray| format!("{}:{} {}", stray.line, stray.column, stray.problem);
        strays(&query, &[orders]).into_iter().map(line).collect()
    }

    #[test]
    fn unknown_names_are_found_wherever_they_stand() {
        assert_eq!(
            told("SELECT id, amout,\n  o.quantiti FROM orders o WHERE statuss = 'new' GROUP BY nope"),
            [
                "1:12 `o` has no column `amout`",
                "2:5 `o` has no column `quantiti`",
                "2:34 `o` has no column `statuss`",
                "2:59 `o` has no column `nope`",
            ]
        );
        assert_eq!(told("SELECT id FROM order"), ["1:16 there is no relation `order` to select from"]);
        assert_eq!(
            told("WITH big AS (SELECT id, amuont FROM orders) SELECT id, quantity FROM big"),
            ["1:25 `orders` has no column `amuont`", "1:56 `big` has no column `quantity`"]
        );
        assert_eq!(
            told("SELECT a.id, zip FROM orders a JOIN orders b ON a.id = b.ip"),
            ["1:14 no relation of its FROM has a column `zip`", "1:58 `b` has no column `ip`"]
        );
    }

    #[test]
    fn what_spark_knows_is_left_alone() {
        let right = [
            "SELECT ID, `amount`, details.channel, o.details.n FROM orders o",
            "SELECT transform(tags, t -> upper(t)) AS tags, aggregate(tags, 0, (n, t) -> n + 1) AS n FROM orders",
            "SELECT amount * 2 AS twice, twice + 1 AS more FROM orders",
            "SELECT date_add(DAY, 1, ordered_at) AS next, current_date AS today, \"text\" AS word FROM orders",
            "SELECT extract(day FROM ordered_at) AS day, INTERVAL 1 DAY AS one, from_json(details, 'a INT').a AS a FROM orders",
            "SELECT id, (SELECT max(x) FROM elsewhere) AS x FROM orders",
            "SELECT id, city FROM orders JOIN default.places p ON p.id = orders.id",
            "SELECT id, tag FROM orders LATERAL VIEW explode(tags) t AS tag",
            "SELECT id, row_number() OVER (PARTITION BY quantity ORDER BY amount DESC) AS n FROM orders",
            "SELECT x.n FROM (SELECT id AS n FROM orders) x",
            "SELECT id, count(*) AS n FROM orders GROUP BY ALL HAVING n > 1",
        ];
        for sql in right {
            assert_eq!(told(sql), [""; 0], "{sql}");
        }
    }
}
