//! A catalog to talk to: one in this process, or the real server that the environment names.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use pipectl::catalog::{Options, Server};
use serde_json::{Value, json};

use crate::schemas;

/// A server and a logged-in admin.
pub struct Site {
    pub base: String,
    token: String,
    http: reqwest::Client,
    /// Only of a server in this process.
    local: Option<Local>,
    /// Makes names unique on a server that others use.
    suffix: String,
}

struct Local {
    data: tempfile::TempDir,
    _stop: tokio::sync::oneshot::Sender<()>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Null where there was none.
    pub body: Value,
    what: String,
}

impl Answer {
    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.what, self.body);
        self.body
    }

    /// The message of a refusal with this status.
    #[track_caller]
    pub fn refused(self, status: u16) -> String {
        let body = self.expect(status);
        assert_eq!(body["code"], status, "{body}");
        body["message"].as_str().expect("a message").to_owned()
    }
}

impl Site {
    /// The server that the environment names, or a new one.
    pub async fn new() -> Self {
        match std::env::var("PIPECTL_TEST_OM_URL") {
            Ok(url) => Self::at(url.trim_end_matches('/').to_owned(), None).await,
            Err(_) => Self::local().await,
        }
    }

    /// A new one in this process, for what only we promise.
    pub async fn local() -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let listen = "127.0.0.1:0".parse().expect("an address");
        let options = Options { listen, data: data.path().to_owned(), password: "admin".to_owned() };
        let server = Server::bind(options).await.expect("starts");
        let base = format!("http://{}", server.address());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        tokio::spawn(server.run(async {
            // Both ends the server: a signal, and the test that is over.
            let _ = stopped.await;
        }));
        Self::at(base, Some(Local { data, _stop: stop })).await
    }

    /// A server that is there.
    pub async fn at_address(base: &str) -> Self {
        Self::at(base.to_owned(), None).await
    }

    async fn at(base: String, local: Option<Local>) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().expect("a client");
        let suffix = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();
        let mut site = Self { base, token: String::new(), http, local, suffix };
        let password = std::env::var("PIPECTL_TEST_OM_PASSWORD").unwrap_or_else(|_| "admin".to_owned());
        let login = site.log_in(&password).await.expect(200);
        text(&login, "accessToken").clone_into(&mut site.token);
        site
    }

    pub async fn log_in(&self, password: &str) -> Answer {
        let password = base64::engine::general_purpose::STANDARD.encode(password);
        let body = json!({"email": "admin@open-metadata.org", "password": password});
        self.as_nobody().send("POST", "/users/login", Some(&body)).await
    }

    /// Directory of a server in this process.
    pub fn data(&self) -> &Path {
        self.local.as_ref().expect("a server in this process").data.path()
    }

    /// A name that nobody else uses.
    pub fn name(&self, stem: &str) -> String {
        format!("{stem}_{}", self.suffix)
    }

    /// The same server without a token.
    pub fn as_nobody(&self) -> Self {
        self.with_token("")
    }

    /// The same server for somebody else.
    pub fn with_token(&self, token: &str) -> Self {
        let (base, suffix) = (self.base.clone(), self.suffix.clone());
        Self { base, token: token.to_owned(), http: self.http.clone(), local: None, suffix }
    }

    /// The same server for the ingestion bot.
    pub async fn as_bot(&self) -> Self {
        self.with_token(&self.bot_token().await)
    }

    pub async fn bot_id(&self) -> String {
        let bot = self.get("/bots/name/ingestion-bot").await.expect(200);
        bot["botUser"]["id"].as_str().expect("an id").to_owned()
    }

    pub async fn bot_token(&self) -> String {
        let id = self.bot_id().await;
        let mechanism = self.get(&format!("/users/auth-mechanism/{id}")).await.expect(200);
        mechanism["config"]["JWTToken"].as_str().expect("a token").to_owned()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(&body)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(&body)).await
    }

    pub async fn patch(&self, path: &str, operations: Value) -> Answer {
        self.send("PATCH", path, Some(&operations)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.raw(method, path, body.map(|body| body.to_string().into_bytes())).await
    }

    /// A request with any body; `path` is below `/api/v1`.
    pub async fn raw(&self, method: &str, path: &str, body: Option<Vec<u8>>) -> Answer {
        self.try_raw(method, path, body).await.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The same where the server may go away.
    pub async fn try_raw(&self, method: &str, path: &str, body: Option<Vec<u8>>) -> Result<Answer, reqwest::Error> {
        let method = method.parse::<reqwest::Method>().expect("a method");
        let mut request = self.http.request(method.clone(), format!("{}/api/v1{path}", self.base));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            let content = if method == "PATCH" { "application/json-patch+json" } else { "application/json" };
            request = request.header("content-type", content).body(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let what = format!("{method} {path}");
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: no JSON ({error}): {text}"))
        };
        if status < 300 {
            schemas::check(method.as_str(), path, &body);
        }
        Ok(Answer { status, body, what })
    }

    /// A database service with a database, a schema and these tables; returns the name of the schema.
    pub async fn tables(&self, service: &str, tables: &[&str]) -> String {
        let connection = json!({"config": {"type": "Postgres", "username": "u", "hostPort": format!("{service}:5432"), "database": "shop"}});
        let body = json!({"name": service, "serviceType": "Postgres", "connection": connection});
        self.put("/services/databaseServices", body).await;
        self.put("/databases", json!({"name": "shop", "service": service})).await;
        let database = format!("{service}.shop");
        self.put("/databaseSchemas", json!({"name": "public", "database": database})).await;
        let schema = format!("{database}.public");
        for table in tables {
            self.put("/tables", table_body(table, &schema)).await;
        }
        schema
    }

    /// A topic with two fields; returns its name.
    pub async fn topic(&self, service: &str, topic: &str) -> String {
        let connection = json!({"config": {"type": "Kafka", "bootstrapServers": format!("{service}:9092")}});
        self.put(
            "/services/messagingServices",
            json!({"name": service, "serviceType": "Kafka", "connection": connection}),
        )
        .await;
        let fields = json!([{"name": "id", "dataType": "LONG"}, {"name": "amount", "dataType": "DOUBLE"}]);
        let schema = json!({"schemaType": "JSON", "schemaText": "{}", "schemaFields": fields});
        let body = json!({"name": topic, "service": service, "partitions": 1, "messageSchema": schema});
        let topic = self.put("/topics", body).await.body;
        topic["fullyQualifiedName"].as_str().expect("a name").to_owned()
    }

    /// A pipeline; returns it.
    pub async fn pipeline(&self, service: &str, pipeline: &str) -> Value {
        let connection = json!({"config": {"type": "CustomPipeline", "sourcePythonClass": "none"}});
        self.put(
            "/services/pipelineServices",
            json!({"name": service, "serviceType": "CustomPipeline", "connection": connection}),
        )
        .await;
        let body = json!({"name": pipeline, "service": service, "tasks": [{"name": "0"}]});
        self.put("/pipelines", body).await.body
    }

    /// An entity by name.
    pub async fn named(&self, collection: &str, name: &str) -> Value {
        // A real server leaves out what is not asked for.
        self.get(&format!("{}?fields=*", by_name(collection, name))).await.expect(200)
    }
}

/// A table with two columns.
pub fn table_body(name: &str, schema: &str) -> Value {
    json!({"name": name, "databaseSchema": schema, "tableType": "Regular", "columns": [
        {"name": "id", "dataType": "BIGINT", "dataTypeDisplay": "bigint", "constraint": "PRIMARY_KEY"},
        {"name": "amount", "dataType": "NUMERIC", "precision": 12, "scale": 2, "dataTypeDisplay": "numeric(12,2)"},
    ]})
}

/// Path of an entity, everything that is not a letter or digit encoded, as the official client does.
pub fn by_name(collection: &str, name: &str) -> String {
    format!("/{collection}/name/{}", encode(name))
}

/// Percent-encoded.
pub fn encode(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Text of a JSON string.
#[track_caller]
pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

/// Says why a test proves nothing here.
#[expect(clippy::print_stderr, reason = "the reason is for whoever runs the tests with --nocapture")]
pub fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}
