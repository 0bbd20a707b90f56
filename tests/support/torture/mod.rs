//! Random transactions on one table, from a seed. Nothing here talks to a database: the same seed is the same SQL.

pub mod columns;
pub mod random;

use std::fmt::Write as _;

use columns::{COLUMNS, KEY, PARTS};
use random::Random;

/// The table, with its schema.
pub const TABLE: &str = "public.torture";

/// What a transaction does; the names are in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Insert,
    Update,
    ChangeKey,
    Delete,
    DeleteAndInsertAgain,
    InsertDeletedKey,
    ChangeAndRevert,
    SeveralChanges,
    RollBack,
    Widen,
    Truncate,
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    pub kind: Kind,
    /// With BEGIN and COMMIT or ROLLBACK.
    pub sql: String,
}

/// A key as SQL.
type Key = (u64, &'static str);

/// Makes transactions; knows which rows its own transactions have left.
pub struct Generator {
    random: Random,
    alive: Vec<Key>,
    dead: Vec<Key>,
    next_id: u64,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), alive: Vec::new(), dead: Vec::new(), next_id: 1 }
    }

    /// Rows for the snapshot: every value of every column at least once.
    pub fn first_rows(&mut self) -> Transaction {
        let most = COLUMNS.iter().map(|column| column.values.len()).max().unwrap_or_default();
        let mut sql = String::new();
        for row in 0..most {
            let key = self.new_key();
            let values: Vec<&str> = COLUMNS.iter().map(|column| column.values[row % column.values.len()]).collect();
            insert(&mut sql, key, &values);
            self.alive.push(key);
        }
        // And one of nothing but NULL.
        let key = self.new_key();
        insert(&mut sql, key, &vec!["NULL"; COLUMNS.len()]);
        self.alive.push(key);
        committed(Kind::Insert, &sql)
    }

    /// Rows that the transactions so far leave: few after a truncate, which may come last.
    pub fn rows(&self) -> usize {
        self.alive.len()
    }

    /// The next transaction.
    pub fn transaction(&mut self) -> Transaction {
        let kind = self.kind();
        let mut sql = String::new();
        match kind {
            Kind::Insert => self.insert(&mut sql),
            Kind::Update => self.update(&mut sql),
            Kind::ChangeKey => {
                let (old, new) = (self.take_alive(), self.new_key());
                let _ = write!(sql, "UPDATE {TABLE} SET id = {}, part = {} {}", new.0, new.1, is(old));
                self.dead.push(old);
                self.alive.push(new);
            }
            Kind::Delete => self.delete(&mut sql),
            Kind::DeleteAndInsertAgain => {
                let key = self.random.pick(&self.alive);
                let _ = write!(sql, "DELETE FROM {TABLE} {}", is(key));
                self.insert_as(&mut sql, key);
            }
            Kind::InsertDeletedKey => {
                let at = self.random.below(self.dead.len());
                let key = self.dead.swap_remove(at);
                self.insert_as(&mut sql, key);
                self.alive.push(key);
            }
            Kind::ChangeAndRevert => {
                let key = is(self.random.pick(&self.alive));
                let _ = write!(sql, "UPDATE {TABLE} SET note = note || '!' {key}");
                let _ = write!(sql, "UPDATE {TABLE} SET note = left(note, -1) {key}");
            }
            Kind::SeveralChanges => {
                for _ in 0..2 + self.random.below(20) {
                    match self.random.below(3) {
                        0 => self.insert(&mut sql),
                        1 if self.alive.len() > 1 => self.delete(&mut sql),
                        _ => self.update(&mut sql),
                    }
                }
            }
            Kind::RollBack => {
                let (alive, dead) = (self.alive.clone(), self.dead.clone());
                self.insert(&mut sql);
                self.update(&mut sql);
                self.delete(&mut sql);
                (self.alive, self.dead) = (alive, dead);
            }
            Kind::Widen => {
                // Six bytes of UTF-8, 200,000 times: more than 1 MiB.
                let key = is(self.random.pick(&self.alive));
                let _ = write!(sql, "UPDATE {TABLE} SET c_text = repeat('ß😀', 200000) {key}");
                let _ = writeln!(
                    sql,
                    "UPDATE {TABLE} SET c_text = 'short again' WHERE length(c_text) > 100000 AND id % 2 = 0;"
                );
            }
            Kind::Truncate => {
                let _ = writeln!(sql, "TRUNCATE {TABLE};");
                self.dead.append(&mut self.alive);
                self.insert(&mut sql);
            }
        }
        if kind == Kind::RollBack {
            return Transaction { kind, sql: format!("BEGIN;\n{sql}ROLLBACK;\n") };
        }
        committed(kind, &sql)
    }

    fn kind(&mut self) -> Kind {
        // A truncate of a table of two rows tests nothing; a table that only grows hides deletes.
        if self.alive.len() < 20 {
            return Kind::Insert;
        }
        if self.random.one_in(600) {
            return Kind::Truncate;
        }
        if self.random.one_in(300) {
            return Kind::Widen;
        }
        match self.random.below(100) {
            0..25 => Kind::Insert,
            25..55 => Kind::Update,
            55..62 => Kind::ChangeKey,
            62..78 => Kind::Delete,
            78..82 => Kind::DeleteAndInsertAgain,
            82..86 if !self.dead.is_empty() => Kind::InsertDeletedKey,
            86..90 => Kind::ChangeAndRevert,
            90..94 => Kind::RollBack,
            _ => Kind::SeveralChanges,
        }
    }

    fn new_key(&mut self) -> Key {
        let id = self.next_id;
        self.next_id += 1;
        (id, self.random.pick(&PARTS))
    }

    fn take_alive(&mut self) -> Key {
        let at = self.random.below(self.alive.len());
        self.alive.swap_remove(at)
    }

    fn insert(&mut self, sql: &mut String) {
        let key = self.new_key();
        self.insert_as(sql, key);
        self.alive.push(key);
    }

    fn insert_as(&mut self, sql: &mut String, key: Key) {
        let values: Vec<&str> = COLUMNS.iter().map(|column| self.value(column.values)).collect();
        insert(sql, key, &values);
    }

    fn update(&mut self, sql: &mut String) {
        let key = self.random.pick(&self.alive);
        let mut assigned = Vec::new();
        while assigned.is_empty() {
            for column in COLUMNS {
                if self.random.one_in(8) {
                    assigned.push(format!("{} = {}", column.name, self.value(column.values)));
                }
            }
        }
        let _ = write!(sql, "UPDATE {TABLE} SET {} {}", assigned.join(", "), is(key));
    }

    fn delete(&mut self, sql: &mut String) {
        let key = self.take_alive();
        let _ = write!(sql, "DELETE FROM {TABLE} {}", is(key));
        self.dead.push(key);
    }

    fn value(&mut self, values: &'static [&'static str]) -> &'static str {
        if self.random.one_in(8) { "NULL" } else { self.random.pick(values) }
    }
}

fn committed(kind: Kind, sql: &str) -> Transaction {
    Transaction { kind, sql: format!("BEGIN;\n{sql}COMMIT;\n") }
}

fn insert(sql: &mut String, key: Key, values: &[&str]) {
    let names: Vec<&str> = KEY.iter().map(|(name, _)| *name).chain(COLUMNS.iter().map(|column| column.name)).collect();
    let (names, values) = (names.join(", "), values.join(", "));
    let _ = writeln!(sql, "INSERT INTO {TABLE} ({names}) VALUES ({}, {}, {values});", key.0, key.1);
}

fn is(key: Key) -> String {
    format!("WHERE id = {} AND part = {};\n", key.0, key.1)
}
