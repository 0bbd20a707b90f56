//! Logins at registries, as `docker login` keeps them: in Docker's configuration or with a credential helper that it names.

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential};

use crate::engine::backend::BackendError;

/// What Docker's configuration calls Docker Hub.
const HUB: &str = "https://index.docker.io/v1/";
/// What people call it.
const HUB_HOST: &str = "docker.io";

/// A login, or why there is none.
pub(super) struct Login {
    host: String,
    found: Option<DockerCredentials>,
    /// What went wrong when it was looked for.
    trouble: Option<String>,
}

/// The login for the registry of an image. A helper may ask a key ring, so it runs beside everything else.
pub(super) async fn login(reference: &str) -> Login {
    let host = host(reference).to_owned();
    let server = if host == HUB_HOST { HUB.to_owned() } else { host.clone() };
    let asked = tokio::task::spawn_blocking({
        let server = server.clone();
        move || get_credential(&server)
    });
    let (found, trouble) = match asked.await {
        Ok(Ok(credential)) => (Some(credentials(credential, server)), None),
        Ok(Err(error)) => (None, trouble(&error)),
        Err(error) => (None, Some(error.to_string())),
    };
    Login { host, found, trouble }
}

impl Login {
    /// For the engine, which talks to the registry.
    pub(super) fn credentials(&self) -> Option<DockerCredentials> {
        self.found.clone()
    }

    /// Tells the refusal of a login from others.
    pub(super) fn explain(&self, error: BackendError) -> BackendError {
        match error {
            BackendError::Refused { operation, message } if is_about_login(&message) => BackendError::Login {
                operation,
                registry: self.host.clone(),
                user: self.found.as_ref().map(|found| found.username.clone().unwrap_or_else(|| "a token".to_owned())),
                message: match &self.trouble {
                    Some(trouble) => format!("{message} ({trouble})"),
                    None => message,
                },
            },
            other => other,
        }
    }
}

/// Host and port of an image's registry. Without a dot, a port, or the name localhost, the first part is a name at Docker Hub.
fn host(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => HUB_HOST,
    }
}

fn credentials(credential: DockerCredential, server: String) -> DockerCredentials {
    let empty = DockerCredentials { serveraddress: Some(server), ..DockerCredentials::default() };
    match credential {
        DockerCredential::IdentityToken(token) => DockerCredentials { identitytoken: Some(token), ..empty },
        DockerCredential::UsernamePassword(user, password) => {
            DockerCredentials { username: Some(user), password: Some(password), ..empty }
        }
    }
}

/// Having no login is none: most images need none. Helpers say that there is none by failing.
fn trouble(error: &CredentialRetrievalError) -> Option<String> {
    match error {
        CredentialRetrievalError::NoCredentialConfigured | CredentialRetrievalError::ConfigNotFound => None,
        CredentialRetrievalError::ConfigReadError => {
            Some("Docker's config.json is not there or cannot be read".to_owned())
        }
        // Its output may hold what it has found.
        CredentialRetrievalError::HelperFailure { helper, .. } => Some(format!("docker-credential-{helper} gave none")),
        other => Some(other.to_string()),
    }
}

/// The words of Docker's registry, of Docker Hub and of the engine. "denied" alone is what a registry says of a repository that is
/// not there, so that nobody can tell which private ones are.
fn is_about_login(message: &str) -> bool {
    const SIGNS: [&str; 4] =
        ["unauthorized", "no basic auth credentials", "authentication required", "incorrect username or password"];
    let message = message.to_lowercase();
    SIGNS.iter().any(|sign| message.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(user: Option<&str>, trouble: Option<&str>) -> Login {
        let found = user.map(|user| {
            credentials(
                DockerCredential::UsernamePassword(user.to_owned(), "s3cret".to_owned()),
                "r.example.com".to_owned(),
            )
        });
        Login { host: "r.example.com".to_owned(), found, trouble: trouble.map(str::to_owned) }
    }

    fn refusal(message: &str) -> BackendError {
        BackendError::Refused { operation: "pull r.example.com/x:1".to_owned(), message: message.to_owned() }
    }

    #[test]
    fn the_registry_of_a_reference() {
        assert_eq!(host("localhost:5000/pipectl/kafka:1"), "localhost:5000");
        assert_eq!(host("ghcr.io/a/b"), "ghcr.io");
        assert_eq!(host("localhost/a"), "localhost");
        assert_eq!((host("debian:12"), host("pipectl/kafka")), (HUB_HOST, HUB_HOST));
    }

    #[test]
    fn a_refused_login_is_told_with_its_user_and_a_missing_one_with_why() {
        let told = |login: Login, message| login.explain(refusal(message)).to_string();
        assert_eq!(
            told(login(Some("ann"), None), "unauthorized: authentication required"),
            "failed to pull r.example.com/x:1: registry r.example.com refuses the login of ann: unauthorized: \
             authentication required"
        );
        assert_eq!(
            told(login(None, Some("docker-credential-pass gave none")), "no basic auth credentials"),
            "failed to pull r.example.com/x:1: registry r.example.com wants a login, and Docker's configuration has none for \
             it: no basic auth credentials (docker-credential-pass gave none)"
        );
        let absent = "pull access denied for x, repository does not exist or may require 'docker login'";
        assert!(matches!(login(None, None).explain(refusal(absent)), BackendError::Refused { .. }));
    }
}
