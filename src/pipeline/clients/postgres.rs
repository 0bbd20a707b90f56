//! Postgres: a connection with a deadline and errors that carry the server's own words.

use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, IsolationLevel, NoTls, Row, Transaction};

use super::ClientError;

const SERVER: &str = "Postgres";

/// Where a database is and who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// `host:port`.
    pub address: String,
    /// Database.
    pub database: String,
    /// Role.
    pub user: String,
    /// Its password.
    pub password: String,
}

/// A connection to one database.
pub struct Database {
    client: Client,
    address: String,
}

impl Database {
    /// Connects within `patience`.
    pub async fn connect(login: &Login, patience: Duration) -> Result<Self, ClientError> {
        let (host, port) = login.address.rsplit_once(':').unwrap_or((&login.address, "5432"));
        let mut config = tokio_postgres::Config::new();
        config
            .host(host.trim_matches(['[', ']']))
            .port(port.parse().unwrap_or(5432))
            .dbname(&login.database)
            .user(&login.user)
            .password(&login.password)
            .application_name("pipectl")
            .connect_timeout(patience)
            // What is compared between databases must not depend on a role's settings.
            .options("-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=iso_8601 -c extra_float_digits=1");
        let connected = tokio::time::timeout(patience, config.connect(NoTls)).await;
        let (client, connection) = match connected {
            Ok(Ok(pair)) => pair,
            Ok(Err(error)) => return Err(explain(&login.address, &error)),
            Err(_) => return Err(unreachable(&login.address, "timed out".to_owned())),
        };
        tokio::spawn(async move {
            // The error is not lost: the query that is under way gets it as "connection closed".
            if let Err(error) = connection.await {
                tracing::debug!(%error, "postgres connection ended");
            }
        });
        Ok(Self { client, address: login.address.clone() })
    }

    /// Rows of a query.
    pub async fn query(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, ClientError> {
        self.client.query(sql, values).await.map_err(|error| self.explain(&error))
    }

    /// The first row of a query, if it has any.
    pub async fn first(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Option<Row>, ClientError> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// Number of rows that a statement changed.
    pub async fn execute(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, ClientError> {
        self.client.execute(sql, values).await.map_err(|error| self.explain(&error))
    }

    /// Statements without parameters, separated by semicolons, in one implicit transaction.
    pub async fn batch(&self, sql: &str) -> Result<(), ClientError> {
        self.client.batch_execute(sql).await.map_err(|error| self.explain(&error))
    }

    /// A read-only transaction that sees one moment: everything read in it belongs together.
    pub async fn snapshot(&mut self) -> Result<Transaction<'_>, ClientError> {
        let address = self.address.clone();
        let builder = self.client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        builder.start().await.map_err(|error| explain(&address, &error))
    }

    /// Turns an error of a [`Self::snapshot`] into ours.
    pub fn explain(&self, error: &tokio_postgres::Error) -> ClientError {
        explain(&self.address, error)
    }

    /// `host:port` of the server.
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// An identifier as SQL wants it.
pub fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// `schema.table` with both parts quoted.
pub fn quote_qualified(schema: &str, table: &str) -> String {
    format!("{}.{}", quote(schema), quote(table))
}

/// Turns an error of the driver into ours.
pub(crate) fn explain(address: &str, error: &tokio_postgres::Error) -> ClientError {
    if let Some(database) = error.as_db_error() {
        let mut message = database.message().to_owned();
        if let Some(detail) = database.detail() {
            message = format!("{message} ({detail})");
        }
        // "the database system is starting up" and its like: the server is there, not ready yet.
        if *database.code() == SqlState::CANNOT_CONNECT_NOW {
            return unreachable(address, message);
        }
        return ClientError::Refused { server: SERVER, code: database.code().code().to_owned(), message };
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text).to_lowercase();
    unreachable(address, text)
}

fn unreachable(address: &str, reason: String) -> ClientError {
    ClientError::Unreachable { server: SERVER, address: address.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_quoted() {
        assert_eq!(quote_qualified("public", r#"odd"name"#), r#""public"."odd""name""#);
    }
}
