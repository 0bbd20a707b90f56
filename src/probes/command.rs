//! Probes that ask the engine: a command inside the container, and the container's own health check.

use super::{WHOLE, not_reachable};
use crate::engine::observed::Health;
use crate::engine::work::Probed;
use crate::pipeline::address::Addresses;
use crate::pipeline::clients::first_words;

/// Ready when the command exits with 0.
pub(super) async fn exec(addresses: &Addresses, service: &str, command: &[String]) -> Probed {
    let container = match addresses.container(service).await {
        Ok(container) => container,
        Err(error) => return not_reachable(error),
    };
    match addresses.backend().exec(&container.name, command).await {
        Ok(output) if output.exit_code == 0 => Probed::Ready(format!("{} exits with 0", command[0])),
        Ok(output) => {
            let said = if output.stderr.trim().is_empty() { &output.stdout } else { &output.stderr };
            Probed::NotYet(format!("{} exits with {}: {}", command[0], output.exit_code, first_words(said, WHOLE)))
        }
        Err(error) => Probed::NotYet(error.to_string()),
    }
}

/// Ready when every running container of the service is healthy.
pub(super) async fn healthcheck(addresses: &Addresses, service: &str) -> Probed {
    let containers = match addresses.containers(service).await {
        Ok(containers) => containers,
        Err(error) => return not_reachable(error),
    };
    for container in &containers {
        let detail = match addresses.backend().inspect(&container.name).await {
            Ok(detail) => detail,
            Err(error) => return Probed::NotYet(error.to_string()),
        };
        let said = first_words(&detail.health_output, WHOLE);
        match detail.health {
            Health::Healthy => {}
            Health::None => return Probed::Never(format!("{} has no health check", container.name)),
            Health::Starting => return Probed::NotYet(format!("{} is starting: {said}", container.name)),
            Health::Unhealthy => return Probed::NotYet(format!("{} is unhealthy: {said}", container.name)),
        }
    }
    Probed::Ready("healthy".to_owned())
}
