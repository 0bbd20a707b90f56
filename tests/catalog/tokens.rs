//! Who may ask: login, tokens that end, are taken away or forged, and what a bot may not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pipectl::catalog::access::{Claims, TokenKind};
use pipectl::key::load_or_create;
use serde_json::{Value, json};

use crate::site::{Site, text};

#[tokio::test]
async fn a_login_needs_the_right_password_in_base64() {
    let site = Site::new().await;
    let wrong = site.log_in("wrong").await.refused(400);
    assert_eq!(wrong, "You have entered an invalid username or password.");
    let nobody = site.as_nobody();
    for (body, part) in [
        (json!({"email": "admin@open-metadata.org", "password": "admin"}), "Base-64"),
        (json!({"email": "other@open-metadata.org", "password": "YWRtaW4="}), "invalid username or password"),
    ] {
        let message = nobody.post("/users/login", body).await.refused(400);
        assert!(message.contains(part), "{message}");
    }
    let login = site.log_in("admin").await.expect(200);
    assert_eq!(login["tokenType"], "Bearer");
    assert!(login["expiryDuration"].as_i64().is_some_and(|end| end > 1_795_000_000_000));
    let user = site.with_token(text(&login, "accessToken")).get("/users/loggedInUser").await.expect(200);
    assert_eq!((&user["name"], &user["isAdmin"]), (&json!("admin"), &json!(true)));
}

#[tokio::test]
async fn a_login_is_renewed_once() {
    let site = Site::local().await;
    let login = site.log_in("admin").await.expect(200);
    let renewal = json!({"refreshToken": login["refreshToken"]});
    let nobody = site.as_nobody();
    let renewed = nobody.post("/users/refresh", renewal.clone()).await.expect(200);
    site.with_token(text(&renewed, "accessToken")).get("/tables").await.expect(200);
    nobody.post("/users/refresh", renewal).await.refused(401);
}

#[tokio::test]
async fn without_a_good_token_nothing_is_answered() {
    let site = Site::new().await;
    assert_eq!(site.as_nobody().get("/tables").await.refused(401), "Not Authorized! Token not present");
    site.with_token("abc").get("/tables").await.refused(401);
    site.as_nobody().get("/system/version").await.expect(200);
}

#[tokio::test]
async fn a_token_that_has_ended_or_was_forged_is_refused() {
    let site = Site::local().await;
    let key = load_or_create(&site.data().join("signing.key"), "").expect("the server's key");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let now = i64::try_from(now).expect("a time");
    let token = |name: &str, kind, end| Claims::new(name, "x@y.z", kind, now - 100, end).sign(&key).expect("signed");
    let ended = token("admin", TokenKind::User, Some(now - 1));
    assert_eq!(site.with_token(&ended).get("/tables").await.refused(401), "Expired token!");
    let good = token("admin", TokenKind::User, Some(now + 60));
    site.with_token(&good).get("/tables").await.expect(200);
    // Signed well, but by nobody's order.
    for token in [token("ingestion-bot", TokenKind::Bot, None), token("nobody", TokenKind::User, None)] {
        assert_eq!(site.with_token(&token).get("/tables").await.refused(401), "Not Authorized! Invalid Token");
    }
    let parts: Vec<&str> = good.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let claims = URL_SAFE_NO_PAD.decode(parts[1]).expect("base64");
    let mut claims: Value = serde_json::from_slice(&claims).expect("claims");
    claims["exp"] = json!(now + 1_000_000);
    let longer = URL_SAFE_NO_PAD.encode(claims.to_string());
    for forged in [
        format!("{none}.{}.", parts[1]),
        format!("{}.{longer}.{}", parts[0], parts[2]),
        format!("{}.{}", parts[0], parts[1]),
    ] {
        assert_eq!(site.with_token(&forged).get("/tables").await.refused(401), "Invalid token");
    }
}

#[tokio::test]
async fn the_bot_has_a_token_from_the_start_and_a_new_one_takes_its_place() {
    let site = Site::local().await;
    let (id, first) = (site.bot_id().await, site.bot_token().await);
    let again = site.get(&format!("/users/token/{id}")).await.expect(200);
    assert_eq!((again["JWTToken"].as_str(), &again["JWTTokenExpiry"]), (Some(first.as_str()), &json!("Unlimited")));
    let user = site.with_token(&first).get("/users/loggedInUser").await.expect(200);
    assert_eq!((&user["name"], &user["isBot"]), (&json!("ingestion-bot"), &json!(true)));
    let second = site.put(&format!("/users/generateToken/{id}"), json!({"JWTTokenExpiry": "7"})).await.expect(200);
    assert!(second["JWTTokenExpiresAt"].as_i64().is_some());
    site.with_token(&first).get("/tables").await.refused(401);
    site.with_token(text(&second, "JWTToken")).get("/tables").await.expect(200);
    site.put("/users/revokeToken", json!({"id": id})).await.expect(200);
    site.with_token(text(&second, "JWTToken")).get("/tables").await.refused(401);
    let message = site.get(&format!("/users/auth-mechanism/{id}")).await.refused(404);
    assert!(message.contains("generateToken"), "{message}");
    site.put(&format!("/users/generateToken/{id}"), json!({"JWTTokenExpiry": "Never"})).await.refused(400);
}

#[tokio::test]
async fn a_bot_reads_no_tokens_and_makes_no_users() {
    let site = Site::local().await;
    let (bot, id) = (site.as_bot().await, site.bot_id().await);
    for (method, path, body) in [
        ("GET", format!("/users/auth-mechanism/{id}"), None),
        ("GET", format!("/users/token/{id}"), None),
        ("PUT", format!("/users/generateToken/{id}"), Some(json!({"JWTTokenExpiry": "Unlimited"}))),
        ("PUT", "/users/revokeToken".to_owned(), Some(json!({"id": id}))),
        ("PUT", "/users".to_owned(), Some(json!({"name": "eve", "email": "eve@open-metadata.org", "isAdmin": true}))),
        ("POST", "/tags".to_owned(), Some(json!({"name": "x", "classification": "PII", "description": "x"}))),
        ("DELETE", crate::site::by_name("classifications", "PII"), None),
    ] {
        let message = bot.send(method, &path, body.as_ref()).await.refused(403);
        assert!(message.contains("ingestion-bot") && message.contains("not admin"), "{method} {path}: {message}");
    }
    let admin = site.get("/users/name/admin").await.expect(200);
    let promote = json!([{"op": "replace", "path": "/isAdmin", "value": true}]);
    bot.patch(&format!("/users/{id}"), promote).await.refused(403);
    site.get(&format!("/users/token/{}", text(&admin, "id"))).await.refused(400);
    bot.put("/services/databaseServices", json!({"name": "pg", "serviceType": "Postgres"})).await.expect(201);
}
