//! Known failures that a command has explained in its own words, noted so that a scenario which ought to bring one about and no longer does
//! is found out.

use std::collections::BTreeSet;
use std::sync::Mutex;

use pipectl::pipeline::known::{Known, TABLE};

use crate::provoked::PROVOKED;
use crate::stack::Ran;

/// Ids of those explained since the present scenario began.
static SEEN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

impl Ran {
    /// The command explains this known failure: what it means and what to type, beside the server's own words.
    #[track_caller]
    pub fn explains(&self, id: &str) -> &Self {
        let known = entry(id);
        self.says(known.means).says(known.next);
        let said = format!("{}{}", self.stdout, self.stderr);
        assert!(said.lines().any(|line| known.is_told_by(line)), "the words {:?} are not in\n{said}", known.says);
        note(known);
        self
    }

    /// True where [`Self::explains`] would not panic.
    pub fn does_explain(&self, id: &str) -> bool {
        let known = entry(id);
        let said = format!("{}{}", self.stdout, self.stderr);
        said.contains(known.means) && said.contains(known.next) && said.lines().any(|line| known.is_told_by(line))
    }
}

#[track_caller]
fn entry(id: &str) -> &'static Known {
    TABLE.iter().find(|known| known.id == id).unwrap_or_else(|| panic!("src/pipeline/known.rs has no {id}"))
}

fn note(known: &'static Known) {
    SEEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(known.id);
}

/// What tests/support/provoked.rs promises of this scenario and what nobody has seen; forgets what was seen.
pub fn missing(scenario: &str) -> Vec<&'static str> {
    let seen = std::mem::take(&mut *SEEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    let promised = PROVOKED.iter().filter(|(_, by)| *by == scenario).map(|(id, _)| *id);
    promised.filter(|id| !seen.contains(id)).collect()
}
