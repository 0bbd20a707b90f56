//! Image references: `repository[:tag][@digest]`.

/// Repository of the images that every Dockerfile here names.
pub(super) const NAMESPACE: &str = "pipectl/";

/// The part before tag and digest. The port of a registry is not a tag.
pub(super) fn repository(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

/// The tag, if there is one.
pub(super) fn tag(reference: &str) -> Option<&str> {
    let name = reference.split('@').next()?;
    name.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'))
}

/// What the engine lists for this reference: with a tag, and without one where a digest says it all.
pub(super) fn listed_as(reference: &str) -> String {
    let reference = ["docker.io/library/", "docker.io/"]
        .iter()
        .find_map(|prefix| reference.strip_prefix(prefix))
        .unwrap_or(reference);
    match reference.split_once('@') {
        Some((name, digest)) => format!("{}@{digest}", repository(name)),
        None if tag(reference).is_none() => format!("{reference}:latest"),
        None => reference.to_owned(),
    }
}

/// The last component of a repository: `kafka` of `registry:5000/pipectl/kafka`.
pub(super) fn short_name(repository: &str) -> &str {
    repository.rsplit('/').next().unwrap_or(repository)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart() {
        assert_eq!(repository("registry:5000/a/b:1@sha256:ff"), "registry:5000/a/b");
        assert_eq!(repository("registry:5000/a/b"), "registry:5000/a/b");
        assert_eq!((tag("a/b:1"), tag("registry:5000/a")), (Some("1"), None));
        assert_eq!(listed_as("a/b"), "a/b:latest");
        assert_eq!(listed_as("a/b:1@sha256:ff"), "a/b@sha256:ff");
        assert_eq!(listed_as("docker.io/library/debian:12"), "debian:12");
        assert_eq!(short_name("registry:5000/pipectl/kafka"), "kafka");
    }
}
