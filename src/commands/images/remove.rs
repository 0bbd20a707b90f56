//! Images that go: those of sources that have changed since, or all of the stack.

use crate::commands::context::Context;
use crate::commands::stack::Stack;
use crate::engine::backend::{Backend, BackendError};
use crate::failure::Failure;
use crate::images;

/// The stack's own images that are here, whatever they were made from.
pub async fn all(stack: &Stack) -> Result<Vec<String>, Failure> {
    let catalogue = images::catalogue(&stack.project)?;
    Ok(catalogue.own(&stack.engine.images().await?))
}

/// Removes images. One that a container uses stays, and is named.
pub async fn remove(context: &Context, stack: &Stack, references: &[String]) -> Result<(), Failure> {
    let mut removed = 0;
    for reference in references {
        match stack.engine.remove_image(reference).await {
            Ok(()) => {
                removed += 1;
                context.ui.note(&format!("removed {reference}"));
            }
            Err(BackendError::Refused { message, .. }) if is_used(&message) => {
                context.ui.warning(&format!("{reference} stays: {message}"), None);
            }
            Err(error) => return Err(error.into()),
        }
    }
    context.ui.note(&format!("{removed} image(s) removed"));
    Ok(())
}

/// Docker and Podman say it in words of their own.
fn is_used(message: &str) -> bool {
    ["using its referenced image", "being used by", "in use by"].iter().any(|words| message.contains(words))
}
