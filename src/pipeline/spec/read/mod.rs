//! Reads pipeline.yml: every mistake with its place, and all of them, not only the first.

mod across;
mod server;
mod tables;
mod text;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::problems::{Problems, SpecErrors};
use super::{Destination, Infinity, Lake, Lookup, PipelineSpec, Places, Source, governance, statements};
use crate::model::paths;
use crate::model::yaml::{self, Fields, Node};
use crate::model::{ModelError, interpolate};
use crate::pipeline::mask;
use text::{is_slot, is_topic, only, own_text, retention, text};

/// How long old versions of tables are kept where the file does not say: Delta's own default.
const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// The version that this release reads.
const VERSION: u32 = 1;

/// Reads the file; with `checks_statements` the SQL files that it names, too.
pub(super) fn file(path: &Path, lookup: Lookup<'_>, checks_statements: bool) -> Result<PipelineSpec, SpecErrors> {
    let base = paths::absolute(path).parent().map(Path::to_owned).unwrap_or_default();
    let source = yaml::Source::read(path, &base)?;
    let tree = yaml::parse(&source)?;
    let mut problems = Problems::default();
    let spec = pipeline(&tree, lookup, &mut problems)?;
    across::check(&tree, &spec, &mut problems);
    governance::check(&tree, &spec, &mut problems);
    if checks_statements {
        problems.extend(mask_without_key(&tree, &spec, lookup));
        statements::check(&source, &spec, &mut problems);
    }
    problems.finish(spec)
}

/// The error is of a file that another release reads: what else is in it means nothing here.
fn pipeline(tree: &Node, lookup: Lookup<'_>, problems: &mut Problems) -> Result<PipelineSpec, ModelError> {
    let mut fields = Fields::of(tree, "the pipeline")?;
    let version = fields.require("version")?;
    if version.integer::<u32>("`version`")? != VERSION {
        return Err(version.error(format!("this release of pipectl reads version {VERSION} of this file")));
    }
    let source_node = problems.keep(fields.require("source"));
    let source = source_node.and_then(|node| source(node, lookup, problems)).unwrap_or_default();
    let topic_prefix = text(&mut fields, "topic_prefix");
    let topic_prefix = topic_prefix.and_then(|text| only(&mut fields, "topic_prefix", text, is_topic));
    let topic_prefix = problems.or_default(topic_prefix);
    let connector = problems.or_default(own_text(&mut fields, "connector", lookup));
    let topics = fields.take("topics");
    let topic_retention = topics.and_then(|node| topic_retention(node, problems));
    let lake_node = problems.keep(fields.require("lake"));
    let lake = lake_node.and_then(|node| lake(node, problems)).unwrap_or_default();
    let destination_node = problems.keep(fields.require("destination"));
    let destination = destination_node.and_then(|node| destination(node, problems)).unwrap_or_default();
    let infinity = problems.or_default(infinity(tree, fields.take("infinity")));
    let tables_node = problems.keep(fields.require("tables"));
    let tables = tables_node.map(|node| tables::tables(node, problems)).unwrap_or_default();
    let aggregates = fields.take("aggregates");
    let aggregates = aggregates.map(|node| tables::aggregates(node, &fields.name("aggregates"), problems));
    let governance = fields.take("governance");
    let governance = governance.map(|node| governance::read(node, &fields.name("governance"), problems));
    problems.extend(fields.unknown_keys());
    Ok(PipelineSpec {
        version: VERSION,
        source,
        topic_prefix,
        topic_retention,
        connector,
        lake,
        destination,
        infinity,
        tables,
        aggregates: aggregates.unwrap_or_default(),
        governance: governance.unwrap_or_default(),
        places: Places::of(&tree.mark.source, tree),
    })
}

/// Masked columns need a key, and it is never in the file.
fn mask_without_key(tree: &Node, spec: &PipelineSpec, lookup: Lookup<'_>) -> Option<ModelError> {
    if lookup(mask::KEY).is_some_and(|key| !key.is_empty()) {
        return None;
    }
    let (name, table) = spec.tables.iter().find(|(_, table)| !table.masked.is_empty())?;
    let column = table.masked.first()?;
    let place = tree.at(&["tables", name, "columns", column, "mask"]).unwrap_or(tree);
    let hint = format!(
        "set it in the environment or in .env, for example to what `openssl rand -hex 32` prints, and keep it: with another \
         {} equal values have other hashes",
        mask::KEY
    );
    Some(place.error(format!("column `{column}` is masked, and {} is not set", mask::KEY)).hint(hint))
}

fn source(node: &Node, lookup: Lookup<'_>, problems: &mut Problems) -> Option<Source> {
    let mut fields = problems.keep(Fields::of(node, "`source`"))?;
    let (service, external) = server::server(&mut fields, lookup, problems);
    let database = problems.or_default(own_text(&mut fields, "database", lookup));
    let slot = own_text(&mut fields, "slot", lookup);
    let slot = problems.or_default(slot.and_then(|slot| only(&mut fields, "slot", slot, is_slot)));
    let publication = problems.or_default(own_text(&mut fields, "publication", lookup));
    let schema = match fields.take("schema") {
        Some(_) => problems.or_default(own_text(&mut fields, "schema", lookup)),
        None => "public".to_owned(),
    };
    problems.extend(fields.unknown_keys());
    Some(Source { service, external, database, schema, slot, publication })
}

/// True when `source` has a `host`, in a file that may have mistakes elsewhere.
pub(super) fn names_host(path: &Path) -> bool {
    let source = yaml::Source::read(path, Path::new(""));
    let tree = source.and_then(|source| yaml::parse(&source));
    tree.is_ok_and(|tree| tree.at(&["source", "host"]).is_some_and(|host| !host.is_null()))
}

/// The file of `sslrootcert` in such a file, if it is there.
pub(super) fn names_certificate(path: &Path, lookup: Lookup<'_>) -> Option<PathBuf> {
    let base = paths::absolute(path).parent()?.to_owned();
    // Mistakes are told when the file is read as a whole.
    let tree = yaml::Source::read(path, &base).and_then(|source| yaml::parse(&source)).ok()?;
    let name = tree.at(&["source", "sslrootcert"])?.string("a file name").ok()?;
    let file = paths::resolve(&base, &interpolate(&name, lookup).ok()?);
    file.is_file().then_some(file)
}

fn lake(node: &Node, problems: &mut Problems) -> Option<Lake> {
    let mut fields = problems.keep(Fields::of(node, "`lake`"))?;
    let mut address = |key| problems.or_default(text(&mut fields, key)).trim_end_matches('/').to_owned();
    let (path, checkpoints) = (address("path"), address("checkpoints"));
    let database = problems.or_default(text(&mut fields, "database"));
    let retention = problems.or_default(retention(&mut fields)).unwrap_or(RETENTION);
    problems.extend(fields.unknown_keys());
    Some(Lake { path, checkpoints, database, retention })
}

fn topic_retention(node: &Node, problems: &mut Problems) -> Option<Duration> {
    let mut fields = problems.keep(Fields::of(node, "`topics`"))?;
    let kept = problems.or_default(retention(&mut fields));
    problems.extend(fields.unknown_keys());
    kept
}

fn destination(node: &Node, problems: &mut Problems) -> Option<Destination> {
    let mut fields = problems.keep(Fields::of(node, "`destination`"))?;
    let destination = Destination {
        service: problems.or_default(text(&mut fields, "service")),
        database: problems.or_default(text(&mut fields, "database")),
        schema: match fields.take("schema") {
            Some(_) => problems.or_default(text(&mut fields, "schema")),
            None => "public".to_owned(),
        },
    };
    problems.extend(fields.unknown_keys());
    Some(destination)
}

/// `given` is not there for `infinity: null`, because YAML reads the word as nothing.
fn infinity(tree: &Node, given: Option<&Node>) -> Result<Infinity, ModelError> {
    let Some(node) = given else {
        return Ok(if tree.entry("infinity").is_some() { Infinity::Null } else { Infinity::Stop });
    };
    match node.loose("`infinity`")? {
        "stop" => Ok(Infinity::Stop),
        "null" => Ok(Infinity::Null),
        other => Err(node
            .error(format!("`infinity` is `stop` or `null`, not `{other}`"))
            .hint("stop: the jobs stop at an infinite date or time and name the row; null: it arrives as NULL")),
    }
}
