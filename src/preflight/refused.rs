//! What `up` would refuse whatever the machine has: data it cannot go on with, objects that others have to make, ports that would stand
//! open.

use super::engine::of_failure;
use super::{Facts, Verdict};
use crate::failure::Failure;

/// Reasons to refuse, decided elsewhere; nothing is in the way where there are none.
#[derive(Debug, Clone, Default)]
pub struct Refused {
    /// Volumes of another layout, and those that a killed command left incomplete.
    pub data: Vec<Failure>,
    /// Networks and volumes that are declared external and are not there.
    pub external: Vec<Failure>,
    /// Services that would stand open to other machines.
    pub bind: Vec<Failure>,
}

impl Refused {
    /// The first of them.
    pub fn first(&self) -> Option<&Failure> {
        [&self.data, &self.external, &self.bind].into_iter().flatten().next()
    }
}

/// Can the services go on with the data that is there?
pub(super) fn data(facts: &Facts) -> Verdict {
    judged(facts, "data", &facts.refused.data, "nothing that this version could not go on with")
}

/// Is everything there that others have to make?
pub(super) fn external(facts: &Facts) -> Verdict {
    judged(facts, "external", &facts.refused.external, "no network and no volume of others is missing")
}

/// May ports be published where that is asked for?
pub(super) fn bind(facts: &Facts) -> Verdict {
    judged(facts, "bind", &facts.refused.bind, "nothing stands open with a password of the demo")
}

fn judged(facts: &Facts, id: &'static str, refused: &[Failure], good: &str) -> Verdict {
    if facts.no_engine.is_some() {
        return Verdict::without_engine();
    }
    if facts.no_project.is_some() {
        return Verdict::without_project();
    }
    Verdict::of(refused.iter().map(|failure| of_failure(id, failure)).collect(), || good.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn every_refusal_is_an_error_of_its_own_check() {
        let failures = |names: &[&str]| names.iter().map(|name| Failure::usage(*name).hint("mend it")).collect();
        let refused = Refused { data: failures(&["old", "half"]), external: failures(&["net"]), bind: Vec::new() };
        assert_eq!(refused.first().map(|failure| failure.message.as_str()), Some("old"));
        let facts = Facts { refused, ..Facts::default() };
        let Verdict::Found(found) = data(&facts) else { panic!("found") };
        let seen: Vec<_> = found.iter().map(|one| (one.id, one.severity, one.finding.as_str())).collect();
        assert_eq!(seen, [("data", Severity::Error, "old"), ("data", Severity::Error, "half")]);
        assert!(matches!(external(&facts), Verdict::Found(found) if found[0].fix == "mend it"));
        assert!(matches!(bind(&facts), Verdict::Good(_)));
    }

    #[test]
    fn without_an_engine_nobody_knows() {
        let facts = Facts { no_engine: Some(Failure::stack("none")), ..Facts::default() };
        assert_eq!(data(&facts), Verdict::without_engine());
    }
}
