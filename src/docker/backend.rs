//! The [`Backend`] trait on [`DockerEngine`]: each method hands over to the file that does it.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::connect::DockerEngine;
use crate::engine::backend::{
    Backend, BuildRequest, ContainerSpec, EngineInfo, ExecOutput, LogLine, LogOptions, NetworkSpec, OutputFn,
    ProgressFn, Result, VolumeSpec,
};
use crate::engine::observed::{ContainerDetail, ContainerSummary, ImageSummary, NetworkSummary, VolumeSummary};

#[async_trait]
impl Backend for DockerEngine {
    async fn info(&self) -> Result<EngineInfo> {
        self.facts().await
    }

    async fn containers(&self, project: &str) -> Result<Vec<ContainerSummary>> {
        self.list_project(project).await
    }

    async fn all_containers(&self) -> Result<Vec<ContainerSummary>> {
        self.list_all().await
    }

    async fn networks(&self, project: &str, names: &[String]) -> Result<Vec<NetworkSummary>> {
        self.list_networks(project, names).await
    }

    async fn volumes(&self, project: &str, names: &[String]) -> Result<Vec<VolumeSummary>> {
        self.list_volumes(project, names).await
    }

    async fn images(&self) -> Result<Vec<ImageSummary>> {
        self.list_images().await
    }

    async fn find_images(&self, references: &[String]) -> Result<Vec<ImageSummary>> {
        self.look_up_images(references).await
    }

    async fn inspect(&self, container: &str) -> Result<ContainerDetail> {
        self.look_at(container).await
    }

    async fn memory(&self, container: &ContainerDetail) -> Result<u64> {
        self.memory_of(container).await
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<()> {
        self.make_network(spec).await
    }

    async fn remove_network(&self, name: &str) -> Result<()> {
        self.delete_network(name).await
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> Result<()> {
        self.make_volume(spec).await
    }

    async fn remove_volume(&self, name: &str) -> Result<()> {
        self.delete_volume(name).await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<String> {
        self.make_container(spec).await
    }

    async fn start(&self, container: &str) -> Result<()> {
        self.start_container(container).await
    }

    async fn stop(&self, container: &str, grace: Duration) -> Result<()> {
        self.stop_container(container, grace).await
    }

    async fn kill(&self, container: &str) -> Result<()> {
        self.kill_container(container).await
    }

    async fn remove_container(&self, container: &str) -> Result<()> {
        self.delete_container(container).await
    }

    async fn exec(&self, container: &str, command: &[String]) -> Result<ExecOutput> {
        self.run_command(container, command).await
    }

    async fn logs(&self, container: &str, tail: usize) -> Result<Vec<String>> {
        self.tail_logs(container, tail).await
    }

    async fn follow_logs(&self, container: &str, options: &LogOptions, lines: mpsc::Sender<LogLine>) -> Result<()> {
        self.stream_logs(container, options, lines).await
    }

    async fn pull(&self, reference: &str, progress: &ProgressFn) -> Result<()> {
        self.pull_image(reference, progress).await
    }

    async fn build(&self, request: BuildRequest, output: &OutputFn) -> Result<()> {
        self.build_image(request, output).await
    }

    async fn import(&self, rootfs: &Path, reference: &str) -> Result<()> {
        self.import_image(rootfs, reference).await
    }

    async fn tag(&self, image: &str, reference: &str) -> Result<()> {
        self.tag_image(image, reference).await
    }

    async fn remove_image(&self, reference: &str) -> Result<()> {
        self.delete_image(reference).await
    }
}
