//! Where the source is: a service of the project, or a database elsewhere, and how the connection to that is protected.

use std::io;
use std::path::Path;

use super::super::problems::Problems;
use super::super::{External, Lookup, POSTGRES_PORT};
use super::text::own_text;
use crate::model::yaml::{Fields, Node};
use crate::model::{ModelError, files, interpolate, paths, suggest};
use crate::pipeline::tls::{Authorities, Tls, Unusable};

/// What only goes with `host`, and why a service has no use for it.
const OF_HOST: [(&str, &str); 3] = [
    ("port", "a service of the project is reached at its own port; leave `port` out"),
    ("sslmode", "a service of the project is reached inside of this machine, without TLS; leave `sslmode` out"),
    ("sslrootcert", "a service of the project is reached inside of this machine, without TLS; leave `sslrootcert` out"),
];

/// A service, or a database elsewhere.
pub(super) fn server(
    fields: &mut Fields<'_>,
    lookup: Lookup<'_>,
    problems: &mut Problems,
) -> (String, Option<External>) {
    let (service, host) = (fields.take("service"), fields.take("host"));
    let given = OF_HOST.map(|(key, why)| (key, fields.take(key), why));
    let Some(node) = host else {
        for (key, node, why) in given {
            problems.extend(node.map(|node| node.error(format!("`{key}` of `source` goes with `host`")).hint(why)));
        }
        return (problems.or_default(own_text(fields, "service", lookup)), None);
    };
    if service.is_some() {
        let hint = "service: a database of this project; host: one that is there already. Keep one of them";
        problems.add(node.error("`source` has a `service` and a `host`").hint(hint));
    }
    let host = problems.or_default(own_text(fields, "host", lookup).and_then(|host| from_everywhere(node, host)));
    let port = problems.keep(port(fields, lookup)).unwrap_or(POSTGRES_PORT);
    let tls = tls(fields, lookup, problems);
    (String::new(), Some(External { host, port, tls }))
}

/// The host, where it is the same one for the containers.
fn from_everywhere(node: &Node, host: String) -> Result<String, ModelError> {
    if host != "localhost" && !host.starts_with("127.") && host != "::1" {
        return Ok(host);
    }
    Err(node
        .error(format!("`host` of `source` is {host}, which is another machine to each container"))
        .hint("write the address under which this machine is reached from outside"))
}

fn port(fields: &mut Fields<'_>, lookup: Lookup<'_>) -> Result<u16, ModelError> {
    let Some(node) = fields.take("port") else { return Ok(POSTGRES_PORT) };
    let text = interpolate(node.loose("`port` of `source`")?, lookup)
        .map_err(|error| node.error(error.to_string()).hint(error.hint()))?;
    text.parse().map_err(|_| node.error(format!("`port` of `source` is no port: {text}")))
}

/// `sslmode` and `sslrootcert`, and whether they go together. Where one of them is wrong by itself, nothing is said of that.
fn tls(fields: &mut Fields<'_>, lookup: Lookup<'_>, problems: &mut Problems) -> Tls {
    let (mode, roots) = (fields.take("sslmode"), fields.take("sslrootcert"));
    let name = match mode {
        Some(node) => problems.keep(own_text(fields, "sslmode", lookup).and_then(|name| known(node, &name))),
        None => Some(Tls::default().name()),
    };
    let authorities = roots.and_then(|node| {
        let read = own_text(fields, "sslrootcert", lookup).and_then(|file| authorities(node, &file));
        problems.keep(read)
    });
    match (name, roots, authorities) {
        (Some("verify-ca"), Some(_), Some(authorities)) => return Tls::VerifyCa(authorities),
        (Some("verify-full"), Some(_), Some(authorities)) => return Tls::VerifyFull(authorities),
        (Some(name @ ("verify-ca" | "verify-full")), None, _) => problems.extend(mode.map(|node| {
            node.error(format!("`sslmode: {name}` of `source` needs `sslrootcert`")).hint(
                "the file with the certificates that the server's has to come from, in PEM; providers offer theirs for download, and \
                 /etc/ssl/certs/ca-certificates.crt has those that browsers trust",
            )
        })),
        (Some(name @ ("disable" | "prefer" | "require")), Some(node), _) => problems.add(
            node.error(format!("`sslrootcert` of `source` has no part in `sslmode: {name}`"))
                .hint("write `sslmode: verify-full`, or `verify-ca` where the certificate is for another name"),
        ),
        (Some("disable"), None, _) => return Tls::Disable,
        (Some("require"), None, _) => return Tls::Require,
        _ => {}
    }
    Tls::default()
}

fn known(node: &Node, name: &str) -> Result<&'static str, ModelError> {
    let found = Tls::MODES.into_iter().find(|mode| *mode == name);
    found.ok_or_else(|| {
        node.error(format!("`sslmode` of `source` is no mode of TLS: `{name}`"))
            .maybe_hint(suggest::hint(name, Tls::MODES))
    })
}

/// The certificates in a file that is named relative to pipeline.yml.
fn authorities(node: &Node, name: &str) -> Result<Authorities, ModelError> {
    let path = paths::resolve(&node.mark.source.base, name);
    if !path.is_file() {
        return Err(node.error(format!("no such file: {name}")).hint("the path is relative to this file's directory"));
    }
    let text = match files::read(&path) {
        Ok(text) => text,
        // Not even text: most likely the same certificate in DER.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(unusable(node, name, &Unusable::NoCertificate));
        }
        Err(error) => return Err(node.error(format!("{name} cannot be read: {}", paths::reason(&error)))),
    };
    let authorities = Authorities::read(name, text).map_err(|error| unusable(node, name, &error))?;
    if is_for_few(&path) {
        return Err(node
            .error(format!("{name} can be read by its owner only, and the connector runs as another user"))
            .hint(format!("`chmod a+r {name}`: a certificate is no secret")));
    }
    Ok(authorities)
}

fn unusable(node: &Node, name: &str, error: &Unusable) -> ModelError {
    let hint = match error {
        Unusable::NoCertificate => {
            "it begins with -----BEGIN CERTIFICATE-----; `openssl x509 -inform der -in FILE -out FILE.pem` makes one of DER"
        }
        Unusable::Broken { .. } => "`openssl x509 -text -noout -in FILE` shows what it holds",
        Unusable::HasKey => "keep the key where it is used, and name a file with the certificate alone",
    };
    node.error(format!("{name} {error}")).hint(hint)
}

/// True for a file that others than its owner and its group may not read.
#[cfg(unix)]
fn is_for_few(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o004 == 0)
}

#[cfg(not(unix))]
fn is_for_few(_: &Path) -> bool {
    false
}
