//! Decides and does: observed state -> pure reconcile -> plan (a DAG) -> executor -> events.
//!
//! Knows containers, images, networks, volumes, probes and steps; knows nothing of what runs in them.
//! `graph` orders, `desired` says what should be, `observe` what is, `reconcile` the difference, `execute` closes it.

pub mod backend;
pub mod content;
pub mod desired;
pub mod execute;
pub mod graph;
mod hash;
pub mod observe;
pub mod observed;
pub mod plan;
pub mod reconcile;
pub mod transfer;
pub mod work;

use std::time::Duration;

/// A duration as people read it: `350 ms`, `1.5 s`, `60 s`.
pub(crate) fn readable(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        1000..10_000 if milliseconds % 1000 >= 100 => {
            format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100)
        }
        _ => format!("{} s", milliseconds / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let texts: Vec<_> = [0, 350, 1000, 1550, 9999, 60_000].map(Duration::from_millis).map(readable).into();
        assert_eq!(texts, ["0 ms", "350 ms", "1 s", "1.5 s", "9.9 s", "60 s"]);
    }
}
