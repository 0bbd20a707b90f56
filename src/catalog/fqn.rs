//! Names as the catalog takes them: how long they may be, and what they may not hold.

use super::error::{CatalogError, Result};

pub use crate::fqn::{child, parts, quote};

/// Most characters of a name (`entityName` in the published schemas).
const MOST_NAME: usize = 256;

/// Most characters of a fully qualified name (`fullyQualifiedEntityName` in the published schemas).
const MOST_FQN: usize = 3072;

/// Refuses a name that no entity can have.
pub fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(CatalogError::bad("name must not be empty"));
    }
    if name.chars().count() > MOST_NAME {
        return Err(CatalogError::bad(format!("name has more than {MOST_NAME} characters: {}..", &head(name))));
    }
    if name.contains("::") {
        return Err(CatalogError::bad(format!("name `{name}` contains `::`; write it as `__reserved__colon__`")));
    }
    check_quotes(name)
}

/// Refuses a quote inside a name: it would make the fully qualified name ambiguous. Clients of OpenMetadata encode it.
pub fn check_quotes(name: &str) -> Result<()> {
    if name.contains('"') {
        return Err(CatalogError::bad(format!("name `{name}` contains `\"`; write it as `__reserved__quote__`")));
    }
    Ok(())
}

/// Refuses a fully qualified name that is too long to be one.
pub fn check_length(fqn: &str) -> Result<()> {
    if fqn.chars().count() > MOST_FQN {
        return Err(CatalogError::bad(format!("name has more than {MOST_FQN} characters: {}..", head(fqn))));
    }
    Ok(())
}

fn head(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_nothing_can_have_are_refused() {
        for (name, part) in
            [("", "empty"), (" ", "empty"), ("a::b", "__reserved__colon__"), ("a\"b", "__reserved__quote__")]
        {
            let error = check_name(name).expect_err(name);
            assert_eq!(error.status, 400);
            assert!(error.message.contains(part), "{error}");
        }
        assert!(check_name(&"é".repeat(256)).is_ok());
        assert!(check_name(&"é".repeat(257)).is_err());
        assert!(check_length(&"a".repeat(3073)).is_err());
    }
}
