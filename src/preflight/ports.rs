//! Is every port free that is to be published?

use super::{Facts, Finding, Owner, Severity};

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    facts
        .wanted_ports
        .iter()
        .filter_map(|(service, port)| {
            let published = port.published?;
            let owner = facts.taken_ports.get(&published)?;
            let (who, stop) = match owner {
                Owner::Container(name) => (format!("container {name}"), format!("stop it (`docker stop {name}`)")),
                Owner::Process(name, id) => (format!("process {name} (pid {id})"), format!("stop it (`kill {id}`)")),
                Owner::Unknown => (
                    "a process that this user may not see".to_owned(),
                    format!("find it (`sudo ss -ltnp sport = :{published}`)"),
                ),
            };
            let other = match facts.port_variables.get(&published) {
                Some(name) => format!("set another port: `{name}={} pipectl up`", published.wrapping_add(10_000)),
                None => format!("give {service} another port in its Compose file"),
            };
            Some(Finding {
                id: "ports",
                severity: Severity::Error,
                finding: format!("port {published}, which {service} publishes, is taken by {who}"),
                fix: format!("{stop}, or {other}"),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Port, Protocol};

    #[test]
    fn every_taken_port_is_named_with_its_owner() {
        let port = |number| Port { host_ip: None, published: Some(number), target: 1, protocol: Protocol::Tcp };
        let facts = Facts {
            wanted_ports: vec![
                ("kafka".into(), port(9092)),
                ("debezium".into(), port(8083)),
                ("namenode".into(), port(9870)),
            ],
            taken_ports: [(9092, Owner::Process("java".into(), 77)), (8083, Owner::Container("other-1".into()))].into(),
            port_variables: [(9092, "KAFKA_PORT".into())].into(),
            ..Facts::default()
        };
        let lines: Vec<_> =
            check(&facts).into_iter().map(|finding| format!("{}; {}", finding.finding, finding.fix)).collect();
        assert_eq!(
            lines,
            [
                "port 9092, which kafka publishes, is taken by process java (pid 77); stop it (`kill 77`), \
                 or set another port: `KAFKA_PORT=19092 pipectl up`",
                "port 8083, which debezium publishes, is taken by container other-1; stop it (`docker stop other-1`), \
                 or give debezium another port in its Compose file",
            ]
        );
    }
}
