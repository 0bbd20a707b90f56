//! HDFS through the NameNode's HTTP port: its state over JMX, and WebHDFS for what touches names only.
//!
//! Reading or writing file contents is left out on purpose: WebHDFS redirects those to a DataNode by a host name that
//! only containers resolve.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{ClientError, Http};

/// Everything that must be escaped in the path of a URL; slashes stay.
const PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'#').add(b'?').add(b'%').add(b'"').add(b'<').add(b'>');
/// The user that WebHDFS acts as; permissions are off in this file system, so it only names the owner of directories.
const USER: &str = "hdfs";

/// A NameNode.
#[derive(Debug, Clone)]
pub struct Hdfs(Http);

/// State of the file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSystemState {
    /// `Operational` or `safeMode`.
    #[serde(rename = "FSState")]
    pub state: String,
    /// Data nodes that send heartbeats.
    #[serde(rename = "NumLiveDataNodes")]
    pub live_data_nodes: u32,
    /// Bytes in use.
    #[serde(rename = "CapacityUsed", default)]
    pub used: u64,
    /// Bytes left.
    #[serde(rename = "CapacityRemaining", default)]
    pub remaining: u64,
}

/// What lies under a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentSummary {
    /// Bytes, one replica.
    pub length: u64,
    /// Files.
    pub file_count: u64,
    /// Directories, the path itself included.
    pub directory_count: u64,
}

#[derive(Deserialize)]
struct Beans<T> {
    beans: Vec<T>,
}

#[derive(Deserialize)]
struct Done {
    boolean: bool,
}

#[derive(Deserialize)]
struct Summary {
    #[serde(rename = "ContentSummary")]
    summary: ContentSummary,
}

impl FileSystemState {
    /// True when files can be written.
    pub fn is_writable(&self) -> bool {
        self.state == "Operational" && self.live_data_nodes > 0
    }
}

impl Hdfs {
    /// The NameNode at `host:port` of its HTTP listener.
    pub fn new(http: Http) -> Self {
        Self(http)
    }

    /// State of the file system. Only FSState is honest: the NameNode calls itself "active" in safe mode already.
    pub async fn state(&self) -> Result<FileSystemState, ClientError> {
        let beans: Beans<FileSystemState> =
            self.0.get("/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState").await?;
        beans
            .beans
            .into_iter()
            .next()
            .ok_or(ClientError::Malformed { server: "HDFS", reason: "no FSNamesystemState among its beans".to_owned() })
    }

    /// Makes a directory with its parents; existing is success.
    pub async fn make_directory(&self, path: &str) -> Result<(), ClientError> {
        self.expect_done(Method::PUT, path, "MKDIRS").await
    }

    /// True when the path exists.
    pub async fn exists(&self, path: &str) -> Result<bool, ClientError> {
        let found: Option<serde_json::Value> = self.0.find(&url(path, "GETFILESTATUS")).await?;
        Ok(found.is_some())
    }

    /// Size of what lies under a path; `None` when there is nothing.
    pub async fn summary(&self, path: &str) -> Result<Option<ContentSummary>, ClientError> {
        let found: Option<Summary> = self.0.find(&url(path, "GETCONTENTSUMMARY")).await?;
        Ok(found.map(|answer| answer.summary))
    }

    /// Removes a path with everything under it; absent is success.
    pub async fn delete(&self, path: &str) -> Result<(), ClientError> {
        // The answer `false` means that there was nothing, which is what is wanted.
        let path = format!("{}&recursive=true", url(path, "DELETE"));
        let _: Done = self.0.exchange(Method::DELETE, &path, None).await?;
        Ok(())
    }

    async fn expect_done(&self, method: Method, path: &str, operation: &str) -> Result<(), ClientError> {
        let done: Done = self.0.exchange(method, &url(path, operation), None).await?;
        if done.boolean {
            return Ok(());
        }
        Err(ClientError::Refused {
            server: "HDFS",
            code: operation.to_owned(),
            message: format!("`{path}` was not changed"),
        })
    }
}

fn url(path: &str, operation: &str) -> String {
    format!("/webhdfs/v1{}?op={operation}&user.name={USER}", utf8_percent_encode(path, PATH))
}

/// The path inside the file system of an `hdfs://host:port/path` address; a bare path stays as it is.
pub fn path_of(address: &str) -> &str {
    match address.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_an_address() {
        assert_eq!(path_of("hdfs://namenode:9000/data/delta"), "/data/delta");
        assert_eq!(path_of("hdfs://namenode:9000"), "/");
        assert_eq!(path_of("/data"), "/data");
    }

    #[test]
    fn paths_are_escaped_but_keep_their_slashes() {
        assert_eq!(url("/data/a b", "MKDIRS"), "/webhdfs/v1/data/a%20b?op=MKDIRS&user.name=hdfs");
    }
}
