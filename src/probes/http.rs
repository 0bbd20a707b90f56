//! HTTP: a GET whose status and body must be as expected.

use super::{Arguments, BadArgument, WHOLE};
use crate::engine::work::Probed;
use crate::pipeline::clients::{first_words, no_proxy_client, transport_reason};

/// What the answer must be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expectation {
    path: String,
    status: u16,
    contains: Vec<String>,
    lacks: Vec<String>,
}

impl Expectation {
    pub(super) fn from_arguments(arguments: &Arguments<'_>) -> Result<Self, BadArgument> {
        let path = arguments.word("path")?.unwrap_or("/");
        if !path.starts_with('/') {
            return Err(BadArgument(format!("`path` must begin with a slash, not `{path}`")));
        }
        let status = match arguments.0.get("status") {
            None => 200,
            Some(value) => value
                .as_u64()
                .or_else(|| value.as_str()?.parse().ok())
                .and_then(|number| u16::try_from(number).ok())
                .ok_or_else(|| BadArgument(format!("`status` must be an HTTP status, not {value}")))?,
        };
        let (contains, lacks) = (arguments.texts("contains")?, arguments.texts("lacks")?);
        Ok(Self { path: path.to_owned(), status, contains, lacks })
    }

    pub(super) async fn poll(&self, address: &str) -> Probed {
        let answer = async {
            let response = no_proxy_client().get(format!("http://{address}{}", self.path)).send().await?;
            let status = response.status().as_u16();
            Ok::<_, reqwest::Error>((status, response.text().await?))
        };
        match answer.await {
            Ok((status, body)) => self.judge(status, &body),
            Err(error) => Probed::NotYet(transport_reason(&error)),
        }
    }

    fn judge(&self, status: u16, body: &str) -> Probed {
        if status != self.status {
            let said = format!("{status}: {}", told(body));
            return if is_busy(body) { Probed::Busy(said) } else { Probed::NotYet(said) };
        }
        if let Some(missing) = self.contains.iter().find(|text| !body.contains(text.as_str())) {
            return Probed::NotYet(instead_of(missing, body));
        }
        match self.lacks.iter().find(|text| body.contains(text.as_str())) {
            Some(present) => Probed::NotYet(first_words(present, 80)),
            None => Probed::Ready(format!("{} answers {status}", self.path)),
        }
    }
}

/// A server that is not ready can say that it is at work: `"busy": true`.
fn is_busy(body: &str) -> bool {
    serde_json::from_str(body).is_ok_and(|json: serde_json::Value| json["busy"] == true)
}

/// What a body says about itself: the usual fields of a JSON document, else its first words. A field is told as a whole: what is known of
/// it may stand at its end, and whoever shows it cuts it.
fn told(body: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let fields = ["detail", "message", "error", "state", "status"];
    let said = fields.iter().find_map(|field| json.get(field)?.as_str().filter(|text| !text.is_empty()));
    said.map_or_else(|| first_words(body, 80), |said| first_words(said, WHOLE))
}

/// When a `"name" : value` is missing, the line with that name tells what is there instead.
fn instead_of(missing: &str, body: &str) -> String {
    let name = missing.strip_prefix('"').and_then(|rest| rest.find('"')).map(|end| &missing[..end + 2]);
    let line = name.and_then(|name| body.lines().find(|line| line.contains(name)));
    match line {
        Some(line) if line.len() < 120 => first_words(line.trim().trim_end_matches(','), 80),
        _ => format!("no {} in the answer", first_words(missing, 60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expecting(contains: &[&str]) -> Expectation {
        let contains = contains.iter().map(|&text| text.to_owned()).collect();
        Expectation { path: "/jmx".into(), status: 200, contains, lacks: Vec::new() }
    }

    #[test]
    fn all_texts_must_be_there() {
        let body = "{\n  \"FSState\" : \"safeMode\",\n  \"NumLiveDataNodes\" : 1,\n}";
        let ready = expecting(&["\"NumLiveDataNodes\" : 1"]).judge(200, body);
        assert_eq!(ready, Probed::Ready("/jmx answers 200".into()));
        let waits = expecting(&["\"NumLiveDataNodes\" : 1", "\"FSState\" : \"Operational\""]).judge(200, body);
        assert_eq!(waits, Probed::NotYet("\"FSState\" : \"safeMode\"".into()));
        let waits = expecting(&["leader"]).judge(200, body);
        assert_eq!(waits, Probed::NotYet("no leader in the answer".into()));
    }

    #[test]
    fn texts_that_must_not_be_there_are_told() {
        let operational = Expectation { lacks: vec!["\"NumLiveDataNodes\" : 0".into()], ..expecting(&["Operational"]) };
        let waits = operational.judge(200, "{\n  \"FSState\" : \"Operational\",\n  \"NumLiveDataNodes\" : 0,\n}");
        assert_eq!(waits, Probed::NotYet("\"NumLiveDataNodes\" : 0".into()));
        let ready = operational.judge(200, "{\n  \"FSState\" : \"Operational\",\n  \"NumLiveDataNodes\" : 10,\n}");
        assert_eq!(ready, Probed::Ready("/jmx answers 200".into()));
    }

    #[test]
    fn another_status_is_told_with_the_servers_words() {
        let waits = expecting(&[]).judge(503, r#"{"status":"starting","detail":"executor not registered"}"#);
        assert_eq!(waits, Probed::NotYet("503: executor not registered".into()));
        let waits = expecting(&[]).judge(503, r#"{"state":"starting","detail":""}"#);
        assert_eq!(waits, Probed::NotYet("503: starting".into()));
        let long = format!("{} could only be written to 0 of the 1 minReplication nodes", "part".repeat(50));
        let waits = expecting(&[]).judge(503, &format!(r#"{{"detail":"{long}"}}"#));
        assert_eq!(waits, Probed::NotYet(format!("503: {long}")));
        let works = expecting(&[]).judge(503, r#"{"state":"starting","detail":"orders is built anew","busy":true}"#);
        assert_eq!(works, Probed::Busy("503: orders is built anew".into()));
        let waits = expecting(&[]).judge(404, "<html>\n<b>no</b></html>");
        assert_eq!(waits, Probed::NotYet("404: <html> <b>no</b></html>".into()));
    }
}
