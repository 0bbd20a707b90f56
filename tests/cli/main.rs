//! The real binary, from its command line to its exit code, against an engine that is a fake.
//!
//! What a test compares is all that a person sees: exit code, standard output, standard error.

#[path = "../support/fake_daemon.rs"]
mod fake_daemon;
#[path = "../support/fake_http.rs"]
#[expect(dead_code, reason = "other tests ask it more")]
mod fake_http;

mod alternatives;
mod backup;
mod bundle;
mod doctor;
mod engine;
mod failures;
mod files;
mod governance;
mod harness;
mod help;
mod init;
mod interrupts;
mod killed;
mod lifecycle;
mod look;
mod output;
mod ports;
mod preflight;
mod secrets;
mod transport;
mod up;
