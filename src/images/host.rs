//! What builds take from this machine without it being an input of the image: certificate authorities and proxies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where Debian and Fedora keep authorities that the machine's owner added.
const DIRECTORIES: [&str; 2] = ["/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors"];
/// Proxy variables that every builder knows without the Dockerfile declaring them.
const PROXIES: [&str; 3] = ["http_proxy", "https_proxy", "no_proxy"];

/// Certificates to put into a context: name with the ending `.crt`, and file.
pub(super) fn certificates() -> std::io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for dir in DIRECTORIES {
        certificates_in(Path::new(dir), &mut found)?;
    }
    found.sort();
    found.dedup_by(|a, b| a.0 == b.0);
    Ok(found)
}

fn certificates_in(dir: &Path, found: &mut Vec<(String, PathBuf)>) -> std::io::Result<()> {
    let items = match std::fs::read_dir(dir) {
        Ok(items) => items,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for item in items {
        let path = item?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let ending = path.extension().and_then(|ending| ending.to_str());
        if let (Some(stem), Some("crt" | "pem"), true) = (stem, ending, path.is_file()) {
            found.push((format!("{stem}.crt"), path));
        }
    }
    Ok(())
}

/// Build arguments for the proxies of this process's environment.
pub(super) fn proxies() -> BTreeMap<String, String> {
    proxies_of(|name| std::env::var(name).ok())
}

fn proxies_of(variable: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    PROXIES
        .iter()
        .filter_map(|name| {
            let value = variable(name).or_else(|| variable(&name.to_uppercase()))?;
            // A proxy on this machine's loopback address does not exist inside a build.
            let loopback = *name != "no_proxy" && (value.contains("localhost") || value.contains("127.0.0.1"));
            (!value.is_empty() && !loopback).then(|| ((*name).to_owned(), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_of_the_environment_reach_the_build_unless_they_are_local() {
        let environment = BTreeMap::from([
            ("HTTP_PROXY", "http://proxy:3128"),
            ("https_proxy", "http://127.0.0.1:8080"),
            ("no_proxy", "localhost"),
        ]);
        let proxies = proxies_of(|name| environment.get(name).map(ToString::to_string));
        let expected = [("http_proxy", "http://proxy:3128"), ("no_proxy", "localhost")];
        assert_eq!(proxies, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn certificates_get_the_ending_that_debian_wants() {
        let dir = tempfile::tempdir().expect("temporary directory");
        for name in ["a.pem", "b.crt", "note.txt"] {
            std::fs::write(dir.path().join(name), "").expect("write");
        }
        let mut found = Vec::new();
        certificates_in(dir.path(), &mut found).expect("certificates");
        found.sort();
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a.crt", "b.crt"]);
    }
}
