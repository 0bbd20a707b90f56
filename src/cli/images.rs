//! Options of `images`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Options of `images`.
#[derive(Debug, Args)]
pub struct ImagesArgs {
    /// What to do [default: list]
    #[command(subcommand)]
    pub action: Option<ImagesAction>,

    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// Subcommands of `images`.
#[derive(Debug, Clone, Subcommand)]
pub enum ImagesAction {
    /// Show every image the project needs, whether it is present, and its size
    List,
    /// Build or pull what is missing, without starting anything
    Build {
        /// Only images of these services [default: all]
        #[arg(value_name = "SERVICE")]
        services: Vec<String>,
        /// Build even where they are present
        #[arg(long)]
        force: bool,
        /// Build them and all that they build on without any layer of earlier builds: with the packages of today; `up` then starts
        /// their services anew
        #[arg(long, conflicts_with_all = ["force", "registry"])]
        fresh: bool,
        /// Try to pull prebuilt images from here first
        #[arg(long, value_name = "PREFIX", env = "PIPECTL_REGISTRY", hide_env_values = true)]
        registry: Option<String>,
    },
    /// Pull what is missing from where `push` put it, and build nothing
    Pull {
        /// Only images of these services [default: all]
        #[arg(value_name = "SERVICE")]
        services: Vec<String>,
        /// Where they are, for example ghcr.io/acme/pipectl; logins are those of `docker login`
        #[arg(long, value_name = "PREFIX", env = "PIPECTL_REGISTRY", hide_env_values = true)]
        registry: String,
    },
    /// Put the images that are built here into a registry, for `up --registry` and `images pull`
    Push {
        /// Only images of these services [default: all]
        #[arg(value_name = "SERVICE")]
        services: Vec<String>,
        /// Where to, for example ghcr.io/acme/pipectl; logins are those of `docker login`
        #[arg(long, value_name = "PREFIX", env = "PIPECTL_REGISTRY", hide_env_values = true)]
        registry: String,
    },
    /// Write every image the project needs into one file, for a machine without a network
    Save {
        /// The archive to write; must not exist
        #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Take in the images of such a file; `up` then needs neither a network nor a build
    Load {
        /// A file that `images save` wrote
        #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Remove images that pipectl built from sources that have changed since
    Prune {
        /// Those of the sources as they are now, too; what a container uses stays
        #[arg(long)]
        all: bool,
    },
}
