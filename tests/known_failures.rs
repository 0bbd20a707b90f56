//! Every known failure is brought about by a live scenario, or stands here with the reason why not: so that it is seen how many there are, and
//! that an entry that somebody adds is not forgotten.

#[path = "support/provoked.rs"]
mod provoked;

use std::collections::{BTreeMap, BTreeSet};

use pipectl::pipeline::known::TABLE;
use provoked::PROVOKED;

/// Recognised by recorded lines alone (src/pipeline/known.rs and tests/cli/failures.rs), and why. This list only gets shorter.
const RECORDED: &[(&str, &str)] = &[
    // The NameNode's readiness says so first; safe mode would have to begin between that and the write.
    ("hdfs-safe-mode-refuses-a-write", "readiness tells of safe mode before anything is written"),
    ("hdfs-safe-mode-without-data-node", "readiness tells of safe mode before the step that makes the directories"),
    ("hdfs-safe-mode-with-data-node", "readiness tells of safe mode before the step that makes the directories"),
    // Losses of the slot have scenarios of their own (tests/live/losses.rs): `status` tells of the slot itself.
    ("slot-gives-no-changes", "status names the lost slot from the source's own catalog"),
    ("slot-cannot-be-accessed", "what Postgres 18 says in place of the one before; the stack has 17"),
    // Told in words of their own by the comparison of both databases, before anything is captured.
    ("slots-all-in-use", "a first capture is refused before"),
    ("wal-level-too-low", "a first capture is refused before, and a server with a logical slot does not start so"),
    ("slot-read-by-another", "status names the other reader from the source's own catalog"),
    ("source-ca-file-missing", "needs a compose/cdc.yaml of a version before there was TLS"),
    ("source-ca-does-not-vouch", "pipectl connects with the same file first and refuses it"),
    // Losses of a topic have scenarios of their own: `status` tells of the topic itself, the job of what it could not read.
    ("topic-lost-data", "the job tells which topic and what to type, in words of its own"),
    ("topic-unknown", "status names the missing topic"),
    ("spark-worker-without-master", "the worker is ready without its master; the driver tells that it is gone"),
    ("spark-all-masters-silent", "the driver waits for the master before it registers, and tells so"),
    ("spark-driver-refuses-jobs", "not yet: a driver whose entrypoint sleeps"),
    ("volume-of-another-user-by-java", "not yet: a file in the volume that is another user's"),
    ("no-address-for-now", "not yet: a resolver that does not answer"),
    ("no-address", "not yet: a name that cannot be one"),
    ("fetch-certificate-by-older-apt", "what apt says before its version 3; the images have Debian 13"),
    ("spark-no-resources", "the driver tells why there is no executor before Spark does"),
];

#[test]
fn every_known_failure_is_provoked_or_says_why_not() {
    let known: BTreeSet<&str> = TABLE.iter().map(|known| known.id).collect();
    assert_eq!(known.len(), TABLE.len(), "an id stands twice in src/pipeline/known.rs");
    let mut places: BTreeMap<&str, usize> = known.iter().map(|id| (*id, 0)).collect();
    for (id, _) in PROVOKED.iter().chain(RECORDED) {
        *places.get_mut(id).unwrap_or_else(|| panic!("src/pipeline/known.rs has no {id}")) += 1;
    }
    for (id, places) in places {
        assert_eq!(places, 1, "{id} stands in {places} of tests/support/provoked.rs and the list here, not in one");
    }
    for (id, why) in RECORDED {
        assert!(!why.is_empty(), "{id}: why is it not provoked?");
    }
}

#[test]
fn every_scenario_that_is_named_is_there_and_asserts_the_explanation() {
    let live = std::env::current_dir().expect("the package").join("tests/live");
    let main = std::fs::read_to_string(live.join("main.rs")).expect("the scenarios");
    let sources: Vec<String> = std::fs::read_dir(&live)
        .expect("the scenarios")
        .map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).expect("a source"))
        .collect();
    for (id, scenario) in PROVOKED {
        assert!(main.contains(&format!("\"{scenario}\"")), "tests/live/main.rs has no scenario {scenario:?}");
        assert!(sources.iter().any(|source| source.contains(&format!("\"{id}\""))), "no scenario asserts {id}");
    }
}
