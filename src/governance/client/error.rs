//! What can go wrong between us and a catalog, each cause told apart from the others.

use crate::pipeline::address::AddressError;
use crate::pipeline::clients::ClientError;

use super::version::{NEWEST, OLDEST};

/// HTTP status of a server whose disk is full.
const NO_ROOM: u16 = 507;

/// A request that the catalog did not carry out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// There is no container: the catalog was left out, or the stack was never brought up.
    #[error("{0}")]
    Absent(String),
    /// There is a container, and no way to it: it is not running, or its port is not published.
    #[error("{0}")]
    NoAddress(String),
    /// Nothing answers.
    #[error("the catalog at {address} is unreachable: {reason}")]
    Unreachable {
        /// `host:port`.
        address: String,
        /// "connection refused" ..
        reason: String,
    },
    /// It took the request and did not answer in time.
    #[error("the catalog at {address} did not answer {request} within {seconds} s")]
    Slow {
        /// `host:port`.
        address: String,
        /// Method and path.
        request: String,
        /// The deadline.
        seconds: u64,
    },
    /// Something else listens there, or a proxy answers in its place.
    #[error("{address} does not speak like a catalog: {request} was answered with `{begins}`")]
    NotACatalog {
        /// `host:port`.
        address: String,
        /// Method and path.
        request: String,
        /// The answer's first words.
        begins: String,
    },
    /// Login refused.
    #[error("the catalog at {address} refuses the password of {email}")]
    WrongPassword {
        /// `host:port`.
        address: String,
        /// Who tried.
        email: String,
    },
    /// The token is not accepted.
    #[error("the catalog at {address} refuses the token: {reason}")]
    TokenRefused {
        /// `host:port`.
        address: String,
        /// "it expired on ..", "it was revoked, or made by another catalog".
        reason: String,
    },
    /// The token is good and not allowed to do this.
    #[error("the catalog does not allow {request}: {message}")]
    Forbidden {
        /// Method and path.
        request: String,
        /// What the server says.
        message: String,
    },
    /// A version that this release was not made for.
    #[error("the catalog has version {found}; this release of pipectl works with {OLDEST} up to {NEWEST}")]
    VersionApart {
        /// What the server says it is.
        found: String,
    },
    /// The server does not know the route.
    #[error("the catalog (version {version}) does not know {request}")]
    UnknownRoute {
        /// Method and path.
        request: String,
        /// The server's version.
        version: String,
    },
    /// What the request refers to is not there.
    #[error("{request}: {message}")]
    NotFound {
        /// Method and path.
        request: String,
        /// What the server says.
        message: String,
    },
    /// The server understood and refused.
    #[error("the catalog answered {status} to {request}: {message}")]
    Refused {
        /// Method and path.
        request: String,
        /// HTTP status.
        status: u16,
        /// What the server says.
        message: String,
    },
    /// A service of that name is there, and it is something else.
    #[error("service {name} exists in the catalog with type {has}, and {wanted} is needed")]
    OtherType {
        /// The service.
        name: String,
        /// Its type.
        has: String,
        /// What pipectl would make.
        wanted: String,
    },
    /// The answer lacks what it must have.
    #[error("the catalog's answer to {request} has no {missing}")]
    Incomplete {
        /// Method and path.
        request: String,
        /// The field.
        missing: &'static str,
    },
}

impl CatalogError {
    /// True when the same request may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Absent(_) | Self::NoAddress(_) | Self::Unreachable { .. } => true,
            // Without room, the same request fails the same way until somebody makes some.
            Self::Refused { status, .. } => *status >= 500 && *status != NO_ROOM,
            _ => false,
        }
    }

    /// The next thing to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Absent(_) | Self::NoAddress(_) | Self::Unreachable { .. } => {
                "`pipectl status` shows what runs, `pipectl up` starts what does not".to_owned()
            }
            Self::Slow { .. } => "`pipectl logs catalog` tells what it is busy with; try again".to_owned(),
            Self::NotACatalog { .. } => {
                "find out who listens there (`pipectl status`), or choose another port: CATALOG_PORT=18585".to_owned()
            }
            Self::WrongPassword { .. } => {
                "set OM_ADMIN_PASSWORD (and OM_ADMIN_EMAIL, if it is not the default), or give \
                 the bot's token yourself: `pipectl token set`"
                    .to_owned()
            }
            Self::TokenRefused { .. } => {
                "`pipectl token refresh` gets a new one; a token in OM_JWT_TOKEN has to be replaced by hand".to_owned()
            }
            Self::Forbidden { .. } => "the token of ingestion-bot is needed: `pipectl token refresh`".to_owned(),
            Self::VersionApart { .. } => format!("run a catalog of version {OLDEST} up to {NEWEST}: OM_VERSION"),
            Self::OtherType { name, .. } => {
                format!("rename or delete {name} in the catalog, then `pipectl ingest`")
            }
            Self::Refused { status: NO_ROOM, .. } => {
                "make room on the disk of the container engine (`docker system df`), then `pipectl ingest`: it goes on \
                 where it was"
                    .to_owned()
            }
            Self::Refused { status: 500.., .. } => {
                "`pipectl logs catalog` tells why; then `pipectl ingest`, which goes on where it was".to_owned()
            }
            Self::UnknownRoute { .. } | Self::NotFound { .. } | Self::Refused { .. } | Self::Incomplete { .. } => {
                return None;
            }
        })
    }
}

impl From<ClientError> for CatalogError {
    /// Why no address is known.
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Address(AddressError::Absent { .. }) => Self::Absent(error.to_string()),
            error => Self::NoAddress(error.to_string()),
        }
    }
}
