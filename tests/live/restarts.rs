//! A connector whose task fails goes on by itself once it can, and `status` tells of it meanwhile.

use std::time::Duration;

use pipectl::pipeline::clients::topic_settings;

use crate::losses::says;
use crate::stack::{Stack, eventually, port};

const TOPIC: &str = "jadc2.public.regions";

pub fn failed_task(stack: &Stack) {
    stack.up();
    // Kafka's client does not try this again: the task fails.
    largest_message("100");
    stack.rename_region(2, "refused at first");
    let told = ["task 0 FAILED", "RecordTooLargeException", "restarted 2 times, again in"];
    eventually("status tells of the failed task, why, how often it was restarted and when it is again", || {
        told.iter().all(|words| says(stack, words))
    });
    stack.pipectl(&["status"]).exited(1).says("pipectl repair connector");
    assert_ne!(stack.region(2), "refused at first");

    // Who pauses it does not want it to run.
    stack.pipectl(&["connector", "pause"]).succeeded();
    eventually("it is paused", || says(stack, "connector PAUSED"));
    eventually("a paused connector is left alone", || !says(stack, "again in") && !says(stack, "restarted"));
    stack.pipectl(&["connector", "resume"]);
    eventually("it is restarted again", || says(stack, "again in"));

    // From here on nobody types anything.
    largest_message("17825792");
    stack.await_region(2, "refused at first");
    eventually("status has nothing to say", || stack.status()["healthy"] == true);
    stack.pipectl(&["verify", "--compare", "--timeout", "300s"]).succeeded();
}

/// The largest batch of messages, in bytes, that the broker takes for the topic.
fn largest_message(bytes: &str) {
    let address = format!("127.0.0.1:{}", port("KAFKA_PORT"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let topics = [TOPIC.to_owned()];
    let written = topic_settings::write(&address, &topics, ("max.message.bytes", bytes), Duration::from_secs(10));
    runtime.block_on(written).expect("the broker takes the setting");
}
