//! Is there memory for what is to run?

use super::{Facts, Finding, Severity, Verdict, human};

/// A limit is a ceiling that a service reaches under load, not what it takes when idle: with less than this share of
/// their sum the kernel kills containers during the first snapshot.
const NEEDED_SHARE: f64 = 0.6;

pub(super) fn check(facts: &Facts) -> Verdict {
    if facts.no_engine.is_some() {
        return Verdict::without_engine();
    }
    if facts.no_project.is_some() {
        return Verdict::without_project();
    }
    let sum: u64 = facts.memory_limits.iter().map(|(_, bytes)| bytes).sum();
    let memory = facts.engine.memory;
    if memory == 0 {
        return Verdict::Unchecked("the engine does not tell".to_owned());
    }
    if facts.to_start == 0 {
        return Verdict::Good("everything runs already".to_owned());
    }
    if sum == 0 {
        return Verdict::Good(format!("{}, and no service has a limit", human(memory)));
    }
    if memory >= sum {
        return Verdict::Good(format!("{} for limits that add up to {}", human(memory), human(sum)));
    }
    #[expect(clippy::cast_precision_loss, reason = "a share of some gigabytes")]
    let enough = memory as f64 >= sum as f64 * NEEDED_SHARE;
    let largest = facts.memory_limits.iter().max_by_key(|(_, bytes)| *bytes);
    let hint =
        largest.map_or(String::new(), |(name, bytes)| format!(" (the largest is {name} with {})", human(*bytes)));
    Verdict::Found(vec![Finding::new(
        "memory",
        if enough { Severity::Warning } else { Severity::Error },
        format!(
            "the engine has {} of memory, the limits of the selected services add up to {}{hint}",
            human(memory),
            human(sum)
        ),
        "give the engine more memory, start fewer services (`pipectl up SERVICE..`), or lower a mem_limit in compose/",
    )])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::backend::EngineInfo;

    fn facts(memory: u64) -> Facts {
        Facts {
            engine: EngineInfo { memory: memory << 30, ..EngineInfo::default() },
            memory_limits: vec![("kafka".into(), 2 << 30), ("spark-worker".into(), 4 << 30)],
            to_start: 1,
            ..Facts::default()
        }
    }

    fn found(memory: u64) -> Finding {
        match check(&facts(memory)) {
            Verdict::Found(mut findings) => findings.remove(0),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn enough_memory_is_good() {
        assert_eq!(check(&facts(6)), Verdict::Good("6.00 GiB for limits that add up to 6.00 GiB".into()));
    }

    #[test]
    fn less_than_the_limits_warns_and_much_less_is_an_error() {
        assert_eq!(found(5).severity, Severity::Warning);
        let finding = found(2);
        assert_eq!(finding.severity, Severity::Error);
        assert_eq!(
            finding.finding,
            "the engine has 2.00 GiB of memory, the limits of the selected services add up to 6.00 GiB \
             (the largest is spark-worker with 4.00 GiB)"
        );
    }

    #[test]
    fn what_runs_already_has_its_memory() {
        let running = Facts { to_start: 0, ..facts(2) };
        assert_eq!(check(&running), Verdict::Good("everything runs already".into()));
    }
}
