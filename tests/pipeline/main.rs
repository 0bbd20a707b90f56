//! Clients, steps and probes of the pipeline against scripted servers.

#[expect(dead_code, reason = "the engine's tests use more of it")]
#[path = "../support/fake_backend.rs"]
mod fake_backend;
#[path = "../support/fake_http.rs"]
mod fake_http;
#[path = "../support/fake_postgres.rs"]
mod fake_postgres;
#[path = "../support/mutate.rs"]
mod mutate;

mod addresses;
mod answers;
mod connector;
mod databases;
mod lake;
mod probes;
mod scene;
mod schema;
mod status;
mod tls;
