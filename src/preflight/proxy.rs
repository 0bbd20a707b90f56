//! Do proxy settings stand between a person and the addresses that pipectl prints?
//!
//! pipectl itself speaks to the pipeline's servers directly, whatever the settings say.

use std::net::IpAddr;

use super::{Facts, Finding, Severity, Verdict};

/// Address of everything that the stack publishes.
const LOOPBACK: &str = "127.0.0.1";

pub(super) fn check(facts: &Facts) -> Verdict {
    let Some((variable, address)) = &facts.proxy.set else {
        return Verdict::Good("no proxy is set".to_owned());
    };
    let mut findings = Vec::new();
    if !exempts_loopback(&facts.proxy.exceptions) {
        let wanted = match facts.proxy.exceptions.trim() {
            "" => "localhost,127.0.0.1".to_owned(),
            present => format!("{present},localhost,127.0.0.1"),
        };
        findings.push(Finding::new(
            "proxy",
            Severity::Note,
            format!("{variable} is set and no_proxy does not name {LOOPBACK}: curl asks the proxy for the pipeline's addresses"),
            format!("`export no_proxy={wanted}`"),
        ));
    }
    let pulls = facts.no_engine.is_none() && facts.missing_images > 0 && facts.engine.proxy.is_empty();
    if pulls && !is_local(address) {
        findings.push(Finding::new(
            "proxy",
            Severity::Note,
            format!("{variable} is set here and the engine has no proxy: builds get it, pulls do not"),
            "where registries are behind it, set `proxies` in /etc/docker/daemon.json and restart the engine",
        ));
    }
    Verdict::of(findings, || format!("{variable} is set, and no_proxy names {LOOPBACK}"))
}

/// Understands what curl and most libraries do: names, addresses, networks, and `*`.
fn exempts_loopback(exceptions: &str) -> bool {
    let loopback: IpAddr = [127, 0, 0, 1].into();
    exceptions.split([',', ' ']).map(str::trim).any(|entry| {
        entry == "*"
            || entry == LOOPBACK
            || entry.parse::<ipnet::IpNet>().is_ok_and(|network| network.contains(&loopback))
    })
}

/// A proxy on this machine's loopback address is out of the engine's reach anyway.
fn is_local(address: &str) -> bool {
    address.contains(LOOPBACK) || address.contains("localhost")
}

#[cfg(test)]
mod tests {
    use super::super::facts::Proxy;
    use super::*;

    fn facts(exceptions: &str) -> Facts {
        let set = Some(("https_proxy".to_owned(), "http://proxy:3128".to_owned()));
        Facts { proxy: Proxy { set, exceptions: exceptions.to_owned() }, ..Facts::default() }
    }

    #[test]
    fn loopback_is_exempted_in_many_ways() {
        assert_eq!(check(&Facts::default()), Verdict::Good("no proxy is set".into()));
        for exceptions in ["*", "localhost,127.0.0.1", ".corp, 127.0.0.0/8"] {
            assert!(matches!(check(&facts(exceptions)), Verdict::Good(_)), "{exceptions}");
        }
        for exceptions in ["", "localhost", ".corp,10.0.0.0/8"] {
            assert!(matches!(check(&facts(exceptions)), Verdict::Found(_)), "{exceptions}");
        }
    }

    #[test]
    fn what_was_exempted_stays_so() {
        let Verdict::Found(findings) = check(&facts(".corp")) else { panic!("found") };
        assert_eq!(findings[0].fix, "`export no_proxy=.corp,localhost,127.0.0.1`");
    }

    #[test]
    fn an_engine_without_the_proxy_cannot_pull_through_it() {
        let missing = Facts { missing_images: 1, ..facts("*") };
        assert!(matches!(check(&missing), Verdict::Found(findings) if findings[0].finding.contains("pulls do not")));
        let mut local = missing;
        local.proxy.set = Some(("http_proxy".into(), "http://127.0.0.1:3128".into()));
        assert!(matches!(check(&local), Verdict::Good(_)));
    }
}
