//! The two things we need of a Dockerfile: which of our images it builds on, and the same text with their exact tags.

use super::reference::{NAMESPACE, repository};

/// Short names of our images in `FROM` and `COPY --from=`, in order, each once.
pub(super) fn parents(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some((_, name)) = own_image(line) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    }
    names
}

/// The text with each of our images replaced by what `exact` says for its short name.
pub(super) fn pin(text: &str, exact: impl Fn(&str) -> Option<String>) -> String {
    let mut pinned = String::with_capacity(text.len() + 64);
    for line in text.split_inclusive('\n') {
        match own_image(line).and_then(|(written, name)| Some((written, exact(name)?))) {
            Some((written, reference)) => pinned.push_str(&line.replacen(written, &reference, 1)),
            None => pinned.push_str(line),
        }
    }
    pinned
}

/// The image a line refers to if it is one of ours: as written, and its short name.
fn own_image(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    let instruction = words.next()?;
    let written = if instruction.eq_ignore_ascii_case("FROM") {
        words.find(|word| !word.starts_with("--"))?
    } else if instruction.eq_ignore_ascii_case("COPY") {
        words.take_while(|word| word.starts_with("--")).find_map(|word| word.strip_prefix("--from="))?
    } else {
        return None;
    };
    let name = repository(written).strip_prefix(NAMESPACE)?;
    Some((written, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# FROM pipectl/comment\n\
        FROM --platform=linux/amd64 pipectl/fetch AS fetch\n\
        COPY --from=fetch /a /b\n\
        FROM pipectl/base:latest\n\
        COPY --chown=1:1 --from=pipectl/jars-x / /jars/\n\
        COPY from=pipectl/none /x\n\
        from debian:trixie\n\
        RUN echo FROM pipectl/none\n\
        copy --from=pipectl/fetch /c /d";

    #[test]
    fn parents_are_found_once_each() {
        assert_eq!(parents(TEXT), ["fetch", "base", "jars-x"]);
    }

    #[test]
    fn only_references_to_our_images_are_pinned() {
        let pinned = pin(TEXT, |name| (name != "jars-x").then(|| format!("pipectl/{name}:12ab")));
        assert_eq!(
            pinned,
            TEXT.replace("amd64 pipectl/fetch", "amd64 pipectl/fetch:12ab")
                .replace("pipectl/base:latest", "pipectl/base:12ab")
                .replace("copy --from=pipectl/fetch", "copy --from=pipectl/fetch:12ab")
        );
    }
}
