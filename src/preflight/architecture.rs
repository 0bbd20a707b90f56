//! Are the images made for the processor that is to run them?

use super::{Facts, Finding, Severity, Verdict};

pub(super) fn check(facts: &Facts) -> Verdict {
    if facts.no_engine.is_some() {
        return Verdict::without_engine();
    }
    let (_, machine) = facts.engine.platform.split_once('/').unwrap_or_default();
    if machine.is_empty() {
        return Verdict::Unchecked("the engine does not tell".to_owned());
    }
    let engine = of_image(machine);
    let foreign = facts.images.iter().filter(|(_, image)| !image.is_empty() && *image != engine);
    let findings: Vec<_> = foreign.map(|(reference, image)| finding(facts, reference, image, engine)).collect();
    Verdict::of(findings, || format!("{engine}, as all images that are here"))
}

fn finding(facts: &Facts, reference: &str, image: &str, engine: &str) -> Finding {
    // An engine elsewhere, such as Docker Desktop's, brings emulators of its own.
    let emulated =
        facts.machine.as_ref().is_none_or(|machine| machine.emulates.iter().any(|known| of_image(known) == image));
    let fix = format!("remove it (`docker image rm {reference}`); `pipectl up` then gets one for {engine}");
    if emulated {
        let text = format!("image {reference} is for {image}, the engine runs {engine}: it runs emulated, and slowly");
        return Finding::new("architecture", Severity::Warning, text, fix);
    }
    let text = format!("image {reference} is for {image}, the engine runs {engine}: its programs cannot be started");
    Finding::new("architecture", Severity::Error, text, fix)
}

/// The name that images use for a processor: kernels and QEMU have others.
fn of_image(machine: &str) -> &str {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "i386" | "i686" => "386",
        "armv7l" | "armhf" => "arm",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::Machine;
    use super::*;
    use crate::engine::backend::EngineInfo;

    fn facts(image: &str, machine: Option<Machine>) -> Facts {
        let engine = EngineInfo { platform: "linux/x86_64".into(), ..EngineInfo::default() };
        Facts { engine, images: vec![("web:1".into(), image.into())], machine, ..Facts::default() }
    }

    #[test]
    fn the_names_of_kernels_and_images_are_the_same_processor() {
        assert_eq!(check(&facts("amd64", None)), Verdict::Good("amd64, as all images that are here".into()));
        assert!(matches!(check(&facts("", None)), Verdict::Good(_)), "an image that does not tell");
    }

    #[test]
    fn a_foreign_image_is_an_error_unless_it_can_be_emulated() {
        let severity = |machine| match check(&facts("arm64", machine)) {
            Verdict::Found(findings) => findings[0].severity,
            other => panic!("{other:?}"),
        };
        assert_eq!(severity(Some(Machine::default())), Severity::Error);
        let emulator = Machine { emulates: vec!["aarch64".into()], ..Machine::default() };
        assert_eq!(severity(Some(emulator)), Severity::Warning);
        assert_eq!(severity(None), Severity::Warning);
    }
}
