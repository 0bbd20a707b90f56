//! Commands in running containers.

use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures_util::StreamExt;

use super::connect::DockerEngine;
use super::logs::split;
use crate::engine::backend::{ExecOutput, Result};

impl DockerEngine {
    pub(super) async fn run_command(&self, container: &str, command: &[String]) -> Result<ExecOutput> {
        let name = command.first().map_or("", String::as_str);
        let context = self.context(format!("run {name} in {container}"), format!("container {container}"));
        let options = CreateExecOptions {
            cmd: Some(command.to_vec()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let exec = self.docker.create_exec(container, options).await.map_err(|error| context.error(error))?;
        let started = self.docker.start_exec(&exec.id, None::<StartExecOptions>).await;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        if let StartExecResults::Attached { mut output, .. } = started.map_err(|error| context.error(error))? {
            while let Some(frame) = output.next().await {
                let (is_stderr, bytes) = split(frame.map_err(|error| context.error(error))?);
                if is_stderr { &mut stderr } else { &mut stdout }.extend_from_slice(&bytes);
            }
        }
        // Only now: the exit code is not there before the output has ended.
        let ended = self.docker.inspect_exec(&exec.id).await.map_err(|error| context.error(error))?;
        let exit_code = ended.exit_code.ok_or_else(|| context.refused("the command's exit code is not known"))?;
        Ok(ExecOutput {
            exit_code,
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }
}
