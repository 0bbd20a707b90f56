//! Options of `up`.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::duration;

/// Engine calls at the same time, where the user does not say.
const PARALLEL: u16 = 8;
/// What `up --ci` stands for: images built from nothing, on two cores, take about 15 minutes.
const CI_LIMIT: Duration = Duration::from_secs(30 * 60);
const CI_BUNDLE: &str = "pipectl-bundle.tar.gz";

/// Options of `up`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent flag on the command line")]
pub struct UpArgs {
    /// Only these services and what they depend on
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,

    /// Print what would be done, and why, and do nothing
    #[arg(long)]
    pub plan: bool,

    /// Print the plan as JSON
    #[arg(long, requires = "plan")]
    pub json: bool,

    /// Do not follow a row through the pipeline at the end
    #[arg(long)]
    pub no_verify: bool,

    /// Replace containers even where nothing has changed
    #[arg(long)]
    pub force_recreate: bool,

    /// Remove containers of services that the files do not name any more
    #[arg(long)]
    pub remove_orphans: bool,

    /// Build the images even where they are present
    #[arg(long)]
    pub build: bool,

    /// Give up after this long, for example 10m
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,

    /// Engine calls at the same time
    #[arg(long, value_name = "N", default_value_t = PARALLEL, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub parallel: u16,

    /// Try to pull prebuilt images from here before building, for example ghcr.io/acme/pipectl
    #[arg(long, value_name = "PREFIX", env = "PIPECTL_REGISTRY", hide_env_values = true)]
    pub registry: Option<String>,

    /// What to do where a port is taken [default: refuse to start; `PIPECTL_PORTS` stands for this option]
    ///
    /// `auto` replaces each by a free one and remembers it: every later command, probe and printed address follows, until
    /// `default` or `reset all`. Ports that the environment or .env sets, as in `KAFKA_PORT=19092`, are never replaced.
    #[arg(long, value_name = "CHOICE", value_enum)]
    pub ports: Option<PortChoice>,

    /// Publish ports on this address of the machine instead of 127.0.0.1; 0.0.0.0 is all of them [env: `PIPECTL_BIND`]
    ///
    /// Remembered like `--ports`; `--bind 127.0.0.1` goes back. Printed addresses, probes and Kafka's listener follow. Refused
    /// while the passwords are those of the demo. `PIPECTL_ADDRESS` is the name or address under which clients reach this machine, where
    /// that is another one.
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Option<Ipv4Addr>,

    /// Leave this check before the start out; repeatable. The ids are those that `pipectl doctor` prints
    #[arg(long, value_name = "ID")]
    pub skip_check: Vec<String>,

    /// Leave all checks before the start out: memory, disk, ports and what else `pipectl doctor` looks at
    #[arg(long, conflicts_with = "skip_check")]
    pub skip_preflight: bool,

    /// In a CI job: one plain line a change, no colours, at most 30m, and a bundle where it fails
    ///
    /// The same as `--events plain --color never --timeout 30m --bundle pipectl-bundle.tar.gz`; each of them can be given beside it.
    #[arg(long)]
    pub ci: bool,

    /// If it fails, write there what `pipectl bundle` collects
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, env = "PIPECTL_BUNDLE", hide_env_values = true)]
    pub bundle: Option<PathBuf>,
}

impl UpArgs {
    /// `pipectl up`, with nothing behind it.
    pub fn plain() -> Self {
        Self {
            services: Vec::new(),
            plan: false,
            json: false,
            no_verify: false,
            force_recreate: false,
            remove_orphans: false,
            build: false,
            timeout: None,
            parallel: PARALLEL,
            registry: None,
            ports: None,
            bind: None,
            skip_check: Vec::new(),
            skip_preflight: false,
            ci: false,
            bundle: None,
        }
    }

    /// Checks that are left out; `None` where none is made.
    pub fn skipped_checks(&self) -> Option<&[String]> {
        (!self.skip_preflight).then_some(self.skip_check.as_slice())
    }

    /// When to give up.
    pub fn limit(&self) -> Option<Duration> {
        self.timeout.or(self.ci.then_some(CI_LIMIT))
    }

    /// Where a bundle goes if it fails.
    pub fn bundle(&self) -> Option<PathBuf> {
        self.bundle.clone().or_else(|| self.ci.then(|| CI_BUNDLE.into()))
    }
}

/// Values of `up --ports`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PortChoice {
    /// Free ones for those that are taken
    Auto,
    /// Those of the Compose files again
    Default,
}
