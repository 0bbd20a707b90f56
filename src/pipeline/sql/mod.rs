//! Which input columns each output column of a SELECT is made of, read from the statement alone.
//!
//! Follows aliases, joins, subqueries in FROM, WITH and set operations. What cannot be followed (a subquery inside of an
//! expression, a table function, an unknown name) is not guessed: the output says why it is lost.

pub mod batch;
pub mod names;
pub mod reads;
mod size;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Ident, ObjectName, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Statement,
    TableAlias, TableFactor, TableWithJoins, WildcardAdditionalOptions, visit_expressions,
};
use sqlparser::dialect::{DatabricksDialect, Dialect, PostgreSqlDialect};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Tokenizer;

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Spark's: transformations.
    Spark,
    /// Postgres': aggregates.
    Postgres,
}

/// A column of an input: relation and name.
pub type Origin = (String, String);

/// A column of a result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// The columns it is made of.
    pub from: BTreeSet<Origin>,
    /// The expression; nothing where a column is passed on as it is.
    pub expression: Option<String>,
    /// Why its origin is not (wholly) known.
    pub lost: Option<String>,
}

/// A relation that a statement may name, with its columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relation {
    /// Its name in the statement.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Output>,
}

impl Relation {
    /// A table: each column is its own origin.
    pub fn table<S: AsRef<str>>(name: &str, columns: impl IntoIterator<Item = S>) -> Self {
        let column = |column: S| {
            let column = column.as_ref();
            let from = BTreeSet::from([(name.to_owned(), column.to_owned())]);
            Output { name: column.to_owned(), from, ..Output::default() }
        };
        Self { name: name.to_owned(), columns: columns.into_iter().map(column).collect() }
    }

    fn column(&self, name: &str) -> Option<&Output> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }
}

/// A statement as it was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// One SELECT, as it should be.
    Select(Box<Query>),
    /// Something else; why.
    Other(String),
    /// Nothing that this parser knows, which does not mean that the database does not know it; why.
    Unknown(String),
}

/// Reads a statement.
pub fn read(sql: &str, flavour: Flavour) -> Reading {
    let dialect: &dyn Dialect = match flavour {
        Flavour::Spark => &DatabricksDialect {},
        Flavour::Postgres => &PostgreSqlDialect {},
    };
    let tokens = match Tokenizer::new(dialect, sql).tokenize_with_location() {
        Ok(tokens) => tokens,
        Err(error) => return Reading::Unknown(ParserError::from(error).to_string()),
    };
    if let Err(reason) = size::check(&tokens) {
        return Reading::Unknown(reason);
    }
    let statements = match Parser::new(dialect).with_tokens_with_locations(tokens).parse_statements() {
        Ok(statements) => statements,
        Err(error) => return Reading::Unknown(error.to_string()),
    };
    match <[Statement; 1]>::try_from(statements) {
        Ok([Statement::Query(query)]) => Reading::Select(query),
        Ok(_) => Reading::Other("it is not a SELECT".to_owned()),
        Err(other) => Reading::Other(format!("it has {} statements, and one is expected", other.len())),
    }
}

/// Traces the columns of a statement; the error says why it is not one SELECT.
pub fn trace(sql: &str, flavour: Flavour, relations: &[Relation]) -> Result<Vec<Output>, String> {
    match read(sql, flavour) {
        Reading::Select(query) => select(&query, relations),
        Reading::Other(reason) | Reading::Unknown(reason) => Err(reason),
    }
}

/// Traces the columns of a SELECT that was read already.
pub fn outputs(query: &Query, relations: &[Relation]) -> Result<Vec<Output>, String> {
    select(query, relations)
}

/// The columns of a result by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Names that are certain.
    pub names: Vec<String>,
    /// True when there are no others: databases differ in how they name an expression without an alias.
    pub complete: bool,
}

/// The names of a SELECT's result, where they can be told. Only a star needs to know what it selects from.
pub fn result(query: &Query, relations: &[Relation]) -> Option<Names> {
    if let Some(names) = listed(&query.body) {
        return Some(names);
    }
    let mut names = Names { complete: true, ..Names::default() };
    for output in select(query, relations).ok()? {
        names.add(&output.name, output.expression.as_ref() != Some(&output.name));
    }
    Some(names)
}

impl Names {
    fn add(&mut self, name: &str, is_certain: bool) {
        self.complete &= is_certain;
        if is_certain {
            self.names.push(name.to_owned());
        }
    }
}

/// The names of a list without stars.
fn listed(body: &SetExpr) -> Option<Names> {
    let select = match body {
        SetExpr::Select(select) => select,
        SetExpr::Query(query) => return listed(&query.body),
        SetExpr::SetOperation { left, .. } => return listed(left),
        _ => return None,
    };
    let mut names = Names { complete: true, ..Names::default() };
    for item in &select.projection {
        match item {
            SelectItem::ExprWithAlias { alias, .. } => names.add(&alias.value, true),
            SelectItem::UnnamedExpr(expression) => {
                let is_plain = matches!(expression, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
                names.add(&name_of(expression), is_plain);
            }
            _ => return None,
        }
    }
    Some(names)
}

fn select(query: &Query, outer: &[Relation]) -> Result<Vec<Output>, String> {
    let mut known = outer.to_vec();
    for common in query.with.iter().flat_map(|with| &with.cte_tables) {
        let columns = renamed(select(&common.query, &known)?, Some(&common.alias));
        // The newest of a name hides those before it.
        known.insert(0, Relation { name: common.alias.name.value.clone(), columns });
    }
    body(&query.body, &known)
}

fn body(body: &SetExpr, known: &[Relation]) -> Result<Vec<Output>, String> {
    match body {
        SetExpr::Select(inner) => projection(inner, known),
        SetExpr::Query(inner) => select(inner, known),
        SetExpr::SetOperation { left, right, .. } => {
            let (mut left, right) = (self::body(left, known)?, self::body(right, known)?);
            if left.len() != right.len() {
                return Err("the sides of a set operation have different numbers of columns".to_owned());
            }
            for (output, other) in left.iter_mut().zip(right) {
                output.from.extend(other.from);
                output.lost = output.lost.take().or(other.lost);
                output.expression = output.expression.take().or(other.expression);
            }
            Ok(left)
        }
        other => Err(format!("it selects from `{}`", shortened(&other.to_string()))),
    }
}

fn projection(select: &Select, known: &[Relation]) -> Result<Vec<Output>, String> {
    let mut scope = Vec::new();
    for from in &select.from {
        joined(from, known, &mut scope)?;
    }
    if let Some(view) = select.lateral_views.first() {
        return Err(format!("it has `{}`", shortened(view.to_string().trim())));
    }
    let mut outputs = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expression) => {
                outputs.push(output(&name_of(expression), expression, &scope));
            }
            SelectItem::ExprWithAlias { expr, alias } => outputs.push(output(&alias.value, expr, &scope)),
            SelectItem::Wildcard(options) => {
                let all = scope.iter().flat_map(|relation| relation.columns.clone());
                outputs.extend(all.filter(|column| !is_left_out(column, options)));
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                let name = last(name);
                let relation = scope.iter().find(|relation| relation.name.eq_ignore_ascii_case(&name));
                let relation = relation.ok_or_else(|| format!("`{item}` names no relation of its FROM"))?;
                outputs.extend(relation.columns.iter().filter(|column| !is_left_out(column, options)).cloned());
            }
            other => return Err(format!("its list has `{}`", shortened(&other.to_string()))),
        }
    }
    Ok(outputs)
}

/// `* EXCEPT (a, b)` leaves columns out.
fn is_left_out(column: &Output, options: &WildcardAdditionalOptions) -> bool {
    let except = options.opt_except.iter();
    let mut except =
        except.flat_map(|except| std::iter::once(&except.first_element).chain(&except.additional_elements));
    except.any(|name| name.value.eq_ignore_ascii_case(&column.name))
}

fn joined(from: &TableWithJoins, known: &[Relation], scope: &mut Vec<Relation>) -> Result<(), String> {
    factor(&from.relation, known, scope)?;
    from.joins.iter().try_for_each(|join| factor(&join.relation, known, scope))
}

fn factor(factor: &TableFactor, known: &[Relation], scope: &mut Vec<Relation>) -> Result<(), String> {
    match factor {
        TableFactor::Table { name, alias, args: None, .. } => {
            let name = last(name);
            let found = known.iter().find(|relation| relation.name.eq_ignore_ascii_case(&name));
            let found = found.ok_or_else(|| format!("nothing is known of relation `{name}`"))?;
            let called = alias.as_ref().map_or(name, |alias| alias.name.value.clone());
            scope.push(Relation { name: called, columns: renamed(found.columns.clone(), alias.as_ref()) });
        }
        TableFactor::Derived { subquery, alias, .. } => {
            // A LATERAL subquery sees what stands before it.
            let visible: Vec<Relation> = scope.iter().chain(known).cloned().collect();
            let columns = renamed(select(subquery, &visible)?, alias.as_ref());
            let name = alias.as_ref().map_or_else(String::new, |alias| alias.name.value.clone());
            scope.push(Relation { name, columns });
        }
        TableFactor::NestedJoin { table_with_joins, alias: None } => joined(table_with_joins, known, scope)?,
        other => return Err(format!("its FROM has `{}`", shortened(&other.to_string()))),
    }
    Ok(())
}

/// The columns under the names that `AS t (a, b)` gives them.
fn renamed(mut columns: Vec<Output>, alias: Option<&TableAlias>) -> Vec<Output> {
    let names = alias.into_iter().flat_map(|alias| &alias.columns);
    for (column, alias) in columns.iter_mut().zip(names) {
        column.name.clone_from(&alias.name.value);
    }
    columns
}

fn output(name: &str, expression: &Expr, scope: &[Relation]) -> Output {
    let mut output = Output { name: name.to_owned(), ..Output::default() };
    let plain = matches!(expression, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    if !plain {
        output.expression = Some(expression.to_string());
    }
    let visited = visit_expressions(expression, |part| {
        let found = match part {
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => Err("it has a subquery".to_owned()),
            Expr::Identifier(name) => resolve(std::slice::from_ref(name), scope),
            Expr::CompoundIdentifier(names) => resolve(names, scope),
            _ => return ControlFlow::Continue(()),
        };
        match found {
            Ok(column) => {
                output.from.extend(column.from.clone());
                output.expression = output.expression.take().or_else(|| column.expression.clone());
                match &column.lost {
                    Some(lost) => ControlFlow::Break(lost.clone()),
                    None => ControlFlow::Continue(()),
                }
            }
            Err(lost) => ControlFlow::Break(lost),
        }
    });
    if let ControlFlow::Break(lost) = visited {
        output.lost = Some(lost);
    }
    output
}

/// The column that a name means: `column`, `relation.column`, or one of them with the fields of a structure behind it.
fn resolve<'s>(names: &[Ident], scope: &'s [Relation]) -> Result<&'s Output, String> {
    if let [relation, column, ..] = names {
        let relation = scope.iter().find(|known| known.name.eq_ignore_ascii_case(&relation.value));
        if let Some(relation) = relation {
            let found = relation.column(&column.value);
            return found.ok_or_else(|| format!("`{}` has no column `{}`", relation.name, column.value));
        }
    }
    let first = names.first().map_or("", |name| name.value.as_str());
    let found = scope.iter().find_map(|relation| relation.column(first));
    found.ok_or_else(|| format!("no relation of its FROM has a column `{first}`"))
}

/// The name that an expression without one gets, where databases agree on it.
fn name_of(expression: &Expr) -> String {
    match expression {
        Expr::Identifier(name) => name.value.clone(),
        Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.clone()).unwrap_or_default(),
        other => other.to_string(),
    }
}

/// A relation's name without its schema: everything here lies in one.
fn last(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(|name| name.value.clone()).unwrap_or_default()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn shop() -> Vec<Relation> {
        vec![
            Relation::table("orders", ["order_id", "customer_id", "amount", "quantity", "ordered_at", "details"]),
            Relation::table("customers", ["customer_id", "region_id", "name", "tags"]),
        ]
    }

    /// One line an output: `name < relation.column, .. : expression ! reason`.
    fn told(sql: &str, flavour: Flavour) -> String {
        let outputs = match trace(sql, flavour, &shop()) {
            Ok(outputs) => outputs,
            Err(reason) => return format!("not traced: {reason}"),
        };
        let mut text = String::new();
        for output in outputs {
            let from: Vec<String> =
                output.from.iter().map(|(relation, column)| format!("{relation}.{column}")).collect();
            write!(text, "{} < {}", output.name, from.join(", ")).expect("a string");
            if let Some(expression) = output.expression {
                write!(text, " : {expression}").expect("a string");
            }
            if let Some(lost) = output.lost {
                write!(text, " ! {lost}").expect("a string");
            }
            text.push('\n');
        }
        text
    }

    #[test]
    fn plain_columns_expressions_and_constants() {
        insta::assert_snapshot!(
            told(
                "SELECT order_id, o.amount AS total, CAST(amount / quantity AS decimal(12, 2)) AS unit_price, \
                 details.channel, 1 AS one, count(*) AS n FROM orders o",
                Flavour::Spark
            ),
            @r"
        order_id < orders.order_id
        total < orders.amount
        unit_price < orders.amount, orders.quantity : CAST(amount / quantity AS DECIMAL(12,2))
        channel < orders.details
        one <  : 1
        n <  : count(*)
        "
        );
    }

    #[test]
    fn stars_joins_subqueries_and_with() {
        insta::assert_snapshot!(
            told(
                "WITH big (id, who) AS (SELECT order_id, customer_id FROM orders WHERE amount > 10) \
                 SELECT big.*, x.upper FROM big JOIN (SELECT customer_id AS k, upper(name) AS upper FROM customers) x \
                 ON x.k = big.who",
                Flavour::Postgres
            ),
            @r"
        id < orders.order_id
        who < orders.customer_id
        upper < customers.name : upper(name)
        "
        );
        insta::assert_snapshot!(
            told("SELECT * EXCEPT (tags) FROM customers", Flavour::Spark),
            @r"
        customer_id < customers.customer_id
        region_id < customers.region_id
        name < customers.name
        "
        );
    }

    #[test]
    fn a_set_operation_joins_its_sides_by_position() {
        insta::assert_snapshot!(
            told("SELECT order_id AS id FROM orders UNION ALL SELECT customer_id FROM customers", Flavour::Postgres),
            @"id < customers.customer_id, orders.order_id"
        );
    }

    #[test]
    fn what_cannot_be_followed_is_said() {
        insta::assert_snapshot!(
            told(
                "SELECT order_id, (SELECT max(name) FROM customers) AS who, nope, o.missing AS m FROM orders o",
                Flavour::Postgres
            ),
            @r"
        order_id < orders.order_id
        who <  : (SELECT max(name) FROM customers) ! it has a subquery
        nope <  ! no relation of its FROM has a column `nope`
        m <  ! `o` has no column `missing`
        "
        );
        let cases = [
            ("SELECT id FROM elsewhere", "nothing is known of relation `elsewhere`"),
            ("SELECT t FROM customers LATERAL VIEW explode(tags) x AS t", "it has `LATERAL VIEW explode(tags) x AS t`"),
            ("DELETE FROM orders", "it is not a SELECT"),
            ("SELECT 1; SELECT 2", "it has 2 statements, and one is expected"),
            ("", "it has 0 statements, and one is expected"),
        ];
        for (sql, reason) in cases {
            assert_eq!(told(sql, Flavour::Spark), format!("not traced: {reason}"), "{sql}");
        }
        assert!(told("SELECT FROM WHERE", Flavour::Spark).starts_with("not traced: sql parser error"));
    }

    #[test]
    fn the_shipped_statements_are_traced_completely() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("spark/transforms");
        let read = |name: &str| std::fs::read_to_string(root.join(name)).expect("a shipped file");
        let orders = Relation::table(
            "orders",
            [
                "order_id",
                "customer_id",
                "amount",
                "quantity",
                "status",
                "note",
                "details",
                "ordered_at",
                "delivery_date",
                "updated_at",
            ],
        );
        let outputs = trace(&read("orders.sql"), Flavour::Spark, &[orders]).expect("traced");
        assert!(outputs.iter().all(|output| output.lost.is_none() && !output.from.is_empty()), "{outputs:?}");
    }
}
