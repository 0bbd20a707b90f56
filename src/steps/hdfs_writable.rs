//! `hdfs-writable`: waits until HDFS is out of safe mode with a live DataNode, then makes the directories of the lake.

use std::time::Duration;

use super::client_failure;
use crate::engine::work::{SayFn, StepDone, StepError};
use crate::pipeline::Pipeline;
use crate::pipeline::clients::ClientError;
use crate::pipeline::clients::hdfs::{Hdfs, path_of};
use crate::pipeline::wait;

const USES: &str = "hdfs-writable";
const LOOK: Duration = Duration::from_millis(100);

pub(super) async fn run(pipeline: &Pipeline, say: &SayFn) -> Result<StepDone, StepError> {
    let look = || async {
        match make_writable(pipeline, say).await {
            Err(error) if error.is_transient() => {
                say(&error.to_string());
                Ok(None)
            }
            other => other,
        }
    };
    match wait::until(LOOK, look).await {
        Ok(done) => Ok(done),
        Err(error) => Err(client_failure(pipeline, USES, "prepare HDFS", &error).await),
    }
}

/// `None` while the file system cannot be written to.
async fn make_writable(pipeline: &Pipeline, say: &SayFn) -> Result<Option<StepDone>, ClientError> {
    let hdfs = pipeline.hdfs().await?;
    let state = hdfs.state().await?;
    if !state.is_writable() {
        say(&format!("{}, {} live data nodes", state.state, state.live_data_nodes));
        return Ok(None);
    }
    let mut created = 0;
    for address in [&pipeline.spec.lake.path, &pipeline.spec.lake.checkpoints] {
        created += usize::from(make_directory(&hdfs, path_of(address)).await?);
    }
    let detail = format!("{}, {} live data node(s)", state.state, state.live_data_nodes);
    Ok(Some(StepDone { changed: created > 0, detail }))
}

/// True when it was made. Making a directory is a real write to the NameNode's log, which safe mode would refuse.
async fn make_directory(hdfs: &Hdfs, path: &str) -> Result<bool, ClientError> {
    if hdfs.exists(path).await? {
        return Ok(false);
    }
    hdfs.make_directory(path).await?;
    Ok(true)
}
