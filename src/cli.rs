//! The command line as typed: plain data, checked by clap as far as syntax goes.
//!
//! The doc comments are the help that users read, so they say when to use a command, not only what it does.

mod args;
mod help;
mod images;
mod up;
mod values;

use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

pub use args::{
    BackupArgs, BundleArgs, CatalogAction, CatalogArgs, CompletionsArgs, ConfigArgs, ConnectorAction, ConnectorArgs,
    CredentialsArgs, CriticalPathArgs, DoctorArgs, DownArgs, ExecArgs, GraphArgs, GraphFormat, IngestArgs, InitArgs,
    JobsAction, JobsArgs, LineageArgs, LogsArgs, ManArgs, RepairArgs, RepairKind, ResetArgs, ResetLevel, RestoreArgs,
    ScaleArgs, ServicesArgs, StatusArgs, TokenAction, TokenArgs, VerifyArgs,
};
pub use images::{ImagesAction, ImagesArgs};
pub use up::{PortChoice, UpArgs};
pub use values::{IngestWith, Replicas, Tail};

use crate::failure::Failure;
use crate::ui;

/// Where the Compose file is looked for, in the current directory and upwards.
const DEFAULT_FILE: &str = "compose/compose.yaml";

/// Brings up, proves and operates a change-data-capture lakehouse on Docker
///
/// One command takes a machine with a container engine to a running pipeline: Postgres, Debezium, Kafka, Spark,
/// Delta Lake on HDFS, and Postgres again, proved by a row that travelled all the way. Every command can be repeated:
/// it looks at what is there and does what is missing.
#[derive(Debug, Parser)]
#[command(
    name = "pipectl",
    version,
    styles = help::STYLES,
    max_term_width = 100,
    after_help = help::root_short(),
    after_long_help = help::root(),
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Compose file; repeat it to merge overrides, later files win [default: compose/compose.yaml, searched upwards]
    ///
    /// Stands before the command: `pipectl -f my.yaml up`.
    #[arg(short, long = "file", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub files: Vec<PathBuf>,

    /// Options that every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes, before or after its name.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Name of the project: prefix of its containers, networks and volumes [default: from the Compose file]
    #[arg(long, global = true, value_name = "NAME", env = "PIPECTL_PROJECT", hide_env_values = true)]
    pub project: Option<String>,

    /// File with variables for the Compose files [default: .env]
    #[arg(long, global = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub env_file: Option<PathBuf>,

    /// Also enable services of this profile; repeatable
    #[arg(
        long = "profile",
        global = true,
        value_name = "NAME",
        env = "COMPOSE_PROFILES",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub profiles: Vec<String>,

    /// Which catalog the project has [default: lite]
    #[arg(long, global = true, value_name = "CATALOG", value_enum, env = "PIPECTL_GOVERNANCE", hide_env_values = true)]
    pub governance: Option<Governance>,

    /// Container engine: `unix:///path` or `tcp://host:port` [default: `DOCKER_HOST`, else the engine of this machine]
    #[arg(short = 'H', long, global = true, value_name = "URL")]
    pub host: Option<String>,

    /// How progress is shown
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        env = "PIPECTL_EVENTS",
        hide_env_values = true
    )]
    pub events: EventFormat,

    /// Say nothing but warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say more: -v shows the output of builds and steps, -vv what pipectl does
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub color: ColorChoice,
}

/// Values of `--governance`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Governance {
    /// pipectl's own small server
    Lite,
    /// `OpenMetadata`, with the lite one where its images cannot be had
    Openmetadata,
    /// None
    None,
}

impl Governance {
    /// The value as Compose files see it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lite => "lite",
            Self::Openmetadata => "openmetadata",
            Self::None => "none",
        }
    }
}

/// Values of `--events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum EventFormat {
    /// Redrawn on a terminal, lines elsewhere
    #[default]
    Auto,
    /// Redrawn in place
    Tty,
    /// One line a change
    Plain,
    /// One JSON object a line, on standard output
    Json,
}

/// Values of `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the pipeline up, or up to date, and prove that data flows
    ///
    /// Makes what the Compose files describe real: images, networks, volumes, containers, then the connector, the
    /// topics and the jobs, each as soon as what it needs is ready. Ends with a row followed from the source to the
    /// destination and a table of addresses. Use it to start, to resume after a failure or Ctrl-C, and to apply edited
    /// files: only what differs is touched.
    #[command(after_help = help::UP)]
    Up(UpArgs),
    /// Write the built-in project into a folder, to look at it and make it yours
    ///
    /// The program carries everything that `up` needs: Compose files, image sources, SQL, the jobs and pipeline.yml. Refuses
    /// to overwrite a file that differs. `.pipectl/stack.json` keeps what was written, so that after an update of the
    /// program --upgrade brings the project up to date and keeps what you changed. In an empty folder `up` does this by
    /// itself.
    #[command(after_help = help::INIT)]
    Init(InitArgs),
    /// Show containers, connector, topics, jobs and tables on one screen
    ///
    /// Looks at everything at once and waits for nothing: a part that does not answer is shown as such. Ends with a
    /// verdict, and with exit code 1 when it is not a good one.
    #[command(after_help = help::STATUS)]
    Status(StatusArgs),
    /// Follow marked rows from source to destination and compare every table
    ///
    /// Inserts, updates and deletes rows of its own at the source, measures when each change is seen in the topic, the
    /// change log, the Delta table and the destination, and removes the rows again. Then compares the tables. Use it
    /// after a change to the pipeline and as the smoke test in CI. With --compare it only compares.
    #[command(after_help = help::VERIFY)]
    Verify(VerifyArgs),
    /// Look for what makes a start fail: engine, memory, disk, ports and more
    ///
    /// Checks everything at once and says of each problem what to do about it. `up` makes the same checks before it
    /// starts anything; use this one to see what is right too, or where nothing comes up at all. Of a stack that runs it
    /// then follows the data hop by hop and says where it stops, why, and what mends it. Changes nothing without --fix, and
    /// works without an engine and without a project.
    #[command(after_help = help::DOCTOR)]
    Doctor(DoctorArgs),
    /// Pack logs, states and settings into one file for whoever is to help, without secrets
    ///
    /// Collects versions, the plan of `up`, status, doctor's verdicts, the project, an inspection and the last 2,000 log
    /// lines of every container, connector, jobs and topics. Passwords, tokens and keys are taken out of every file.
    /// manifest.json lists what is there and what could not be had. Works with a broken stack and without an engine.
    #[command(after_help = help::BUNDLE)]
    Bundle(BundleArgs),
    /// Save all data of the project in one file
    ///
    /// Reads every volume into one archive, all as of one moment: the services that run are stopped meanwhile and started
    /// again afterwards, also after a failure or Ctrl-C. Asks before it stops anything. The file appears when it is
    /// complete; pipeline.yml and the SQL files come along.
    #[command(after_help = help::BACKUP)]
    Backup(BackupArgs),
    /// Bring back the data of a backup
    ///
    /// Reads the whole file and compares it with its checksums before anything is touched, then fills fresh volumes; the
    /// next `pipectl up` goes on where the backup was made. Refuses a project that holds data unless told --force.
    #[command(after_help = help::RESTORE)]
    Restore(RestoreArgs),
    /// Remove the containers and networks; the data stays
    ///
    /// Stops and removes the project's containers and networks. Tables, topics and Delta files are in volumes and stay;
    /// the next `pipectl up` goes on where this ended.
    #[command(after_help = help::DOWN)]
    Down(DownArgs),
    /// Begin anew: throw away the replicated data, the catalog, or everything
    ///
    /// Shows what will go and asks first. Level `pipeline` throws away replication slot, connector offsets, topics,
    /// checkpoints, Delta tables and destination rows as one consistent set and keeps the source: the next `pipectl up`
    /// copies it afresh. Level `governance` throws away the catalog, and the next `pipectl up` catalogs everything anew. Level `all`
    /// leaves nothing of the project but its images.
    #[command(after_help = help::RESET)]
    Reset(ResetArgs),
    /// Mend what `pipectl status` says is broken
    ///
    /// Some failures end the flow rather than lose a change: a replication slot or a topic that is gone, a source table
    /// whose columns changed. Each is named by `pipectl status` with the repair that helps. Shows what it will do and asks
    /// before anything is removed; the source's rows are never touched. Ends like `pipectl up`, with the flow proved.
    #[command(after_help = help::REPAIR)]
    Repair(RepairArgs),
    /// Stop services without removing them
    ///
    /// Dependents stop before what they depend on, each with the time its file grants. Data and containers stay;
    /// `pipectl start` goes on.
    #[command(after_help = help::STOP)]
    Stop(ServicesArgs),
    /// Start services that were stopped
    ///
    /// Starts what exists, in dependency order, and waits until it is ready. Changes nothing else: after editing a file
    /// use `pipectl up`.
    #[command(after_help = help::START)]
    Start(ServicesArgs),
    /// Stop services and start them again
    ///
    /// In dependency order, waiting until everything is ready again. The configuration stays what it was: after editing
    /// a file use `pipectl up`.
    #[command(after_help = help::RESTART)]
    Restart(ServicesArgs),
    /// Show what services wrote
    ///
    /// Prints the lines of each container, oldest first, with the service's name in front.
    #[command(after_help = help::LOGS)]
    Logs(LogsArgs),
    /// Change how many containers a service has
    ///
    /// Adds or removes containers of a service and waits until the new ones are ready. Meant for services that share
    /// work, such as Spark workers and HDFS datanodes. Holds until the next `pipectl up` of the whole project.
    #[command(after_help = help::SCALE)]
    Scale(ScaleArgs),
    /// Run a command inside a running service
    ///
    /// Prints what the command wrote and ends with its exit code. The command's input is empty.
    #[command(after_help = help::EXEC)]
    Exec(ExecArgs),
    /// Print the Compose project as pipectl understands it
    ///
    /// Includes read, overrides merged, variables filled in, defaults written out: valid Compose again. Use it to find
    /// out why a setting does not arrive. Passwords are printed as they are. pipeline.yml and the SQL files that it names
    /// are checked first, and every mistake in them is told at once.
    #[command(after_help = help::CONFIG)]
    Config(ConfigArgs),
    /// Draw what starts after what
    ///
    /// Prints services and steps with what each waits for.
    #[command(after_help = help::GRAPH)]
    Graph(GraphArgs),
    /// List, build or clean up the images
    ///
    /// An image's tag is a hash of everything it is made from, so unchanged sources build nothing.
    #[command(after_help = help::IMAGES)]
    Images(ImagesArgs),
    /// Show what made the last start take as long as it did
    ///
    /// Of all operations of the last `pipectl up` that changed something, the chain in which each waited for the one before
    /// and that ended last, with the seconds of each. Whatever is not in it could take longer without anybody noticing.
    #[command(after_help = help::CRITICAL_PATH)]
    CriticalPath(CriticalPathArgs),
    /// Show addresses, users and passwords
    ///
    /// Where to point a browser or a client at, with the demo user and password where one is needed.
    #[command(after_help = help::CREDENTIALS)]
    Credentials(CredentialsArgs),
    /// Look at the Debezium connector, restart, pause or resume it
    ///
    /// A connector can be RUNNING while its task has FAILED: both are shown, with the reason.
    #[command(after_help = help::CONNECTOR)]
    Connector(ConnectorArgs),
    /// Look at the Spark jobs or restart one
    ///
    /// The streaming jobs run in one Spark driver, each on its own: one can be restarted without the other.
    #[command(after_help = help::JOBS)]
    Jobs(JobsArgs),
    /// Bring the catalog up to date: tables, topics, jobs, lineage
    ///
    /// Reads what Postgres, Kafka, Connect, HDFS and Spark hold and writes what differs. What people wrote in the catalog
    /// stays. `up` does this too; use it after a change of a schema, or of the `governance` section of pipeline.yml.
    #[command(after_help = help::INGEST)]
    Ingest(IngestArgs),
    /// Show where a table's data comes from and where it goes, column by column
    ///
    /// Reads the lineage back from the catalog and compares it with what the pipeline does; exit code 1 when they differ.
    #[command(after_help = help::LINEAGE)]
    Lineage(LineageArgs),
    /// Show, renew or set the token that the catalog is written with
    ///
    /// It is the ingestion bot's, kept in .pipectl/ where only you can read it, and renewed by itself when the catalog
    /// refuses it. `OM_JWT_TOKEN` takes its place.
    #[command(after_help = help::TOKEN)]
    Token(TokenArgs),
    /// Run the lite catalog: a small server with the interface of OpenMetadata
    ///
    /// Keeps tables, topics, pipelines and their lineage in one file, and shows them on a page. For machines that cannot
    /// hold or pull OpenMetadata, and for tests: `pipectl up` runs it in a container, this command runs it by itself.
    #[command(after_help = help::CATALOG, subcommand_required = true, arg_required_else_help = true)]
    Catalog(CatalogArgs),
    /// Print a completion script for a shell
    ///
    /// Writes the script to standard output; see the examples for where each shell wants it.
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for every command
    ///
    /// Without a folder the page of pipectl itself goes to standard output; with one, a page for each command and
    /// subcommand is written there. `make install` does this; see the examples for doing it by hand.
    #[command(after_help = help::MAN)]
    Man(ManArgs),
}

impl Command {
    /// Name as typed, for messages and events.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Up(_) => "up",
            Self::Init(_) => "init",
            Self::Status(_) => "status",
            Self::Verify(_) => "verify",
            Self::Doctor(_) => "doctor",
            Self::Bundle(_) => "bundle",
            Self::Backup(_) => "backup",
            Self::Restore(_) => "restore",
            Self::Down(_) => "down",
            Self::Repair(_) => "repair",
            Self::Reset(_) => "reset",
            Self::Stop(_) => "stop",
            Self::Start(_) => "start",
            Self::Restart(_) => "restart",
            Self::Logs(_) => "logs",
            Self::Scale(_) => "scale",
            Self::Exec(_) => "exec",
            Self::Config(_) => "config",
            Self::Graph(_) => "graph",
            Self::Images(_) => "images",
            Self::CriticalPath(_) => "critical-path",
            Self::Credentials(_) => "credentials",
            Self::Connector(_) => "connector",
            Self::Jobs(_) => "jobs",
            Self::Ingest(_) => "ingest",
            Self::Lineage(_) => "lineage",
            Self::Token(_) => "token",
            Self::Catalog(_) => "catalog",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }
}

impl Cli {
    /// The Compose files to read: those given, or the default found in `directory` or above it.
    pub fn compose_files(&self, directory: &Path) -> Result<Vec<PathBuf>, Failure> {
        if !self.files.is_empty() {
            return Ok(self.files.iter().map(|file| directory.join(file)).collect());
        }
        match directory.ancestors().map(|parent| parent.join(DEFAULT_FILE)).find(|file| file.is_file()) {
            Some(file) => Ok(vec![file]),
            None => Err(Failure::usage(format!("no {DEFAULT_FILE} in {} or above it", directory.display()))
                .hint("change into the project's directory, or name the file: `pipectl -f FILE ..`")
                .hint("`pipectl init` writes the built-in project here, `pipectl init DIR` elsewhere")),
        }
    }

    fn is_ci(&self) -> bool {
        matches!(&self.command, Command::Up(arguments) if arguments.ci)
    }

    /// How this invocation prints.
    pub fn ui_options(&self) -> ui::Options {
        ui::Options {
            format: match self.global.events {
                EventFormat::Auto if self.is_ci() => ui::Format::Plain,
                EventFormat::Auto => ui::Format::Auto,
                EventFormat::Tty => ui::Format::Tty,
                EventFormat::Plain => ui::Format::Plain,
                EventFormat::Json => ui::Format::Json,
            },
            quiet: self.global.quiet,
            verbose: self.global.verbose,
            color: match self.global.color {
                ColorChoice::Auto if self.is_ci() => ui::Color::Never,
                ColorChoice::Auto => ui::Color::Auto,
                ColorChoice::Always => ui::Color::Always,
                ColorChoice::Never => ui::Color::Never,
            },
        }
    }
}

/// The completion script for a shell.
pub fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pipectl", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Manual pages of pipectl and of every command and subcommand: file name (`pipectl-up.1`) and roff text, sorted by file name.
pub fn man_pages() -> std::io::Result<Vec<(String, String)>> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    let mut open = vec![root];
    while let Some(command) = open.pop() {
        open.extend(command.get_subcommands().filter(|command| !command.is_hide_set()).cloned());
        let page =
            clap_mangen::Man::new(command).source(concat!("pipectl ", env!("CARGO_PKG_VERSION"))).manual("pipectl");
        let mut text = Vec::new();
        page.render(&mut text)?;
        // Examples and lists of the help are laid out already; the next heading ends what `.nf` begins.
        let text = String::from_utf8_lossy(&text).replacen(".SH EXTRA\n", ".SH EXTRA\n.nf\n", 1);
        pages.push((page.get_filename(), text));
    }
    pages.sort();
    Ok(pages)
}
