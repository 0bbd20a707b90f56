//! Secrets: values that a service finds as files, so that no inspection of its container shows them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::Project;

/// Directory in which a service finds its secrets.
pub const SECRETS_DIR: &str = "/run/secrets";

/// A secret of the project that an enabled service uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Where it comes from.
    pub source: SecretSource,
    /// What it is.
    pub content: SecretBytes,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file of this machine, absolute.
    File(PathBuf),
    /// A variable of the environment or of `.env`.
    Variable {
        /// Its name.
        name: String,
        /// What it is taken for where it is not set or empty (`x-pipectl: {default: VALUE}`).
        default: Option<String>,
    },
}

/// How a service gets a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretUse {
    /// The secret, by its key in `secrets`.
    pub source: String,
    /// Name of the file below [`SECRETS_DIR`].
    pub target: String,
    /// User id of the file's owner.
    pub uid: u32,
    /// Group id of the file.
    pub gid: u32,
    /// Permission bits of the file.
    pub mode: u32,
}

/// Bytes that no debug output shows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretBytes(Arc<[u8]>);

impl SecretBytes {
    /// The bytes themselves.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl<T: Into<Vec<u8>>> From<T> for SecretBytes {
    fn from(bytes: T) -> Self {
        Self(bytes.into().into())
    }
}

impl Project {
    /// What a service was given as the secret in the file that the variable with `_FILE` behind it names, as many images have it, or as the
    /// variable itself.
    pub fn given(&self, service: &str, variable: &str) -> Option<String> {
        let service = self.services.get(service)?;
        let Some(path) = service.environment.get(&format!("{variable}_FILE")) else {
            return service.environment.get(variable).cloned();
        };
        let name = path.strip_prefix(SECRETS_DIR)?.strip_prefix('/')?;
        let used = service.secrets.iter().find(|used| used.target == name)?;
        let text = String::from_utf8_lossy(self.secrets.get(&used.source)?.content.reveal()).into_owned();
        // A file ends with a newline that is not part of the secret.
        Some(text.trim_end_matches('\n').to_owned())
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretBytes(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Service;
    use super::*;

    #[test]
    fn a_service_was_given_what_its_file_holds() {
        let variables = [("PASSWORD_FILE", "/run/secrets/db"), ("PASSWORD", "not read"), ("USER", "keeper")];
        let used = SecretUse { source: "password".into(), target: "db".into(), uid: 0, gid: 0, mode: 0o444 };
        let db = Service {
            environment: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            secrets: vec![used],
            ..Service::default()
        };
        let source = SecretSource::File("/home/me/password.txt".into());
        let project = Project {
            services: [("db".to_owned(), db)].into(),
            secrets: [("password".to_owned(), Secret { source, content: "hunter2\n".into() })].into(),
            ..Project::default()
        };
        assert_eq!(project.given("db", "PASSWORD").as_deref(), Some("hunter2"));
        assert_eq!(project.given("db", "USER").as_deref(), Some("keeper"));
        assert_eq!(project.given("db", "TOKEN"), None);
    }

    #[test]
    fn debug_output_does_not_show_it() {
        let secret = Secret { source: SecretSource::File("/run/key".into()), content: "hunter2".into() };
        assert_eq!(format!("{secret:?}"), r#"Secret { source: File("/run/key"), content: SecretBytes(..) }"#);
    }
}
