//! Do this machine and the engine agree on the time?

use super::{Facts, Finding, Severity, Verdict};

/// Beyond this, latencies that `verify` measures are wrong and fresh tokens are not yet valid. Asking takes less by far.
const TOLERATED_MS: i64 = 2_000;

pub(super) fn check(facts: &Facts) -> Verdict {
    if facts.no_engine.is_some() {
        return Verdict::without_engine();
    }
    let Some(ahead) = facts.clock_ahead_ms else {
        return Verdict::Unchecked("the engine does not tell its time".to_owned());
    };
    if ahead.abs() <= TOLERATED_MS {
        return Verdict::Good("the engine's clock agrees with this machine's".to_owned());
    }
    let direction = if ahead > 0 { "ahead of" } else { "behind" };
    Verdict::Found(vec![Finding::new(
        "clock",
        Severity::Warning,
        format!(
            "the engine's clock is {} s {direction} this machine's: measured delays and tokens go wrong",
            seconds(ahead)
        ),
        "set both by NTP (`timedatectl set-ntp true`); a virtual machine that slept is set right by restarting it",
    )])
}

fn seconds(milliseconds: i64) -> i64 {
    (milliseconds.abs() + 500) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(ahead: Option<i64>) -> Verdict {
        check(&Facts { clock_ahead_ms: ahead, ..Facts::default() })
    }

    #[test]
    fn a_difference_is_told_with_its_direction() {
        assert!(matches!(judged(None), Verdict::Unchecked(_)));
        assert!(matches!(judged(Some(-2_000)), Verdict::Good(_)));
        let text = |ahead| match judged(Some(ahead)) {
            Verdict::Found(findings) => findings[0].finding.clone(),
            other => panic!("{other:?}"),
        };
        assert!(text(3_600_000).starts_with("the engine's clock is 3600 s ahead of this"), "{}", text(3_600_000));
        assert!(text(-2_600).starts_with("the engine's clock is 3 s behind this"), "{}", text(-2_600));
    }
}
