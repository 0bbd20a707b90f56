//! Whatever the text: an answer or an error with a place, never a panic.

use pipectl::model::{self, LoadOptions, ModelError, dotenv};
use proptest::prelude::*;

fn lookup(name: &str) -> Option<String> {
    (name.len() % 2 == 0).then(|| name.to_lowercase())
}

fn load(text: &str) -> Result<model::Project, ModelError> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("compose.yaml");
    std::fs::write(&file, text).unwrap();
    model::load(&LoadOptions { files: vec![file], project: Some("p".into()), ..LoadOptions::default() })
}

/// Something that looks like a Compose file: known keys with values of every kind.
fn nearly_compose() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "image",
        "build",
        "command",
        "environment",
        "env_file",
        "ports",
        "expose",
        "volumes",
        "tmpfs",
        "networks",
        "depends_on",
        "healthcheck",
        "restart",
        "mem_limit",
        "cpus",
        "ulimits",
        "deploy",
        "scale",
        "extra_hosts",
        "x-pipectl",
        "labels",
        "profiles",
        "container_name",
        "stop_grace_period",
        "bogus",
    ]);
    let value = prop::sample::select(vec![
        "x",
        "''",
        "1",
        "-1",
        "1.5",
        "yes",
        "null",
        "[]",
        "{}",
        "[a, b]",
        "{a: b}",
        "[{a: 1}]",
        "{a: {b: [c]}}",
        "[8080:80]",
        "[1-3:4]",
        "[a:/b, ./c:/d:ro]",
        "{test: [CMD, x]}",
        "{test: x, interval: 1q}",
        "$X",
        "${X:-{}}",
        "{default: {aliases: [a]}}",
        "[s1]",
        "{s0: {condition: service_healthy}}",
        "{ready: {probe: tcp}}",
        "&a [*a]",
        "{after: [t]}",
        "!reset x",
        "!override [a]",
        "!!str 1",
        "'a\n\n  b'",
        "{resources: {limits: {cpus: x}}}",
        "\"\\x\"",
    ]);
    let service = prop::collection::vec((key, value), 0..6);
    prop::collection::vec(service, 0..4).prop_map(|services| {
        let mut lines = vec!["services:".to_owned()];
        for (index, entries) in services.iter().enumerate() {
            lines.extend([format!("  s{index}:"), "    image: i".to_owned()]);
            lines.extend(entries.iter().map(|(key, value)| format!("    {key}: {value}")));
        }
        lines.join("\n") + "\n"
    })
}

proptest! {
    #[test]
    fn interpolation_never_panics(text in "\\PC{0,60}") {
        let _ = model::interpolate(&text, &lookup);
    }

    #[test]
    fn interpolation_of_its_own_signs_never_panics(text in "[$ {}:?+A1_äx-]{0,40}") {
        let _ = model::interpolate(&text, &lookup);
    }

    #[test]
    fn a_doubled_dollar_always_comes_back(text in "\\PC{0,60}") {
        prop_assert_eq!(model::interpolate(&text.replace('$', "$$"), &lookup), Ok(text));
    }

    #[test]
    fn dotenv_never_panics(text in "[A-C =#'\"\\\\\n${}:ä-]{0,60}") {
        if let Err(error) = dotenv::parse(&text, &lookup) {
            prop_assert!(error.line >= 1 && error.line <= text.lines().count().max(1), "{}", error);
        }
    }

    #[test]
    fn loading_any_text_never_panics(text in "\\PC{0,200}") {
        let _ = load(&text);
    }

    #[test]
    fn loading_yaml_signs_never_panics(text in "[a-c:\\- \n\t\\[\\]{}&*!|>'\"#%,<?@]{0,80}") {
        let _ = load(&text);
    }

    #[test]
    fn loading_nearly_compose_never_panics_and_errors_have_a_place(text in nearly_compose()) {
        match load(&text) {
            Ok(project) => prop_assert!(load(&model::render::yaml(&project)).is_ok(), "{}", text),
            Err(error) => {
                let place = error.place.clone().expect("a place");
                prop_assert!(place.line >= 1 && place.line <= text.lines().count() + 1, "{}\n{}", text, error);
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }

    #[test]
    fn loading_any_pipeline_never_panics(text in "(version: 1\n)?(tables: |key: |columns: |[a-c:{} \n,\\[\\]-]){0,40}") {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pipeline.yml");
        std::fs::write(&file, text).unwrap();
        prop_assert!(pipectl::pipeline::spec::load(&file, &lookup).is_err());
    }
}

#[test]
fn deep_nesting_is_refused() {
    let deep = |levels: usize| format!("a: {}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(load(&deep(100)).unwrap_err().to_string().contains("nested more than 64 levels deep"));
    assert!(load(&deep(5_000)).unwrap_err().to_string().contains("invalid YAML"));
    assert!(load(&format!("a: {}", "- ".repeat(5_000))).is_err());
    let long = load(&format!("a: {}", "x ".repeat(5_000) + "[")).unwrap_err().to_string();
    assert!(long.lines().all(|line| line.chars().count() < 250), "{long}");
}
