//! What a transformation's SELECT certainly leaves alone: the columns it passes through under their own name, and
//! whether it makes exactly one row of each row. Everything it cannot be certain of counts as changed.

use std::collections::BTreeSet;

use super::spec::{Made, Results, Table};

/// What is known of a transformation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// True when each source row makes one destination row.
    pub keeps_rows: bool,
    /// Columns named plainly.
    passed: BTreeSet<String>,
    /// `*` stands in the list: every column that is not also computed.
    star: bool,
    /// Names given to expressions.
    computed: BTreeSet<String>,
}

/// Words that may drop, multiply or combine rows.
const ROW_CHANGING: [&str; 13] = [
    "where",
    "join",
    "group",
    "having",
    "distinct",
    "limit",
    "union",
    "intersect",
    "except",
    "qualify",
    "lateral",
    "explode",
    "with",
];

impl Shape {
    /// What is certain of a table's transformation, with the text of its file. Of a function that is what pipeline.yml says and
    /// the jobs hold against it.
    pub fn of_table(table: &Table, text: &str) -> Self {
        if !table.destination.is_function() {
            return Self::of(text);
        }
        let Results { columns, keeps_rows } = &table.destination.results;
        let passed = columns.iter().filter(|(_, made)| **made == Made::Same).map(|(name, _)| name.clone());
        Self { keeps_rows: *keeps_rows, passed: passed.collect(), ..Self::default() }
    }

    /// Reads the outermost SELECT of a transformation.
    pub fn of(sql: &str) -> Self {
        let tokens = tokens(sql);
        let is_word = |token: &String, word: &str| token.eq_ignore_ascii_case(word);
        let from = outer_from(&tokens);
        let changes_rows = tokens.iter().any(|token| ROW_CHANGING.iter().any(|word| is_word(token, word)));
        // A second SELECT or a list of relations hides where a row or a column comes from.
        let one_relation = !tokens[from..].iter().any(|token| matches!(token.as_str(), "(" | ","));
        let one_select = tokens.first().is_some_and(|first| is_word(first, "select"))
            && tokens.iter().filter(|token| is_word(token, "select")).count() == 1;
        if changes_rows || !one_relation || !one_select {
            return Self::default();
        }
        let mut shape = Self { keeps_rows: true, ..Self::default() };
        for item in select_items(&tokens[1..from]) {
            match item.as_slice() {
                [star] if star == "*" => shape.star = true,
                [table, dot, star] if dot == "." && star == "*" && is_name(table) => shape.star = true,
                [column] if is_name(column) => drop(shape.passed.insert(unquote(column))),
                [table, dot, column] if dot == "." && is_name(table) && is_name(column) => {
                    shape.passed.insert(unquote(column));
                }
                [.., name] => drop(shape.computed.insert(unquote(name))),
                [] => {}
            }
        }
        shape
    }

    /// True when the column arrives as it was.
    pub fn passes(&self, column: &str) -> bool {
        !self.computed.contains(column) && (self.star || self.passed.contains(column))
    }
}

/// Where the outermost FROM stands; `extract(day FROM x)` has one inside of parentheses.
fn outer_from(tokens: &[String]) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            word if depth == 0 && word.eq_ignore_ascii_case("from") => return index,
            _ => {}
        }
    }
    tokens.len()
}

/// The items of a SELECT list, split at commas outside of parentheses.
fn select_items(list: &[String]) -> Vec<Vec<String>> {
    let mut items = vec![Vec::new()];
    let mut depth = 0_usize;
    for token in list {
        match token.as_str() {
            "(" | "[" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "," if depth == 0 => {
                items.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if let Some(item) = items.last_mut() {
            item.push(token.clone());
        }
    }
    items
}

fn is_name(token: &str) -> bool {
    let quoted = token.starts_with(['"', '`']);
    quoted || token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn unquote(token: &str) -> String {
    token.trim_matches(['"', '`']).to_owned()
}

/// Words, quoted names, literals and single signs; comments are left out.
fn tokens(sql: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = sql.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after).trim_start();
            continue;
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after).trim_start();
            continue;
        } else if matches!(first, '\'' | '"' | '`') {
            rest[1..].find(first).map_or(rest.len(), |end| end + 2)
        } else if first.is_alphanumeric() || first == '_' {
            rest.find(|sign: char| !sign.is_alphanumeric() && sign != '_').unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed<'a>(sql: &str, columns: &[&'a str]) -> Vec<&'a str> {
        let shape = Shape::of(sql);
        columns.iter().copied().filter(|column| shape.passes(column)).collect()
    }

    #[test]
    fn plain_columns_are_passed_and_computed_ones_are_not() {
        let sql = "-- one row in, one row out\nSELECT o.order_id, `note`, lower(email) AS email, amount AS total,\n\
                   CAST(amount / quantity AS decimal(12, 2)) AS unit_price FROM orders o";
        let columns = ["order_id", "note", "email", "total", "amount", "unit_price"];
        assert_eq!(passed(sql, &columns), ["order_id", "note"]);
        assert!(Shape::of(sql).keeps_rows);
    }

    #[test]
    fn a_star_passes_everything_that_is_not_computed() {
        assert_eq!(passed("select *, upper(name) as name from people", &["id", "name"]), ["id"]);
    }

    #[test]
    fn what_may_drop_rows_is_noticed() {
        assert!(!Shape::of("SELECT id FROM orders WHERE amount > 0").keeps_rows);
        assert!(!Shape::of("SELECT id FROM orders, customers").keeps_rows);
        assert!(!Shape::of("WITH a AS (SELECT 1) SELECT id FROM orders").passes("id"));
        assert!(!Shape::of("SELECT id FROM (SELECT id + 1 AS id FROM orders) x").passes("id"));
        assert!(Shape::of("SELECT id, 'where' AS word FROM orders").keeps_rows);
    }

    #[test]
    fn odd_text_is_not_a_reason_to_panic() {
        for sql in ["", "select", "select 'open", "select \"ä", "((((", "-- only a comment"] {
            Shape::of(sql);
        }
    }
}
