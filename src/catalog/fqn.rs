//! Fully qualified names: parts joined by dots, a part that contains a dot in double quotes.

use super::error::{CatalogError, Result};

/// Most characters of a name (`entityName` in the published schemas).
const MOST_NAME: usize = 256;

/// Most characters of a fully qualified name (`fullyQualifiedEntityName` in the published schemas).
const MOST_FQN: usize = 3072;

/// One part as it stands in a fully qualified name.
pub fn quote(name: &str) -> String {
    if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() }
}

/// The name of something below `parent`.
pub fn child(parent: &str, name: &str) -> String {
    format!("{parent}.{}", quote(name))
}

/// The parts without their quotes: `k."a.b".c` has `k`, `a.b` and `c`.
pub fn parts(fqn: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for character in fqn.chars() {
        match character {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            other => parts.last_mut().into_iter().for_each(|part| part.push(other)),
        }
    }
    parts
}

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
    fn parts_are_the_inverse_of_joining() {
        for names in [&["kafka", "jadc2.public.orders", "order id"][..], &["a"], &["x.y", "z"], &["/data/delta", "c"]] {
            let mut fqn = quote(names[0]);
            for name in &names[1..] {
                fqn = child(&fqn, name);
            }
            assert_eq!(parts(&fqn), names, "{fqn}");
        }
        assert_eq!(child("kafka", "a.b"), "kafka.\"a.b\"");
        assert_eq!(child("pg", "Mixed Case"), "pg.Mixed Case", "only dots are quoted");
    }

    proptest::proptest! {
        #[test]
        fn any_allowed_names_come_back(names in proptest::collection::vec("[^\"]{1,12}", 1..5)) {
            let fqn = names[1..].iter().fold(quote(&names[0]), |parent, name| child(&parent, name));
            proptest::prop_assert_eq!(parts(&fqn), names);
        }
    }

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
