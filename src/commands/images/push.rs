//! `pipectl images push`: images that were built here, for machines that are not to build them.

use super::chosen;
use crate::commands::Exit;
use crate::commands::context::Context;
use crate::commands::progress::Progress;
use crate::commands::stack::Stack;
use crate::commands::up::State;
use crate::engine::backend::{Backend as _, ProgressFn};
use crate::exit;
use crate::failure::Failure;
use crate::images::{Catalogue, Image};

pub async fn run(context: &Context, stack: &Stack, state: &State, services: &[String], prefix: &str) -> Exit {
    // What comes from elsewhere is there already; images that others build on are not needed by who builds nothing.
    let chosen = chosen(stack, state, services)?;
    let own: Vec<&Image> = chosen.iter().filter_map(|reference| state.catalogue.find(reference)).collect();
    let local = stack.engine.find_images(&own.iter().map(|image| image.reference()).collect::<Vec<_>>()).await?;
    let missing: Vec<&str> = own
        .iter()
        .filter(|image| Catalogue::is_missing(&image.reference(), &local))
        .map(|image| image.name.as_str())
        .collect();
    if !missing.is_empty() {
        return Err(Failure::stack(format!("{} image(s) are not here: {}", missing.len(), missing.join(", ")))
            .hint("`pipectl images build` makes them"));
    }
    let operations = own.iter().map(|image| ("push", image.prebuilt(prefix))).collect();
    let progress = Progress::begin(context, "images push", &stack.project.name, operations);
    let all = async {
        for (id, image) in own.iter().enumerate() {
            let task = progress.start(id);
            let say = task.say();
            let pushed = push(stack, image, prefix, &move |_, _, word| say(word)).await;
            task.ended(pushed, |()| String::new())?;
        }
        Ok::<_, Failure>(())
    };
    let all = all.await;
    progress.end(all, &format!("{} image(s) are in the registry", own.len())).await?;
    Ok(exit::OK)
}

/// The engine pushes by name: the image has that of the registry meanwhile.
async fn push(stack: &Stack, image: &Image, prefix: &str, progress: &ProgressFn) -> Result<(), Failure> {
    let remote = image.prebuilt(prefix);
    stack.engine.tag(&image.reference(), &remote).await?;
    let pushed = stack.engine.push(&remote, progress).await;
    stack.engine.remove_image(&remote).await?;
    Ok(pushed?)
}
