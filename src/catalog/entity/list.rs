//! Lists: filtered by what is above, in the order of names, a page at a time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::error::{CatalogError, Result};
use super::super::fqn;
use super::super::kinds::Kind;
use super::super::store::{Id, View};

/// Whether deleted entities are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Include {
    /// Only what is not deleted.
    #[default]
    NonDeleted,
    /// Only what is.
    Deleted,
    /// Both.
    All,
}

impl Include {
    /// Reads the parameter `include`.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "non-deleted" => Ok(Self::NonDeleted),
            "deleted" => Ok(Self::Deleted),
            "all" => Ok(Self::All),
            other => {
                Err(CatalogError::bad(format!("query param include: `{other}` is none of non-deleted, deleted, all")))
            }
        }
    }

    /// True for an entity that is meant.
    pub fn takes(self, deleted: bool) -> bool {
        match self {
            Self::NonDeleted => !deleted,
            Self::Deleted => deleted,
            Self::All => true,
        }
    }
}

/// What is asked for.
#[derive(Debug, Default)]
pub struct Query {
    /// Names of what the entities stand below; all must hold.
    pub below: Vec<String>,
    /// Deleted ones or not.
    pub include: Include,
    /// Most entities of the page.
    pub limit: usize,
    /// Cursor: what comes after it.
    pub after: Option<String>,
    /// Cursor: what comes before it.
    pub before: Option<String>,
}

/// A page: ids rather than entities, so that a long one is written without holding it in memory.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// Entities in order.
    pub ids: Vec<Id>,
    /// Cursor of the page before, where there is one.
    pub before: Option<String>,
    /// Cursor of the next page, where there is one.
    pub after: Option<String>,
    /// Entities on all pages.
    pub total: usize,
}

/// The page that a query asks for.
pub fn page(view: &impl View, kind: &Kind, query: &Query) -> Result<Page> {
    if query.after.is_some() && query.before.is_some() {
        return Err(CatalogError::bad("Only one of before or after query parameter allowed"));
    }
    // Names are sorted, so what stands below something is one range; the longest name is the narrowest range.
    let prefix = query.below.iter().max_by_key(|name| name.len()).map_or_else(String::new, |name| format!("{name}."));
    let mut names = view.names(kind, &prefix)?;
    names.retain(|(name, slot)| {
        query.include.takes(slot.deleted) && query.below.iter().all(|above| name.starts_with(&format!("{above}.")))
    });
    let total = names.len();
    let position = |name: &str| names.partition_point(|(known, _)| known.as_str() < name);
    let (start, end) = match (&query.after, &query.before) {
        (Some(cursor), _) => {
            let name = decode(cursor)?;
            let start = names.partition_point(|(known, _)| known.as_str() <= name.as_str());
            (start, (start + query.limit).min(total))
        }
        (None, Some(cursor)) => {
            let end = position(&decode(cursor)?);
            (end.saturating_sub(query.limit), end)
        }
        (None, None) => (0, query.limit.min(total)),
    };
    let slice = &names[start..end];
    Ok(Page {
        ids: slice.iter().map(|(_, slot)| slot.id).collect(),
        before: slice.first().filter(|_| start > 0).map(|(name, _)| encode(name)),
        after: slice.last().filter(|_| end < total).map(|(name, _)| encode(name)),
        total,
    })
}

/// Names under which a filter may know something: a service is given by its bare name.
pub fn filter_name(view: &impl View, kind: &Kind, given: &str) -> Result<String> {
    match view.slot(kind, given)? {
        Some(_) => Ok(given.to_owned()),
        None => Ok(fqn::quote(given)),
    }
}

fn encode(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(name)
}

fn decode(cursor: &str) -> Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor.trim_end_matches('=')).ok();
    let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| CatalogError::bad(format!("`{cursor}` is no cursor of this catalog; take it from `paging`")))
}
