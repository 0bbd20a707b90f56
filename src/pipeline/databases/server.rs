//! A source that pipectl did not set up: what its server and role must allow before changes can be captured.

use super::problem::{Problem, relation};
use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::postgres::{Database, quote};
use crate::pipeline::spec::PipelineSpec;

/// What the server and the role are like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Server {
    /// The role that captures.
    pub role: String,
    /// `wal_level`.
    pub wal_level: String,
    /// The slot is there already.
    pub has_slot: bool,
    /// `max_replication_slots`.
    pub most_slots: i32,
    /// Slots that exist.
    pub slots: i32,
    /// `max_wal_senders`.
    pub most_senders: i32,
    /// Senders that run.
    pub senders: i32,
    /// Whether the role may replicate.
    pub replication: Replication,
    /// Declared tables that the role may not read.
    pub unreadable: Vec<String>,
    /// Declared tables of which policies show the role some rows only.
    pub filtered: Vec<String>,
}

/// Whether a role may replicate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Replication {
    /// By its attribute, as a superuser, or by a role that stands for it.
    Allowed,
    /// It lacks the attribute.
    #[default]
    NeedsAttribute,
    /// It lacks `rds_replication`, the role that a provider has for it.
    NeedsRole,
}

const SERVER: &str = "SELECT current_user::text, current_setting('wal_level'), \
     EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1::text), \
     current_setting('max_replication_slots')::int, (SELECT count(*)::int FROM pg_replication_slots), \
     current_setting('max_wal_senders')::int, (SELECT count(*)::int FROM pg_stat_replication), \
     EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND (rolreplication OR rolsuper)) \
         OR EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_replication' AND pg_has_role(current_user, oid, 'member')), \
     EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_replication')";

const TABLES: &str = "SELECT n.nspname::text || '.' || c.relname::text, has_table_privilege(c.oid, 'SELECT'), \
     row_security_active(c.oid) \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'p') AND n.nspname::text || '.' || c.relname::text = ANY($1::text[]) ORDER BY 1";

/// Asks the server; two statements.
pub async fn read(database: &Database, spec: &PipelineSpec) -> Result<Server, ClientError> {
    let mut server = Server::default();
    if let Some(row) = database.first(SERVER, &[&spec.source.slot]).await? {
        server = Server {
            role: row.get(0),
            wal_level: row.get(1),
            has_slot: row.get(2),
            most_slots: row.get(3),
            slots: row.get(4),
            most_senders: row.get(5),
            senders: row.get(6),
            replication: match (row.get(7), row.get(8)) {
                (true, _) => Replication::Allowed,
                (false, false) => Replication::NeedsAttribute,
                (false, true) => Replication::NeedsRole,
            },
            ..server
        };
    }
    let names: Vec<String> = spec.tables.keys().cloned().collect();
    for row in database.query(TABLES, &[&names]).await? {
        let (name, readable, filtered): (String, bool, bool) = (row.get(0), row.get(1), row.get(2));
        if !readable {
            server.unreadable.push(name.clone());
        }
        if filtered {
            server.filtered.push(name);
        }
    }
    Ok(server)
}

/// Everything that keeps it from being captured. Pure.
pub fn compare(spec: &PipelineSpec, server: &Server) -> Vec<Problem> {
    let place = |key: &str| spec.places.at(&["source", key]);
    let mut problems = Vec::new();
    if server.wal_level != "logical" {
        let what = format!("wal_level of the source is {}, logical is needed", server.wal_level);
        problems.push(
            Problem::new(place("host"), what)
                .mend("ALTER SYSTEM SET wal_level = 'logical'; and restart the server")
                .mend(
                    "at a provider, its parameter group: rds.logical_replication = 1, cloudsql.logical_decoding = on",
                ),
        );
    }
    if !server.has_slot && server.slots >= server.most_slots {
        let what = format!("all {} replication slots of the source are taken", server.most_slots);
        problems.push(
            Problem::new(place("slot"), what)
                .mend(format!("ALTER SYSTEM SET max_replication_slots = {}; and restart the server", server.slots + 1))
                .mend("drop one that nobody reads: SELECT slot_name FROM pg_replication_slots WHERE NOT active;"),
        );
    }
    // One that reads this slot already has its sender.
    if !server.has_slot && server.senders >= server.most_senders {
        let what = format!("all {} WAL senders of the source are taken", server.most_senders);
        problems.push(
            Problem::new(place("slot"), what)
                .mend(format!("ALTER SYSTEM SET max_wal_senders = {}; and restart the server", server.senders + 1)),
        );
    }
    let role = quote(&server.role);
    let grant = match server.replication {
        Replication::Allowed => None,
        Replication::NeedsAttribute => Some(format!("ALTER ROLE {role} REPLICATION;")),
        Replication::NeedsRole => Some(format!("GRANT rds_replication TO {role};")),
    };
    problems.extend(grant.map(|grant| {
        let what = format!("role {} of the source may not replicate", server.role);
        Problem::new(place("host"), what).mend(grant)
    }));
    for table in &server.unreadable {
        let what = format!("role {} may not read {table}, whose rows the first snapshot copies", server.role);
        let (schema, _) = table.split_once('.').unwrap_or(("public", table));
        let (schema, to) = (quote(schema), quote(&server.role));
        // Without the schema the table alone is of no use.
        let grant = format!("GRANT USAGE ON SCHEMA {schema} TO {to}; GRANT SELECT ON {} TO {to};", relation(table));
        problems.push(Problem::new(spec.places.at(&["tables", table]), what).mend(grant));
    }
    for table in &server.filtered {
        let what = format!(
            "row-level security of {table} shows role {} some rows only: the first snapshot would miss the others",
            server.role
        );
        let problem = Problem::new(spec.places.at(&["tables", table]), what);
        problems.push(problem.mend(format!("ALTER ROLE {role} BYPASSRLS;")).mend(
            "capture as the table's owner (SOURCE_USER, SOURCE_PASSWORD), where it does not FORCE ROW LEVEL SECURITY",
        ));
    }
    problems
}
