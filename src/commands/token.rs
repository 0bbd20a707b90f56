//! `pipectl token`: the token that collectors and jobs write to the catalog with.

use std::io::Read as _;
use std::time::{Duration, UNIX_EPOCH};

use super::Exit;
use super::context::Context;
use super::stack::Stack;
use crate::cli::{TokenAction, TokenArgs};
use crate::exit;
use crate::failure::Failure;
use crate::governance::session;
use crate::governance::token::{Origin, Token, VARIABLE};
use crate::pipeline::{Endpoint, Pipeline};

/// No token is longer; whoever pipes more in means something else.
const LONGEST: u64 = 16 << 10;

pub async fn run(context: &Context, arguments: &TokenArgs) -> Exit {
    let stack = Stack::open(context).await?;
    let pipeline = stack.pipeline()?;
    match &arguments.action {
        TokenAction::Show { reveal } => {
            let of = session::current(pipeline).await?;
            let (token, origin) = session::known(pipeline, of)?.ok_or_else(|| {
                Failure::stack("there is no token yet").hint("`pipectl token refresh` gets one from the catalog")
            })?;
            if *reveal {
                context.out(token.reveal())?;
            } else {
                context.out(&told(&token, &place(origin, pipeline, of)))?;
                context.ui.note("`pipectl token show --reveal` prints the whole token");
            }
        }
        TokenAction::Refresh => {
            let found = session::find(pipeline, None).await?;
            let token = session::refresh(pipeline, &found).await?;
            context.ui.note(&told(&token, &place(Origin::File, pipeline, found.endpoint)));
            if session::known(pipeline, found.endpoint)?.is_some_and(|(_, origin)| origin == Origin::Variable) {
                context.ui.warning(&format!("{VARIABLE} is set and is used instead"), Some("unset it"));
            }
        }
        TokenAction::Set => {
            // From standard input: an argument would stand in the process list and in the shell's history.
            let mut text = String::new();
            std::io::stdin().take(LONGEST).read_to_string(&mut text).map_err(|error| {
                Failure::usage("the token cannot be read from standard input").because(error.to_string())
            })?;
            let token = Token::new(&text).ok_or_else(|| {
                Failure::usage("standard input holds no token")
                    .hint("copy the token of ingestion-bot, then `pipectl token set < FILE`")
            })?;
            let found = session::find(pipeline, None).await?;
            found.catalog.with_token(&token).check_token().await.map_err(session::GovernanceError::from)?;
            session::store(pipeline, found.endpoint).write(&token).map_err(session::GovernanceError::from)?;
            context.ui.note(&told(&token, &place(Origin::File, pipeline, found.endpoint)));
        }
    }
    Ok(exit::OK)
}

fn place(origin: Origin, pipeline: &Pipeline, of: Endpoint) -> String {
    match origin {
        Origin::Variable => VARIABLE.to_owned(),
        Origin::File | Origin::Login => session::store(pipeline, of).path().display().to_string(),
    }
}

/// "eyJh..c2ln (in FILE, expires on ..)".
fn told(token: &Token, place: &str) -> String {
    let expires = token.expires().map_or_else(
        || "never expires".to_owned(),
        |seconds| {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            format!("expires on {}", humantime::format_rfc3339_seconds(time))
        },
    );
    format!("{} (in {place}, {expires})", token.masked())
}
