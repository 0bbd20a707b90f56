//! Fully qualified names: parts joined by dots, a part that contains a dot in double quotes.
//!
//! `kafka_messaging."jadc2.public.orders"` is topic `jadc2.public.orders` of service `kafka_messaging`. The rule is that of
//! OpenMetadata and its clients. It knows no escape: a name with a quote in it must not get here, and what becomes of one
//! (refused by a server, replaced by a client) is for each side to say.

/// One part as it stands in a fully qualified name.
pub fn quote(name: &str) -> String {
    if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() }
}

/// The name of something below `parent`, which is fully qualified already.
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
}
