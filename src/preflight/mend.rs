//! Does what a finding allows: nothing that loses data, nothing that cannot be repeated.

use std::path::Path;

use super::{Finding, Remedy};
use crate::engine::backend::Backend;

/// What came of a remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// The check.
    pub id: &'static str,
    /// What was done, or why it could not be.
    pub outcome: Result<String, String>,
}

/// What `--fix` would do about the findings, one line each, before it does so.
pub fn intentions(findings: &[Finding]) -> Vec<String> {
    findings.iter().filter_map(|finding| finding.remedy.as_ref()).map(describe).collect()
}

/// Applies every remedy; `backend` is absent where no engine answers, `root` is `/`.
pub async fn mend(findings: &[Finding], backend: Option<&dyn Backend>, root: &Path) -> Vec<Mended> {
    let mut done = Vec::new();
    for (id, remedy) in findings.iter().filter_map(|finding| Some((finding.id, finding.remedy.as_ref()?))) {
        match remedy {
            Remedy::Sysctl { name, value } => done.push(Mended { id, outcome: raise(root, name, *value) }),
            Remedy::RemoveContainers(names) => {
                for name in names {
                    let outcome = match backend {
                        Some(backend) => backend.remove_container(name).await.map_err(|error| error.to_string()),
                        None => Err("no engine answers".to_owned()),
                    };
                    done.push(Mended { id, outcome: outcome.map(|()| format!("removed container {name}")) });
                }
            }
        }
    }
    done
}

fn describe(remedy: &Remedy) -> String {
    match remedy {
        Remedy::Sysctl { name, value } => format!("set {name} to {value} until the next reboot"),
        Remedy::RemoveContainers(names) => format!("remove {}, which ended", names.join(", ")),
    }
}

/// Raises a kernel setting; never lowers it.
fn raise(root: &Path, name: &str, value: u64) -> Result<String, String> {
    let path = root.join("proc/sys").join(name.replace('.', "/"));
    let failed = |error: &dyn std::fmt::Display| {
        format!("{name} could not be set: {error}; as root: `sysctl -w {name}={value}`")
    };
    let text = std::fs::read_to_string(&path).map_err(|error| failed(&error))?;
    let present: u64 = text.trim().parse().map_err(|error| failed(&error))?;
    if present >= value {
        return Ok(format!("{name} is {present} already"));
    }
    std::fs::write(&path, value.to_string()).map_err(|error| failed(&error))?;
    Ok(format!("set {name} from {present} to {value} until the next reboot"))
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::super::machine::tests::root;
    use super::*;

    const PATH: &str = "proc/sys/vm/max_map_count";

    fn low() -> Finding {
        Finding::new("max-map-count", Severity::Warning, "low", "raise it")
            .with(Remedy::Sysctl { name: "vm.max_map_count", value: 262_144 })
    }

    #[tokio::test]
    async fn a_setting_is_raised_and_never_lowered() {
        let root = root(&[(PATH, "65530\n")]);
        let say = |done: &[Mended]| done[0].outcome.clone().expect("it worked");
        assert_eq!(intentions(&[low()]), ["set vm.max_map_count to 262144 until the next reboot"]);
        let done = mend(&[low()], None, root.path()).await;
        assert_eq!(say(&done), "set vm.max_map_count from 65530 to 262144 until the next reboot");
        assert_eq!(std::fs::read_to_string(root.path().join(PATH)).expect("there"), "262144");
        std::fs::write(root.path().join(PATH), "1000000\n").expect("written");
        assert_eq!(say(&mend(&[low()], None, root.path()).await), "vm.max_map_count is 1000000 already");
    }

    #[tokio::test]
    async fn what_cannot_be_set_says_how_to() {
        let root = root(&[]);
        let done = mend(&[low()], None, root.path()).await;
        let why = done[0].outcome.clone().expect_err("there is no such setting");
        assert!(why.ends_with("as root: `sysctl -w vm.max_map_count=262144`"), "{why}");
    }

    #[tokio::test]
    async fn findings_without_a_remedy_are_left_alone() {
        let finding = Finding::new("disk", Severity::Error, "full", "free some");
        assert_eq!(mend(&[finding], None, Path::new("/nowhere")).await, []);
    }
}
