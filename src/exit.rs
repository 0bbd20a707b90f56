//! Exit codes: a public contract, listed in the README.

/// Everything asked for was done.
pub const OK: u8 = 0;
/// The stack, a step or a verification failed.
pub const FAILED: u8 = 1;
/// The command line, a Compose file or pipeline.yml is wrong; nothing was touched.
pub const USAGE: u8 = 2;
/// No usable container engine.
pub const ENGINE: u8 = 3;
/// A deadline passed.
pub const TIMEOUT: u8 = 4;
/// A check before the start failed (memory, disk, ports); nothing was touched.
pub const PREFLIGHT: u8 = 5;
/// Interrupted by Ctrl-C or SIGTERM; `pipectl up` resumes.
pub const INTERRUPTED: u8 = 130;
