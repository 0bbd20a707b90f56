//! Runs a renderer: takes events from the channel and ticks in between, until the run is over.

use std::io;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::event::Event;

/// The display redraws and checks for silence this often.
const TICK: Duration = Duration::from_millis(100);

/// Something that shows events. `at` is the time since the run began.
pub(super) trait Consumer: Send {
    /// Shows an event.
    fn event(&mut self, at: Duration, event: &Event) -> io::Result<()>;
    /// Time passed.
    fn tick(&mut self, _at: Duration) -> io::Result<()> {
        Ok(())
    }
    /// Nothing more comes: leaves the terminal as it was found.
    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A display at work. It ends by itself after [`Event::RunFinished`] or when every sender is gone.
#[derive(Debug)]
pub struct Renderer(JoinHandle<io::Result<()>>);

impl Renderer {
    pub(super) fn spawn(consumer: Box<dyn Consumer>, events: UnboundedReceiver<Event>) -> Self {
        Self(tokio::spawn(run(consumer, events)))
    }

    /// Waits until everything is shown. An error means that the output could not be written; a reader that went
    /// away (`| head`) is none.
    pub async fn finished(self) -> io::Result<()> {
        self.0.await.map_err(io::Error::other)?
    }
}

async fn run(mut consumer: Box<dyn Consumer>, mut events: UnboundedReceiver<Event>) -> io::Result<()> {
    let begin = Instant::now();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    // After an error the channel is still drained: the run itself must not notice.
    let mut result = Ok(());
    loop {
        let shown = tokio::select! {
            biased;
            event = events.recv() => {
                let Some(event) = event else { break };
                let shown = consumer.event(begin.elapsed(), &event);
                if matches!(event, Event::RunFinished { .. }) {
                    result = result.and(shown);
                    break;
                }
                shown
            }
            _ = ticks.tick() => consumer.tick(begin.elapsed()),
        };
        result = result.and(shown);
    }
    match result.and(consumer.end()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
