//! Passwords in connections: the catalog reads no data source, so it keeps none of them.

use serde_json::{Map, Value};

/// What stands in place of a secret.
pub const MASK: &str = "*********";

/// Parts of keys whose texts are secrets.
const SECRET: [&str; 6] = ["password", "secret", "token", "privatekey", "apikey", "passphrase"];

/// Masks every secret below `connection`.
pub fn mask(document: &mut Map<String, Value>) {
    if let Some(connection) = document.get_mut("connection") {
        mask_value(connection);
    }
}

fn mask_value(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                let key = key.to_lowercase().replace(['_', '-', '.'], "");
                match value {
                    Value::String(text) if SECRET.iter().any(|part| key.contains(part)) => MASK.clone_into(text),
                    Value::String(text) => mask_address(text),
                    other => mask_value(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask_value),
        _ => {}
    }
}

/// Masks the password in `postgresql://user:password@host/`.
fn mask_address(text: &mut String) {
    let masked = text.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find('/').unwrap_or(rest.len());
        let (login, host) = rest[..end].rsplit_once('@')?;
        let (user, _) = login.split_once(':')?;
        Some(format!("{scheme}://{user}:{MASK}@{host}{}", &rest[end..]))
    });
    if let Some(masked) = masked {
        *text = masked;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_secret_of_a_connection_is_kept() {
        let Value::Object(mut document) = json!({"name": "my password", "connection": {"config": {
            "username": "admin", "authType": {"password": "p1"}, "hostPort": "db:5432",
            "consumerConfig": {"sasl.password": "p2", "list": [{"client_secret": "p3"}]},
            "awsConfig": {"awsSecretAccessKey": "p4", "awsSessionToken": "p5"}, "port": 1,
            "url": "postgresql://u:p6@host:1/db?x=1",
        }}}) else {
            panic!("an object")
        };
        mask(&mut document);
        let text = Value::Object(document).to_string();
        for secret in ["p1", "p2", "p3", "p4", "p5", "p6"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        for kept in ["my password", "admin", "db:5432", "postgresql://u:*********@host:1/db?x=1"] {
            assert!(text.contains(kept), "no {kept} in {text}");
        }
    }
}
