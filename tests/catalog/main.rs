//! The lite catalog against its contract. The same questions can be put to a real server: `PIPECTL_TEST_OM_URL=http://host:8585`
//! (user admin@open-metadata.org, password `PIPECTL_TEST_OM_PASSWORD` or `admin`). With `PIPECTL_OM_SCHEMAS=DIR` every
//! answer is held against the published JSON schemas as well.

#[path = "../support/om_schemas.rs"]
mod om_schemas;

mod bulk;
mod command;
mod concurrency;
mod crash;
mod deletes;
mod entities;
mod ingestions;
mod lineage;
mod names;
mod openlineage;
mod page;
mod paging;
mod process;
mod schemas;
mod search;
mod site;
mod tokens;
mod transcript;
