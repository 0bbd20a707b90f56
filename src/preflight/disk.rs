//! Is there disk for images and data where the engine keeps them?

use super::{Facts, Finding, Severity, Verdict, human};

/// What an image takes while it is built: its own layers and those of its build stages, on average over this stack.
const PER_MISSING_IMAGE: u64 = 400 << 20;
/// What topics, write-ahead logs and Delta tables grow to in the first hours.
const FOR_DATA: u64 = 1 << 30;

pub(super) fn check(facts: &Facts) -> Verdict {
    if facts.no_engine.is_some() {
        return Verdict::without_engine();
    }
    let Some(free) = facts.free_disk else {
        return Verdict::Unchecked("the engine's data is not on this machine".to_owned());
    };
    let needed = FOR_DATA + PER_MISSING_IMAGE * facts.missing_images as u64;
    if free >= needed {
        return Verdict::Good(format!("{} free in {}", human(free), facts.engine.data_root));
    }
    Verdict::Found(vec![Finding::new(
        "disk",
        Severity::Error,
        format!(
            "{} holds the engine's data and has {} free; {} are needed ({})",
            facts.engine.data_root,
            human(free),
            human(needed),
            match facts.missing_images {
                0 => "for data".to_owned(),
                count => format!("{count} image(s) to get, the rest for data"),
            }
        ),
        "free some space there (`docker system df` shows what the engine holds, `pipectl images prune` removes our old images)",
    )])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(free: Option<u64>, missing_images: usize) -> Verdict {
        check(&Facts { free_disk: free, missing_images, ..Facts::default() })
    }

    #[test]
    fn a_disk_that_is_elsewhere_is_not_judged() {
        assert!(matches!(judged(None, 10), Verdict::Unchecked(_)));
    }

    #[test]
    fn images_still_to_get_count() {
        assert!(matches!(judged(Some(2 << 30), 0), Verdict::Good(_)));
        let Verdict::Found(findings) = judged(Some(2 << 30), 10) else { panic!("found") };
        let text = &findings[0].finding;
        assert!(text.contains("has 2.00 GiB free; 4.91 GiB are needed (10 image(s)"), "{text}");
    }
}
