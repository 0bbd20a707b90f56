//! Do the project's networks lie where this machine's routes lead elsewhere?

use ipnet::Ipv4Net;

use super::machine::Route;
use super::{Facts, Finding, Severity, Verdict};

/// Docker's own ranges where the engine was told none (libnetwork/ipamutils): sixteen of /16 but the first, then /20.
const DEFAULT_POOLS: [(&str, u8); 2] = [("172.16.0.0/12", 16), ("192.168.0.0/16", 20)];
/// The first of them, which is not among the engine's.
const NOT_USED: &str = "172.16.0.0/16";
/// Routes to more than this cover whole halves of the address space: a VPN that takes all traffic, which a network's own
/// route precedes.
const WIDEST: u8 = 8;

pub(super) fn check(facts: &Facts) -> Verdict {
    let Some(machine) = &facts.machine else {
        return if facts.no_engine.is_some() { Verdict::without_engine() } else { Verdict::elsewhere() };
    };
    if facts.no_project.is_some() {
        return Verdict::without_project();
    }
    let mut findings = Vec::new();
    for network in &facts.networks {
        for subnet in network.subnets.iter().filter_map(|subnet| subnet.parse::<Ipv4Net>().ok()) {
            if let Some(route) =
                machine.routes.iter().find(|route| is_foreign(route, subnet) && overlap(route.to, subnet))
            {
                findings.push(Finding::new(
                    "subnet",
                    Severity::Warning,
                    format!(
                        "network {} ({subnet}) overlaps with this machine's route to {} through {}: one of the two is out of reach",
                        network.name, route.to, route.interface
                    ),
                    "`pipectl down` and `pipectl up` make the network anew; to keep the engine out of that range, set \
                     `default-address-pools` in /etc/docker/daemon.json",
                ));
            }
        }
    }
    if facts.network_missing && free(&facts.engine.address_pools, &machine.routes) == 0 {
        findings.push(Finding::new(
            "subnet",
            Severity::Warning,
            "routes of this machine overlap with every range from which the engine takes networks: it may find none that is free",
            "set `default-address-pools` in /etc/docker/daemon.json to a range that nothing else uses, or leave the VPN while starting",
        ));
    }
    Verdict::of(findings, || "no route overlaps".to_owned())
}

/// A bridge with exactly this range is the network's own.
fn is_foreign(route: &Route, subnet: Ipv4Net) -> bool {
    route.to.prefix_len() >= WIDEST && !(route.bridge && route.to.trunc() == subnet.trunc())
}

fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// How many networks the engine could still make.
fn free(pools: &[(String, u8)], routes: &[Route]) -> usize {
    let known: Vec<(&str, u8)> = if pools.is_empty() {
        DEFAULT_POOLS.to_vec()
    } else {
        pools.iter().map(|(base, size)| (base.as_str(), *size)).collect()
    };
    let ranges = known.into_iter().filter_map(|(base, size)| base.parse::<Ipv4Net>().ok()?.subnets(size).ok());
    ranges
        .flatten()
        .filter(|range| !pools.is_empty() || range.to_string() != NOT_USED)
        .filter(|range| !routes.iter().any(|route| overlap(route.to, *range)))
        // One is enough, and a pool of /8 in /30 has millions.
        .take(1)
        .count()
}

#[cfg(test)]
mod tests {
    use super::super::machine::Machine;
    use super::super::machine::tests::route;
    use super::*;
    use crate::engine::observed::NetworkSummary;

    fn facts(routes: Vec<Route>) -> Facts {
        let network =
            NetworkSummary { name: "shop".into(), subnets: vec!["172.18.0.0/16".into()], ..NetworkSummary::default() };
        Facts {
            machine: Some(Machine { routes, ..Machine::default() }),
            networks: vec![network],
            network_missing: true,
            ..Facts::default()
        }
    }

    #[test]
    fn a_networks_own_bridge_and_a_vpn_for_everything_are_fine() {
        let routes = vec![
            route("172.18.0.0/16", "br-12ab", true),
            route("0.0.0.0/1", "tun0", false),
            route("10.0.0.0/8", "eth0", false),
        ];
        assert_eq!(
            check(&Facts { network_missing: false, ..facts(routes) }),
            Verdict::Good("no route overlaps".into())
        );
    }

    #[test]
    fn a_route_elsewhere_is_named() {
        for to in ["172.16.0.0/12", "172.18.5.0/24"] {
            let Verdict::Found(findings) = check(&facts(vec![route(to, "tun0", false)])) else { panic!("found") };
            assert_eq!(
                findings[0].finding,
                format!(
                    "network shop (172.18.0.0/16) overlaps with this machine's route to {to} through tun0: \
                     one of the two is out of reach"
                )
            );
        }
    }

    #[test]
    fn ranges_that_are_all_taken_are_told() {
        let taken = vec![route("172.16.0.0/12", "tun0", false), route("192.168.0.0/16", "eth0", false)];
        assert_eq!(free(&[], &taken), 0);
        assert_eq!(free(&[], &taken[..1]), 1, "192.168.0.0/16 is left");
        assert_eq!(free(&[("10.200.0.0/16".into(), 24)], &taken), 1);
        let none = Facts { networks: Vec::new(), ..facts(taken) };
        assert!(matches!(check(&none), Verdict::Found(findings) if findings.len() == 1));
    }

    #[test]
    fn an_engine_elsewhere_has_its_own_routes() {
        assert_eq!(check(&Facts::default()), Verdict::elsewhere());
    }
}
