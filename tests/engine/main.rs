//! The engine against fakes: whole plans as text, runs, gates, and what is left after a run is killed anywhere.

#[path = "../support/fake_backend.rs"]
mod fake_backend;

mod alternatives;
mod converge;
mod gates;
mod plans;
mod runs;
mod stack;
