//! Postgres: a connection with a deadline and errors that carry the server's own words.

use std::time::Duration;

use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, IsolationLevel, NoTls, Row, Socket, Transaction};

use super::ClientError;
use crate::pipeline::tls::{Refusal, Tls, handshake, unencrypted};

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
    /// How the connection is protected; nothing for a service of the project, which is reached inside of this machine.
    pub tls: Option<Tls>,
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
        let host = host.trim_matches(['[', ']']);
        let mut config = Config::new();
        config
            .host(host)
            .port(port.parse().unwrap_or(5432))
            .dbname(&login.database)
            .user(&login.user)
            .password(&login.password)
            .application_name("pipectl")
            .connect_timeout(patience)
            // What is compared between databases must not depend on a role's settings.
            .options("-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=iso_8601 -c extra_float_digits=1");
        // On the heap: handshakes are large, and whoever asks a database would be as large.
        let connecting = Box::pin(async {
            match &login.tls {
                None => opened(&config, NoTls).await.map_err(|error| explain(&login.address, &error)),
                Some(tls) => protected(config, tls, &login.address, host).await,
            }
        });
        let client = match tokio::time::timeout(patience, connecting).await {
            Ok(connected) => connected?,
            Err(_) => return Err(unreachable(&login.address, "timed out".to_owned())),
        };
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

/// Connects, and leaves the connection to a task of its own.
async fn opened<T>(config: &Config, tls: T) -> Result<Client, tokio_postgres::Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await?;
    tokio::spawn(async move {
        // The error is not lost: the query that is under way gets it as "connection closed".
        if let Err(error) = connection.await {
            tracing::debug!(%error, "postgres connection ended");
        }
    });
    Ok(client)
}

/// Connects in a mode of libpq's.
async fn protected(mut config: Config, tls: &Tls, address: &str, host: &str) -> Result<Client, ClientError> {
    let mode = match tls {
        Tls::Disable => SslMode::Disable,
        Tls::Prefer => SslMode::Prefer,
        Tls::Require | Tls::VerifyCa(_) | Tls::VerifyFull(_) => SslMode::Require,
    };
    config.ssl_mode(mode);
    let failed = |error| explain_protected(address, host, tls, &error);
    if mode == SslMode::Disable {
        return opened(&config, NoTls).await.map_err(failed);
    }
    let connector = tls.connector().map_err(|error| insecure(address, unusable(&error)))?;
    match opened(&config, connector).await {
        // A server that has TLS and does not want it from here: to prefer it is not to insist.
        Err(error)
            if mode == SslMode::Prefer && error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION) =>
        {
            config.ssl_mode(SslMode::Disable);
            opened(&config, NoTls).await.map_err(|_| failed(error))
        }
        connected => connected.map_err(failed),
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

/// The same of [`protected`]: what is about TLS is told as that, with the setting to change.
fn explain_protected(address: &str, host: &str, tls: &Tls, error: &tokio_postgres::Error) -> ClientError {
    let refusal = match error.as_db_error() {
        Some(said) if *said.code() == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => unencrypted(tls, said.message()),
        Some(_) => None,
        None => handshake(tls, host, error),
    };
    refusal.map_or_else(|| explain(address, error), |refusal| insecure(address, refusal))
}

fn unusable(error: &rustls::Error) -> Refusal {
    let advice = "read it anew from where it is offered".to_owned();
    Refusal { problem: format!("what `sslrootcert` names cannot be used ({error})"), advice }
}

fn insecure(address: &str, Refusal { problem, advice }: Refusal) -> ClientError {
    ClientError::Insecure { server: SERVER, address: address.to_owned(), problem, advice }
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
