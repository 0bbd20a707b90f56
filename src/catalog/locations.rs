//! Where data is: paths by which OpenLineage events name tables and containers.

use super::store::{Entity, Id};

/// A place: the authority (`namenode:9000`, empty where none is told) and the path without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Host and port.
    pub authority: String,
    /// `/data/delta/orders`
    pub path: String,
}

impl Place {
    /// Reads `hdfs://namenode:9000/data/delta/orders` or `/data/delta/orders`; nothing else is a place.
    pub fn parse(text: &str) -> Option<Self> {
        let (authority, path) = match text.split_once("://") {
            Some((_, rest)) => {
                let (authority, path) = rest.split_once('/')?;
                (authority.to_owned(), format!("/{path}"))
            }
            // `hdfs:/path` and `file:/path` name no authority.
            None => {
                (String::new(), text.split_once(":/").map_or_else(|| text.to_owned(), |(_, path)| format!("/{path}")))
            }
        };
        let path = path.trim_end_matches('/');
        (path.len() > 1 && path.starts_with('/')).then(|| Self { authority, path: path.to_owned() })
    }

    /// True unless both name an authority and not the same one.
    pub fn agrees(&self, other: &Self) -> bool {
        self.path == other.path
            && (self.authority.is_empty() || other.authority.is_empty() || self.authority == other.authority)
    }
}

/// The places that an entity tells of.
pub fn places(entity: &Entity) -> impl Iterator<Item = Place> + '_ {
    entity.kind.locations.iter().filter_map(|field| Place::parse(entity.text(field)))
}

/// Paths by which an entity is found, each once.
pub fn of(entity: &Entity) -> Vec<String> {
    let mut paths: Vec<String> = places(entity).map(|place| place.path).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// Key of an entity in the index of locations.
pub fn key(path: &str, id: Id) -> Vec<u8> {
    [path.as_bytes(), b"\0", id.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_from_uris_and_paths() {
        let read = |text| Place::parse(text).map(|place| (place.authority, place.path));
        let place = |authority: &str, path: &str| Some((authority.to_owned(), path.to_owned()));
        assert_eq!(read("hdfs://namenode:9000/data/delta/orders/"), place("namenode:9000", "/data/delta/orders"));
        assert_eq!(read("/data/delta/orders"), place("", "/data/delta/orders"));
        assert_eq!(read("hdfs:/data"), place("", "/data"));
        for nothing in ["orders", "", "/", "hdfs://namenode:9000"] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn an_authority_counts_only_where_both_name_one() {
        let place = |text| Place::parse(text).expect("a place");
        assert!(place("hdfs://a:9000/x").agrees(&place("/x")));
        assert!(place("hdfs://a:9000/x").agrees(&place("hdfs://a:9000/x/")));
        assert!(!place("hdfs://a:9000/x").agrees(&place("hdfs://b:9000/x")));
        assert!(!place("/x").agrees(&place("/y")));
    }
}
