//! Polling of a condition. Every wait is bounded by its caller: a deadline here, or a timeout around it.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// Polls until there is an answer or an error.
pub async fn until<T, E, F, P>(interval: Duration, mut poll: P) -> Result<T, E>
where
    P: FnMut() -> F,
    F: Future<Output = Result<Option<T>, E>>,
{
    loop {
        let began = Instant::now();
        if let Some(found) = poll().await? {
            return Ok(found);
        }
        tokio::time::sleep_until(began + interval).await;
    }
}

/// As [`until`], and `None` once `deadline` has passed without an answer.
pub async fn until_deadline<T, E, F, P>(interval: Duration, deadline: Instant, poll: P) -> Result<Option<T>, E>
where
    P: FnMut() -> F,
    F: Future<Output = Result<Option<T>, E>>,
{
    match tokio::time::timeout_at(deadline, until(interval, poll)).await {
        Ok(answer) => answer.map(Some),
        Err(_) => Ok(None),
    }
}

/// Milliseconds since a moment, as reports show them.
pub fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
