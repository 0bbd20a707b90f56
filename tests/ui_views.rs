//! The screens of `status`, `verify` and `credentials`, whole.

use std::time::Duration;

use pipectl::ui::addresses::{self, Address};
use pipectl::ui::logs::LogPrefix;
use pipectl::ui::status::{ContainerRow, Section, StatusView};
use pipectl::ui::verify::{CheckRow, HopRow, VerifyView};
use pipectl::ui::{Mark, status, verify};

const MIB: u64 = 1024 * 1024;

fn text(rendered: &str) -> String {
    console::strip_ansi_codes(rendered).into_owned()
}

fn running(service: &str, minutes: u64, memory: u64, ports: &str) -> ContainerRow {
    ContainerRow {
        mark: Mark::Good,
        service: service.into(),
        state: "running".into(),
        health: "healthy".into(),
        uptime: Some(Duration::from_secs(minutes * 60)),
        memory: Some(memory * MIB),
        memory_limit: Some(512 * MIB),
        ports: ports.into(),
    }
}

fn sick() -> StatusView {
    let mut connector = Section::facts("connector jadc2-postgres");
    connector
        .row(Mark::Good, ["connector", "RUNNING"])
        .row(Mark::Bad, ["task 0", "FAILED: replication slot is gone\n  at x"]);
    let mut topics = Section::table("topics", ["NAME", "END OFFSET"]);
    topics.row(Mark::None, ["jadc2.public.orders", "120394"]).row(Mark::None, ["jadc2.public.regions", "5"]);
    let mut jobs = Section::table("jobs", ["NAME", "STATE", "BATCH", "LAG"]);
    jobs.row(Mark::Good, ["ingest", "running", "1204", "0"]).row(Mark::Warn, ["process", "running", "998", "3120"]);
    StatusView {
        project: "pipectl".into(),
        containers: vec![
            running("kafka", 7, 310, "9092->29092"),
            running("debezium", 7, 288, "8083->8083"),
            ContainerRow {
                mark: Mark::Bad,
                service: "spark-master".into(),
                state: "exited (137)".into(),
                ..ContainerRow::default()
            },
            ContainerRow {
                mark: Mark::Skipped,
                service: "kafka-ui".into(),
                state: "not there".into(),
                ..ContainerRow::default()
            },
        ],
        sections: vec![connector, Section::facts("nothing known"), topics, jobs],
        verdict: (Mark::Bad, "2 things are wrong".into()),
        reasons: vec![
            "spark-master exited with 137: `pipectl up`".into(),
            "the connector's task has FAILED: `pipectl connector restart`".into(),
        ],
    }
}

#[test]
fn status_shows_containers_facts_and_the_verdict() {
    insta::assert_snapshot!(text(&status::render(&sick(), None)), @r"
      SERVICE       STATE         HEALTH   UP  MEMORY              PORTS
    ✓ kafka         running       healthy  7m  310 MiB of 512 MiB  9092->29092
    ✓ debezium      running       healthy  7m  288 MiB of 512 MiB  8083->8083
    ✗ spark-master  exited (137)
    - kafka-ui      not there

    connector jadc2-postgres
      ✓ connector  RUNNING
      ✗ task 0     FAILED: replication slot is gone at x

    topics
      NAME                  END OFFSET
      jadc2.public.orders       120394
      jadc2.public.regions           5

    jobs
        NAME     STATE    BATCH   LAG
      ✓ ingest   running   1204     0
      ! process  running    998  3120

    ✗ pipectl: 2 things are wrong
      spark-master exited with 137: `pipectl up`
      the connector's task has FAILED: `pipectl connector restart`
    ");
}

#[test]
fn status_wraps_on_a_terminal_of_80_columns() {
    for line in text(&status::render(&sick(), Some(80))).lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn status_of_nothing_is_one_line() {
    let view = StatusView {
        project: "pipectl".into(),
        verdict: (Mark::Skipped, "not up: `pipectl up` starts it".into()),
        ..StatusView::default()
    };
    assert_eq!(text(&status::render(&view, None)), "- pipectl: not up: `pipectl up` starts it\n");
}

#[test]
fn verify_shows_the_time_of_every_hop_and_what_differs() {
    let hop = |operation: &str, destination| HopRow {
        operation: operation.into(),
        topic: Some(34),
        change_log: Some(310),
        delta: Some(9_800),
        delta_awaited: true,
        destination,
    };
    let view = VerifyView {
        hops: vec![hop("insert", Some(720)), hop("update", Some(655)), hop("delete", None)],
        checks: vec![
            CheckRow {
                name: "orders: source = Delta".into(),
                ok: true,
                expected: "1200 rows".into(),
                seen: "1200 rows, same checksum".into(),
                ms: 812,
            },
            CheckRow {
                name: "orders: source = destination".into(),
                ok: false,
                expected: "1200 rows".into(),
                seen: "1199 rows\nmissing: order_id 17".into(),
                ms: 40,
            },
        ],
        notes: vec!["not followed: public.regions: it has no row to copy".into()],
        verdict: (Mark::Bad, "1 of 2 checks failed, 1 of 3 changes did not arrive".into()),
    };
    insta::assert_snapshot!(text(&verify::render(&view, None)), @r"
      CHANGE  TOPIC  CHANGE LOG    DELTA  DESTINATION
    ✓ insert  34 ms      310 ms  9800 ms       720 ms
    ✓ update  34 ms      310 ms  9800 ms       655 ms
    ✗ delete  34 ms      310 ms  9800 ms     not seen

      CHECK                           TIME  SEEN
    ✓ orders: source = Delta        812 ms  1200 rows, same checksum
    ✗ orders: source = destination   40 ms  1199 rows

    orders: source = destination:
      expected  1200 rows
      seen      1199 rows
                missing: order_id 17

    note: not followed: public.regions: it has no row to copy
    ✗ 1 of 2 checks failed, 1 of 3 changes did not arrive
    ");
}

#[test]
fn the_short_verification_does_not_wait_for_the_merge() {
    let hop = HopRow {
        operation: "insert".into(),
        topic: Some(34),
        change_log: Some(310),
        delta: None,
        delta_awaited: false,
        destination: Some(720),
    };
    let view = VerifyView {
        hops: vec![hop],
        checks: vec![],
        notes: vec![],
        verdict: (Mark::Good, "a row travelled through".into()),
    };
    insta::assert_snapshot!(text(&verify::render(&view, None)), @r"
      CHANGE  TOPIC  CHANGE LOG  DELTA  DESTINATION
    ✓ insert  34 ms      310 ms      -       720 ms

    ✓ a row travelled through
    ");
}

#[test]
fn addresses_have_logins_only_where_there_are_any() {
    let web = Address {
        service: "namenode".into(),
        label: "HDFS file explorer".into(),
        url: "http://127.0.0.1:9870/explorer.html".into(),
        login: None,
    };
    let database = Address {
        service: "postgres-dest".into(),
        label: "destination".into(),
        url: "postgresql://127.0.0.1:5434/jadc2_db".into(),
        login: Some(("admin".into(), "password".into())),
    };
    insta::assert_snapshot!(text(&addresses::render(std::slice::from_ref(&web), None)), @r"
    WHAT                ADDRESS
    HDFS file explorer  http://127.0.0.1:9870/explorer.html
    ");
    insta::assert_snapshot!(text(&addresses::render(&[web, database], None)), @r"
    WHAT                ADDRESS                               USER   PASSWORD
    HDFS file explorer  http://127.0.0.1:9870/explorer.html
    destination         postgresql://127.0.0.1:5434/jadc2_db  admin  password
    ");
}

#[test]
fn log_lines_begin_with_an_aligned_name() {
    let prefix = LogPrefix::new(["kafka", "debezium"]);
    let lines = prefix.line("kafka", "started") + &prefix.line("debezium", "  indented");
    assert_eq!(text(&lines), "kafka    | started\ndebezium |   indented\n");
}
