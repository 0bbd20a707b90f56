//! `ports` and `expose`: `[ip:][published:]target[/protocol]` with ranges, or the long form.

use crate::model::error::ModelError;
use crate::model::yaml::{Fields, Node};
use crate::model::{Port, Protocol};

/// One entry of `ports`, which is several ports when it is a range.
pub(crate) fn read(node: &Node, what: &str) -> Result<Vec<Port>, ModelError> {
    match node.scalar() {
        Some(text) => parse(text).map_err(|reason| {
            node.error(format!("{what}: invalid port `{text}`: {reason}"))
                .hint("write [address:][host port:]container port, for example \"127.0.0.1:8083:8083\"")
        }),
        None => long(node, what).map(|port| vec![port]),
    }
}

/// The host port of the short form, where it names one.
pub(crate) fn published(text: &str) -> Option<u16> {
    match parse(text).ok()?.as_slice() {
        [port] => port.published,
        _ => None,
    }
}

/// Parses the short form.
fn parse(text: &str) -> Result<Vec<Port>, String> {
    let (addresses, protocol) = match text.rsplit_once('/') {
        Some((addresses, protocol)) => (addresses, self::protocol(protocol)?),
        None => (text, Protocol::Tcp),
    };
    let (host, target) = addresses.rsplit_once(':').map_or(("", addresses), |(host, target)| (host, target));
    let (host_ip, published) = match host.rsplit_once(':') {
        Some((ip, published)) => (Some(ip.trim_start_matches('[').trim_end_matches(']')), published),
        None => (None, host),
    };
    if let Some(ip) = host_ip {
        ip.parse::<std::net::IpAddr>().map_err(|_| format!("`{ip}` is no IP address"))?;
    }
    let targets = range(target)?;
    let published: Vec<Option<u16>> = if published.is_empty() {
        vec![None; targets.len()]
    } else {
        range(published)?.into_iter().map(Some).collect()
    };
    if published.len() != targets.len() {
        return Err("the ranges differ in length".to_owned());
    }
    let host_ip = host_ip.map(str::to_owned);
    let ports = published.into_iter().zip(targets);
    Ok(ports.map(|(published, target)| Port { host_ip: host_ip.clone(), published, target, protocol }).collect())
}

fn long(node: &Node, what: &str) -> Result<Port, ModelError> {
    let mut fields = Fields::of(node, format!("an item of {what}"))?;
    fields.require("target")?;
    let port = Port {
        host_ip: fields.string("host_ip")?,
        published: fields
            .read("published", |node, what| number(node.loose(what)?).map_err(|why| wrong(node, what, &why)))?,
        target: fields
            .read("target", |node, what| number(node.loose(what)?).map_err(|why| wrong(node, what, &why)))?
            .unwrap_or_default(),
        protocol: fields
            .read("protocol", |node, what| protocol(&node.string(what)?).map_err(|why| wrong(node, what, &why)))?
            .unwrap_or_default(),
    };
    // Meant for people (`name`, `app_protocol`) or for clusters (`mode`).
    for key in ["name", "app_protocol", "mode"] {
        fields.take(key);
    }
    fields.finish()?;
    Ok(port)
}

/// One entry of `expose`.
pub(crate) fn exposed(node: &Node, what: &str) -> Result<String, ModelError> {
    let text = node.loose(what)?;
    let (ports, kind) = text.split_once('/').unwrap_or((text, "tcp"));
    range(ports).and_then(|_| protocol(kind)).map_err(|why| wrong(node, what, &why))?;
    Ok(text.to_owned())
}

fn wrong(node: &Node, what: &str, reason: &str) -> ModelError {
    node.error(format!("{what}: {reason}"))
}

fn protocol(text: &str) -> Result<Protocol, String> {
    match text {
        "tcp" => Ok(Protocol::Tcp),
        "udp" => Ok(Protocol::Udp),
        other => Err(format!("protocol `{other}` is neither tcp nor udp")),
    }
}

/// `8080` or `8080-8083`.
fn range(text: &str) -> Result<Vec<u16>, String> {
    match text.split_once('-') {
        None => number(text).map(|port| vec![port]),
        Some((first, last)) => {
            let (first, last) = (number(first)?, number(last)?);
            if first > last { Err(format!("the range {text} runs backwards")) } else { Ok((first..=last).collect()) }
        }
    }
}

fn number(text: &str) -> Result<u16, String> {
    match text.parse::<u16>() {
        Ok(0) | Err(_) => Err(format!("`{text}` is not between 1 and 65535")),
        Ok(port) => Ok(port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<Vec<String>, String> {
        let show = |port: Port| {
            let published = port.published.map(|port| port.to_string()).unwrap_or_default();
            format!("{}|{published}|{}|{:?}", port.host_ip.unwrap_or_default(), port.target, port.protocol)
        };
        parse(text).map(|ports| ports.into_iter().map(show).collect())
    }

    #[test]
    fn short_forms() {
        assert_eq!(shown("5432").unwrap(), ["||5432|Tcp"]);
        assert_eq!(shown("5433:5432").unwrap(), ["|5433|5432|Tcp"]);
        assert_eq!(shown("127.0.0.1:5433:5432/udp").unwrap(), ["127.0.0.1|5433|5432|Udp"]);
        assert_eq!(shown("127.0.0.1::5432").unwrap(), ["127.0.0.1||5432|Tcp"]);
        assert_eq!(shown("[::1]:80:8080").unwrap(), ["::1|80|8080|Tcp"]);
        assert_eq!(shown("80-81:8080-8081").unwrap(), ["|80|8080|Tcp", "|81|8081|Tcp"]);
    }

    #[test]
    fn mistakes() {
        for text in ["", "0", "70000", "a:80", "80:a", "host:80:80", "80-81:8080", "81-80", "80/sctp"] {
            assert!(shown(text).is_err(), "{text}");
        }
    }
}
