//! The conversation recorded with a real server of version 1.2, put to this catalog: same statuses, same shapes, except where the
//! versions differ. Every exception has its reason here. `openmetadata-1.2.json` holds a pair of request and answer a line.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::site::Site;

/// Requests that are not put, or answered differently, and why.
const EXCEPTIONS: [(&str, &str); 20] = [
    ("auth config", "about the login page of the web interface, which this catalog does not have"),
    ("authorizer config", "the same"),
    ("put service debezium_cdc (KafkaConnect)", "1.2 does not know the type, 2.0 does"),
    ("put service spark_jobs", "1.2 does not know the type, 2.0 does"),
    (
        "put service delta_lake (DeltaLake)",
        "1.2 knows other keys of the connection; this catalog leaves them to the client",
    ),
    ("put lineage postgres_source->topic", "1.2 has column lineage between tables only"),
    ("put lineage delta_lake->postgres_dest", "1.2 refuses a column that is not there, 2.0 drops the mapping"),
    ("lineage by id", "the two edges above were refused there, so the graph has fewer"),
    ("lineage by name", "the same"),
    ("lineage depth 5", "1.2 follows 3 edges, this catalog 10"),
    ("search", "the recording had no search engine"),
    ("list tables page 2", "1.2 pages by name, which is not unique, and fails"),
    ("paged list, next", "the same"),
    ("paged list", "the recording's pages are in the order of names, ours of fully qualified names"),
    ("bulk tables", "1.2 has no bulk requests"),
    ("openlineage", "1.2 has no OpenLineage; here the empty event is a 400"),
    ("new bot token after that", "1.2 refuses the token that it has just given out"),
    ("system health guess", "an unknown route is a 404 here, a 500 that says 404 there"),
    ("unknown route", "the same"),
    ("list services", "other services exist, as two more types are known"),
];

/// Keys of answers that this catalog does not have, and why.
const ABSENT: [(&str, &str); 9] = [
    ("changeDescription", "no history of versions is kept"),
    ("followers", "nobody follows anything here"),
    ("votes", "nor votes"),
    ("dataProducts", "there are no data products"),
    ("personas", "there is no web interface to have personas for"),
    ("connection", "defaults of a connection are not filled in, as its keys differ with every product"),
    ("displayName", "follows from the order of a list"),
    ("classification.description", "references carry names only"),
    ("responseMessage", "errors have a `message`"),
];

#[tokio::test]
async fn the_recorded_conversation_is_answered_the_same() {
    let recorded: Vec<Value> = serde_json::from_str(include_str!("openmetadata-1.2.json")).expect("JSON");
    let site = Site::local().await;
    let bot = site.as_bot().await;
    let (mut ids, mut used, mut findings, mut compared) = (BTreeMap::new(), BTreeSet::new(), Vec::new(), 0);
    for pair in &recorded {
        let (name, request, response) = (label(pair), &pair["request"], &pair["response"]);
        let exception = EXCEPTIONS.iter().find(|(known, _)| *known == name);
        used.extend(exception.map(|(known, _)| *known));
        // What a later request builds on is put all the same.
        if exception.is_some() && !name.starts_with("put lineage") {
            continue;
        }
        let path = renamed(request["path"].as_str().expect("a path"), &ids);
        let path = path.strip_prefix("/api/v1").expect("an interface path").to_owned();
        let body = (!request["body"].is_null()).then(|| renamed(&request["body"].to_string(), &ids).into_bytes());
        let is_about_tokens = path.starts_with("/users/") || path.starts_with("/bots");
        let who = match (request["authorization"].is_null(), name.as_str()) {
            (true, _) => site.as_nobody(),
            (_, "bad token") => site.with_token("x"),
            (_, "bot token works" | "old bot token after that") => bot.with_token(&site.bot_token().await),
            // A PUT of the recording's admin clears what a PUT of a bot keeps.
            _ if is_about_tokens || name.ends_with('?') => site.with_token(&admin_token(&site).await),
            _ => site.with_token(&site.bot_token().await),
        };
        let answer = who.raw(request["method"].as_str().expect("a method"), &path, body).await;
        learn(&response["body"], &answer.body, &mut ids);
        if exception.is_some() {
            continue;
        }
        compared += 1;
        if response["status"] != answer.status {
            findings.push(format!("{name}: {} there, {} here: {}", response["status"], answer.status, answer.body));
            continue;
        }
        missing(&response["body"], &answer.body, &name, &mut findings);
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    let unused: Vec<_> = EXCEPTIONS.iter().filter(|(name, _)| !used.contains(name)).collect();
    assert!(unused.is_empty(), "exceptions that stand for nothing: {unused:?}");
    assert!(compared >= 65, "only {compared} pairs were compared");
}

async fn admin_token(site: &Site) -> String {
    site.log_in("admin").await.expect(200)["accessToken"].as_str().expect("a token").to_owned()
}

/// The name of a pair; two services were first tried with a type that 1.2 does not know.
fn label(pair: &Value) -> String {
    let name = pair["name"].as_str().expect("a name");
    match pair["request"]["body"]["serviceType"].as_str() {
        Some(kind @ ("KafkaConnect" | "DeltaLake")) => format!("{name} ({kind})"),
        _ => name.to_owned(),
    }
}

fn renamed(text: &str, ids: &BTreeMap<String, String>) -> String {
    ids.iter().fold(text.to_owned(), |text, (there, here)| text.replace(there, here))
}

/// Notes which id here stands for which there.
fn learn(there: &Value, here: &Value, ids: &mut BTreeMap<String, String>) {
    match (there, here) {
        (Value::Object(there), Value::Object(here)) => {
            if let (Some(Value::String(there)), Some(Value::String(here))) = (there.get("id"), here.get("id")) {
                ids.insert(there.clone(), here.clone());
            }
            for (key, there) in there {
                if let Some(here) = here.get(key) {
                    learn(there, here, ids);
                }
            }
        }
        (Value::Array(there), Value::Array(here)) => {
            there.iter().zip(here).for_each(|(there, here)| learn(there, here, ids));
        }
        _ => {}
    }
}

/// Notes what the recorded answer has and ours has not.
fn missing(there: &Value, here: &Value, at: &str, findings: &mut Vec<String>) {
    let same_type = match (there, here) {
        (Value::Object(there), Value::Object(here)) => {
            for (key, there) in there {
                let place = format!("{at}.{key}");
                if ABSENT.iter().any(|(absent, _)| key == absent || place.ends_with(&format!(".{absent}"))) {
                    continue;
                }
                match here.get(key) {
                    Some(here) => missing(there, here, &place, findings),
                    None => findings.push(format!("{place} is missing")),
                }
            }
            true
        }
        (Value::Array(there), Value::Array(here)) => {
            if there.len() != here.len() {
                findings.push(format!("{at}: {} there, {} here", there.len(), here.len()));
            }
            there.iter().zip(here).for_each(|(there, here)| missing(there, here, &format!("{at}[]"), findings));
            true
        }
        (there, here) => std::mem::discriminant(there) == std::mem::discriminant(here),
    };
    if !same_type {
        findings.push(format!("{at}: {there} there, {here} here"));
    }
}
