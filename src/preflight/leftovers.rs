//! Is there something of another project, another directory or another description?

use std::collections::BTreeMap;

use super::{Facts, Finding, Remedy, Severity, Verdict};
use crate::engine::observed::ContainerSummary;

pub(super) fn check(facts: &Facts) -> Verdict {
    if facts.no_engine.is_some() {
        return Verdict::without_engine();
    }
    let mut findings = Vec::new();
    if facts.no_project.is_none() {
        findings.extend(moved(facts));
        findings.extend(orphans(facts));
        findings.extend(facts.outdated_volumes.iter().map(|name| volume(name)));
    }
    findings.extend(others(facts));
    Verdict::of(findings, || "none".to_owned())
}

fn is_own(facts: &Facts, container: &ContainerSummary) -> bool {
    facts.no_project.is_none() && container.project == facts.project
}

/// Containers of a project of this name that was started in another directory.
fn moved(facts: &Facts) -> Option<Finding> {
    let own = facts.containers.iter().filter(|container| is_own(facts, container));
    let elsewhere: Vec<_> =
        own.filter(|container| !container.working_dir.is_empty() && container.working_dir != facts.dir).collect();
    let first = elsewhere.first()?;
    Some(Finding::new(
        "leftovers",
        Severity::Warning,
        format!(
            "{} container(s) of project {} were made from {}: `pipectl up` here replaces them and goes on with their volumes",
            elsewhere.len(),
            facts.project,
            first.working_dir
        ),
        "to keep the two apart, give this one a name of its own: `pipectl --project NAME up`",
    ))
}

/// Containers of services that the files do not name any more.
fn orphans(facts: &Facts) -> Vec<Finding> {
    let own = facts.containers.iter().filter(|container| is_own(facts, container));
    let orphans =
        own.filter(|container| container.working_dir == facts.dir && !facts.services.contains(&container.service));
    let (live, ended): (Vec<_>, Vec<_>) = orphans.partition(|container| container.state.is_live());
    let names = |containers: &[&ContainerSummary]| -> Vec<String> {
        containers.iter().map(|container| container.name.clone()).collect()
    };
    let mut findings = Vec::new();
    if !ended.is_empty() {
        findings.push(
            Finding::new(
                "leftovers",
                Severity::Note,
                format!("left over from services that the files do not name any more: {}", names(&ended).join(", ")),
                "`pipectl up --remove-orphans` removes them",
            )
            .with(Remedy::RemoveContainers(names(&ended))),
        );
    }
    if !live.is_empty() {
        findings.push(Finding::new(
            "leftovers",
            Severity::Note,
            format!("still running, though the files do not name their services any more: {}", names(&live).join(", ")),
            "`pipectl up --remove-orphans` stops and removes them",
        ));
    }
    findings
}

/// The plan of `up` tells this too, so it is a note.
fn volume(name: &str) -> Finding {
    Finding::new(
        "leftovers",
        Severity::Note,
        format!("volume {name} was made from another description than that of the files; it and its data are kept"),
        format!("to apply the new one: save the data, `pipectl down`, `docker volume rm {name}`, `pipectl up`"),
    )
}

/// Other projects of pipectl that run.
fn others(facts: &Facts) -> Vec<Finding> {
    let foreign = facts.containers.iter().filter(|container| !is_own(facts, container) && container.state.is_live());
    let mut projects: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for container in foreign {
        *projects.entry((&container.project, &container.working_dir)).or_default() += 1;
    }
    let finding = |((project, dir), count): (&(&str, &str), &usize)| {
        Finding::new(
            "leftovers",
            Severity::Note,
            format!("project {project} ({dir}) runs {count} container(s): their memory and ports are not free"),
            format!("where it is not needed now: `pipectl --project {project} stop` in {dir}"),
        )
    };
    projects.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::observed::RunState;

    fn container(project: &str, dir: &str, service: &str, state: RunState) -> ContainerSummary {
        ContainerSummary {
            name: format!("{project}-{service}-1"),
            project: project.into(),
            working_dir: dir.into(),
            service: service.into(),
            state,
            ..ContainerSummary::default()
        }
    }

    fn found(containers: Vec<ContainerSummary>) -> Vec<Finding> {
        let facts = Facts {
            project: "shop".into(),
            dir: "/shop".into(),
            services: ["web".to_owned()].into(),
            containers,
            ..Facts::default()
        };
        match check(&facts) {
            Verdict::Found(findings) => findings,
            _ => Vec::new(),
        }
    }

    #[test]
    fn what_belongs_to_the_project_is_no_leftover() {
        assert_eq!(found(vec![container("shop", "/shop", "web", RunState::Running)]), []);
    }

    #[test]
    fn a_project_of_this_name_in_another_directory_is_warned_of() {
        let findings = found(vec![container("shop", "/old/shop", "web", RunState::Exited)]);
        assert_eq!((findings.len(), findings[0].severity), (1, Severity::Warning));
        assert!(findings[0].finding.starts_with("1 container(s) of project shop were made from /old/shop:"));
    }

    #[test]
    fn only_ended_orphans_may_be_removed_unasked() {
        let findings = found(vec![
            container("shop", "/shop", "old", RunState::Exited),
            container("shop", "/shop", "older", RunState::Running),
        ]);
        assert_eq!(findings[0].remedy, Some(Remedy::RemoveContainers(vec!["shop-old-1".into()])));
        assert_eq!(findings[1].remedy, None);
        assert!(findings[1].finding.ends_with("shop-older-1"), "{}", findings[1].finding);
    }

    #[test]
    fn other_projects_count_while_they_run() {
        let findings = found(vec![
            container("demo", "/demo", "web", RunState::Running),
            container("demo", "/demo", "db", RunState::Running),
            container("past", "/past", "db", RunState::Exited),
        ]);
        assert_eq!(findings.len(), 1);
        assert_eq!(
            findings[0].finding,
            "project demo (/demo) runs 2 container(s): their memory and ports are not free"
        );
    }

    #[test]
    fn volumes_of_another_description_are_told() {
        let facts = Facts { outdated_volumes: vec!["shop_data".into()], ..Facts::default() };
        assert!(matches!(check(&facts), Verdict::Found(findings) if findings[0].finding.contains("volume shop_data")));
    }
}
