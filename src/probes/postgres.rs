//! Postgres: logs in with the service's own credentials and runs a query.

use crate::engine::work::Probed;
use crate::model::Project;
use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::postgres::Database;
use crate::pipeline::login;

use super::LIMIT;

/// SQLSTATE classes that waiting does not cure: wrong password, unknown database.
const HOPELESS: [&str; 3] = ["28P01", "28000", "3D000"];

pub(super) async fn poll(project: &Project, service: &str, database: &str, address: String) -> Probed {
    let login = login(project, service, database, address);
    let asked = async { Database::connect(&login, LIMIT).await?.query("SELECT 1", &[]).await };
    match asked.await {
        Ok(_) => Probed::Ready("select 1 ok".to_owned()),
        // The image makes its role and database before the server listens, so this is a wrong setting, not a stage.
        Err(ClientError::Refused { code, message, .. }) if HOPELESS.contains(&code.as_str()) => Probed::Never(message),
        Err(ClientError::Refused { message, .. }) => Probed::NotYet(message),
        Err(ClientError::Unreachable { reason, .. }) => Probed::NotYet(reason),
        Err(other) => Probed::NotYet(other.to_string()),
    }
}
