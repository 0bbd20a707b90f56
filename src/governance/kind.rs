//! Kinds of entities, and where each lies in the catalog's interface.

use super::client::Version;

/// A kind of entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A database server.
    DatabaseService,
    /// A message broker.
    MessagingService,
    /// Something that runs pipelines.
    PipelineService,
    /// A file system.
    StorageService,
    /// A database.
    Database,
    /// A schema of a database.
    Schema,
    /// A table or view.
    Table,
    /// A topic.
    Topic,
    /// A pipeline.
    Pipeline,
    /// A directory of a file system.
    Container,
}

impl Kind {
    /// Path of its collection below `/api/v1/`.
    pub fn collection(self) -> &'static str {
        match self {
            Self::DatabaseService => "services/databaseServices",
            Self::MessagingService => "services/messagingServices",
            Self::PipelineService => "services/pipelineServices",
            Self::StorageService => "services/storageServices",
            Self::Database => "databases",
            Self::Schema => "databaseSchemas",
            Self::Table => "tables",
            Self::Topic => "topics",
            Self::Pipeline => "pipelines",
            Self::Container => "containers",
        }
    }

    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::DatabaseService | Self::MessagingService | Self::PipelineService | Self::StorageService => "service",
            Self::Database => "database",
            Self::Schema => "schema",
            Self::Table => "table",
            Self::Topic => "topic",
            Self::Pipeline => "pipeline",
            Self::Container => "container",
        }
    }

    /// What has to be asked for besides the usual, to compare with what is wanted.
    pub fn fields(self, version: Version) -> String {
        let own = match self {
            Self::Table => "columns,tableConstraints,",
            Self::Pipeline => "tasks,pipelineStatus,",
            Self::Container => "dataModel,",
            Self::DatabaseService | Self::MessagingService | Self::PipelineService | Self::StorageService => {
                return String::new();
            }
            Self::Database | Self::Schema | Self::Topic => "",
        };
        format!("{own}tags,{}", version.owners_field())
    }
}
