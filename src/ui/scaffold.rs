//! What `init` did to the files: one line each, and one line for a folder with many new ones.

use std::collections::BTreeMap;

/// With more new files than this, a folder is one line.
const FEW: usize = 5;

/// A file and what happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// One or two words: `added`, `left out`.
    pub word: &'static str,
    /// Path from the project's folder.
    pub path: String,
}

/// The text, in the order of the changes.
pub fn render(changes: &[Change]) -> String {
    let mut sizes: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for change in changes {
        *sizes.entry(group(change)).or_default() += 1;
    }
    let mut lines: Vec<String> = Vec::new();
    let mut told = Vec::new();
    for change in changes {
        let group = group(change);
        let Change { word, path } = change;
        match sizes.get(&group) {
            Some(size) if *size > FEW => {
                if !told.contains(&group) {
                    told.push(group);
                    lines.push(format!("{word:<11} {}/ ({size} files)\n", group.1));
                }
            }
            _ => lines.push(format!("{word:<11} {path}\n")),
        }
    }
    lines.concat()
}

/// What is told in one line: the same happened to files of the same folder of the project.
fn group(change: &Change) -> (&str, &str) {
    (change.word, change.path.split('/').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_many_files_is_one_line() {
        let mut changes: Vec<Change> =
            (0..6).map(|number| Change { word: "added", path: format!("compose/{number}.yaml") }).collect();
        changes.push(Change { word: "replaced", path: "compose/lake.yaml".into() });
        changes.push(Change { word: "added", path: "pipeline.yml".into() });
        changes.push(Change { word: "left out", path: "spark/transforms/orders.sql".into() });
        let expected = "\
added       compose/ (6 files)
replaced    compose/lake.yaml
added       pipeline.yml
left out    spark/transforms/orders.sql
";
        assert_eq!(render(&changes), expected);
    }
}
