//! What is said of an operation while it runs and after it ended.

/// Present tense: what an operation with this verb is doing.
pub(super) fn doing(verb: &str) -> &str {
    match verb {
        // An image that is needed: built or pulled, its progress says which.
        "image" => "preparing",
        "build" => "building",
        "pull" => "pulling",
        "create" => "creating",
        "start" => "starting",
        "ready" | "wait" | "await" => "waiting",
        "stop" => "stopping",
        "remove" => "removing",
        "save" => "saving",
        "check" => "checking",
        "restore" => "restoring",
        "load" => "loading",
        "step" | "run" | "finish" => "running",
        other => other,
    }
}

/// Past tense: what has come of it.
pub(super) fn done(verb: &str) -> &str {
    match verb {
        "image" => "prepared",
        "build" => "built",
        "pull" => "pulled",
        "create" => "created",
        "start" => "started",
        "ready" | "wait" | "await" => "ready",
        "stop" => "stopped",
        "remove" => "removed",
        "save" => "saved",
        "check" => "checked",
        "restore" => "restored",
        "load" => "loaded",
        "finish" => "finished",
        _ => "done",
    }
}

/// True for an operation that only looks: without changes beside it, it is not worth a line.
pub(super) fn only_looks(verb: &str) -> bool {
    matches!(verb, "ready" | "wait" | "await" | "finish" | "check")
}

/// True for an operation that may take minutes: plain output then also says when it begins.
pub(super) fn is_long(verb: &str) -> bool {
    matches!(verb, "image" | "build" | "pull" | "save" | "restore" | "load")
}

/// True for what only starts or ends something that is there: the wait after it tells what came of it.
pub(super) fn is_turn(verb: &str) -> bool {
    matches!(verb, "stop" | "remove" | "start")
}

/// True for a pipeline step.
pub(super) fn is_step(verb: &str) -> bool {
    matches!(verb, "step" | "run")
}
