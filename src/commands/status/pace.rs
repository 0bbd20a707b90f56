//! How fast topics grow, from one frame of `--watch` to the next.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Time over which a rate is told: long enough that a source which writes every few seconds shows a steady one.
const WINDOW: Duration = Duration::from_secs(15);

/// End offsets of the last frames.
#[derive(Default)]
pub struct Pace {
    seen: VecDeque<(Instant, BTreeMap<String, i64>)>,
}

impl Pace {
    /// Messages a second by topic, with the ends as they are at `now`; nothing of a topic that was not there before.
    pub fn rates(&mut self, now: Instant, ends: &BTreeMap<String, i64>) -> BTreeMap<String, f64> {
        while self.seen.front().is_some_and(|(then, _)| now.duration_since(*then) > WINDOW) {
            self.seen.pop_front();
        }
        let rates = self.seen.front().map(|(then, before)| {
            let seconds = now.duration_since(*then).as_secs_f64();
            let rate = |(topic, end): (&String, &i64)| {
                let grown = end - before.get(topic)?;
                // A topic that was made anew is shorter than before.
                #[expect(clippy::cast_precision_loss, reason = "for the eye")]
                (grown >= 0 && seconds > 0.0).then(|| (topic.clone(), grown as f64 / seconds))
            };
            ends.iter().filter_map(rate).collect()
        });
        self.seen.push_back((now, ends.clone()));
        rates.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_told_over_the_last_seconds() {
        let mut pace = Pace::default();
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let ends = |end| BTreeMap::from([("t".to_owned(), end)]);
        assert_eq!(pace.rates(at(0), &ends(100)).get("t"), None);
        assert_eq!(pace.rates(at(10), &ends(150)).get("t"), Some(&5.0));
        // What is older than the window does not count any more.
        assert_eq!(pace.rates(at(20), &ends(150)).get("t"), Some(&0.0));
        assert_eq!(pace.rates(at(21), &ends(3)).get("t"), None, "made anew");
    }
}
