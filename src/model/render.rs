//! The resolved project as Compose again: every variable put in, every short form written out, keys sorted.
//!
//! What is written can be loaded again and means the same: a dollar sign is doubled, as `docker compose config` does it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::ext::{Ready, ServiceExt, Step};
use super::forms::duration;
use super::{
    Build, Condition, Healthcheck, Mount, MountKind, Network, Port, Project, Protocol, RestartPolicy, Secret,
    SecretSource, SecretUse, Service, Volume,
};

/// The project as YAML.
///
/// # Panics
/// Never: text, numbers and mappings with text keys can always be written.
pub fn yaml(project: &Project) -> String {
    serde_yaml::to_string(&json(project)).expect("plain data can always be written")
}

/// The project as JSON.
pub fn json(project: &Project) -> Value {
    let mut root = Object::default();
    root.put("name", &project.name);
    root.set("networks", each(&project.networks, network));
    root.set("secrets", each(&project.secrets, secret));
    // Without this key it would be no Compose file, also when no service is enabled.
    root.0.insert("services".to_owned(), each(&project.services, |it| service(it, project)));
    root.set("volumes", each(&project.volumes, volume));
    root.set("x-pipectl", project_ext(project));
    root.into()
}

/// A JSON object under construction; what is empty is left out.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn set(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        let empty = match &value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(entries) => entries.is_empty(),
            _ => false,
        };
        if !empty {
            self.0.insert(key.to_owned(), value);
        }
    }

    fn put(&mut self, key: &str, value: &str) {
        self.set(key, escape(value));
    }

    fn maybe(&mut self, key: &str, value: Option<&String>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    fn list(&mut self, key: &str, values: &[String]) {
        self.set(key, escaped(values));
    }

    fn flag(&mut self, key: &str, value: bool) {
        if value {
            self.set(key, true);
        }
    }

    fn time(&mut self, key: &str, value: Option<std::time::Duration>) {
        if let Some(value) = value {
            self.set(key, duration::format(value));
        }
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        let mut entries: Vec<_> = object.0.into_iter().collect();
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        Self::Object(entries.into_iter().collect())
    }
}

fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

fn escaped(values: &[String]) -> Value {
    values.iter().map(|value| escape(value)).collect()
}

fn path(path: &Path) -> String {
    escape(&path.to_string_lossy())
}

fn each<T>(entries: &BTreeMap<String, T>, render: impl Fn(&T) -> Value) -> Value {
    Value::Object(entries.iter().map(|(key, value)| (key.clone(), render(value))).collect())
}

fn text_map(entries: &BTreeMap<String, String>) -> Value {
    each(entries, |value| escape(value).into())
}

fn network(network: &Network) -> Value {
    let mut object = Object::default();
    object.put("name", &network.name);
    object.maybe("driver", network.driver.as_ref());
    object.flag("external", network.external);
    object.flag("internal", network.internal);
    object.set("labels", text_map(&network.labels));
    object.into()
}

fn volume(volume: &Volume) -> Value {
    let mut object = Object::default();
    object.put("name", &volume.name);
    object.maybe("driver", volume.driver.as_ref());
    object.set("driver_opts", text_map(&volume.driver_opts));
    object.flag("external", volume.external);
    object.set("labels", text_map(&volume.labels));
    object.into()
}

/// Where it comes from, never what it is.
fn secret(secret: &Secret) -> Value {
    let mut object = Object::default();
    match &secret.source {
        SecretSource::File(file) => object.set("file", path(file)),
        SecretSource::Variable { name, default } => {
            object.put("environment", name);
            let mut ext = Object::default();
            ext.maybe("default", default.as_ref());
            object.set("x-pipectl", Value::from(ext));
        }
    }
    object.into()
}

fn service(service: &Service, project: &Project) -> Value {
    let mut object = Object::default();
    object.maybe("image", service.image.as_ref());
    object.set("build", service.build.as_ref().map(build));
    object.maybe("pull_policy", service.pull_policy.as_ref());
    // An empty command or entrypoint takes the image's away, so it may not be left out.
    for (key, words) in [("entrypoint", &service.entrypoint), ("command", &service.command)] {
        if let Some(words) = words {
            object.0.insert(key.to_owned(), escaped(words));
        }
    }
    object.set("environment", text_map(&service.environment));
    object.maybe("user", service.user.as_ref());
    object.maybe("working_dir", service.working_dir.as_ref());
    object.maybe("hostname", service.hostname.as_ref());
    object.maybe("container_name", service.container_name.as_ref());
    object.set("init", service.init);
    object.set("ports", service.ports.iter().map(port).collect::<Vec<_>>());
    object.list("expose", &service.expose);
    object.set("volumes", service.mounts.iter().map(mount).collect::<Vec<_>>());
    object.set("secrets", service.secrets.iter().map(secret_use).collect::<Vec<_>>());
    object.set(
        "networks",
        each(&service.networks, |attachment| {
            let mut object = Object::default();
            object.list("aliases", &attachment.aliases);
            if object.0.is_empty() { Value::Null } else { object.into() }
        }),
    );
    object.set(
        "depends_on",
        each(&service.depends_on, |dependency| {
            let condition = match dependency.condition {
                Condition::Started => "service_started",
                Condition::Healthy => "service_healthy",
                Condition::CompletedSuccessfully => "service_completed_successfully",
            };
            let mut object = Object::default();
            object.put("condition", condition);
            object.set("required", dependency.required);
            object.flag("restart", dependency.restart);
            object.into()
        }),
    );
    object.set("healthcheck", service.healthcheck.as_ref().map(healthcheck));
    object.set("restart", restart(service.restart));
    object.maybe("stop_signal", service.stop_signal.as_ref());
    object.time("stop_grace_period", service.stop_grace_period);
    object.set("mem_limit", service.mem_limit.map(|bytes| bytes.to_string()));
    object.set("cpus", service.cpus);
    object.set("shm_size", service.shm_size.map(|bytes| bytes.to_string()));
    object.list("cap_add", &service.cap_add);
    object.list("cap_drop", &service.cap_drop);
    object.list("security_opt", &service.security_opt);
    object.flag("read_only", service.read_only);
    object.list("extra_hosts", &service.extra_hosts.iter().map(|host| host.replacen(':', "=", 1)).collect::<Vec<_>>());
    object.set("ulimits", each(&service.ulimits, |(soft, hard)| json!({"hard": hard, "soft": soft})));
    object.set("sysctls", text_map(&service.sysctls));
    object.set("labels", text_map(&service.labels));
    object.list("profiles", &service.profiles);
    if service.scale != 1 {
        object.set("scale", service.scale);
    }
    object.set("x-pipectl", service_ext(&service.ext, project));
    object.into()
}

fn build(build: &Build) -> Value {
    let mut object = Object::default();
    object.set("context", path(&build.context));
    object.maybe("dockerfile", build.dockerfile.as_ref());
    object.maybe("target", build.target.as_ref());
    object.set("args", text_map(&build.args));
    let mut ext = Object::default();
    ext.maybe("executable", build.executable.as_ref());
    object.set("x-pipectl", Value::from(ext));
    object.into()
}

fn port(port: &Port) -> Value {
    let mut object = Object::default();
    object.maybe("host_ip", port.host_ip.as_ref());
    object.set("published", port.published.map(|port| port.to_string()));
    object.set("target", port.target);
    object.put("protocol", if port.protocol == Protocol::Udp { "udp" } else { "tcp" });
    object.into()
}

fn mount(mount: &Mount) -> Value {
    let mut object = Object::default();
    let kind = match &mount.kind {
        MountKind::Volume(key) => {
            object.put("source", key);
            "volume"
        }
        MountKind::Anonymous => "volume",
        MountKind::Bind(source) => {
            object.set("source", path(source));
            "bind"
        }
        MountKind::Tmpfs(size) => {
            object.set("tmpfs", size.map(|size| json!({"size": size})));
            "tmpfs"
        }
    };
    object.put("type", kind);
    object.put("target", &mount.target);
    object.flag("read_only", mount.read_only);
    object.into()
}

fn secret_use(used: &SecretUse) -> Value {
    let SecretUse { source, target, uid, gid, mode } = used;
    json!({"source": source, "target": escape(target), "uid": uid.to_string(), "gid": gid.to_string(), "mode": format!("0{mode:o}")})
}

fn healthcheck(healthcheck: &Healthcheck) -> Value {
    let mut object = Object::default();
    object.list("test", &healthcheck.test);
    object.time("interval", healthcheck.interval);
    object.time("timeout", healthcheck.timeout);
    object.set("retries", healthcheck.retries);
    object.time("start_period", healthcheck.start_period);
    object.time("start_interval", healthcheck.start_interval);
    object.into()
}

fn restart(policy: RestartPolicy) -> Option<String> {
    match policy {
        RestartPolicy::No => None,
        RestartPolicy::Always => Some("always".to_owned()),
        RestartPolicy::UnlessStopped => Some("unless-stopped".to_owned()),
        RestartPolicy::OnFailure(0) => Some("on-failure".to_owned()),
        RestartPolicy::OnFailure(most) => Some(format!("on-failure:{most}")),
    }
}

/// Of services and steps that something comes after, those that are written: what no chosen profile enables is not.
fn enabled(after: &[String], project: &Project) -> Vec<String> {
    let is_written = |name: &&String| project.services.contains_key(*name) || project.ext.steps.contains_key(*name);
    after.iter().filter(is_written).cloned().collect()
}

fn service_ext(ext: &ServiceExt, project: &Project) -> Value {
    let mut object = Object::default();
    object.set("ready", ext.ready.as_ref().map(ready));
    object.flag("job", ext.job);
    object.flag("optional", ext.optional);
    object.maybe("instead", ext.instead.as_ref());
    object.list("after", &enabled(&ext.after, project));
    object.maybe("plane", ext.plane.as_ref());
    let pair = |entries: [(&str, &String); 2]| {
        let mut object = Object::default();
        for (key, value) in entries {
            object.put(key, value);
        }
        Value::from(object)
    };
    object.set("endpoint", ext.endpoint.as_ref().map(|it| pair([("label", &it.label), ("url", &it.url)])));
    object
        .set("credentials", ext.credentials.as_ref().map(|it| pair([("user", &it.user), ("password", &it.password)])));
    object.into()
}

fn project_ext(project: &Project) -> Value {
    let ext = &project.ext;
    let mut object = Object::default();
    object.set("pipeline", ext.pipeline.as_deref().map(path));
    object.list("profiles", &ext.profiles);
    object.set("layout", ext.layout);
    object.set("steps", each(&ext.steps, |it| step(it, project)));
    object.into()
}

fn ready(ready: &Ready) -> Value {
    let mut object = args(&ready.args);
    object.put("probe", &ready.probe);
    object.maybe("service", ready.service.as_ref());
    object.time("timeout", Some(ready.timeout));
    object.into()
}

fn step(step: &Step, project: &Project) -> Value {
    let mut object = args(&step.args);
    object.put("uses", &step.uses);
    object.list("after", &enabled(&step.after, project));
    object.list("profiles", &step.profiles);
    object.time("timeout", Some(step.timeout));
    object.into()
}

fn args(args: &Map<String, Value>) -> Object {
    fn escape_all(value: &Value) -> Value {
        match value {
            Value::String(text) => escape(text).into(),
            Value::Array(items) => items.iter().map(escape_all).collect(),
            Value::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), escape_all(value))).collect(),
            other => other.clone(),
        }
    }
    Object(args.iter().map(|(key, value)| (key.clone(), escape_all(value))).collect())
}
