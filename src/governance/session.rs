//! A catalog that was found, asked for its version, and opened with a token that it accepts.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backon::{ConstantBuilder, Retryable as _};

use super::client::{Catalog, CatalogError};
use super::lineage::FileError;
use super::token::{Origin, Store, StoreError, Token, VARIABLE};
use crate::pipeline::clients::{ClientError, Http};
use crate::pipeline::{Endpoint, Pipeline};

/// Where a catalog may be, the best first.
pub const CATALOGS: [Endpoint; 2] =
    [Endpoint { service: "om-server", port: 8585 }, Endpoint { service: "catalog", port: 8585 }];
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

/// Where pipectl keeps what it must remember of a project.
pub fn state_directory(pipeline: &Pipeline) -> PathBuf {
    pipeline.root.join(".pipectl").join(&pipeline.project().name)
}

/// The store of the project's token.
pub fn store(pipeline: &Pipeline) -> Store {
    Store::new(&state_directory(pipeline))
}

/// The project's catalog, its version known, nobody logged in; `at` chooses one of several by its service.
pub async fn find(pipeline: &Pipeline, at: Option<&str>) -> Result<Catalog, GovernanceError> {
    let (_, address) = running(pipeline, at).await?;
    Ok(Catalog::connect(Http::new("the catalog", address), RETRIES).await?)
}

/// Where the same catalog is for a container of the project.
pub async fn inside(pipeline: &Pipeline) -> Result<Endpoint, GovernanceError> {
    running(pipeline, None).await.map(|(endpoint, _)| endpoint)
}

async fn running(pipeline: &Pipeline, at: Option<&str>) -> Result<(Endpoint, String), GovernanceError> {
    let mut absent = GovernanceError::NoCatalog;
    for endpoint in catalogs(pipeline) {
        if at.is_some_and(|service| service != endpoint.service) {
            continue;
        }
        match pipeline.address_of(endpoint).await {
            Ok(address) => return Ok((endpoint, address)),
            Err(ClientError::Address(error)) => absent = CatalogError::from(error).into(),
            Err(error) => absent = CatalogError::NoAddress(error.to_string()).into(),
        }
    }
    Err(absent)
}

/// The project's catalog with a token that it accepts: the one of the environment, the stored one, else a new one.
pub async fn open(pipeline: &Pipeline, at: Option<&str>) -> Result<Catalog, GovernanceError> {
    let catalog = find(pipeline, at).await?;
    let (token, origin) = match known(pipeline)? {
        Some(known) => known,
        None => (refresh(pipeline, &catalog).await?, Origin::Login),
    };
    let opened = catalog.with_token(&token);
    match opened.check_token().await {
        Err(CatalogError::TokenRefused { .. }) if origin == Origin::File => {
            let token = refresh(pipeline, &catalog).await?;
            Ok(catalog.with_token(&token))
        }
        Err(CatalogError::TokenRefused { address, reason }) => {
            Err(CatalogError::TokenRefused { address, reason: reason_of(&token, &reason) }.into())
        }
        Err(error) => Err(error.into()),
        Ok(()) => Ok(opened),
    }
}

/// The token that would be used, without asking anybody.
pub fn known(pipeline: &Pipeline) -> Result<Option<(Token, Origin)>, GovernanceError> {
    if let Some(text) = pipeline.variable(VARIABLE).filter(|text| !text.is_empty()) {
        let token = Token::new(&text).ok_or(GovernanceError::BadVariable)?;
        return Ok(Some((token, Origin::Variable)));
    }
    Ok(store(pipeline).read()?.map(|token| (token, Origin::File)))
}

/// Logs in as administrator, takes the ingestion bot's token and stores it.
pub async fn refresh(pipeline: &Pipeline, catalog: &Catalog) -> Result<Token, GovernanceError> {
    let setting = |name: &str, default: &str| pipeline.variable(name).unwrap_or_else(|| default.to_owned());
    let (email, password) = (setting("OM_ADMIN_EMAIL", ADMIN.0), setting("OM_ADMIN_PASSWORD", ADMIN.1));
    let admin = catalog.login(&email, &password).await?;
    let token = catalog.with_token(&admin).bot_token().await?;
    let check = || async { catalog.with_token(&token).check_token().await };
    let refused = |error: &CatalogError| matches!(error, CatalogError::TokenRefused { .. });
    check.retry(ConstantBuilder::default().with_delay(SETTLE).with_max_times(10)).when(refused).await?;
    store(pipeline).write(&token)?;
    Ok(token)
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
