//! Where ports go whose places are taken: decided from the facts, one free port for each variable.

use std::collections::BTreeSet;

use super::gather::taken;
use super::ports::elsewhere;
use super::{Facts, Owner};
use crate::model::Port;

/// A port that gets another number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The service that publishes it.
    pub service: String,
    /// The variable of the Compose files that decides on it.
    pub variable: String,
    /// What it was.
    pub from: u16,
    /// Who has that.
    pub owner: Owner,
    /// What it gets.
    pub to: u16,
}

/// A free port for each that is taken and that a variable decides on which the user has not set.
pub fn moves(facts: &Facts) -> Vec<Move> {
    decide(facts, &|port| taken(port).is_none())
}

fn decide(facts: &Facts, is_free: &dyn Fn(&Port) -> bool) -> Vec<Move> {
    let mut used: BTreeSet<u16> = facts.wanted_ports.iter().filter_map(|(_, port)| port.published).collect();
    used.extend(facts.port_variables.iter().map(|variable| variable.port));
    let mut moves: Vec<Move> = Vec::new();
    for (service, port) in &facts.wanted_ports {
        let Some(from) = port.published else { continue };
        let (Some(owner), Some(variable)) = (facts.owner(port), facts.port_variable(service, from)) else {
            continue;
        };
        if variable.set || moves.iter().any(|known| known.variable == variable.name) {
            continue;
        }
        // The same variable may stand for several ports, TCP and UDP for one.
        let others: Vec<&Port> = facts
            .wanted_ports
            .iter()
            .filter(|(other, port)| {
                let decides = port.published.and_then(|published| facts.port_variable(other, published));
                decides.is_some_and(|decides| decides.name == variable.name)
            })
            .map(|(_, port)| port)
            .collect();
        let fits = |to: &u16| {
            let at = |port: &&Port| Port { published: Some(*to), ..(*port).clone() };
            !used.contains(to) && others.iter().all(|port| is_free(&at(port)))
        };
        if let Some(to) = candidates(from).find(fits) {
            used.insert(to);
            moves.push(Move {
                service: service.clone(),
                variable: variable.name.clone(),
                from,
                owner: owner.clone(),
                to,
            });
        }
    }
    moves
}

/// Ports that resemble the old one first: 9092, 19092, 29092 ..; then all that need no privilege.
fn candidates(port: u16) -> impl Iterator<Item = u16> {
    let alike = (0..6).scan(port, |last, _| {
        *last = elsewhere(*last);
        Some(*last)
    });
    alike.chain(port.saturating_add(1)..=u16::MAX).chain(1024..port)
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::{port, variable};
    use super::*;
    use crate::model::Protocol;

    fn decided(facts: &Facts, busy: &[u16]) -> Vec<String> {
        let free = |port: &Port| !busy.contains(&port.published.expect("a port"));
        let shown = |moved: Move| format!("{} {} -> {}", moved.variable, moved.from, moved.to);
        decide(facts, &free).into_iter().map(shown).collect()
    }

    fn facts() -> Facts {
        Facts {
            wanted_ports: vec![
                ("kafka".into(), port(9092)),
                ("other".into(), port(19_092)),
                ("web".into(), port(60_000)),
                ("fixed".into(), port(80)),
                ("mine".into(), port(8080)),
            ],
            taken_ports: [9092, 60_000, 80, 8080].map(|port| ((Protocol::Tcp, port), Owner::Unknown)).into(),
            port_variables: vec![
                variable("kafka", 9092, false),
                variable("other", 19_092, false),
                variable("web", 60_000, false),
                variable("mine", 8080, true),
            ],
            ..Facts::default()
        }
    }

    #[test]
    fn a_taken_port_goes_to_a_free_one_that_resembles_it() {
        // 19092 is free and another service's; what the user has set, and what no variable decides on, stays.
        assert_eq!(decided(&facts(), &[]), ["KAFKA_PORT 9092 -> 29092", "WEB_PORT 60000 -> 50000"]);
        assert_eq!(decided(&facts(), &[29_092, 50_000]), ["KAFKA_PORT 9092 -> 39092", "WEB_PORT 60000 -> 60001"]);
    }

    #[test]
    fn one_variable_of_two_ports_moves_both() {
        let mut facts = facts();
        facts.wanted_ports.push(("kafka".into(), Port { protocol: Protocol::Udp, ..port(9092) }));
        let free = |port: &Port| port.published != Some(29_092) || port.protocol == Protocol::Tcp;
        assert_eq!(decide(&facts, &free)[0].to, 39_092);
    }

    #[test]
    fn nothing_moves_where_nothing_is_taken() {
        assert_eq!(decided(&Facts { taken_ports: [].into(), ..facts() }, &[]), [""; 0]);
    }
}
