//! How a service's port is reached, while containers come and go.

use std::sync::Arc;

use pipectl::engine::backend::Backend;
use pipectl::pipeline::address::{AddressError, Addresses};

use crate::fake_backend::FakeBackend;
use crate::scene::{PROJECT, start};

fn addresses() -> (Arc<FakeBackend>, Addresses) {
    let backend = Arc::new(FakeBackend::new());
    backend.add_image("image");
    (backend.clone(), Addresses::new(backend, PROJECT, "127.0.0.1"))
}

#[tokio::test]
async fn a_published_port_is_reached_at_the_engines_host() {
    let (backend, addresses) = addresses();
    start(&backend, "kafka", 1, 29092, Some(9092)).await;
    assert_eq!(addresses.address("kafka", 29092).await.expect("published"), "127.0.0.1:9092");
}

#[tokio::test]
async fn an_engine_elsewhere_is_reached_at_its_host() {
    let (backend, _) = addresses();
    start(&backend, "kafka", 1, 29092, Some(9092)).await;
    let addresses = Addresses::new(backend, PROJECT, "fe80::1");
    assert_eq!(addresses.address("kafka", 29092).await.expect("published"), "[fe80::1]:9092");
    let error = addresses.address("kafka", 29093).await.expect_err("its containers are not routed from here");
    assert_eq!(error.to_string(), "port 29093 of kafka is not published on this machine");
}

#[tokio::test]
async fn what_does_not_run_has_no_address_until_it_does() {
    let (backend, addresses) = addresses();
    let error = addresses.address("kafka", 29092).await.expect_err("no container");
    assert!(matches!(error, AddressError::Absent { .. }), "{error}");
    start(&backend, "kafka", 1, 29092, Some(9092)).await;
    // An absence is believed for a moment only: a gate that waits must not be held up by the cache.
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    assert!(addresses.address("kafka", 29092).await.is_ok());
    backend.stop(&format!("{PROJECT}-kafka-1"), std::time::Duration::ZERO).await.expect("stop");
    addresses.forget().await;
    let error = addresses.address("kafka", 29092).await.expect_err("stopped");
    assert_eq!(error.to_string(), "kafka is not running (exited)");
}

#[tokio::test]
async fn polls_share_a_listing() {
    let (backend, addresses) = addresses();
    start(&backend, "worker", 2, 8081, Some(8082)).await;
    start(&backend, "worker", 1, 8081, Some(8081)).await;
    let workers = addresses.containers("worker").await.expect("two workers");
    assert_eq!(workers.iter().map(|worker| worker.number).collect::<Vec<_>>(), [1, 2]);
    // What started later is not seen through a listing that is still fresh.
    start(&backend, "worker", 3, 8081, Some(8083)).await;
    assert_eq!(addresses.containers("worker").await.expect("the same listing").len(), 2);
}
