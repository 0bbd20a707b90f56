//! Facts of a stack of which most parts are dead.

use pipectl::pipeline::status::{Fact, gather};
use pipectl::pipeline::{CONNECT, JOB_SERVER};

use crate::fake_http::FakeHttp;
use crate::scene::Scene;

#[tokio::test]
async fn dead_parts_are_told_and_the_rest_is_shown() {
    let running = r#"{"name":"shop-pg","connector":{"state":"RUNNING","worker_id":"w"},
                      "tasks":[{"id":0,"state":"RUNNING","worker_id":"w"}]}"#;
    let connect = FakeHttp::default().on("GET /connectors/shop%2Dpg/status", 200, running).start().await;
    let jobs = FakeHttp::hanging().start().await;
    let scene = Scene::new(&[(CONNECT, connect.port), (JOB_SERVER, jobs.port)]).await;
    let began = std::time::Instant::now();
    let status = Box::pin(gather(&scene.pipeline)).await;
    assert!(began.elapsed().as_millis() < 3000, "{:?}", began.elapsed());
    let connector = status.connector.known().expect("Connect answers").as_ref().expect("registered");
    assert!(connector.is_running());
    assert_eq!(status.jobs, Fact::Unknown("no answer within 2 s".to_owned()));
    assert!(!status.healthy);
    assert_eq!(
        status.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "replication slot unknown: pg has no container",
            "topics unknown: kafka has no container",
            "jobs unknown: no answer within 2 s",
            "Delta tables unknown: no answer within 2 s",
            "destination unknown: dest has no container",
        ]
    );
}
