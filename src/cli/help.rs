//! What stands below the options in the help: examples, environment, exit codes.

use std::fmt::Write as _;

use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Effects};

use crate::exit;

/// Colours of the help.
pub(super) const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .placeholder(AnsiColor::Cyan.on_default());

/// Exit codes with their meaning, as `pipectl --help` lists them.
const EXIT_CODES: [(u8, &str); 7] = [
    (exit::OK, "everything asked for was done"),
    (exit::FAILED, "the stack, a step or a verification failed"),
    (exit::USAGE, "the command line, a Compose file or pipeline.yml is wrong; nothing was touched"),
    (exit::ENGINE, "no usable container engine"),
    (exit::TIMEOUT, "a deadline passed"),
    (exit::PREFLIGHT, "a check before the start failed (memory, disk, ports); nothing was touched"),
    (exit::INTERRUPTED, "interrupted by Ctrl-C or SIGTERM; `pipectl up` resumes"),
];

/// Environment variables, as `pipectl --help` lists them.
const ENVIRONMENT: [(&str, &str); 13] = [
    ("PIPECTL_PROJECT", "project name, as --project"),
    ("PIPECTL_PORTS", "auto: free ports for those that are taken, as up --ports"),
    ("PIPECTL_EVENTS", "how progress is shown, as --events"),
    ("PIPECTL_REGISTRY", "where prebuilt images are, as --registry"),
    ("PIPECTL_BUNDLE", "file for a bundle where `up` or `verify` fails, as --bundle"),
    (crate::ui::LOG_VARIABLE, "filter for diagnostics, for example pipectl=debug"),
    ("PIPECTL_GOVERNANCE", "which catalog: lite, openmetadata or none, as --governance"),
    ("OM_JWT_TOKEN", "token for the catalog in place of the stored one"),
    ("COMPOSE_PROFILES", "profiles, separated by commas, as --profile"),
    ("DOCKER_HOST", "container engine, as --host"),
    ("DOCKER_CONTEXT", "context of the docker command whose engine is used"),
    ("NO_COLOR", "no colours, as --color never"),
    ("TERM", "`dumb` makes progress plain lines"),
];

/// Examples of the most used commands.
const ROOT_EXAMPLES: &str = "\
Examples:
  pipectl up               bring everything up and see a row travel through it
  pipectl status --watch   keep an eye on it
  pipectl verify           prove that the destination equals the source
  pipectl down             remove the containers, keep the data";

/// Below the short form (`-h`): examples and where the rest is.
pub(super) fn root_short() -> String {
    format!(
        "{ROOT_EXAMPLES}\n\n\
         `pipectl --help` also lists environment variables and exit codes, `pipectl COMMAND --help` explains a command."
    )
}

/// The long form: examples, environment, exit codes.
pub(super) fn root() -> String {
    let mut text = String::from(ROOT_EXAMPLES);
    text.push_str("\n\nEnvironment:\n");
    for (name, meaning) in ENVIRONMENT {
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(text, "  {name:<18}  {meaning}");
    }
    text.push_str(
        "  Variables that the Compose files use, such as POSTGRES_PASSWORD, also come from here or from .env.\n",
    );
    text.push_str("\nExit codes:\n");
    for (code, meaning) in EXIT_CODES {
        let _ = writeln!(text, "  {code:>3}  {meaning}");
    }
    text
}

pub(super) const UP: &str = "\
Examples:
  pipectl up                           everything, proved at the end
  pipectl up --plan                    what would be done, and why
  pipectl up kafka debezium            these two and what they depend on
  pipectl up --ports auto              beside another project: free ports for those that are taken
  pipectl --profile ui up              with the optional web interfaces
  pipectl up --events json > up.jsonl  progress for a program";

pub(super) const INIT: &str = "\
Examples:
  pipectl init               into the working directory
  pipectl init shop          into the folder shop
  pipectl init --upgrade     after an update of pipectl: keep your changes, take the rest
  pipectl init --json shop   for a program";

pub(super) const STATUS: &str = "\
Examples:
  pipectl status
  pipectl status --watch
  pipectl status --json > status.json";

pub(super) const VERIFY: &str = "\
Examples:
  pipectl verify                       follow marked rows, compare tables
  pipectl verify --full --timeout 10m  follow rows in every table that can be marked
  pipectl verify --compare             only compare: nothing is written to the source
  pipectl verify --junit report.xml    for CI";

pub(super) const DOCTOR: &str = "\
Examples:
  pipectl doctor                 every check with its verdict
  pipectl doctor --fix           mend what can be mended safely
  pipectl doctor --skip memory   all checks but this one
  pipectl doctor --json          for a program";

pub(super) const BUNDLE: &str = "\
Examples:
  pipectl bundle                 into the working directory, named after project and time
  pipectl bundle /tmp/b.tar.gz   into this file";

pub(super) const BACKUP: &str = "\
Examples:
  pipectl backup before-upgrade.tar        asks, stops, saves, starts again
  pipectl backup /mnt/nightly.tar --yes    for a script
  pipectl backup all.tar --with-secrets    the .env files as well";

pub(super) const RESTORE: &str = "\
Examples:
  pipectl restore before-upgrade.tar                    into an empty project
  pipectl restore before-upgrade.tar --force            in the place of what is there
  pipectl restore before-upgrade.tar --project second   beside it, under another name";

pub(super) const DOWN: &str = "\
Examples:
  pipectl down        remove containers and networks, keep the data
  pipectl reset all   remove the data as well; asks first";

pub(super) const RESET: &str = "\
Examples:
  pipectl reset pipeline    copy the source afresh with the next `pipectl up`
  pipectl reset governance  begin the catalog anew
  pipectl reset all         leave nothing but the images
  pipectl reset all --images  not even those
  pipectl reset all --backup before.tar  keep a copy
  pipectl reset all --yes  without asking, for scripts";

pub(super) const REPAIR: &str = "\
Examples:
  pipectl repair                   what status and doctor name
  pipectl repair connector         restarts its failed task, with back-off, and shows why where that does not help
  pipectl repair destination       after somebody changed rows or columns there by hand
  pipectl repair resnapshot --yes  read the source anew, without asking";

pub(super) const STOP: &str = "\
Examples:
  pipectl stop                  stop everything, dependents first
  pipectl stop data-generator   stop new data from coming in";

pub(super) const START: &str = "\
Examples:
  pipectl start                  start everything that was stopped
  pipectl start data-generator   let data come in again";

pub(super) const RESTART: &str = "\
Examples:
  pipectl restart              everything, in order
  pipectl restart kafka        one service; what depends on it reconnects";

pub(super) const LOGS: &str = "\
Examples:
  pipectl logs -f debezium           follow one service
  pipectl logs --since 10m           the last ten minutes of all
  pipectl logs -f --grep error       errors of all, as they come
  pipectl logs -n all --json kafka   every line, for a program";

pub(super) const SCALE: &str = "\
Examples:
  pipectl scale spark-worker=2
  pipectl scale spark-worker=3 datanode=2";

pub(super) const EXEC: &str = "\
Examples:
  pipectl exec namenode hdfs dfs -ls /data/delta
  pipectl exec postgres-dest -- psql -U admin jadc2_db -c 'select count(*) from orders'";

pub(super) const CONFIG: &str = "\
Examples:
  pipectl config                          the whole project
  pipectl config --quiet                  checks the files, pipeline.yml and its SQL too, and prints nothing
  pipectl config --services               names only
  pipectl config --schema                 what an editor needs to check and complete pipeline.yml
  pipectl -f my.yaml config --json        for a program";

pub(super) const GRAPH: &str = "\
Examples:
  pipectl graph
  pipectl graph --format mermaid         for a Markdown document
  pipectl graph --format dot | dot -Tsvg > graph.svg";

pub(super) const IMAGES: &str = "\
Examples:
  pipectl images                    what is present, what is missing
  pipectl images build              get everything ready for an `up` without a network
  pipectl images push --registry registry.example.com/pipectl   once, where they are built
  pipectl images pull --registry registry.example.com/pipectl   elsewhere, instead of building
  pipectl images save images.tar    for a machine without a network, where `load` reads it
  pipectl images load images.tar    says what was there already
  pipectl images prune              remove outdated builds";

pub(super) const CRITICAL_PATH: &str = "\
Examples:
  pipectl critical-path
  pipectl critical-path --json";

pub(super) const CREDENTIALS: &str = "\
Examples:
  pipectl credentials
  pipectl credentials --json";

pub(super) const CONNECTOR: &str = "\
Examples:
  pipectl connector            state of connector and task
  pipectl connector restart    after the cause of a failure is gone";

pub(super) const JOBS: &str = "\
Examples:
  pipectl jobs                    state, batches and lag
  pipectl jobs restart process    after editing a transformation";

pub(super) const INGEST: &str = "\
Examples:
  pipectl ingest                    everything, and the lineage
  pipectl ingest postgres_source    after a change of the source's schema
  pipectl ingest --every 10m        again and again, until Ctrl-C
  pipectl ingest --json             what was done, for a program
  pipectl ingest --with official    by OpenMetadata's own client, whose licence you are asked to accept";

pub(super) const LINEAGE: &str = "\
Examples:
  pipectl lineage orders               every way through orders, column by column
  pipectl lineage --mermaid            for a Markdown document
  pipectl lineage --declared --json    what the files say, without the catalog";

pub(super) const TOKEN: &str = "\
Examples:
  pipectl token show            first and last characters, expiry
  pipectl token refresh         take it from the catalog anew";

pub(super) const CATALOG: &str = "\
Examples:
  pipectl catalog serve                      on 127.0.0.1:8585, data in .pipectl/catalog
  pipectl catalog serve --data /var/catalog  data elsewhere
  pipectl catalog check                      look for damage";

pub(super) const CATALOG_SERVE: &str = "\
Examples:
  pipectl catalog serve
  pipectl catalog serve --listen 127.0.0.1:0 --data /tmp/catalog
  pipectl catalog serve --admin-password-file /run/secrets/catalog

A token, and a first question:
  curl -s 127.0.0.1:8585/api/v1/users/login -H content-type:application/json \\
    -d '{\"email\":\"admin@open-metadata.org\",\"password\":\"YWRtaW4=\"}'
  curl -s 127.0.0.1:8585/api/v1/tables -H \"authorization: Bearer TOKEN\"";

pub(super) const COMPLETIONS: &str = "\
Examples:
  pipectl completions bash > /etc/bash_completion.d/pipectl
  pipectl completions zsh > \"${fpath[1]}/_pipectl\"
  pipectl completions fish > ~/.config/fish/completions/pipectl.fish
  pipectl completions elvish > ~/.config/elvish/lib/pipectl.elv
  pipectl completions powershell >> $PROFILE";

pub(super) const MAN: &str = "\
Examples:
  pipectl man | man -l -
  pipectl man ~/.local/share/man/man1   then `man pipectl-up`";
