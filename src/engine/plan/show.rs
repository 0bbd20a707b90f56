//! A plan for people and machines: text (`pipectl up --plan`), JSON, and the announcement to the display.
//!
//! None of them tells environment variables: they hold passwords.

use std::fmt;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::{Action, Gate, Operation, Plan, Until};
use crate::event::PlannedOperation;

impl Action {
    /// What it does, in one word.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::EnsureImage { .. } => "image",
            Self::CreateNetwork(_) | Self::CreateVolume(_) | Self::CreateContainer(_) => "create",
            Self::RemoveNetwork { .. } | Self::RemoveVolume { .. } | Self::RemoveContainer { .. } => "remove",
            Self::StartContainer { .. } => "start",
            Self::StopContainer { .. } => "stop",
            Self::Await(Gate { until: Until::Completed, .. }) => "finish",
            Self::Await(_) => "ready",
            Self::RunStep(_) => "step",
        }
    }

    /// What it does it to: the name of a container, image or step, or `network <name>`, `volume <name>`.
    pub fn subject(&self) -> String {
        match self {
            Self::EnsureImage { reference } => reference.clone(),
            Self::CreateNetwork(spec) => format!("network {}", spec.name),
            Self::RemoveNetwork { name } => format!("network {name}"),
            Self::CreateVolume(spec) => format!("volume {}", spec.name),
            Self::RemoveVolume { name } => format!("volume {name}"),
            Self::CreateContainer(spec) => spec.name.clone(),
            Self::StartContainer { name } | Self::StopContainer { name, .. } | Self::RemoveContainer { name } => {
                name.clone()
            }
            Self::Await(gate) => gate.container.clone(),
            Self::RunStep(step) => step.name.clone(),
        }
    }
}

impl Plan {
    /// The operations as the display gets them.
    pub fn planned(&self) -> Vec<PlannedOperation> {
        let announce = |(id, operation): (usize, &Operation)| {
            let mut after: Vec<_> = operation.before().collect();
            after.sort_unstable();
            after.dedup();
            PlannedOperation {
                id,
                verb: operation.action.verb().into(),
                subject: operation.action.subject(),
                service: operation.service.clone(),
                cause: operation.cause.clone(),
                after,
            }
        };
        self.operations.iter().enumerate().map(announce).collect()
    }
}

impl fmt::Display for Plan {
    /// One line per operation; `~3` means "once 3 has ended, well or not".
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in &self.warnings {
            writeln!(formatter, "warning: {}", warning.text)?;
        }
        if self.operations.is_empty() {
            return writeln!(formatter, "nothing to do");
        }
        let subjects: Vec<_> = self.operations.iter().map(|operation| operation.action.subject()).collect();
        let subject_width = subjects.iter().map(|subject| subject.chars().count()).max().unwrap_or(0);
        let waits: Vec<_> = self.operations.iter().map(waits).collect();
        let wait_width = waits.iter().map(String::len).max().unwrap_or(0);
        let id_width = (self.operations.len() - 1).to_string().len().max(2);
        for (id, operation) in self.operations.iter().enumerate() {
            let notes = [
                (operation.optional, ", optional"),
                (operation.on_change, ", after changes only"),
                (!operation.in_place_of.is_empty(), ", only if needed"),
            ];
            let notes: String = notes.into_iter().filter_map(|(is_so, note)| is_so.then_some(note)).collect();
            writeln!(
                formatter,
                "[{id:id_width$}] {:<6}  {:subject_width$}  {:wait_width$}  ({}{notes})",
                operation.action.verb(),
                subjects[id],
                waits[id],
                operation.cause,
            )?;
        }
        Ok(())
    }
}

/// `after 1,4,~7`, or nothing; `else 3..8` are those of which one must have been left out.
fn waits(operation: &Operation) -> String {
    let hard = operation.after.iter().map(ToString::to_string);
    let soft = operation.after_ended.iter().map(|id| format!("~{id}"));
    let alternative = match (operation.in_place_of.first(), operation.in_place_of.last()) {
        (Some(first), Some(last)) => Some(format!("else {first}..{last}")),
        _ => None,
    };
    let all: Vec<_> = hard.chain(soft).chain(alternative).collect();
    if all.is_empty() { String::new() } else { format!("after {}", all.join(",")) }
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut plan = serializer.serialize_struct("Plan", 3)?;
        plan.serialize_field("changes", &self.changes())?;
        plan.serialize_field("operations", &self.planned())?;
        plan.serialize_field("warnings", &self.warnings)?;
        plan.end()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn operation(action: Action, after: &[usize], after_ended: &[usize]) -> Operation {
        let (after, after_ended) = (after.to_vec(), after_ended.to_vec());
        Operation {
            action,
            cause: "not there".into(),
            service: None,
            after,
            after_ended,
            on_change: false,
            optional: false,
            instead: None,
            in_place_of: Vec::new(),
        }
    }

    fn plan() -> Plan {
        let start = |name: &str| Action::StartContainer { name: name.into() };
        let operations = vec![
            operation(Action::EnsureImage { reference: "web:1".into() }, &[], &[]),
            operation(start("shop-db-1"), &[], &[]),
            operation(start("shop-web-1"), &[0], &[1]),
        ];
        Plan { operations, warnings: Vec::new() }
    }

    #[test]
    fn text_is_aligned() {
        assert_eq!(
            plan().to_string(),
            "[ 0] image   web:1                   (not there)\n\
             [ 1] start   shop-db-1               (not there)\n\
             [ 2] start   shop-web-1  after 0,~1  (not there)\n"
        );
        assert_eq!(Plan::default().to_string(), "nothing to do\n");
    }

    #[test]
    fn json_names_operations_and_never_the_environment() {
        let json = serde_json::to_value(plan()).unwrap();
        assert_eq!(json["changes"], 3);
        assert_eq!(json["operations"][2]["after"], serde_json::json!([0, 1]));
    }

    #[test]
    fn the_critical_path_is_the_slowest_chain() {
        let seconds = [5, 1, 1].map(Duration::from_secs);
        assert_eq!(plan().critical_path(&seconds), [0, 2]);
        let seconds = [1, 5, 1].map(Duration::from_secs);
        assert_eq!(plan().critical_path(&seconds), [1, 2]);
        assert!(Plan::default().critical_path(&[]).is_empty());
    }
}
