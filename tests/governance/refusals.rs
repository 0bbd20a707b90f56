//! Refusals of a real catalog, in the middle of work: a token that was revoked or has ended, an entity that is gone.

use std::time::{SystemTime, UNIX_EPOCH};

use pipectl::catalog::access::{Claims, TokenKind};
use pipectl::governance::client::CatalogError;
use pipectl::governance::token::Token;
use pipectl::key::load_or_create;
use serde_json::json;

use crate::lineage::{own_lineage, own_spec};
use crate::shop::facts;
use crate::stage::{Stage, lite_in};

/// The bot's token is taken away between two runs: nothing is written, and it is said what to do.
#[tokio::test]
async fn a_revoked_token_is_named_and_nothing_is_written() {
    let (mut stage, spec, lineage) = (Stage::alone().await, own_spec(), own_lineage());
    stage.ingest(&spec, &facts(&spec), &lineage).await.expect("a catalog that works");
    let bot = stage.admin.find("users", "ingestion-bot", "").await.expect("readable").expect("a bot");
    stage.admin.put("users/revokeToken", &json!({"id": bot["id"]})).await.expect("an administrator may");
    let mut renewed = spec.clone();
    renewed.governance.tables["public.regions"].description = Some("Other words.".into());
    let error = stage.ingest(&renewed, &facts(&spec), &lineage).await.expect_err("revoked");
    assert!(matches!(error, CatalogError::TokenRefused { .. }), "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("`pipectl token refresh`")), "{error:?}");
    let regions = stage.admin.find("tables", "postgres_source.jadc2_db.public.regions", "").await;
    let regions = regions.expect("readable").expect("catalogued");
    assert_eq!(regions["description"], "Sales regions. Few rows, changed by hand.");
    // A new token, and everything goes on.
    let token = stage.admin.bot_token().await.expect("a new token");
    stage.bot = stage.bot.with_token(&token);
    assert_eq!(stage.ingest(&renewed, &facts(&spec), &lineage).await.expect("a good token").problems, [""; 0]);
}

/// Signed by the catalog itself, and over.
#[tokio::test]
async fn an_expired_token_is_named() {
    let data = tempfile::tempdir().expect("a directory");
    let stage = Stage::at(&lite_in(data.path()).await.to_string()).await;
    let key = load_or_create(&data.path().join("signing.key"), "").expect("the catalog's key");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let now = i64::try_from(now).expect("a time");
    let claims = Claims::new("admin", "admin@open-metadata.org", TokenKind::User, now - 100, Some(now - 1));
    let ended = Token::new(&claims.sign(&key).expect("signed")).expect("a token");
    let error = stage.bot.with_token(&ended).check_token().await.expect_err("it has ended");
    assert!(matches!(&error, CatalogError::TokenRefused { reason, .. } if reason == "Expired token!"), "{error:?}");
    assert!(ended.is_expired(u64::try_from(now).expect("a time")), "and we see why ourselves");
}

/// Somebody removes a table for good, and with it its edges: found, and put back.
#[tokio::test]
async fn an_entity_that_somebody_removed_is_missed_and_put_back() {
    let (stage, spec, lineage) = (Stage::new().await, own_spec(), own_lineage());
    stage.ingest(&spec, &facts(&spec), &lineage).await.expect("a catalog that works");
    let lake = stage.admin.find("tables", "hdfs_datalake.default.lake.orders", "").await.expect("readable");
    let id = lake.expect("catalogued")["id"].as_str().expect("an id").to_owned();
    stage.admin.delete("tables", &id).await.expect("an administrator may");
    assert_eq!(
        stage.differences(&spec, &lineage).await,
        [
            "missing: kafka_messaging.\"jadc2.public.orders\" -> hdfs_datalake.default.lake.orders",
            "missing: hdfs_datalake.default.lake.orders -> postgres_dest.jadc2_db.public.orders",
        ]
    );
    let report = stage.ingest(&spec, &facts(&spec), &lineage).await.expect("a catalog that works");
    assert_eq!(report.problems, [""; 0]);
    assert_eq!(stage.differences(&spec, &lineage).await, [""; 0]);
}
