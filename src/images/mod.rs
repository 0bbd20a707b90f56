//! The project's own images: which there are, what they are made from, whether they are up to date, and how they come
//! to be. An image's tag is a hash of everything it is made from, so "is it there?" and "is it up to date?" are one
//! question, and unchanged inputs build nothing.
//!
//! `catalogue` finds images and their parents, `identity` hashes them, `archive` packs a context, `provider` gets one.

mod archive;
mod catalogue;
mod context;
mod dockerfile;
mod host;
mod identity;
mod ignore;
mod provider;
mod reference;
mod rootfs;

pub use catalogue::{Catalogue, Image, ImagesError, Origin, catalogue};
pub use provider::{Again, Options, Provider};
