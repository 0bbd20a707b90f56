//! A catalog that was found, asked for its version, and opened with a token that it accepts.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backon::{ConstantBuilder, Retryable as _};

use super::client::{Catalog, CatalogError};
use super::lineage::FileError;
use super::token::{Origin, Store, StoreError, Token, VARIABLE};
use crate::pipeline::clients::Http;
use crate::pipeline::{Endpoint, Pipeline};

/// `OpenMetadata`.
const OPENMETADATA: Endpoint = Endpoint { service: "om-server", port: 8585 };
/// pipectl's own catalog, which stands in for the other where both are wanted.
const LITE: Endpoint = Endpoint { service: "catalog", port: 8585 };
/// Where a catalog may be, the best first.
pub const CATALOGS: [Endpoint; 2] = [OPENMETADATA, LITE];
/// The administrator that a catalog has from its first start on.
const ADMIN: (&str, &str) = ("admin@open-metadata.org", "admin");
/// Repetitions of a request that met a server in trouble.
const RETRIES: usize = 4;
/// A server may refuse a token that it has just made until its cache expires.
const SETTLE: Duration = Duration::from_millis(500);

/// Why the catalog could not be worked with.
#[derive(Debug, thiserror::Error)]
pub enum GovernanceError {
    /// The project has none.
    #[error("this project has no catalog")]
    NoCatalog,
    /// The catalog did not do its part.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The token's file.
    #[error("the token cannot be kept: {0}")]
    Store(#[from] StoreError),
    /// The memory's file.
    #[error("what pipectl wrote cannot be remembered: {0}")]
    Memory(#[from] super::reconcile::MemoryError),
    /// A statement of the pipeline.
    #[error(transparent)]
    File(#[from] FileError),
    /// `OM_JWT_TOKEN` holds something else.
    #[error("{VARIABLE} does not hold a token")]
    BadVariable,
}

/// The services of a project that are catalogs.
pub fn catalogs(pipeline: &Pipeline) -> Vec<Endpoint> {
    let services = &pipeline.project().services;
    CATALOGS.into_iter().filter(|endpoint| services.contains_key(endpoint.service)).collect()
}

/// A catalog that runs: which of the project's it is, and the way to it.
#[derive(Debug)]
pub struct Found {
    /// Its service and port, for a container of the project.
    pub endpoint: Endpoint,
    /// The way to it from here.
    pub catalog: Catalog,
}

/// Where pipectl keeps what it must remember of a catalog: two of them have nothing in common.
pub fn state_directory(pipeline: &Pipeline, of: Endpoint) -> PathBuf {
    pipeline.root.join(".pipectl").join(&pipeline.project().name).join(of.service)
}

/// The store of a catalog's token.
pub fn store(pipeline: &Pipeline, of: Endpoint) -> Store {
    Store::new(&state_directory(pipeline, of))
}

/// Moves the token that an earlier version kept in the directory `state` of a project, when there was one place for it, to that of the lite
/// catalog, the default. One that the catalog refuses is renewed like any other.
pub fn move_token(state: &Path) -> Result<bool, GovernanceError> {
    Ok(Store::new(&state.join(LITE.service)).take_over(state)?)
}

/// The project's catalog, its version known, nobody logged in; `at` chooses one of several by its service.
pub async fn find(pipeline: &Pipeline, at: Option<&str>) -> Result<Found, GovernanceError> {
    let (endpoint, address) = running(pipeline, at).await?;
    let catalog = Catalog::connect(Http::new("the catalog", address), RETRIES).await?;
    Ok(Found { endpoint, catalog })
}

/// The catalog that commands speak to, without speaking to it: the best one that runs, else the best one that there is.
pub async fn current(pipeline: &Pipeline) -> Result<Endpoint, GovernanceError> {
    match running(pipeline, None).await {
        Ok((endpoint, _)) => Ok(endpoint),
        Err(_) => catalogs(pipeline).first().copied().ok_or(GovernanceError::NoCatalog),
    }
}

async fn running(pipeline: &Pipeline, at: Option<&str>) -> Result<(Endpoint, String), GovernanceError> {
    let mut reason = None;
    for endpoint in catalogs(pipeline) {
        if at.is_some_and(|service| service != endpoint.service) {
            continue;
        }
        match pipeline.address_of(endpoint).await {
            Ok(address) => return Ok((endpoint, address)),
            // One that has stopped tells more than one that was left out.
            Err(error) if !matches!(reason, Some(CatalogError::NoAddress(_))) => reason = Some(error.into()),
            Err(_) => {}
        }
    }
    Err(reason.map_or(GovernanceError::NoCatalog, GovernanceError::Catalog))
}

/// The project's catalog with a token that it accepts: the one of the environment, the stored one, else a new one.
pub async fn open(pipeline: &Pipeline, at: Option<&str>) -> Result<Found, GovernanceError> {
    let found = find(pipeline, at).await?;
    let (token, origin) = match known(pipeline, found.endpoint)? {
        Some(known) => known,
        None => (refresh(pipeline, &found).await?, Origin::Login),
    };
    let opened = found.with_token(&token);
    match opened.catalog.check_token().await {
        Err(CatalogError::TokenRefused { .. }) if origin == Origin::File => {
            let token = refresh(pipeline, &found).await?;
            Ok(found.with_token(&token))
        }
        Err(CatalogError::TokenRefused { address, reason }) => {
            Err(CatalogError::TokenRefused { address, reason: reason_of(&token, &reason) }.into())
        }
        Err(error) => Err(error.into()),
        Ok(()) => Ok(opened),
    }
}

/// The token that would be used for a catalog, without asking anybody.
pub fn known(pipeline: &Pipeline, of: Endpoint) -> Result<Option<(Token, Origin)>, GovernanceError> {
    // A token is one catalog's: beside a better one, the one that stands in for it has only its own.
    let is_best = catalogs(pipeline).first() == Some(&of);
    if let Some(text) = pipeline.variable(VARIABLE).filter(|text| is_best && !text.is_empty()) {
        let token = Token::new(&text).ok_or(GovernanceError::BadVariable)?;
        return Ok(Some((token, Origin::Variable)));
    }
    Ok(store(pipeline, of).read()?.map(|token| (token, Origin::File)))
}

/// Logs in as administrator, takes the ingestion bot's token and stores it.
pub async fn refresh(pipeline: &Pipeline, found: &Found) -> Result<Token, GovernanceError> {
    let setting = |name: &str, default: &str| pipeline.variable(name).unwrap_or_else(|| default.to_owned());
    // The lite catalog knows one person, and is given the same password.
    let email = if found.endpoint == LITE { ADMIN.0.to_owned() } else { setting("OM_ADMIN_EMAIL", ADMIN.0) };
    let admin = found.catalog.login(&email, &setting("OM_ADMIN_PASSWORD", ADMIN.1)).await?;
    let token = found.catalog.with_token(&admin).bot_token().await?;
    let check = || async { found.catalog.with_token(&token).check_token().await };
    let refused = |error: &CatalogError| matches!(error, CatalogError::TokenRefused { .. });
    check.retry(ConstantBuilder::default().with_delay(SETTLE).with_max_times(10)).when(refused).await?;
    store(pipeline, found.endpoint).write(&token)?;
    Ok(token)
}

impl Found {
    fn with_token(&self, token: &Token) -> Self {
        Self { endpoint: self.endpoint, catalog: self.catalog.with_token(token) }
    }
}

/// Why a token is refused, as far as the token itself tells.
fn reason_of(token: &Token, said: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    match token.expires() {
        Some(expires) if token.is_expired(now) => {
            let time = UNIX_EPOCH + Duration::from_secs(expires);
            format!("it expired on {}", humantime::format_rfc3339_seconds(time))
        }
        _ => format!("it was revoked, or made by another catalog ({said})"),
    }
}

impl GovernanceError {
    /// The next thing to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoCatalog => Some("`pipectl up --governance lite` starts one".to_owned()),
            Self::Catalog(error) => error.hint(),
            Self::Store(_) | Self::Memory(_) => Some("make the directory .pipectl writable for you".to_owned()),
            Self::BadVariable => Some(format!("unset {VARIABLE}, or set it to the text of a token")),
            Self::File(_) => None,
        }
    }
}
