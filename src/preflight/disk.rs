//! Is there disk for images and data where the engine keeps them?

use super::{Facts, Finding, Severity, human};

/// What an image takes while it is built: its own layers and those of its build stages, on average over this stack.
const PER_MISSING_IMAGE: u64 = 400 << 20;
/// What topics, write-ahead logs and Delta tables grow to in the first hours.
const FOR_DATA: u64 = 1 << 30;

pub(super) fn check(facts: &Facts) -> Option<Finding> {
    let free = facts.free_disk?;
    let needed = FOR_DATA + PER_MISSING_IMAGE * facts.missing_images as u64;
    (free < needed).then(|| Finding {
        id: "disk",
        severity: Severity::Error,
        finding: format!(
            "{} holds the engine's data and has {} free; {} are needed ({})",
            facts.engine.data_root,
            human(free),
            human(needed),
            match facts.missing_images {
                0 => "for data".to_owned(),
                count => format!("{count} image(s) to get, the rest for data"),
            }
        ),
        fix: "free some space there (`docker system df` shows what the engine holds, `pipectl images prune` removes our old images)"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(free: Option<u64>, missing_images: usize) -> Facts {
        Facts { free_disk: free, missing_images, ..Facts::default() }
    }

    #[test]
    fn a_disk_that_is_elsewhere_is_not_judged() {
        assert_eq!(check(&facts(None, 10)), None);
    }

    #[test]
    fn images_still_to_get_count() {
        assert_eq!(check(&facts(Some(2 << 30), 0)), None);
        let finding = check(&facts(Some(2 << 30), 10)).unwrap();
        assert!(finding.finding.contains("has 2.00 GiB free; 4.91 GiB are needed (10 image(s)"), "{}", finding.finding);
    }
}
