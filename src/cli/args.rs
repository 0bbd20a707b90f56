//! Options of every command.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::values::{IngestWith, Replicas, Tail, duration};

/// Options of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The project's folder; made where it is not there
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath, default_value = ".")]
    pub directory: PathBuf,

    /// Overwrite files that differ
    #[arg(long, conflicts_with = "upgrade")]
    pub force: bool,

    /// Bring a project of an earlier version up to date
    ///
    /// Replaces files that are as pipectl wrote them, adds new ones, and removes those that are no part of the stack any
    /// more. A file that you changed is kept; where the new version changed it too, its file is put beside as FILE.new.
    #[arg(long)]
    pub upgrade: bool,

    /// Print one JSON object: version, folder, and every file with what happened to it
    #[arg(long)]
    pub json: bool,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Redraw every second until Ctrl-C
    #[arg(short, long, conflicts_with = "json")]
    pub watch: bool,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Options of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Follow rows in every table that can be marked, not in one only
    #[arg(long)]
    pub full: bool,

    /// Only compare the tables: follow no rows, and write nothing to the source
    #[arg(long, conflicts_with = "full")]
    pub compare: bool,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    /// Also write a JUnit report
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub junit: Option<PathBuf>,

    /// Give up after this long
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration)]
    pub timeout: Duration,

    /// If it fails, write there what `pipectl bundle` collects
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, env = "PIPECTL_BUNDLE", hide_env_values = true)]
    pub bundle: Option<PathBuf>,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    /// Leave this check out; repeatable. The ids are those that `pipectl doctor` prints
    #[arg(long, value_name = "ID")]
    pub skip: Vec<String>,

    /// Mend what can be mended safely, and say what was done
    ///
    /// Raises `vm.max_map_count` and inotify limits until the next reboot (needs root), and removes containers that have
    /// ended and whose services the files do not name any more. Nothing else is touched.
    #[arg(long)]
    pub fix: bool,
}

/// Options of `bundle`.
#[derive(Debug, Args)]
pub struct BundleArgs {
    /// The archive to write [default: pipectl-bundle-PROJECT-TIME.tar.gz]
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: Option<PathBuf>,
}

/// Options of `backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The archive to write; must not exist
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: PathBuf,

    /// Also take along the .env files, passwords and all
    #[arg(long)]
    pub with_secrets: bool,

    /// Do not ask before services are stopped; needed where there is no terminal
    #[arg(short, long)]
    pub yes: bool,

    /// Print the manifest of the backup as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// A file that `pipectl backup` wrote
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: PathBuf,

    /// Throw away what the project holds now; asks first
    #[arg(long)]
    pub force: bool,

    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    pub yes: bool,

    /// Print the manifest of the backup as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `down`.
#[derive(Debug, Args)]
pub struct DownArgs {
    /// Refused: `docker compose down` deletes all data with it, and whoever is used to that is told of `reset all`
    #[arg(long, hide = true)]
    pub volumes: bool,
}

/// Options of `reset`.
#[derive(Debug, Args)]
pub struct ResetArgs {
    /// What to throw away
    #[arg(value_enum, default_value_t)]
    pub level: ResetLevel,

    /// Make a backup first, as `pipectl backup FILE` does; if that fails, nothing is thrown away
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub backup: Option<PathBuf>,

    /// With `all`: remove the stack's images as well, except what containers of others use; the next `up` builds them anew
    #[arg(long)]
    pub images: bool,

    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    pub yes: bool,
}

/// Options of `repair`.
#[derive(Debug, Args)]
pub struct RepairArgs {
    /// What to repair [default: what `pipectl status` names]
    #[arg(value_enum, value_name = "REPAIR")]
    pub repair: Option<RepairKind>,

    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    pub yes: bool,
}

/// Values of `repair`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RepairKind {
    /// Start what does not run and apply edited files, as `pipectl up` does
    Services,
    /// Read tables anew whose changes the publication left out
    Tables,
    /// Restart the failed parts of the connector
    Connector,
    /// Stop the Spark jobs and submit them again
    Jobs,
    /// Empty the destination and fill it anew from the lake
    Destination,
    /// Start the whole flow anew from the source's rows
    Resnapshot,
}

/// Values of `reset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ResetLevel {
    /// Everything downstream of the source tables
    #[default]
    Pipeline,
    /// The catalog, lite or `OpenMetadata`, with all that it holds; the pipeline is not touched
    Governance,
    /// Containers, networks and volumes, the source too
    All,
}

/// Services of the project.
#[derive(Debug, Args)]
pub struct ServicesArgs {
    /// Only these services [default: all]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
}

/// Options of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Go on with new lines until Ctrl-C, also after a container was restarted or replaced
    #[arg(short, long)]
    pub follow: bool,

    /// Only the last lines of each container: a number, or `all`
    #[arg(short = 'n', long, value_name = "N", default_value = "100")]
    pub tail: Tail,

    /// Only lines of the last so much time, for example 10m
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub since: Option<Duration>,

    /// Only lines with this text; small letters stand for capitals too
    #[arg(long, value_name = "TEXT")]
    pub grep: Option<String>,

    /// One JSON object a line: time, service, container, stream, text
    #[arg(long)]
    pub json: bool,

    /// Only these services [default: all]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
}

/// Options of `scale`.
#[derive(Debug, Args)]
pub struct ScaleArgs {
    /// Service and number of containers
    #[arg(value_name = "SERVICE=N", required = true)]
    pub replicas: Vec<Replicas>,
}

/// Options of `exec`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// The service
    #[arg(value_name = "SERVICE")]
    pub service: String,

    /// The command and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

/// Options of `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Print JSON instead of YAML
    #[arg(long)]
    pub json: bool,

    /// Print only the names of the services
    #[arg(long)]
    pub services: bool,

    /// Print the JSON schema of pipeline.yml, for editors
    #[arg(long, conflicts_with_all = ["json", "services"])]
    pub schema: bool,
}

/// Options of `graph`.
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: GraphFormat,
}

/// Values of `graph --format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum GraphFormat {
    /// Indented text
    #[default]
    Text,
    /// Mermaid flow chart
    Mermaid,
    /// Graphviz
    Dot,
    /// JSON
    Json,
}

/// Options of `critical-path`.
#[derive(Debug, Args)]
pub struct CriticalPathArgs {
    /// Print JSON, times in milliseconds
    #[arg(long)]
    pub json: bool,
}

/// Options of `credentials`.
#[derive(Debug, Args)]
pub struct CredentialsArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `connector`.
#[derive(Debug, Args)]
pub struct ConnectorArgs {
    /// What to do [default: status]
    #[command(subcommand)]
    pub action: Option<ConnectorAction>,

    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// Subcommands of `connector`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum ConnectorAction {
    /// Show connector and task, with the reason of a failure
    Status,
    /// Restart the connector and its task; goes on at its stored offset
    Restart,
    /// Stop reading; the replication slot keeps what comes in
    Pause,
    /// Go on after a pause
    Resume,
}

/// Options of `jobs`.
#[derive(Debug, Args)]
pub struct JobsArgs {
    /// What to do [default: list]
    #[command(subcommand)]
    pub action: Option<JobsAction>,

    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// Subcommands of `jobs`.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum JobsAction {
    /// Show the state, the last batches and the lag of every job
    List,
    /// Stop a job and start it again from its checkpoint
    Restart {
        /// Name of the job, as `jobs list` shows it
        #[arg(value_name = "JOB")]
        job: String,
    },
}

/// Options of `catalog`.
#[derive(Debug, Args)]
pub struct CatalogArgs {
    /// What to do
    #[command(subcommand)]
    pub action: CatalogAction,

    /// Directory of the store and the signing key
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        value_hint = clap::ValueHint::DirPath,
        default_value = ".pipectl/catalog",
        env = "PIPECTL_CATALOG_DATA",
        hide_env_values = true
    )]
    pub data: PathBuf,
}

/// Subcommands of `catalog`.
#[derive(Debug, Clone, Subcommand)]
pub enum CatalogAction {
    /// Serve it until Ctrl-C or SIGTERM
    ///
    /// The interface is below `/api/v1`, as with OpenMetadata 2.0; `GET /api/v1/system/version` and `GET /healthcheck`
    /// answer once it is ready. The page at `/` shows assets and lineage and needs no login, so keep the port on this
    /// machine. The user is admin@open-metadata.org. Stopping loses nothing: every answered write is on the disk.
    #[command(after_help = super::help::CATALOG_SERVE)]
    Serve {
        /// Address and port; port 0 takes a free one and says which
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8585")]
        listen: SocketAddr,

        /// File with the admin's password [default: the variable `PIPECTL_CATALOG_PASSWORD`, else `admin`]
        #[arg(
            long,
            value_name = "FILE",
            value_hint = clap::ValueHint::FilePath,
            env = "PIPECTL_CATALOG_PASSWORD_FILE",
            hide_env_values = true
        )]
        admin_password_file: Option<PathBuf>,
    },
    /// Look for damage in the store while no catalog runs on it
    Check,
}

/// Options of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Options of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Folder for the pages of all commands; made where it is not there [default: pipectl's own page, to standard output]
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
}

/// Options of `ingest`.
#[derive(Debug, Args)]
pub struct IngestArgs {
    /// Only this service of the catalog, for example `postgres_source` [default: all, and the lineage]
    #[arg(value_name = "SERVICE")]
    pub service: Option<String>,

    /// Go on until Ctrl-C and do it again this often, for example 10m [default: `governance.every` of pipeline.yml]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, value_parser = duration)]
    pub every: Option<Option<Duration>>,

    /// Who reads: pipectl itself, or OpenMetadata's own client in a container of its own, made for it at the first use
    #[arg(long, value_name = "CLIENT", value_enum, conflicts_with = "every")]
    pub with: Option<IngestWith>,

    /// Accept the licence of OpenMetadata's client (Collate Community License Agreement 1.0) without being asked
    #[arg(long, requires = "with")]
    pub accept_licence: bool,

    /// Print one JSON object; with --every one a line
    #[arg(long)]
    pub json: bool,
}

/// Options of `lineage`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent flag on the command line")]
pub struct LineageArgs {
    /// Only the ways through this table, for example `orders`
    #[arg(value_name = "TABLE")]
    pub table: Option<String>,

    /// Print a JSON list of edges
    #[arg(long, conflicts_with_all = ["mermaid", "dot"])]
    pub json: bool,

    /// Print a Mermaid flow chart
    #[arg(long, conflicts_with = "dot")]
    pub mermaid: bool,

    /// Print a Graphviz graph
    #[arg(long)]
    pub dot: bool,

    /// What pipeline.yml and the SQL files say, without asking the catalog
    #[arg(long)]
    pub declared: bool,
}

/// Options of `token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// What to do
    #[command(subcommand)]
    pub action: TokenAction,
}

/// Subcommands of `token`.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum TokenAction {
    /// Show its first and last characters, where it is kept and when it expires
    Show {
        /// Print the whole token
        #[arg(long)]
        reveal: bool,
    },
    /// Log in and take the bot's token anew
    Refresh,
    /// Read a token from standard input, check and keep it
    Set,
}
