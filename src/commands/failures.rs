//! How the errors of the layers become what a person reads: exit code, causes, the next command.

use crate::backup::BackupError;
use crate::engine::backend::BackendError;
use crate::engine::desired::DesiredError;
use crate::exit;
use crate::failure::Failure;
use crate::governance::GovernanceError;
use crate::images::ImagesError;
use crate::model::ModelError;
use crate::pipeline::clients::ClientError;
use crate::pipeline::known;
use crate::pipeline::reset::ResetError;
use crate::pipeline::spec::SpecErrors;
use crate::pipeline::verify::VerifyError;

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        let mut failure = Self::usage(error.headline());
        failure.excerpt = error.excerpt().into_boxed_slice();
        failure.hints.extend(error.hint);
        failure
    }
}

/// Puts what is known about a failure before everything else: what it means, and what to type.
pub fn explained(mut failure: Failure) -> Failure {
    let evidence = failure.evidence.iter().flat_map(|evidence| evidence.lines.iter().chain(&evidence.beside));
    let said = std::iter::once(&failure.message).chain(&failure.causes).chain(evidence);
    if let Some(known) = known::explain(said.map(String::as_str)) {
        failure.causes.insert(0, known.means.to_owned());
        failure.hints.insert(0, known.next.to_owned());
    }
    failure
}

/// How far a mistake's line and hint are moved in below its headline, where there are several.
const INDENT: &str = "  ";

impl From<SpecErrors> for Failure {
    fn from(errors: SpecErrors) -> Self {
        if let [only] = errors.all() {
            return only.clone().into();
        }
        let mut failure =
            Self::usage(format!("there are {} mistakes in what the pipeline is made of", errors.all().len()));
        let mut lines = Vec::new();
        for error in errors.all() {
            lines.push(error.headline());
            lines.extend(error.excerpt().iter().map(|line| format!("{INDENT}{line}")));
            let hint = error.hint.iter().map(|hint| format!("{INDENT}hint: {hint}"));
            // The same advice once, with the first that needs it.
            lines.extend(hint.filter(|hint| !lines.contains(hint)).collect::<Vec<_>>());
        }
        failure.excerpt = lines.into_boxed_slice();
        failure.hint("correct them; `pipectl config` checks the files and starts nothing")
    }
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        let message = error.to_string();
        match error {
            // An engine elsewhere, or an address that is none: starting one here would not help.
            BackendError::Unreachable { address, .. } if is_elsewhere(&address) => Self::new(exit::ENGINE, message)
                .hint("correct the address: `--host URL` or DOCKER_HOST=URL; without both, the engine of this machine is used"),
            BackendError::Unreachable { .. } => Self::new(exit::ENGINE, message)
                .hint("start it: `systemctl start docker`, Docker Desktop, or `dockerd &` where there is no systemd")
                .hint("`make up`, in a clone of the repository, installs and starts one on Debian and Ubuntu"),
            BackendError::Permission { .. } => Self::new(exit::ENGINE, message)
                .hint("run as root, or join the group: `sudo usermod -aG docker $USER` and log in again"),
            BackendError::TooOld { .. } => {
                Self::new(exit::ENGINE, message).hint("upgrade the engine, or point DOCKER_HOST at a newer one")
            }
            BackendError::Build { step, output, .. } => {
                Self::stack(message).evidence(format!("output of `{step}`"), output)
            }
            BackendError::Login { registry, .. } => {
                Self::stack(message).hint(format!("log in: `docker login {registry}`"))
            }
            BackendError::NotFound { .. } | BackendError::PortTaken { .. } | BackendError::Refused { .. } => {
                Self::stack(message).hint("`docker info` and the engine's log (`journalctl -u docker`) tell more")
            }
        }
    }
}

/// True for what is neither a socket of this machine nor the search for one.
fn is_elsewhere(address: &str) -> bool {
    address.split_once("://").is_some_and(|(scheme, _)| scheme != "unix")
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Engine(error) => error.into(),
            BackupError::Interrupted => Self::new(exit::INTERRUPTED, "interrupted"),
            BackupError::Exists { .. } => Self::usage(error.to_string()).hint("name another file, or remove this one"),
            BackupError::Foreign { .. } => Self::usage(error.to_string()),
            BackupError::Newer { .. } => {
                Self::usage(error.to_string()).hint("read it with the pipectl that wrote it, or a newer one")
            }
            BackupError::Damaged { .. } => {
                Self::stack(error.to_string()).hint("fetch the file again from where it was kept, or take another one")
            }
            error => anyhow::Error::from(error).into(),
        }
    }
}

impl From<ImagesError> for Failure {
    fn from(error: ImagesError) -> Self {
        let no_context = matches!(error, ImagesError::NoContext { .. });
        let failure = Self { code: exit::USAGE, ..anyhow::Error::from(error).into() };
        if no_context {
            failure.hint("correct `build.context` of the service, or create that directory")
        } else {
            failure
        }
    }
}

impl From<DesiredError> for Failure {
    fn from(error: DesiredError) -> Self {
        Self { code: exit::USAGE, ..anyhow::Error::from(error).into() }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let unreachable = matches!(error, ClientError::Address(_) | ClientError::Unreachable { .. });
        let failure: Self = anyhow::Error::from(error).into();
        if unreachable {
            failure.hint("`pipectl status` shows what runs, `pipectl up` starts what does not")
        } else {
            failure
        }
    }
}

impl From<GovernanceError> for Failure {
    fn from(error: GovernanceError) -> Self {
        let hint = error.hint();
        let failure = match &error {
            GovernanceError::NoCatalog | GovernanceError::BadVariable => Self::usage(error.to_string()),
            GovernanceError::Catalog(_)
            | GovernanceError::Store(_)
            | GovernanceError::Memory(_)
            | GovernanceError::File(_) => Self::stack(error.to_string()),
        };
        hint.into_iter().fold(failure, Self::hint)
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Client(error) => {
                Self { message: format!("verification could not be carried out: {error}"), ..error.into() }
            }
            VerifyError::Timeout(_) => Self::new(exit::TIMEOUT, format!("verification {error}"))
                .hint("`pipectl status` shows where the flow stops"),
            error => Self::new(exit::USAGE, format!("verification could not be carried out: {error}")),
        }
    }
}

impl From<ResetError> for Failure {
    fn from(error: ResetError) -> Self {
        let failure = Self::stack(format!("reset is not complete: {error}"));
        failure.hint("run it again once that is repaired: what is gone already is skipped")
    }
}
