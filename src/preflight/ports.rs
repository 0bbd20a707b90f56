//! Is every port free that is to be published?

use super::{Facts, Finding, Owner, Severity, Verdict};
use crate::model::Protocol;

pub(super) fn check(facts: &Facts) -> Verdict {
    if facts.no_project.is_some() {
        return Verdict::without_project();
    }
    if let Some(host) = &facts.published_at {
        return Verdict::Unchecked(format!("they are published on {host}, which is not this machine"));
    }
    let findings: Vec<_> = facts
        .wanted_ports
        .iter()
        .filter_map(|(service, port)| {
            let published = port.published?;
            let owner = facts.owner(port)?;
            let stop = match owner {
                Owner::Ours(_, project, dir) => {
                    format!("stop that project (`pipectl --project {project} stop` in {dir})")
                }
                Owner::Container(name) => format!("stop it (`docker stop {name}`)"),
                Owner::Process(_, id) => format!("stop it (`kill {id}`)"),
                Owner::Unknown => {
                    let kind = if port.protocol == Protocol::Udp { 'u' } else { 't' };
                    format!("find it (`sudo ss -l{kind}np sport = :{published}`)")
                }
            };
            let other = match facts.port_variable(service, published) {
                Some(variable) => {
                    let set = format!("set another port: `{}={} pipectl up`", variable.name, elsewhere(published));
                    // What the user has set is not changed.
                    if variable.set { set } else { format!("take free ports: `pipectl up --ports auto`, or {set}") }
                }
                None => format!("give {service} another port in its Compose file"),
            };
            Some(Finding::new(
                "ports",
                Severity::Error,
                format!("port {published}, which {service} publishes, is taken by {owner}"),
                format!("{stop}, or {other}"),
            ))
        })
        .collect();
    Verdict::of(findings, || match facts.wanted_ports.len() {
        0 => "none is still to be taken".to_owned(),
        1 => "1 port is free".to_owned(),
        count => format!("all {count} ports are free"),
    })
}

/// Another port that is easy to remember.
pub(super) fn elsewhere(port: u16) -> u16 {
    port.checked_add(10_000).unwrap_or_else(|| port - 10_000)
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::{port, variable};
    use super::*;
    use crate::model::Port;

    #[test]
    fn every_taken_port_is_named_with_its_owner() {
        let facts = Facts {
            wanted_ports: vec![
                ("kafka".into(), port(9092)),
                ("debezium".into(), port(8083)),
                ("namenode".into(), port(9870)),
                ("web".into(), port(60_000)),
            ],
            taken_ports: [
                (9092, Owner::Process("java".into(), 77)),
                (8083, Owner::Container("other-1".into())),
                (60_000, Owner::Ours("demo-web-1".into(), "demo".into(), "/demo".into())),
            ]
            .map(|(port, owner)| ((Protocol::Tcp, port), owner))
            .into(),
            port_variables: vec![variable("kafka", 9092, false), variable("web", 60_000, true)],
            ..Facts::default()
        };
        let Verdict::Found(findings) = check(&facts) else { panic!("found") };
        let lines: Vec<_> =
            findings.into_iter().map(|finding| format!("{}; {}", finding.finding, finding.fix)).collect();
        assert_eq!(
            lines,
            [
                "port 9092, which kafka publishes, is taken by process java (pid 77); stop it (`kill 77`), \
                 or take free ports: `pipectl up --ports auto`, or set another port: `KAFKA_PORT=19092 pipectl up`",
                "port 8083, which debezium publishes, is taken by container other-1; stop it (`docker stop other-1`), \
                 or give debezium another port in its Compose file",
                "port 60000, which web publishes, is taken by container demo-web-1 of project demo; stop that project \
                 (`pipectl --project demo stop` in /demo), or set another port: `WEB_PORT=50000 pipectl up`",
            ]
        );
    }

    #[test]
    fn free_ports_are_counted() {
        let facts = Facts { wanted_ports: vec![("kafka".into(), port(9092))], ..Facts::default() };
        assert_eq!(check(&facts), Verdict::Good("1 port is free".into()));
    }

    #[test]
    fn a_udp_port_is_not_that_of_tcp() {
        let udp = Port { protocol: Protocol::Udp, ..port(9092) };
        let facts = Facts {
            wanted_ports: vec![("kafka".into(), port(9092)), ("dns".into(), udp)],
            taken_ports: [((Protocol::Udp, 9092), Owner::Unknown)].into(),
            ..Facts::default()
        };
        let Verdict::Found(findings) = check(&facts) else { panic!("found") };
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].fix.starts_with("find it (`sudo ss -lunp sport = :9092`)"), "{}", findings[0].fix);
    }

    #[test]
    fn ports_of_another_machine_are_not_judged_here() {
        let wanted_ports = vec![("kafka".into(), port(9092))];
        let facts = Facts { wanted_ports, published_at: Some("192.0.2.1".into()), ..Facts::default() };
        let said = "they are published on 192.0.2.1, which is not this machine";
        assert_eq!(check(&facts), Verdict::Unchecked(said.into()));
    }
}
