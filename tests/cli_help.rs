//! The command line as a user meets it: every command teaches, parses what its examples show, and completes.

use std::path::PathBuf;

use clap::{CommandFactory, Parser};
use pipectl::cli::{self, Cli, Command, ImagesAction, ResetLevel};
use pipectl::exit;

/// Every command, subcommands of commands included, without clap's own `help`.
fn commands() -> Vec<clap::Command> {
    let mut root = Cli::command();
    root.build();
    root.get_subcommands().filter(|command| command.get_name() != "help").cloned().collect()
}

fn parse(arguments: &[&str]) -> Cli {
    let line = std::iter::once("pipectl").chain(arguments.iter().copied());
    Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

fn refused(arguments: &[&str]) -> clap::error::ErrorKind {
    let line = std::iter::once("pipectl").chain(arguments.iter().copied());
    Cli::try_parse_from(line).expect_err("must not parse").kind()
}

#[test]
fn the_tree_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_says_what_it_does_when_to_use_it_and_shows_an_example() {
    for command in commands() {
        let name = command.get_name();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(about.len() > 15, "{name}: no first line");
        assert!(long.len() > about.len() + 40, "{name}: does not say when to use it: {long:?}");
        assert!(after.starts_with("Examples:\n  pipectl "), "{name}: no example");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{name}: {} has no help", argument.get_id());
        }
    }
}

#[test]
fn every_example_parses() {
    let texts = commands().into_iter().filter_map(|command| command.get_after_help().map(ToString::to_string));
    let root = Cli::command().get_after_help().map(ToString::to_string);
    let mut seen = 0;
    for text in texts.chain(root) {
        for line in text.lines().filter_map(|line| line.strip_prefix("  pipectl ")) {
            // Two spaces begin the explanation; a redirection or a pipe is the shell's.
            let typed = line.split("  ").next().unwrap_or_default();
            let typed = typed.split(['>', '|']).next().unwrap_or_default();
            let typed = typed.replace("'select count(*) from orders'", "select");
            parse(&typed.split_whitespace().collect::<Vec<_>>());
            seen += 1;
        }
    }
    assert!(seen > 30, "only {seen} examples were found");
}

#[test]
fn the_long_help_lists_every_exit_code_and_variable() {
    let help = Cli::command().render_long_help().to_string();
    for code in [exit::OK, exit::FAILED, exit::USAGE, exit::ENGINE, exit::TIMEOUT, exit::PREFLIGHT, exit::INTERRUPTED] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{code}  "))), "no exit code {code}");
    }
    for variable in ["PIPECTL_PROJECT", "COMPOSE_PROFILES", "DOCKER_HOST", "NO_COLOR", "PIPECTL_LOG"] {
        assert!(help.contains(variable), "{variable} is not explained");
    }
}

#[test]
fn help_fits_a_terminal_of_100_columns() {
    for mut command in commands() {
        let help = command.render_long_help().to_string();
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "{}: {line}", command.get_name());
        }
    }
}

#[test]
fn completions_are_made_for_every_shell() {
    use clap_complete::Shell;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
        let script = cli::completions(shell);
        assert!(script.contains("pipectl") && script.contains("credentials"), "{shell}: {script}");
    }
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    for line in [["--project", "demo", "-q", "up"], ["up", "--project", "demo", "-q"]] {
        let cli = parse(&line);
        assert_eq!((cli.global.project.as_deref(), cli.global.quiet), (Some("demo"), true));
    }
    let cli = parse(&["-f", "a.yaml", "-f", "b.yaml", "logs", "-f", "kafka"]);
    assert_eq!(cli.files, [PathBuf::from("a.yaml"), PathBuf::from("b.yaml")]);
    let Command::Logs(logs) = cli.command else { panic!("not logs") };
    assert!(logs.follow);
    assert_eq!(logs.services, ["kafka"]);
}

#[test]
fn profiles_repeat_and_split_at_commas() {
    assert_eq!(parse(&["--profile", "ui,debug", "up"]).global.profiles, ["ui", "debug"]);
    assert_eq!(parse(&["up", "--profile", "ui", "--profile", "debug"]).global.profiles, ["ui", "debug"]);
}

#[test]
fn commands_keep_what_belongs_to_the_container() {
    let Command::Exec(exec) = parse(&["exec", "namenode", "hdfs", "dfs", "-ls", "--help"]).command else {
        panic!("not exec")
    };
    assert_eq!(exec.command, ["hdfs", "dfs", "-ls", "--help"]);
    let Command::Exec(exec) = parse(&["exec", "kafka", "--", "ls", "-l"]).command else { panic!("not exec") };
    assert_eq!(exec.command, ["ls", "-l"]);
}

#[test]
fn defaults_are_the_harmless_choice() {
    let Command::Reset(reset) = parse(&["reset"]).command else { panic!("not reset") };
    assert_eq!((reset.level, reset.yes), (ResetLevel::Pipeline, false));
    let Command::Down(down) = parse(&["down"]).command else { panic!("not down") };
    assert!(!down.volumes);
    let Command::Images(images) = parse(&["images", "--json"]).command else { panic!("not images") };
    assert!(images.action.is_none() && images.json);
    let Command::Images(images) = parse(&["images", "list", "--json"]).command else { panic!("not images") };
    assert!(matches!(images.action, Some(ImagesAction::List)) && images.json);
}

#[test]
fn what_makes_no_sense_is_refused() {
    use clap::error::ErrorKind::{ArgumentConflict, InvalidSubcommand, MissingRequiredArgument, ValueValidation};
    assert_eq!(refused(&["-q", "-v", "up"]), ArgumentConflict);
    assert_eq!(refused(&["status", "--watch", "--json"]), ArgumentConflict);
    assert_eq!(refused(&["up", "--json"]), MissingRequiredArgument);
    assert_eq!(refused(&["up", "--timeout", "soon"]), ValueValidation);
    assert_eq!(refused(&["up", "--parallel", "0"]), ValueValidation);
    assert_eq!(refused(&["scale", "spark-worker"]), ValueValidation);
    assert_eq!(refused(&["scale"]), MissingRequiredArgument);
    assert_eq!(refused(&["exec", "kafka"]), MissingRequiredArgument);
    assert_eq!(refused(&["stauts"]), InvalidSubcommand);
}

#[test]
fn the_compose_file_is_found_from_any_directory_below() {
    let root = tempfile::tempdir().expect("a directory");
    let below = root.path().join("spark/jobs");
    std::fs::create_dir_all(&below).expect("made");
    std::fs::create_dir_all(root.path().join("compose")).expect("made");

    let failure = parse(&["up"]).compose_files(&below).expect_err("there is none yet");
    assert_eq!(failure.code, exit::USAGE);
    assert!(failure.message.starts_with("no compose/compose.yaml in "), "{failure}");
    assert!(failure.hints.iter().any(|hint| hint.starts_with("`pipectl init` ")), "{:?}", failure.hints);

    let file = root.path().join("compose/compose.yaml");
    std::fs::write(&file, "services: {}\n").expect("written");
    assert_eq!(parse(&["up"]).compose_files(&below).expect("found"), [file]);
    let given = parse(&["-f", "x.yaml", "up"]).compose_files(&below).expect("given");
    assert_eq!(given, [below.join("x.yaml")]);
}
