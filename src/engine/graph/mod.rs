//! The dependency graph over services and pipeline steps: one order for both.
//!
//! A name is a service or a step. Edges point to what must come first: `depends_on`, `x-pipectl.after` of services and
//! `after` of steps. Everything is sorted, so equal projects give equal orders.

mod render;
mod select;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Condition, Project};
pub use render::Format;
pub use select::Selection;

/// Why a project has no order, or a name no place in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Services or steps wait for each other.
    #[error("dependency cycle: {}", .0.join(" -> "))]
    Cycle(Vec<String>),
    /// One name means two things.
    #[error("`{0}` is a service and a step: names in `after` would be ambiguous")]
    Ambiguous(String),
    /// No such service.
    #[error("no service `{name}`{}", .near.as_ref().map(|near| format!(", did you mean `{near}`?")).unwrap_or_default())]
    UnknownService {
        /// What was asked for.
        name: String,
        /// The most similar name that exists.
        near: Option<String>,
    },
    /// A service that the chosen profiles leave out.
    #[error("service `{name}` belongs to profile `{}`, which is not chosen", .profiles.join("`, `"))]
    Disabled {
        /// The service.
        name: String,
        /// Its profiles.
        profiles: Vec<String>,
    },
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A service.
    Service,
    /// A pipeline step.
    Step,
}

/// What must hold of the node at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Its containers were started.
    Started,
    /// Its gate has passed.
    Ready,
    /// Its containers have exited with 0.
    Completed,
    /// The step has succeeded.
    Succeeded,
}

/// An edge to what must come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Service or step.
    pub to: String,
    /// Condition.
    pub need: Need,
    /// False: go on when it fails.
    pub required: bool,
}

/// The graph, known to be free of cycles.
#[derive(Debug, Clone)]
pub struct Graph {
    kinds: BTreeMap<String, Kind>,
    edges: BTreeMap<String, Vec<Edge>>,
    order: Vec<String>,
}

impl Graph {
    /// Reads the graph of a project. Edges to services that profiles leave out are dropped: the loader has judged them.
    pub fn new(project: &Project) -> Result<Self, GraphError> {
        let mut kinds: BTreeMap<_, _> = project.services.keys().map(|name| (name.clone(), Kind::Service)).collect();
        for name in project.ext.steps.keys() {
            if kinds.insert(name.clone(), Kind::Step).is_some() {
                return Err(GraphError::Ambiguous(name.clone()));
            }
        }
        let after = |name: &String| {
            kinds.get(name).map(|kind| {
                let need = if *kind == Kind::Step { Need::Succeeded } else { Need::Ready };
                Edge { to: name.clone(), need, required: true }
            })
        };
        let mut edges = BTreeMap::new();
        for (name, service) in &project.services {
            let depends =
                service.depends_on.iter().filter(|(to, _)| kinds.contains_key(*to)).map(|(to, dependency)| Edge {
                    to: to.clone(),
                    need: dependency.condition.into(),
                    required: dependency.required,
                });
            edges.insert(name.clone(), depends.chain(service.ext.after.iter().filter_map(after)).collect());
        }
        for (name, step) in &project.ext.steps {
            edges.insert(name.clone(), step.after.iter().filter_map(after).collect());
        }
        let order = topological(&edges)?;
        Ok(Self { kinds, edges, order })
    }

    /// Every name, what comes first before what needs it; the alphabet decides where dependencies do not.
    pub fn order(&self) -> &[String] {
        &self.order
    }

    /// What a name is.
    pub fn kind(&self, name: &str) -> Option<Kind> {
        self.kinds.get(name).copied()
    }

    /// Edges of a node to what it needs.
    pub fn needs(&self, name: &str) -> &[Edge] {
        self.edges.get(name).map_or(&[], Vec::as_slice)
    }

    /// Every service and step that must come before one of `names`, these included.
    pub fn closure<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open: Vec<String> = names.into_iter().map(str::to_owned).collect();
        while let Some(name) = open.pop() {
            open.extend(self.needs(&name).iter().filter(|edge| !found.contains(&edge.to)).map(|edge| edge.to.clone()));
            found.insert(name);
        }
        found
    }
}

impl From<Condition> for Need {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Started => Self::Started,
            Condition::Healthy => Self::Ready,
            Condition::CompletedSuccessfully => Self::Completed,
        }
    }
}

/// Kahn's algorithm, the smallest name first.
fn topological(edges: &BTreeMap<String, Vec<Edge>>) -> Result<Vec<String>, GraphError> {
    let mut open: BTreeSet<&String> = edges.keys().collect();
    let mut done = BTreeSet::new();
    let mut order = Vec::with_capacity(edges.len());
    while !open.is_empty() {
        let free = open.iter().find(|name| edges[**name].iter().all(|edge| done.contains(&edge.to))).copied();
        let Some(name) = free else {
            return Err(GraphError::Cycle(cycle(edges, &open)));
        };
        open.remove(name);
        done.insert(name.clone());
        order.push(name.clone());
    }
    Ok(order)
}

/// Walks from blocked node to blocked node until one comes again: the walk between is a cycle.
fn cycle(edges: &BTreeMap<String, Vec<Edge>>, blocked: &BTreeSet<&String>) -> Vec<String> {
    let mut path: Vec<String> = Vec::new();
    let mut at = blocked.first().map(|name| (*name).clone());
    while let Some(name) = at {
        if let Some(start) = path.iter().position(|seen| *seen == name) {
            let mut path = path.split_off(start);
            path.push(name);
            return path;
        }
        at = edges[&name].iter().find(|edge| blocked.contains(&edge.to)).map(|edge| edge.to.clone());
        path.push(name);
    }
    path
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::ext::Step;
    use crate::model::{Dependency, Service};

    /// `"b: a healthy"` lines become services, `"step s: b"` lines steps, `"c: a started, s after"` uses both.
    pub(crate) fn project(lines: &[&str]) -> Project {
        let mut project = Project { name: "shop".into(), dir: "/project".into(), ..Project::default() };
        for line in lines {
            let (name, rest) = line.split_once(':').expect("every line has a colon");
            let needs = rest.split(',').map(str::trim).filter(|need| !need.is_empty());
            if let Some(name) = name.strip_prefix("step ") {
                let after = needs.map(str::to_owned).collect();
                let timeout = std::time::Duration::from_secs(30);
                let step = Step {
                    name: name.into(),
                    uses: "test".into(),
                    after,
                    profiles: Vec::new(),
                    timeout,
                    args: serde_json::Map::default(),
                };
                project.ext.steps.insert(name.into(), step);
                continue;
            }
            let mut service = Service { name: name.into(), scale: 1, ..Service::default() };
            for need in needs {
                let (to, condition) = need.split_once(' ').expect("a need is `name condition`");
                let condition = match condition {
                    "started" => Condition::Started,
                    "healthy" => Condition::Healthy,
                    "completed" => Condition::CompletedSuccessfully,
                    _ => {
                        service.ext.after.push(to.into());
                        continue;
                    }
                };
                service.depends_on.insert(to.into(), Dependency { condition, required: true, restart: false });
            }
            project.services.insert(name.into(), service);
        }
        project
    }

    #[test]
    fn order_puts_dependencies_first_and_steps_in_between() {
        let graph = Graph::new(&project(&["web: db healthy, seed after", "db:", "step seed: db", "cache:"])).unwrap();
        assert_eq!(graph.order(), ["cache", "db", "seed", "web"]);
    }

    #[test]
    fn a_cycle_is_told_as_a_path_through_services_and_steps() {
        let error = Graph::new(&project(&["a: b started", "b: s after", "step s: a", "free:"])).unwrap_err();
        assert_eq!(error.to_string(), "dependency cycle: a -> b -> s -> a");
    }

    #[test]
    fn a_name_is_one_thing() {
        let error = Graph::new(&project(&["a:", "step a:"])).unwrap_err();
        assert_eq!(error, GraphError::Ambiguous("a".into()));
    }
}
