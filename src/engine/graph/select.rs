//! Which part of the graph a command line means: `up web` brings what web needs, and the steps that can run then.

use std::collections::BTreeSet;

use super::{Graph, GraphError, Kind};
use crate::model::{Project, suggest};

/// A part of the graph that is closed: whatever a member needs is a member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Services.
    pub services: BTreeSet<String>,
    /// Steps.
    pub steps: BTreeSet<String>,
    /// True when no service was named: everything is meant.
    pub full: bool,
}

impl Graph {
    /// The named services with all that they need; everything when none is named. A step is in when all that it
    /// comes after is in.
    pub fn select(&self, project: &Project, services: &[String]) -> Result<Selection, GraphError> {
        for name in services {
            self.check_service(project, name)?;
        }
        let full = services.is_empty();
        let mut members: BTreeSet<String> = if full {
            project.services.keys().cloned().collect()
        } else {
            self.closure(services.iter().map(String::as_str))
        };
        // In topological order one pass is enough: what a step comes after was decided before it.
        for name in self.order().iter().filter(|name| self.kind(name) == Some(Kind::Step)) {
            let after = &project.ext.steps[name].after;
            // A step that the profiles leave out is not waited for, a service is.
            let known = |need: &String| self.kind(need).is_some() || project.disabled.contains_key(need);
            let held_up = after.iter().any(|need| known(need) && !members.contains(need));
            if !held_up && (full || !after.is_empty()) {
                members.insert(name.clone());
            }
        }
        let (services, steps) = members.into_iter().partition(|name| self.kind(name) == Some(Kind::Service));
        Ok(Selection { services, steps, full })
    }

    /// Fails when a name is no service of the project that the profiles enable.
    pub fn check_service(&self, project: &Project, name: &str) -> Result<(), GraphError> {
        if project.services.contains_key(name) {
            return Ok(());
        }
        if let Some(profiles) = project.disabled.get(name) {
            return Err(GraphError::Disabled { name: name.into(), profiles: profiles.clone() });
        }
        let near = suggest::nearest(name, project.services.keys().map(String::as_str));
        Err(GraphError::UnknownService { name: name.into(), near: near.map(str::to_owned) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::project;
    use super::*;

    fn selected(lines: &[&str], services: &[&str]) -> Result<(Vec<String>, Vec<String>), GraphError> {
        let project = project(lines);
        let services: Vec<String> = services.iter().map(ToString::to_string).collect();
        let selection = Graph::new(&project)?.select(&project, &services)?;
        Ok((selection.services.into_iter().collect(), selection.steps.into_iter().collect()))
    }

    const LINES: &[&str] = &[
        "db:",
        "web: db healthy",
        "job: seed after",
        "step seed: db",
        "step check: web, seed",
        "step last: check, job",
    ];

    #[test]
    fn a_service_brings_its_dependencies_and_the_steps_that_can_run() {
        let (services, steps) = selected(LINES, &["web"]).unwrap();
        assert_eq!((services.join(" "), steps.join(" ")), ("db web".into(), "check seed".into()));
    }

    #[test]
    fn a_service_after_a_step_brings_the_step_and_its_services() {
        let (services, steps) = selected(LINES, &["job"]).unwrap();
        assert_eq!((services.join(" "), steps.join(" ")), ("db job".into(), "seed".into()));
    }

    #[test]
    fn no_name_means_everything() {
        let (services, steps) = selected(LINES, &[]).unwrap();
        assert_eq!((services.len(), steps.len()), (3, 3));
    }

    #[test]
    fn a_step_that_the_profiles_leave_out_is_not_waited_for() {
        let (_, steps) = selected(&["db:", "step seed: db, left-out", "step last: seed"], &[]).unwrap();
        assert_eq!(steps.join(" "), "last seed");
    }

    #[test]
    fn an_unknown_service_gets_a_suggestion() {
        let error = selected(&["postgres:"], &["postgers"]).unwrap_err();
        assert_eq!(error.to_string(), "no service `postgers`, did you mean `postgres`?");
        assert_eq!(selected(LINES, &["elephant"]).unwrap_err().to_string(), "no service `elephant`");
    }
}
