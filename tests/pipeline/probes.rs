//! Probes by their names and arguments.

use std::time::Duration;

use pipectl::engine::observed::Health;
use pipectl::engine::work::{Probed, Prober};
use pipectl::pipeline::Endpoint;
use serde_json::json;

use crate::fake_backend::Behaviour;
use crate::fake_http::FakeHttp;
use crate::scene::{Scene, ready};

const WEB: Endpoint = Endpoint { service: "web", port: 8080 };

fn not_yet(text: &str) -> Probed {
    Probed::NotYet(text.to_owned())
}

#[tokio::test]
async fn http_waits_for_status_and_text() {
    let server = FakeHttp::default()
        .on("GET /health", 503, r#"{"status":"starting","detail":"executor not registered"}"#)
        .on("GET /health", 200, r#"{"status":"starting"}"#)
        .on("GET /health", 200, r#"{"status":"ready"}"#)
        .start()
        .await;
    let scene = Scene::new(&[(WEB, server.port)]).await;
    let gate = ready("http", json!({"port": "8080", "path": "/health", "contains": ["\"status\"", "ready"]}));
    assert_eq!(scene.prober().poll("web", &gate).await, not_yet("503: executor not registered"));
    assert_eq!(scene.prober().poll("web", &gate).await, not_yet("no ready in the answer"));
    assert_eq!(scene.prober().poll("web", &gate).await, Probed::Ready("/health answers 200".to_owned()));
}

#[tokio::test]
async fn a_port_that_nobody_serves_is_refused() {
    let scene = Scene::new(&[(WEB, 1)]).await;
    for (probe, args) in [
        ("http", json!({"port": 8080})),
        ("tcp", json!({"port": 8080})),
        ("kafka", json!({"port": 8080})),
        ("postgres", json!({"port": 8080})),
    ] {
        assert_eq!(scene.prober().poll("web", &ready(probe, args)).await, not_yet("connection refused"), "{probe}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_for_this_poll() {
    let server = FakeHttp::hanging().start().await;
    let scene = Scene::new(&[(WEB, server.port)]).await;
    let gate = ready("http", json!({"port": 8080}));
    assert_eq!(scene.prober().poll("web", &gate).await, not_yet("no answer within 2 s"));
}

#[tokio::test]
async fn the_gate_may_ask_another_service() {
    let server = FakeHttp::default().on("GET /", 200, "ok").start().await;
    let scene = Scene::new(&[(WEB, server.port)]).await;
    let mut gate = ready("http", json!({"port": 8080}));
    assert_eq!(scene.prober().poll("job", &gate).await, not_yet("job has no container"));
    gate.service = Some("web".to_owned());
    assert_eq!(scene.prober().poll("job", &gate).await, Probed::Ready("/ answers 200".to_owned()));
}

#[tokio::test]
async fn health_checks_are_those_of_the_containers() {
    let scene = Scene::new(&[]).await;
    let unhealthy = Behaviour { health: Some((Duration::ZERO, Health::Unhealthy)), ..Behaviour::default() };
    scene.backend.script("web", unhealthy);
    crate::scene::start(&scene.backend, "web", 1, 8080, None).await;
    let probed = scene.prober().poll("web", &ready("healthcheck", json!({}))).await;
    let Probed::NotYet(said) = probed else { panic!("{probed:?}") };
    assert!(said.starts_with("shop-web-1 is unhealthy"), "{said}");
}

#[tokio::test]
async fn wrong_arguments_are_never_ready() {
    let scene = Scene::new(&[(WEB, 1)]).await;
    let never = |text: &str| Probed::Never(text.to_owned());
    for (probe, args, said) in [
        (
            "amqp",
            json!({}),
            "probe amqp of web: unknown probe `amqp`; there are postgres, kafka, http, thrift, tcp, exec, healthcheck",
        ),
        ("tcp", json!({}), "probe tcp of web: `port` is missing"),
        ("tcp", json!({"port": 70000}), "probe tcp of web: `port` must be 1 to 65535, not 70000"),
        (
            "http",
            json!({"port": 80, "path": "health"}),
            "probe http of web: `path` must begin with a slash, not `health`",
        ),
        (
            "http",
            json!({"port": 80, "contains": 5}),
            "probe http of web: `contains` must be text or a list of texts, not 5",
        ),
        ("exec", json!({}), "probe exec of web: `command` is missing"),
    ] {
        assert_eq!(scene.prober().poll("web", &ready(probe, args)).await, never(said));
    }
}
