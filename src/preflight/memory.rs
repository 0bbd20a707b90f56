//! Is there memory for what is to run?

use super::{Facts, Finding, Severity, human};

/// A limit is a ceiling that a service reaches under load, not what it takes when idle: with less than this share of
/// their sum the kernel kills containers during the first snapshot.
const NEEDED_SHARE: f64 = 0.6;

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let sum: u64 = facts.memory_limits.iter().map(|(_, bytes)| bytes).sum();
    let memory = facts.engine.memory;
    if memory == 0 || memory >= sum {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a share of some gigabytes")]
    let enough = memory as f64 >= sum as f64 * NEEDED_SHARE;
    let largest = facts.memory_limits.iter().max_by_key(|(_, bytes)| *bytes);
    let hint =
        largest.map_or(String::new(), |(name, bytes)| format!(" (the largest is {name} with {})", human(*bytes)));
    Some(Finding {
        id: "memory",
        severity: if enough { Severity::Warning } else { Severity::Error },
        finding: format!(
            "the engine has {} of memory, the limits of the selected services add up to {}{hint}",
            human(memory),
            human(sum)
        ),
        fix: "give the engine more memory, start fewer services (`pipectl up SERVICE..`), or lower a mem_limit in compose/"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::backend::EngineInfo;

    fn facts(memory: u64) -> Facts {
        Facts {
            engine: EngineInfo { memory: memory << 30, ..EngineInfo::default() },
            memory_limits: vec![("kafka".into(), 2 << 30), ("spark-worker".into(), 4 << 30)],
            ..Facts::default()
        }
    }

    #[test]
    fn enough_memory_is_silent() {
        assert_eq!(check(&facts(6)), None);
    }

    #[test]
    fn less_than_the_limits_warns_and_much_less_is_an_error() {
        assert_eq!(check(&facts(5)).unwrap().severity, Severity::Warning);
        let finding = check(&facts(2)).unwrap();
        assert_eq!(finding.severity, Severity::Error);
        assert_eq!(
            finding.finding,
            "the engine has 2.00 GiB of memory, the limits of the selected services add up to 6.00 GiB \
             (the largest is spark-worker with 4.00 GiB)"
        );
    }
}
