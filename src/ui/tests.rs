//! What a run looks like in every renderer: canned events in, whole output out.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use console::strip_ansi_codes;
use indicatif::{InMemoryTerm, ProgressDrawTarget, TermLike};

use super::render::Consumer;
use super::{failure, json, plain, quiet, terminal, tty};
use crate::event::{Event, Outcome, PlannedOperation};
use crate::failure::Failure;

/// Something that happens so many milliseconds after the start; `None` is a tick.
type Moment = (u64, Option<Event>);

fn planned(id: usize, verb: &str, subject: &str, service: Option<&str>, cause: &str) -> PlannedOperation {
    PlannedOperation {
        id,
        verb: verb.to_owned(),
        subject: subject.to_owned(),
        service: service.map(str::to_owned),
        cause: cause.to_owned(),
        after: Vec::new(),
    }
}

fn started(at: u64, id: usize) -> Moment {
    (at, Some(Event::Started { id }))
}

fn progress(at: u64, id: usize, detail: &str, share: Option<(u64, u64)>) -> Moment {
    let (done, total) = share.unzip();
    (at, Some(Event::Progress { id, detail: detail.to_owned(), done, total }))
}

fn ended(at: u64, id: usize, outcome: Outcome, elapsed_ms: u64, detail: &str) -> Moment {
    (at, Some(Event::Finished { id, outcome, elapsed_ms, detail: detail.to_owned() }))
}

fn run_ended(at: u64, ok: bool, summary: &str) -> Moment {
    (at, Some(Event::RunFinished { ok, elapsed_ms: at, summary: summary.to_owned() }))
}

/// A first `up` of one service that has to be built, with a slow step at the end.
fn first_up() -> Vec<Moment> {
    vec![
        (0, Some(Event::RunStarted { command: "up".into(), project: "demo".into() })),
        (
            1,
            Some(Event::Planned {
                operations: vec![
                    planned(0, "create", "network demo_default", None, "not there"),
                    planned(1, "image", "pipectl/kafka:0f3a", Some("kafka"), "not there"),
                    planned(2, "create", "demo-kafka-1", Some("kafka"), "not there"),
                    planned(3, "start", "demo-kafka-1", Some("kafka"), "not there"),
                    planned(4, "ready", "demo-kafka-1", Some("kafka"), ""),
                    planned(5, "step", "create-topics", None, ""),
                ],
            }),
        ),
        started(2, 0),
        started(3, 1),
        ended(60, 0, Outcome::Done, 58, ""),
        progress(100, 1, "Step 1/9 : FROM pipectl/jre", None),
        (200, Some(Event::Output { id: 1, line: "Step 1/9 : FROM pipectl/jre".into() })),
        progress(9_000, 1, "Step 5/9 : RUN mvn -B -q dependency:copy-dependencies", None),
        (10_100, None),
        (15_000, None),
        ended(18_500, 1, Outcome::Done, 18_497, ""),
        started(18_501, 2),
        ended(18_540, 2, Outcome::Done, 39, ""),
        started(18_541, 3),
        ended(18_700, 3, Outcome::Done, 159, ""),
        started(18_701, 4),
        progress(18_800, 4, "probe kafka: connection refused", None),
        (
            19_000,
            Some(Event::Warning {
                text: "kafka-ui: its image cannot be had".into(),
                hint: Some("go on without it, or `docker load` it".into()),
            }),
        ),
        (20_000, None),
        ended(21_900, 4, Outcome::Done, 3_199, "ApiVersions ok"),
        started(21_901, 5),
        ended(22_300, 5, Outcome::Done, 399, "3 topics created"),
        run_ended(22_301, true, "demo is up: 1 service"),
    ]
}

/// Three services one after the other, and a step after all of them; an image of one of them is pulled meanwhile.
fn chained_up() -> Vec<Moment> {
    let after = |after: &[usize], operation| PlannedOperation { after: after.to_vec(), ..operation };
    vec![
        (
            1,
            Some(Event::Planned {
                operations: vec![
                    planned(0, "ready", "demo-kafka-1", Some("kafka"), ""),
                    planned(1, "pull", "acme/datanode:3", Some("datanode"), "not there"),
                    after(&[1], planned(2, "start", "demo-datanode-1", Some("datanode"), "not there")),
                    after(&[0], planned(3, "start", "demo-debezium-1", Some("debezium"), "not there")),
                    after(&[0, 2], planned(4, "start", "demo-spark-1", Some("spark"), "not there")),
                    after(&[0, 2, 3, 4], planned(5, "step", "prove-flow", None, "")),
                ],
            }),
        ),
        started(2, 0),
        started(3, 1),
        progress(500, 0, "probe kafka: connection refused", None),
        progress(600, 1, "downloading", Some((120 << 20, 216 << 20))),
        (10_100, None),
        ended(11_000, 0, Outcome::Done, 10_998, "ApiVersions ok"),
        started(11_001, 3),
        (11_100, None),
    ]
}

/// A second `up`: everything is looked at, nothing is done.
fn second_up() -> Vec<Moment> {
    vec![
        (
            1,
            Some(Event::Planned {
                operations: vec![
                    planned(0, "ready", "demo-kafka-1", Some("kafka"), ""),
                    planned(1, "step", "create-topics", None, ""),
                ],
            }),
        ),
        started(2, 0),
        (100, None),
        ended(120, 0, Outcome::Done, 118, "ApiVersions ok"),
        started(121, 1),
        ended(160, 1, Outcome::Skipped, 39, "3 topics in place"),
        (200, None),
        run_ended(210, true, "demo is up to date"),
    ]
}

/// A container that is replaced and dies at start; a service that therefore never begins.
fn failing_up() -> Vec<Moment> {
    vec![
        (
            1,
            Some(Event::Planned {
                operations: vec![
                    planned(0, "stop", "demo-kafka-1", Some("kafka"), "configuration changed"),
                    planned(1, "remove", "demo-kafka-1", Some("kafka"), "configuration changed"),
                    planned(2, "create", "demo-kafka-1", Some("kafka"), "configuration changed"),
                    planned(3, "start", "demo-kafka-1", Some("kafka"), "configuration changed"),
                    planned(4, "ready", "demo-kafka-1", Some("kafka"), ""),
                    planned(5, "start", "demo-debezium-1", Some("debezium"), "exited with 1"),
                    planned(6, "image", "kafbat/kafka-ui:1.5.0", Some("kafka-ui"), "not there"),
                ],
            }),
        ),
        started(2, 6),
        started(3, 0),
        ended(1_500, 0, Outcome::Done, 1_497, ""),
        started(1_501, 1),
        ended(1_600, 1, Outcome::Done, 99, ""),
        started(1_601, 2),
        ended(1_650, 2, Outcome::Done, 49, ""),
        started(1_651, 3),
        ended(1_800, 3, Outcome::Done, 149, ""),
        started(1_801, 4),
        ended(1_900, 6, Outcome::Skipped, 1_898, "no registry answers"),
        ended(2_400, 4, Outcome::Failed, 599, "exited with 137: out of memory (limit 256 MiB)\nsecond line"),
        ended(2_401, 5, Outcome::Cancelled, 0, "kafka failed"),
        run_ended(2_402, false, "4 of 7 operations done"),
    ]
}

fn play(consumer: &mut dyn Consumer, moments: &[Moment]) {
    for (at, event) in moments {
        let at = Duration::from_millis(*at);
        match event {
            Some(event) => consumer.event(at, event).expect("memory can be written"),
            None => consumer.tick(at).expect("memory can be written"),
        }
    }
    consumer.end().expect("memory can be written");
}

/// A writer that is looked into afterwards.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("no test panics here").clone();
        strip_ansi_codes(&String::from_utf8(bytes).expect("text")).into_owned()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panics here").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn plain_text(moments: &[Moment], verbose: bool) -> String {
    let memory = Memory::default();
    play(&mut plain::Plain::new(memory.clone(), verbose), moments);
    memory.text()
}

#[test]
fn plain_says_every_change_once_and_a_long_build_every_ten_seconds() {
    insta::assert_snapshot!(plain_text(&first_up(), false), @r"
    [   0.0s] kafka: preparing (not there)
    [   0.1s] network demo_default: created (not there)
    [  10.1s] kafka: preparing 10s: Step 5/9 : RUN mvn -B -q dependency:copy-dependencies
    [  18.5s] kafka: prepared after 18.5s
    [  18.5s] kafka: created (not there)
    [  18.7s] kafka: started
    [  19.0s] warning: kafka-ui: its image cannot be had
    [  19.0s] hint: go on without it, or `docker load` it
    [  21.9s] kafka: ready after 3.2s (ApiVersions ok)
    [  22.3s] create-topics: done after 399ms (3 topics created)
    [  22.3s] done: demo is up: 1 service
    ");
}

#[test]
fn plain_tells_bytes_and_who_waits_for_what_takes_long() {
    insta::assert_snapshot!(plain_text(&chained_up(), false), @r"
    [   0.0s] datanode: pulling (not there)
    [  10.1s] kafka: waiting 10s: probe kafka: connection refused (for it: debezium, spark, prove-flow)
    [  10.1s] datanode: pulling 10s, 55% 120 MiB of 216 MiB: downloading (for it: spark, prove-flow)
    [  11.0s] kafka: ready after 11.0s (ApiVersions ok)
    ");
}

#[test]
fn plain_and_verbose_says_why_and_what_builds_write() {
    insta::assert_snapshot!(plain_text(&failing_up(), true), @r"
    [   0.0s] planned: 7 operations
    [   0.0s] kafka-ui: preparing (not there)
    [   0.0s] kafka: stopping (configuration changed)
    [   1.5s] kafka: stopped (configuration changed)
    [   1.5s] kafka: removing (configuration changed)
    [   1.6s] kafka: removed
    [   1.6s] kafka: creating (configuration changed)
    [   1.6s] kafka: created
    [   1.7s] kafka: starting (configuration changed)
    [   1.8s] kafka: started
    [   1.8s] kafka: waiting
    [   1.9s] kafka-ui: skipped (no registry answers)
    [   2.4s] kafka: failed after 599ms: exited with 137: out of memory (limit 256 MiB)
    [   2.4s] not finished: debezium
    [   2.4s] failed
    ");
}

#[test]
fn plain_names_the_failure_and_what_is_not_finished() {
    insta::assert_snapshot!(plain_text(&failing_up(), false), @r"
    [   0.0s] kafka-ui: preparing (not there)
    [   1.5s] kafka: stopped (configuration changed)
    [   1.6s] kafka: removed
    [   1.6s] kafka: created
    [   1.8s] kafka: started
    [   1.9s] kafka-ui: skipped (no registry answers)
    [   2.4s] kafka: failed after 599ms: exited with 137: out of memory (limit 256 MiB)
    [   2.4s] not finished: debezium
    [   2.4s] failed
    ");
}

#[test]
fn a_run_without_changes_says_only_that() {
    assert_eq!(plain_text(&second_up(), false), "[   0.2s] done: demo is up to date\n");
}

#[test]
fn json_is_one_object_a_line_in_the_documented_form() {
    let memory = Memory::default();
    let moments = [
        (0, Some(Event::RunStarted { command: "up".into(), project: "demo".into() })),
        (1, Some(Event::Planned { operations: vec![planned(0, "start", "demo-kafka-1", Some("kafka"), "exited")] })),
        started(2, 0),
        progress(3, 0, "at \"it\"\n", None),
        ended(4, 0, Outcome::Done, 2, ""),
        run_ended(5, true, "done"),
    ];
    play(&mut json::Json(memory.clone()), &moments);
    insta::assert_snapshot!(memory.text(), @r#"
    {"at_ms":0,"event":"run-started","command":"up","project":"demo"}
    {"at_ms":1,"event":"planned","operations":[{"id":0,"verb":"start","subject":"demo-kafka-1","service":"kafka","cause":"exited","after":[]}]}
    {"at_ms":2,"event":"started","id":0}
    {"at_ms":3,"event":"progress","id":0,"detail":"at \"it\"\n","done":null,"total":null}
    {"at_ms":4,"event":"finished","id":0,"outcome":"done","elapsed_ms":2,"detail":""}
    {"at_ms":5,"event":"run-finished","ok":true,"elapsed_ms":5,"summary":"done"}
    "#);
}

#[test]
fn a_failure_is_an_object_for_programs_too() {
    let failure = Failure::stack("kafka failed")
        .because("exited with 1")
        .evidence("last lines", vec!["a".into()])
        .hint("`pipectl logs kafka`");
    insta::assert_snapshot!(json::failure(&failure), @r#"
    {"event":"failed","code":1,"message":"kafka failed","excerpt":[],"causes":["exited with 1"],"evidence":[{"title":"last lines","lines":["a"]}],"hints":["`pipectl logs kafka`"]}
    "#);
}

#[test]
fn quiet_lets_only_warnings_through() {
    let memory = Memory::default();
    play(&mut quiet::Quiet(memory.clone()), &first_up());
    insta::assert_snapshot!(memory.text(), @r"
    warning: kafka-ui: its image cannot be had
    hint: go on without it, or `docker load` it
    ");
}

/// A terminal in memory and a renderer that draws on it.
fn screen(rows: u16, columns: u16, verbose: bool) -> (InMemoryTerm, tty::Tty) {
    struct Above(InMemoryTerm);
    impl Write for Above {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // A terminal driver turns a newline into a return as well.
            self.0.write_str(&String::from_utf8_lossy(bytes).replace('\n', "\r\n"))?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }
    let terminal = InMemoryTerm::new(rows, columns);
    let target = ProgressDrawTarget::term_like(Box::new(terminal::Screen::new(terminal.clone())));
    let size = Box::new(move || (usize::from(rows), usize::from(columns)));
    let tty = tty::Tty::new(tty::frame_on(target), Box::new(Above(terminal.clone())), size, true, verbose);
    (terminal, tty)
}

/// Plays the moments up to and including a time.
fn play_until(tty: &mut tty::Tty, moments: Vec<Moment>, until: u64) {
    for (at, event) in moments.into_iter().filter(|(at, _)| *at <= until) {
        if let Some(event) = event {
            tty.event(Duration::from_millis(at), &event).expect("memory can be written");
        }
    }
    tty.tick(Duration::from_millis(until)).expect("memory can be written");
}

#[test]
fn a_terminal_shows_what_is_under_way_below_what_has_ended() {
    let (terminal, mut tty) = screen(24, 80, false);
    play_until(&mut tty, first_up(), 20_000);
    insta::assert_snapshot!(terminal.contents(), @r"
    ✓ networks, volumes created      0.1s
    warning: kafka-ui: its image cannot be had
    hint: go on without it, or `docker load` it
    ⠙ kafka             waiting     20.0s  probe kafka: connection refused
      ━━━━━━━━━━━━━━━━━━━━──────────  4/6  20.0s
    ");
}

#[test]
fn a_terminal_shows_bytes_and_on_whom_a_service_waits() {
    let (terminal, mut tty) = screen(24, 100, false);
    play_until(&mut tty, chained_up(), 10_100);
    insta::assert_snapshot!(terminal.contents(), @r"
    ⠙ kafka        waiting     10.1s  probe kafka: connection refused
    ⠙ datanode     pulling     10.1s   55% 120 MiB of 216 MiB  downloading
    · debezium     waiting for kafka
    · spark        waiting for kafka, datanode
    · prove-flow   waiting for kafka, datanode, debezium and 1 more
      ──────────────────────────────  0/6  10.1s
    ");
}

#[test]
fn what_waits_does_not_push_what_is_under_way_off_a_small_screen() {
    let (terminal, mut tty) = screen(7, 100, false);
    play_until(&mut tty, chained_up(), 10_100);
    insta::assert_snapshot!(terminal.contents(), @r"
    ⠙ kafka        waiting     10.1s  probe kafka: connection refused
    ⠙ datanode     pulling     10.1s   55% 120 MiB of 216 MiB  downloading
    · debezium     waiting for kafka
      and 2 more
      ──────────────────────────────  0/6  10.1s
    ");
}

#[test]
fn a_terminal_keeps_one_line_for_each_service_and_step() {
    let (terminal, mut tty) = screen(24, 80, false);
    play(&mut tty, &first_up());
    insta::assert_snapshot!(terminal.contents(), @r"
    ✓ networks, volumes created      0.1s
    warning: kafka-ui: its image cannot be had
    hint: go on without it, or `docker load` it
    ✓ kafka             ready       21.9s  ApiVersions ok
    ✓ create-topics     done         0.4s  3 topics created
    ✓ demo is up: 1 service (22.3s)
    ");
}

#[test]
fn a_terminal_shows_the_reason_of_a_failure_in_full() {
    let (terminal, mut tty) = screen(24, 60, false);
    play(&mut tty, &failing_up());
    insta::assert_snapshot!(terminal.contents(), @r"
    - kafka-ui     skipped      1.9s  no registry answers
    ✗ kafka        failed       2.4s  exited with 137: out of me
    mory (limit 256 MiB)
    - not finished: debezium
    ✗ failed (2.4s)
    ");
}

#[test]
fn a_terminal_shows_nothing_of_a_run_without_changes_but_its_result() {
    let (terminal, mut tty) = screen(24, 80, false);
    play(&mut tty, &second_up());
    assert_eq!(terminal.contents(), "✓ demo is up to date (210ms)");
}

#[test]
fn a_frame_never_grows_over_a_small_screen() {
    let (terminal, mut tty) = screen(8, 40, false);
    let names: Vec<String> = (1..=14).map(|number| format!("service-{number}")).collect();
    let operations = names.iter().enumerate().map(|(id, name)| planned(id, "ready", name, Some(name), "")).collect();
    tty.event(Duration::ZERO, &Event::Planned { operations }).expect("memory can be written");
    for id in 0..names.len() {
        tty.event(Duration::ZERO, &Event::Started { id }).expect("memory can be written");
        let detail = "connection refused, and a long explanation of it".to_owned();
        let event = Event::Progress { id, detail, done: None, total: None };
        tty.event(Duration::ZERO, &event).expect("memory can be written");
    }
    for at in [500, 600, 700] {
        tty.tick(Duration::from_millis(at)).expect("memory can be written");
    }
    insta::assert_snapshot!(terminal.contents(), @r"
    ⠸ service-1    waiting      0.7s  conn…
    ⠸ service-2    waiting      0.7s  conn…
    ⠸ service-3    waiting      0.7s  conn…
    ⠸ service-4    waiting      0.7s  conn…
      and 10 more
      ──────────────────────────────  0/14…
    ");
}

#[test]
fn a_failure_says_what_why_where_and_what_next() {
    let failure = Failure::stack("kafka did not become ready within 60 s")
        .because("container demo-kafka-1 exited with 137")
        .because("it was killed for memory\n(limit 256 MiB)")
        .evidence("last lines of demo-kafka-1", vec!["INFO starting".into(), "java.lang.OutOfMemoryError".into()])
        .evidence("last health check", vec!["connection refused".into()])
        .hint("raise `mem_limit` of kafka in compose/cdc.yaml")
        .hint("`pipectl up` goes on where this ended");
    insta::assert_snapshot!(strip_ansi_codes(&failure::render(&failure)), @r"
    error: kafka did not become ready within 60 s
      because: container demo-kafka-1 exited with 137
        because: it was killed for memory
                 (limit 256 MiB)

      last lines of demo-kafka-1:
      | INFO starting
      | java.lang.OutOfMemoryError

      last health check:
      | connection refused

    hint: raise `mem_limit` of kafka in compose/cdc.yaml
    hint: `pipectl up` goes on where this ended
    ");
}

#[test]
fn a_failure_of_several_lines_stays_aligned() {
    let failure = Failure::usage("compose/lake.yaml:12:7: unknown key `heathcheck`\n  12 |   heathcheck:\n     |   ^")
        .hint("did you mean `healthcheck`?");
    insta::assert_snapshot!(strip_ansi_codes(&failure::render(&failure)), @r"
    error: compose/lake.yaml:12:7: unknown key `heathcheck`
             12 |   heathcheck:
                |   ^

    hint: did you mean `healthcheck`?
    ");
}
