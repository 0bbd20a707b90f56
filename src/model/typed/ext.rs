//! `x-pipectl`, on a service and on the project.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::error::ModelError;
use crate::model::ext::{Credentials, Endpoint, ProjectExt, Ready, ServiceExt, Step};
use crate::model::forms::duration;
use crate::model::paths;
use crate::model::yaml::{Fields, Node};

/// Deadline of a gate or a step that names none.
const TIMEOUT: Duration = Duration::from_secs(60);

/// On a service; `what` is the service.
pub(crate) fn service(node: &Node, what: &str) -> Result<ServiceExt, ModelError> {
    let mut fields = Fields::of(node, format!("`x-pipectl` of {what}"))?;
    let ext = ServiceExt {
        ready: fields.read("ready", ready)?,
        job: fields.flag("job")?,
        optional: fields.flag("optional")?,
        instead: fields.string("instead")?,
        after: fields.strings("after")?,
        endpoint: fields.read("endpoint", |node, what| {
            let mut fields = Fields::of(node, what)?;
            let endpoint = Endpoint { label: required(&mut fields, "label")?, url: required(&mut fields, "url")? };
            fields.finish().map(|()| endpoint)
        })?,
        credentials: fields.read("credentials", |node, what| {
            let mut fields = Fields::of(node, what)?;
            let credentials =
                Credentials { user: required(&mut fields, "user")?, password: required(&mut fields, "password")? };
            fields.finish().map(|()| credentials)
        })?,
        plane: fields.string("plane")?,
    };
    fields.finish()?;
    Ok(ext)
}

/// On the project.
pub(crate) fn project(node: &Node) -> Result<ProjectExt, ModelError> {
    let mut fields = Fields::of(node, "`x-pipectl` of the project")?;
    let pipeline =
        fields.read("pipeline", |node, what| Ok(paths::resolve(&node.mark.source.base, &node.string(what)?)))?;
    let steps = fields.read("steps", |node, what| {
        let entries = node.mapping().ok_or_else(|| node.mismatch(what, "a mapping"))?;
        let step = |(name, entry): (&String, _)| step(name, entry).map(|step| (name.clone(), step));
        entries.iter().map(|(name, entry)| (name, &entry.node)).map(step).collect::<Result<BTreeMap<_, _>, _>>()
    })?;
    let profiles = fields.strings("profiles")?;
    let layout = fields.read("layout", |node, what| {
        node.scalar()
            .and_then(|text| text.parse().ok())
            .filter(|layout| *layout > 0)
            .ok_or_else(|| node.mismatch(what, "a whole number from 1"))
    })?;
    fields.finish()?;
    Ok(ProjectExt { pipeline, steps: steps.unwrap_or_default(), profiles, layout })
}

fn ready(node: &Node, what: &str) -> Result<Ready, ModelError> {
    let mut fields = Fields::of(node, what)?;
    Ok(Ready {
        probe: required(&mut fields, "probe")?,
        service: fields.string("service")?,
        timeout: fields.read("timeout", duration::read)?.unwrap_or(TIMEOUT),
        args: fields.rest(),
    })
}

fn step(name: &str, node: &Node) -> Result<Step, ModelError> {
    let mut fields = Fields::of(node, format!("step `{name}`"))?;
    Ok(Step {
        name: name.to_owned(),
        uses: required(&mut fields, "uses")?,
        after: fields.strings("after")?,
        profiles: fields.strings("profiles")?,
        timeout: fields.read("timeout", duration::read)?.unwrap_or(TIMEOUT),
        args: fields.rest(),
    })
}

/// Text that must be there. Passwords and the like may look like numbers.
fn required(fields: &mut Fields<'_>, key: &'static str) -> Result<String, ModelError> {
    fields.require(key)?.loose(&fields.name(key)).map(str::to_owned)
}
