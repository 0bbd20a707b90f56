//! Gates: what opens them, what fails them at once, and what the failure tells.

use std::time::Duration;

use pipectl::engine::execute::Report;
use pipectl::engine::observed::Health;
use pipectl::engine::work::Probed;
use pipectl::event::Event;
use pipectl::exit;
use tokio::time::Instant;

use crate::fake_backend::Behaviour;
use crate::stack::Stack;

async fn up(line: &str, behaviour: Behaviour) -> (Report, Duration) {
    let mut stack = Stack::new(&[line]);
    stack.backend.script("web", behaviour);
    let begin = Instant::now();
    let report = stack.up().await;
    (report, begin.elapsed())
}

fn message(report: &Report) -> &str {
    &report.failure.as_ref().expect("it failed").message
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_health_check_opens_the_gate_as_soon_as_it_passes() {
    let health = Some((seconds(3), Health::Healthy));
    let (report, elapsed) = up("web: | health", Behaviour { health, ..Behaviour::default() }).await;
    assert!(report.is_ok());
    assert!(elapsed < Duration::from_millis(3200), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_container_that_exits_at_start_fails_at_once_with_its_last_words() {
    for line in ["web: | health", "web: | probe", "web:"] {
        let mut stack = Stack::new(&[line]);
        let logs = vec!["starting".to_owned(), "fatal: no such directory /data".to_owned()];
        let exit = Some((Duration::from_millis(200), 1));
        let health = Some((seconds(60), Health::Healthy));
        stack.backend.script("web", Behaviour { exit, health, logs: logs.clone(), ..Behaviour::default() });
        let answer = Probed::NotYet("connection refused".into());
        stack.prober.0.lock().unwrap().insert("web".into(), answer);
        let begin = Instant::now();
        let report = stack.up().await;
        assert!(begin.elapsed() < seconds(1), "{line}: {:?}", begin.elapsed());
        let failure = report.failure.unwrap();
        assert_eq!(failure.message, "web exited with 1 before it was ready", "{line}");
        assert_eq!(failure.code, exit::FAILED);
        assert_eq!(failure.evidence.len(), 1, "{line}");
        assert_eq!(
            (failure.evidence[0].title.as_str(), &failure.evidence[0].lines),
            ("last lines of shop-web-1", &logs)
        );
        assert_eq!(failure.hints[0], "`pipectl logs web` shows all that it wrote");
        assert!(failure.hints[1].contains("`pipectl up`"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_never_passes_ends_at_its_deadline_with_its_last_answer() {
    let mut stack = Stack::new(&["web: | probe"]);
    stack.prober.0.lock().unwrap().insert("web".into(), Probed::NotYet("503 starting".into()));
    let report = stack.up().await;
    let failure = report.failure.unwrap();
    assert_eq!((failure.code, failure.message.as_str()), (exit::TIMEOUT, "web is not ready after 20 s"));
    assert_eq!(failure.causes, ["last answer: probe http: 503 starting"]);
    let said = stack.events.iter().filter(|event| matches!(event, Event::Progress { .. })).count();
    assert_eq!(said, 1, "the same answer is told once");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_gets_on_with_its_work_has_the_time_it_needs() {
    let mut stack = Stack::new(&["web: | probe"]);
    let prober = stack.prober.clone();
    let says = move |answer: String| prober.0.lock().unwrap().insert("web".into(), Probed::Busy(answer));
    says("0 changes".into());
    let begin = Instant::now();
    tokio::spawn(async move {
        for changes in 1..=3 {
            tokio::time::sleep(seconds(15)).await;
            says(format!("{changes} changes"));
        }
    });
    let report = stack.up().await;
    // It says nothing new after 45 s.
    let failure = report.failure.unwrap();
    assert_eq!(failure.causes, ["last answer: probe http: 3 changes"]);
    assert_eq!(begin.elapsed().as_secs(), 65);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_can_never_pass_fails_at_once() {
    let mut stack = Stack::new(&["web: | probe"]);
    stack.prober.0.lock().unwrap().insert("web".into(), Probed::Never("task FAILED: bad password".into()));
    let report = stack.up().await;
    assert_eq!(message(&report), "web cannot become ready");
    assert_eq!(report.failure.unwrap().causes[0], "task FAILED: bad password");
}

#[tokio::test(start_paused = true)]
async fn a_probe_counts_only_while_the_container_runs() {
    let exit = Some((Duration::ZERO, 4));
    let (report, _) = up("web: | probe", Behaviour { exit, ..Behaviour::default() }).await;
    assert_eq!(message(&report), "web exited with 4 before it was ready");
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_verdict_fails_with_the_output_of_the_check() {
    let health = Some((seconds(2), Health::Unhealthy));
    let (report, elapsed) = up("web: | health", Behaviour { health, ..Behaviour::default() }).await;
    assert_eq!(message(&report), "web is unhealthy");
    assert_eq!(report.failure.unwrap().causes[0], "its health check says: check says Unhealthy");
    assert!(elapsed < Duration::from_millis(2200));
}

#[tokio::test(start_paused = true)]
async fn a_health_check_that_never_decides_ends_at_a_deadline() {
    let health = Some((seconds(100_000), Health::Healthy));
    let (report, elapsed) = up("web: | health", Behaviour { health, ..Behaviour::default() }).await;
    assert_eq!(report.failure.as_ref().unwrap().code, exit::TIMEOUT);
    assert!(elapsed < seconds(300), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn out_of_memory_is_named_and_says_what_to_raise() {
    let exit = Some((Duration::from_millis(500), 137));
    let (report, _) = up("web: | health", Behaviour { exit, oom: true, ..Behaviour::default() }).await;
    // Without a scripted verdict the check passes before the container dies: a probe would see the same.
    assert!(report.is_ok());
    let health = Some((seconds(60), Health::Healthy));
    let (report, _) = up("web: | health", Behaviour { exit, oom: true, health, ..Behaviour::default() }).await;
    assert_eq!(message(&report), "web was killed: out of memory");
    assert!(report.failure.unwrap().hints[0].contains("`mem_limit` of service web"));
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_fails_long_before_the_deadline() {
    for line in ["web: | health", "web:"] {
        let mut stack = Stack::new(&[line]);
        let health = Some((seconds(60), Health::Healthy));
        let exit = Some((Duration::ZERO, 2));
        stack.backend.script("web", Behaviour { looping: true, exit, health, ..Behaviour::default() });
        let begin = Instant::now();
        let report = stack.up().await;
        assert_eq!(message(&report), "web restarts in a loop", "{line}");
        let causes = report.failure.unwrap().causes;
        assert_eq!(causes[0], "it ended and was restarted 3 times, last with exit code 2");
        assert!(begin.elapsed() < seconds(2), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_is_ready_when_it_has_exited_with_0_and_only_then() {
    let exit = |code| Behaviour { exit: Some((seconds(5), code)), ..Behaviour::default() };
    let (report, elapsed) = up("web: | job", exit(0)).await;
    assert!(report.is_ok() && elapsed >= seconds(5));
    let (report, _) = up("web: | job", exit(127)).await;
    assert_eq!(message(&report), "web exited with 127");
    let causes = report.failure.unwrap().causes;
    assert_eq!(causes[0], "exit code 127 means: the command was not found in the image");
}

#[tokio::test(start_paused = true)]
async fn running_means_running_for_a_moment() {
    let (report, elapsed) = up("web:", Behaviour::default()).await;
    assert!(report.is_ok());
    assert!((Duration::from_millis(500)..seconds(1)).contains(&elapsed), "{elapsed:?}");
}
