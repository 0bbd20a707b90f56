//! Is there a project, is there an engine, and does it store images sensibly?

use super::{Facts, Finding, Severity, Verdict};
use crate::failure::Failure;

/// Can the Compose files be read?
pub(super) fn project(facts: &Facts) -> Verdict {
    match &facts.no_project {
        Some(failure) => Verdict::Found(vec![of_failure("project", failure)]),
        None => Verdict::Good(format!("{} in {}", facts.project, facts.dir)),
    }
}

/// Does an engine answer that speaks an API which pipectl knows?
pub(super) fn reachable(facts: &Facts) -> Verdict {
    if let Some(failure) = &facts.no_engine {
        return Verdict::Found(vec![of_failure("engine", failure)]);
    }
    let (major, minor) = facts.engine.api;
    Verdict::Good(format!(
        "{}, API {major}.{minor}, at {} (from {})",
        facts.engine.version, facts.engine.address, facts.chosen_by
    ))
}

/// Does the engine share layers between images and containers?
pub(super) fn storage_driver(facts: &Facts) -> Verdict {
    if facts.no_engine.is_some() {
        return Verdict::without_engine();
    }
    match facts.engine.storage_driver.as_str() {
        "" => Verdict::Unchecked("the engine does not tell".to_owned()),
        "vfs" => Verdict::Found(vec![Finding::new(
            "storage-driver",
            Severity::Warning,
            "the engine's storage driver is vfs: it copies every layer in full, which is slow and takes several times the disk",
            "set `\"storage-driver\": \"overlay2\"` in /etc/docker/daemon.json and restart the engine; images are then built anew",
        )]),
        driver => Verdict::Good(driver.to_owned()),
    }
}

/// The finding that a failure is.
pub(super) fn of_failure(id: &'static str, failure: &Failure) -> Finding {
    let mut finding = failure.message.clone();
    for cause in &failure.causes {
        finding = format!("{finding}: {cause}");
    }
    Finding::new(id, Severity::Error, finding, failure.hints.join("; or "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::backend::EngineInfo;

    #[test]
    fn an_engine_is_told_with_its_address_and_who_chose_it() {
        let engine = EngineInfo {
            version: "Docker Engine 28.1".into(),
            api: (1, 49),
            address: "unix:///run/docker.sock".into(),
            ..EngineInfo::default()
        };
        let facts = Facts { engine, chosen_by: "context colima".into(), ..Facts::default() };
        let good = "Docker Engine 28.1, API 1.49, at unix:///run/docker.sock (from context colima)";
        assert_eq!(reachable(&facts), Verdict::Good(good.into()));
    }

    #[test]
    fn a_failure_becomes_one_finding_with_its_causes_and_hints() {
        let failure = Failure::stack("no engine answers").because("refused").hint("start it").hint("look elsewhere");
        let facts = Facts { no_engine: Some(failure), ..Facts::default() };
        let Verdict::Found(findings) = reachable(&facts) else { panic!("found") };
        assert_eq!(findings[0].finding, "no engine answers: refused");
        assert_eq!(findings[0].fix, "start it; or look elsewhere");
        assert_eq!(findings[0].severity, Severity::Error);
        assert_eq!(storage_driver(&facts), Verdict::without_engine());
    }

    #[test]
    fn a_project_that_cannot_be_read_is_an_error() {
        let facts = Facts { no_project: Some(Failure::usage("no compose.yaml").hint("name it")), ..Facts::default() };
        let Verdict::Found(findings) = project(&facts) else { panic!("found") };
        assert_eq!((findings[0].id, findings[0].severity), ("project", Severity::Error));
    }

    #[test]
    fn only_vfs_is_warned_of() {
        let driver = |name: &str| {
            let engine = EngineInfo { storage_driver: name.into(), ..EngineInfo::default() };
            storage_driver(&Facts { engine, ..Facts::default() })
        };
        assert_eq!(driver("overlay2"), Verdict::Good("overlay2".into()));
        let Verdict::Found(findings) = driver("vfs") else { panic!("found") };
        assert_eq!(findings[0].severity, Severity::Warning);
    }
}
