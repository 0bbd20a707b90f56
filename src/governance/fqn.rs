//! Names for a catalog from the names that things have elsewhere. The words for characters that a name cannot hold are
//! those of `OpenMetadata`'s own clients.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

pub use crate::fqn::parts;
use crate::fqn::{child, quote};

/// Characters that no name may hold, and what stands for them.
const RESERVED: [(&str, &str); 3] =
    [("\"", "__reserved__quote__"), ("::", "__reserved__colon__"), (">", "__reserved__arrow__")];

/// The name under which a thing called `raw` is kept.
pub fn entity_name(raw: &str) -> String {
    RESERVED.iter().fold(raw.to_owned(), |name, (sign, word)| name.replace(sign, word))
}

/// Joins the names of an entity and everything it lies in, outermost first.
pub fn join<S: AsRef<str>>(parts: impl IntoIterator<Item = S>) -> String {
    parts.into_iter().map(|part| quote(&entity_name(part.as_ref()))).collect::<Vec<_>>().join(".")
}

/// An entity inside of one that is already fully qualified.
pub fn below(parent: &str, name: &str) -> String {
    child(parent, &entity_name(name))
}

/// A name as one segment of a URL's path.
pub fn path_segment(fqn: &str) -> String {
    // Everything but letters and digits: servers differ in what else they leave alone.
    utf8_percent_encode(fqn, NON_ALPHANUMERIC).to_string().replace("%2E", ".").replace("%5F", "_").replace("%2D", "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_dots_are_quoted() {
        assert_eq!(join(["kafka_messaging", "jadc2.public.orders"]), r#"kafka_messaging."jadc2.public.orders""#);
        assert_eq!(join(["pg", "Mixed Case", "t"]), "pg.Mixed Case.t");
        assert_eq!(below("pg.ops", "odd.table"), r#"pg.ops."odd.table""#);
    }

    #[test]
    fn characters_that_no_name_may_hold_have_words() {
        assert_eq!(entity_name(r#"we"ird::x>y"#), "we__reserved__quote__ird__reserved__colon__x__reserved__arrow__y");
        assert_eq!(join(["pg", r#"a".b"#]), r#"pg."a__reserved__quote__.b""#);
    }

    #[test]
    fn a_joined_name_splits_into_its_parts() {
        for names in [vec!["a"], vec!["kafka", "x.y.z", "c"], vec!["", "b"], vec!["hdfs", "/data/delta/orders"]] {
            assert_eq!(parts(&join(&names)), names);
        }
    }

    #[test]
    fn in_a_path_quotes_and_slashes_are_encoded() {
        assert_eq!(path_segment(r#"kafka_messaging."a.b""#), "kafka_messaging.%22a.b%22");
        assert_eq!(path_segment("hdfs./data/x y"), "hdfs.%2Fdata%2Fx%20y");
    }
}
