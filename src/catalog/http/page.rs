//! The page at `/` and what it draws. Read-only and without a token: the port is for this machine, and nothing secret is in it.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::super::error::{CatalogError, Result};
use super::super::graph;
use super::{Shared, answer};

const HTML: &str = include_str!("../page/index.html");
const STYLE: &str = include_str!("../page/style.css");
const LAYOUT: &str = include_str!("../page/layout.js");
const SCRIPT: &str = include_str!("../page/page.js");

/// The page runs its own two scripts, asks this server, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(|| async { file("text/html; charset=utf-8", HTML) }))
        .route("/page/style.css", get(|| async { file("text/css; charset=utf-8", STYLE) }))
        .route("/page/layout.js", get(|| async { file("text/javascript; charset=utf-8", LAYOUT) }))
        .route("/page/page.js", get(|| async { file("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/page/graph.json", get(graph))
}

fn file(content: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, text).into_response()
}

async fn graph(State(app): State<Shared>, headers: HeaderMap) -> Result<Response> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_local_name(host) {
        return Err(CatalogError::forbidden(format!(
            "the page is not served under the name `{host}`; use the address or `localhost`"
        )));
    }
    Ok(answer::text(StatusCode::OK, app.read(|_, view| graph::json_text(view)).await?))
}

/// True for an address or a name without a dot. A web site elsewhere can make its own name lead here and have a browser
/// read what needs no token (DNS rebinding); it cannot make such a name lead here.
fn is_local_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => return rest.split(']').next().is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok()),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    !name.is_empty() && (!name.contains('.') || name.parse::<std::net::Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_and_its_networks_are_local() {
        for host in ["localhost:8585", "localhost", "127.0.0.1:8585", "catalog:8585", "[::1]:8585", "10.0.0.7"] {
            assert!(is_local_name(host), "{host}");
        }
        for host in ["evil.example:8585", "evil.example", "", "[evil]", "127.0.0.1.evil.example:8585"] {
            assert!(!is_local_name(host), "{host}");
        }
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere() {
        for text in [HTML, STYLE, LAYOUT, SCRIPT] {
            for line in text.lines().filter(|line| line.contains("://")) {
                assert!(line.contains("http://www.w3.org/2000/svg"), "{line}");
            }
        }
    }
}
