//! Limits of the kernel and of processes that servers of this kind run into.

use super::{Facts, Finding, Remedy, Severity, Verdict};

/// What search engines of the Elasticsearch family ask for in their documentation.
const MAP_COUNT: u64 = 262_144;
/// Linux' own default; below it a desktop with an editor or two takes them all.
const INOTIFY_INSTANCES: u64 = 128;
/// The kernel's smallest default.
const INOTIFY_WATCHES: u64 = 8_192;
/// What the settings are raised to: the values that distributions for desktops ship.
const INOTIFY_RAISED: (u64, u64) = (512, 524_288);
/// Files and sockets of a broker or DataNode with some hundred partitions or blocks. JVMs raise their own limit to the hard one.
const CONTAINER_FILES: u64 = 4_096;
/// Connections and files of pipectl itself.
const OWN_FILES: u64 = 256;

/// May a search engine map its files into memory?
pub(super) fn max_map_count(facts: &Facts) -> Verdict {
    if facts.no_project.is_some() {
        return Verdict::without_project();
    }
    if facts.mapping_services.is_empty() {
        return Verdict::Unchecked("no selected service maps files into memory".to_owned());
    }
    let Some(machine) = &facts.machine else { return absent(facts) };
    match machine.max_map_count {
        None => Verdict::Unchecked("this kernel does not tell".to_owned()),
        Some(count) if count < MAP_COUNT => Verdict::Found(vec![
            Finding::new(
                "max-map-count",
                Severity::Warning,
                format!(
                    "vm.max_map_count is {count}; {} asks for {MAP_COUNT} and may refuse to start",
                    facts.mapping_services.join(" and ")
                ),
                format!(
                    "`sudo sysctl -w vm.max_map_count={MAP_COUNT}`, and the same line in /etc/sysctl.d/ to keep it"
                ),
            )
            .with(Remedy::Sysctl { name: "vm.max_map_count", value: MAP_COUNT }),
        ]),
        Some(count) => Verdict::Good(count.to_string()),
    }
}

/// Are there inotify instances and watches left to have?
pub(super) fn inotify(facts: &Facts) -> Verdict {
    let Some(machine) = &facts.machine else { return absent(facts) };
    let (instances, watches) = INOTIFY_RAISED;
    let settings = [
        ("fs.inotify.max_user_instances", machine.inotify_instances, INOTIFY_INSTANCES, instances),
        ("fs.inotify.max_user_watches", machine.inotify_watches, INOTIFY_WATCHES + 1, watches),
    ];
    let low = settings.iter().filter_map(|(name, value, needed, raised)| {
        let value = (*value)?;
        (value < *needed).then(|| {
            Finding::new(
                "inotify",
                Severity::Warning,
                format!("{name} is {value}: programs that watch files end with \"too many open files\""),
                format!("`sudo sysctl -w {name}={raised}`, and the same line in /etc/sysctl.d/ to keep it"),
            )
            .with(Remedy::Sysctl { name, value: *raised })
        })
    });
    let low: Vec<_> = low.collect();
    match (machine.inotify_instances, machine.inotify_watches) {
        (Some(instances), Some(watches)) => {
            Verdict::of(low, || format!("{instances} instances, {watches} watches a user"))
        }
        _ if low.is_empty() => Verdict::Unchecked("this kernel does not tell".to_owned()),
        _ => Verdict::Found(low),
    }
}

/// May containers and pipectl open enough files?
pub(super) fn open_files(facts: &Facts) -> Verdict {
    let mut findings = Vec::new();
    let containers = facts.machine.as_ref().and_then(|machine| machine.engine_open_files);
    if let Some(limit) = containers.filter(|limit| *limit < CONTAINER_FILES) {
        findings.push(Finding::new(
            "open-files",
            Severity::Warning,
            format!("processes in containers may open {limit} files; Kafka and HDFS need {CONTAINER_FILES} and more"),
            "raise LimitNOFILE of the engine's service (`systemctl edit docker`), or `ulimit -Hn` of the shell that starts it",
        ));
    }
    if let Some(limit) = facts.own_open_files.filter(|limit| *limit < OWN_FILES) {
        findings.push(Finding::new(
            "open-files",
            Severity::Warning,
            format!("pipectl may open {limit} files; it needs up to {OWN_FILES}"),
            "`ulimit -n 1024` in this shell",
        ));
    }
    let words = |limit: u64| if limit == u64::MAX { "any number".to_owned() } else { limit.to_string() };
    match (containers, facts.own_open_files) {
        (Some(limit), _) => Verdict::of(findings, || format!("{} in containers", words(limit))),
        (None, Some(limit)) => Verdict::of(findings, || format!("{} for pipectl", words(limit))),
        (None, None) => Verdict::Unchecked("this kernel does not tell".to_owned()),
    }
}

fn absent(facts: &Facts) -> Verdict {
    if facts.no_engine.is_some() { Verdict::without_engine() } else { Verdict::elsewhere() }
}

#[cfg(test)]
mod tests {
    use super::super::machine::Machine;
    use super::*;

    fn on(machine: Machine) -> Facts {
        Facts { machine: Some(machine), mapping_services: vec!["om-elasticsearch".into()], ..Facts::default() }
    }

    #[test]
    fn the_map_count_matters_only_where_something_maps() {
        let low = on(Machine { max_map_count: Some(65_530), ..Machine::default() });
        let Verdict::Found(findings) = max_map_count(&low) else { panic!("found") };
        assert!(findings[0].finding.starts_with("vm.max_map_count is 65530; om-elasticsearch asks for 262144"));
        assert_eq!(findings[0].remedy, Some(Remedy::Sysctl { name: "vm.max_map_count", value: 262_144 }));
        let without = Facts { mapping_services: Vec::new(), ..low };
        assert!(matches!(max_map_count(&without), Verdict::Unchecked(_)));
        let enough = on(Machine { max_map_count: Some(262_144), ..Machine::default() });
        assert_eq!(max_map_count(&enough), Verdict::Good("262144".into()));
    }

    #[test]
    fn each_inotify_setting_is_judged() {
        let of = |instances, watches| {
            let machine =
                Machine { inotify_instances: Some(instances), inotify_watches: Some(watches), ..Machine::default() };
            inotify(&on(machine))
        };
        assert_eq!(of(128, 65_536), Verdict::Good("128 instances, 65536 watches a user".into()));
        let Verdict::Found(findings) = of(64, 8_192) else { panic!("found") };
        assert_eq!(findings.len(), 2);
        assert_eq!(findings[1].remedy, Some(Remedy::Sysctl { name: "fs.inotify.max_user_watches", value: 524_288 }));
        assert_eq!(inotify(&Facts::default()), Verdict::elsewhere());
    }

    #[test]
    fn both_open_file_limits_are_judged() {
        let of = |containers, own| {
            let machine = Machine { engine_open_files: Some(containers), ..Machine::default() };
            open_files(&Facts { own_open_files: Some(own), ..on(machine) })
        };
        assert_eq!(of(u64::MAX, 1_024), Verdict::Good("any number in containers".into()));
        assert!(
            matches!(of(1_024, 1_024), Verdict::Found(findings) if findings[0].finding.contains("1024 files; Kafka"))
        );
        assert!(matches!(of(4_096, 64), Verdict::Found(findings) if findings[0].fix.contains("ulimit -n")));
        assert!(matches!(open_files(&Facts::default()), Verdict::Unchecked(_)));
    }
}
