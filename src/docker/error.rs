//! What went wrong, in the engine-neutral words of [`BackendError`].

use bollard::errors::Error;

use super::ports::taken_port;
use crate::engine::backend::BackendError;

/// What was being done when an error came.
#[derive(Debug, Clone)]
pub(super) struct Context<'a> {
    /// The engine's address.
    pub address: &'a str,
    /// A phrase: "start container x".
    pub operation: String,
    /// The object: "container x".
    pub what: String,
}

/// A [`Context`] for streams, which go on after the call that began them.
#[derive(Debug, Clone)]
pub(super) struct OwnedContext {
    /// The engine's address.
    pub address: String,
    /// A phrase: "read the volume in x".
    pub operation: String,
    /// The object: "container x".
    pub what: String,
}

impl OwnedContext {
    /// The error to return.
    pub(super) fn error(&self, error: Error) -> BackendError {
        let Self { address, operation, what } = self;
        Context { address, operation: operation.clone(), what: what.clone() }.error(error)
    }
}

impl Context<'_> {
    /// The error to return.
    pub(super) fn error(&self, error: Error) -> BackendError {
        match error {
            Error::DockerResponseServerError { status_code, message } => self.refusal(status_code, message.trim()),
            Error::DockerStreamError { error } => self.refused(error.trim()),
            Error::DockerContainerWaitError { error, .. } => self.refused(&error),
            Error::RequestTimeoutError => self.refused("the engine did not answer in time"),
            Error::JsonDataError { message, .. } => {
                self.refused(&format!("the engine's answer is not what its API promises: {message}"))
            }
            Error::SocketNotFoundError(_) => self.unreachable("no such file"),
            Error::IOError { err } => self.io_error(&err),
            Error::HyperLegacyError { err } => match io_source(&err) {
                Some(io) => self.io_error(io),
                None => self.unreachable(&chain(&err)),
            },
            Error::HyperResponseError { err } => self.unreachable(&chain(&err)),
            other => self.refused(&other.to_string()),
        }
    }

    fn refusal(&self, status: u16, message: &str) -> BackendError {
        if let Some(port) = taken_port(message) {
            return BackendError::PortTaken { port, message: message.to_owned() };
        }
        if status == 404 {
            return BackendError::NotFound { what: missing(message).unwrap_or_else(|| self.what.clone()) };
        }
        self.refused(if message.is_empty() { "the engine gave no reason" } else { message })
    }

    /// A plain refusal.
    pub(super) fn refused(&self, message: &str) -> BackendError {
        BackendError::Refused { operation: self.operation.clone(), message: message.to_owned() }
    }

    fn unreachable(&self, reason: &str) -> BackendError {
        BackendError::Unreachable { address: self.address.to_owned(), reason: reason.to_owned() }
    }

    fn io_error(&self, error: &std::io::Error) -> BackendError {
        if error.kind() == std::io::ErrorKind::PermissionDenied {
            return BackendError::Permission { address: self.address.to_owned() };
        }
        self.unreachable(&error.to_string())
    }
}

/// A 404 may be about another object than the one that was asked for: creating a container says so of its image.
fn missing(message: &str) -> Option<String> {
    if let Some((_, image)) = message.split_once("No such image: ") {
        return Some(format!("image {}", image.trim()));
    }
    let (_, rest) = message.split_once("network ")?;
    let name = rest.split_whitespace().next()?;
    rest.contains("not found").then(|| format!("network {name}"))
}

fn io_source<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a std::io::Error> {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref() {
            return Some(io);
        }
        source = inner.source();
    }
    None
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status_code: u16, message: &str) -> BackendError {
        Context { address: "unix:///x", operation: "start container a".into(), what: "container a".into() }
            .error(Error::DockerResponseServerError { status_code, message: message.to_owned() })
    }

    #[test]
    fn a_404_names_what_is_missing() {
        assert_eq!(of(404, "No such container: a").to_string(), "container a does not exist");
        assert_eq!(of(404, "No such image: pipectl/kafka:1").to_string(), "image pipectl/kafka:1 does not exist");
        assert_eq!(of(404, "network p_default not found").to_string(), "network p_default does not exist");
    }

    #[test]
    fn a_taken_port_is_its_own_error() {
        let error = of(500, "driver failed: Bind for 127.0.0.1:5433 failed: port is already allocated");
        assert!(matches!(error, BackendError::PortTaken { port: 5433, .. }), "{error}");
    }

    #[test]
    fn a_socket_that_may_not_be_opened_is_its_own_error() {
        let context = Context { address: "unix:///x", operation: "list containers".into(), what: "the listing".into() };
        let denied = context.error(Error::from(std::io::Error::from(std::io::ErrorKind::PermissionDenied)));
        assert_eq!(denied.to_string(), "no permission to use the container engine at unix:///x");
        let reset = context.error(Error::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
        assert!(matches!(reset, BackendError::Unreachable { .. }), "{reset}");
    }

    #[test]
    fn everything_else_keeps_the_engines_words() {
        assert_eq!(
            of(500, "no space left on device\n").to_string(),
            "failed to start container a: no space left on device"
        );
        assert_eq!(of(500, "").to_string(), "failed to start container a: the engine gave no reason");
    }
}
