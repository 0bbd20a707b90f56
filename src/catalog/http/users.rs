//! Login and tokens, and the gate before every other route.

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Extension, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::access::{Expiry, Login, Principal};
use super::super::entity::list::Include;
use super::super::error::{CatalogError, Result};
use super::super::fqn;
use super::super::kinds;
use super::super::seed;
use super::super::store::{Entity, View};
use super::answer;
use super::request::{self, By};
use super::{Base, Shared};

/// Routes that need no token.
pub fn open_routes() -> Router<Shared> {
    Router::new().route("/users/login", post(log_in)).route("/users/refresh", post(renew))
}

/// Routes about users beyond those of every kind.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/users/loggedInUser", get(logged_in))
        .route("/users/auth-mechanism/{id}", get(auth_mechanism))
        .route("/users/token/{id}", get(token))
        .route("/users/generateToken/{id}", put(generate))
        .route("/users/revokeToken", put(revoke))
}

/// Lets a request pass that has a good token, with the name of who it belongs to.
pub async fn authenticate(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(token) =
        header.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("Bearer ")).map(|_| header[7..].trim())
    else {
        return CatalogError::unauthorized("Not Authorized! Token not present").into_response();
    };
    let token = token.to_owned();
    match app.read(move |app, view| app.tokens.principal(view, &token)).await {
        Ok(principal) => {
            request.extensions_mut().insert(principal);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

async fn log_in(State(app): State<Shared>, body: Bytes) -> Result<Response> {
    let login: Login = request::typed(&body)?;
    login.check(&app.password, app.tokens.key())?;
    let answer = app.write(|app, writing| app.tokens.log_in(writing, seed::ADMIN)).await?;
    Ok(answer::ok(&answer))
}

async fn renew(State(app): State<Shared>, body: Bytes) -> Result<Response> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Renewal {
        refresh_token: String,
    }
    let Renewal { refresh_token } = request::typed(&body)?;
    let answer = app.write(move |app, writing| app.tokens.renew(writing, &refresh_token)).await?;
    Ok(answer::ok(&answer))
}

async fn logged_in(
    State(app): State<Shared>,
    Extension(who): Extension<Principal>,
    Extension(base): Extension<Base>,
) -> Result<Response> {
    let document = app
        .read(move |_, view| {
            let user = By::Name.find(view, kinds::named("user")?, &fqn::quote(&who.name), Include::NonDeleted)?;
            answer::shown(view, &user, &base)
        })
        .await?;
    Ok(answer::ok(&document))
}

async fn auth_mechanism(
    State(app): State<Shared>,
    Extension(who): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Response> {
    let token = current(&app, &who, id).await?;
    Ok(answer::ok(&json!({"config": token, "authType": "JWT"})))
}

async fn token(
    State(app): State<Shared>,
    Extension(who): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Response> {
    Ok(answer::ok(&current(&app, &who, id).await?))
}

/// The token that a bot has now. Who holds it acts as the bot, so only an admin sees it.
async fn current(app: &Shared, who: &Principal, id: String) -> Result<Value> {
    who.must_be_admin("read tokens")?;
    app.read(move |app, view| app.tokens.current(view, &bot(view, &id)?)).await
}

async fn generate(
    State(app): State<Shared>,
    Extension(who): Extension<Principal>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Generate {
        #[serde(rename = "JWTTokenExpiry")]
        expiry: Expiry,
        /// Some clients repeat the id of the path.
        #[serde(rename = "id")]
        _id: Option<String>,
    }
    who.must_be_admin("give out tokens")?;
    let Generate { expiry, .. } = request::typed(&body)?;
    let token = app.write(move |app, writing| app.tokens.generate(writing, &bot(writing, &id)?, expiry)).await?;
    Ok(answer::ok(&token))
}

async fn revoke(State(app): State<Shared>, Extension(who): Extension<Principal>, body: Bytes) -> Result<Response> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Revoke {
        id: String,
    }
    who.must_be_admin("revoke tokens")?;
    let Revoke { id } = request::typed(&body)?;
    app.write(move |app, writing| app.tokens.revoke(writing, &bot(writing, &id)?)).await?;
    Ok(answer::ok(&json!({"JWTToken": "", "JWTTokenExpiry": "Unlimited"})))
}

/// A user that is a program: only those have tokens that can be looked at.
fn bot(view: &impl View, id: &str) -> Result<Entity> {
    let user = By::Id.find(view, kinds::named("user")?, id, Include::NonDeleted)?;
    if user.document.get("isBot").and_then(Value::as_bool) == Some(true) {
        return Ok(user);
    }
    Err(CatalogError::bad(format!("{} is a person and logs in; only bots have tokens of their own", user.text("name"))))
}
