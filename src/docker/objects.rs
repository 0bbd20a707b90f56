//! Listings, networks, volumes and image references.

use std::collections::{BTreeSet, HashMap};

use bollard::errors::Error;
use bollard::models::{NetworkCreateRequest, VolumeCreateRequest};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptions, ListNetworksOptions, ListVolumesOptions, RemoveImageOptions,
    RemoveVolumeOptions, TagImageOptionsBuilder,
};
use futures_util::future::try_join_all;

use super::connect::DockerEngine;
use super::containers::absent_is_fine;
use super::observe;
use crate::engine::backend::{EngineInfo, NetworkSpec, Result, VolumeSpec};
use crate::engine::observed::{
    ContainerSummary, ImageSummary, LAYOUT_LABEL, NetworkSummary, PROJECT_LABEL, VOLUME_LABEL, VolumeSummary,
};

impl DockerEngine {
    pub(super) async fn facts(&self) -> Result<EngineInfo> {
        let context = self.context("ask the engine about itself", "the engine");
        let info = self.docker.info().await.map_err(|error| context.error(error))?;
        let unsigned = |number: Option<i64>| number.and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
        Ok(EngineInfo {
            address: self.address.clone(),
            version: self.version.clone(),
            api: self.api,
            memory: unsigned(info.mem_total),
            cpus: unsigned(info.ncpu),
            data_root: info.docker_root_dir.unwrap_or_default(),
            storage_driver: info.driver.unwrap_or_default(),
            platform: format!(
                "{}/{}",
                info.os_type.unwrap_or_else(|| "linux".to_owned()),
                info.architecture.unwrap_or_default()
            ),
            kernel: info.kernel_version.unwrap_or_default(),
            clock: info.system_time.unwrap_or_default(),
            proxy: [info.https_proxy, info.http_proxy]
                .into_iter()
                .flatten()
                .find(|proxy| !proxy.is_empty())
                .unwrap_or_default(),
            address_pools: info
                .default_address_pools
                .unwrap_or_default()
                .into_iter()
                .filter_map(|pool| Some((pool.base?, u8::try_from(pool.size?).ok()?)))
                .collect(),
        })
    }

    pub(super) async fn list_project(&self, project: &str) -> Result<Vec<ContainerSummary>> {
        self.list(HashMap::from([("label", vec![format!("{PROJECT_LABEL}={project}")])])).await
    }

    pub(super) async fn list_all(&self) -> Result<Vec<ContainerSummary>> {
        self.list(HashMap::new()).await
    }

    async fn list(&self, filters: HashMap<&str, Vec<String>>) -> Result<Vec<ContainerSummary>> {
        let context = self.context("list containers", "the listing");
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let listed = self.docker.list_containers(Some(options)).await.map_err(|error| context.error(error))?;
        let mut containers: Vec<_> = listed.into_iter().map(observe::container).collect();
        containers.sort_by(|a, b| (&a.service, a.number, &a.name).cmp(&(&b.service, b.number, &b.name)));
        Ok(containers)
    }

    pub(super) async fn list_networks(&self, project: &str, names: &[String]) -> Result<Vec<NetworkSummary>> {
        let context = self.context("list networks", "the listing");
        // One call for both questions; the engine's own name filter would match parts of names.
        let listed =
            self.docker.list_networks(None::<ListNetworksOptions>).await.map_err(|error| context.error(error))?;
        let mut networks: Vec<_> = listed
            .into_iter()
            .map(|network| {
                let (project, config_hash) = observe::owner(&network.labels.unwrap_or_default());
                let ranges = network.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
                let subnets = ranges.into_iter().filter_map(|range| range.subnet).collect();
                NetworkSummary { name: network.name.unwrap_or_default(), config_hash, project, subnets }
            })
            .filter(|network| network.project == project || names.contains(&network.name))
            .collect();
        networks.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(networks)
    }

    pub(super) async fn list_volumes(&self, project: &str, names: &[String]) -> Result<Vec<VolumeSummary>> {
        let context = self.context("list volumes", "the listing");
        let listed =
            self.docker.list_volumes(None::<ListVolumesOptions>).await.map_err(|error| context.error(error))?;
        let mut volumes: Vec<_> = listed
            .volumes
            .unwrap_or_default()
            .into_iter()
            .map(|volume| {
                let (project, config_hash) = observe::owner(&volume.labels);
                let label = |name: &str| volume.labels.get(name).cloned();
                let layout = label(LAYOUT_LABEL).and_then(|text| text.parse().ok());
                VolumeSummary {
                    key: label(VOLUME_LABEL).unwrap_or_default(),
                    name: volume.name,
                    layout,
                    config_hash,
                    project,
                }
            })
            .filter(|volume| volume.project == project || names.contains(&volume.name))
            .collect();
        volumes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(volumes)
    }

    pub(super) async fn list_images(&self) -> Result<Vec<ImageSummary>> {
        let context = self.context("list images", "the listing");
        let listed = self.docker.list_images(None::<ListImagesOptions>).await.map_err(|error| context.error(error))?;
        Ok(listed.into_iter().map(observe::image).filter(|image| !image.references.is_empty()).collect())
    }

    pub(super) async fn look_up_images(&self, references: &[String]) -> Result<Vec<ImageSummary>> {
        let look_up = |reference: &String| {
            let reference = reference.clone();
            async move {
                let context = self.context(format!("inspect image {reference}"), format!("image {reference}"));
                match self.docker.inspect_image(&reference).await {
                    Ok(image) => Ok(Some(observe::image_detail(image))),
                    Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
                    Err(error) => Err(context.error(error)),
                }
            }
        };
        let distinct: BTreeSet<&String> = references.iter().collect();
        let found = try_join_all(distinct.into_iter().map(look_up)).await?;
        Ok(found.into_iter().flatten().collect())
    }

    pub(super) async fn make_network(&self, spec: &NetworkSpec) -> Result<()> {
        let context = self.context(format!("create network {}", spec.name), format!("network {}", spec.name));
        // Engines before 25 happily make a second network of the same name, and then every use of it is ambiguous.
        if !self.list_networks("", std::slice::from_ref(&spec.name)).await?.iter().all(|other| other.name != spec.name)
        {
            return Err(context.refused("a network of this name exists already"));
        }
        let request = NetworkCreateRequest {
            name: spec.name.clone(),
            driver: spec.driver.clone(),
            internal: Some(spec.internal),
            labels: Some(spec.labels.clone().into_iter().collect()),
            ..NetworkCreateRequest::default()
        };
        self.docker.create_network(request).await.map(drop).map_err(|error| context.error(error))
    }

    pub(super) async fn delete_network(&self, name: &str) -> Result<()> {
        let context = self.context(format!("remove network {name}"), format!("network {name}"));
        absent_is_fine(self.docker.remove_network(name).await).map_err(|error| context.error(error))
    }

    pub(super) async fn make_volume(&self, spec: &VolumeSpec) -> Result<()> {
        let context = self.context(format!("create volume {}", spec.name), format!("volume {}", spec.name));
        let request = VolumeCreateRequest {
            name: Some(spec.name.clone()),
            driver: spec.driver.clone(),
            driver_opts: Some(spec.driver_opts.clone().into_iter().collect()),
            labels: Some(spec.labels.clone().into_iter().collect()),
            ..VolumeCreateRequest::default()
        };
        self.docker.create_volume(request).await.map(drop).map_err(|error| context.error(error))
    }

    pub(super) async fn delete_volume(&self, name: &str) -> Result<()> {
        let context = self.context(format!("remove volume {name}"), format!("volume {name}"));
        absent_is_fine(self.docker.remove_volume(name, None::<RemoveVolumeOptions>).await)
            .map_err(|error| context.error(error))
    }

    pub(super) async fn tag_image(&self, image: &str, reference: &str) -> Result<()> {
        let context = self.context(format!("tag {image} as {reference}"), format!("image {image}"));
        let (repository, tag) = split_reference(reference);
        let options = TagImageOptionsBuilder::default().repo(repository).tag(tag).build();
        self.docker.tag_image(image, Some(options)).await.map_err(|error| context.error(error))
    }

    pub(super) async fn delete_image(&self, reference: &str) -> Result<()> {
        let context = self.context(format!("remove image {reference}"), format!("image {reference}"));
        absent_is_fine(self.docker.remove_image(reference, None::<RemoveImageOptions>, None).await)
            .map(drop)
            .map_err(|error| context.error(error))
    }
}

/// Repository and tag; `latest` when there is none. The port of a registry is not a tag.
pub(super) fn split_reference(reference: &str) -> (&str, &str) {
    match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (reference, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::split_reference;

    #[test]
    fn references_split_into_repository_and_tag() {
        assert_eq!(split_reference("pipectl/kafka:ab12"), ("pipectl/kafka", "ab12"));
        assert_eq!(split_reference("debian"), ("debian", "latest"));
        assert_eq!(split_reference("registry:5000/debian"), ("registry:5000/debian", "latest"));
    }
}
