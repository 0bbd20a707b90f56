//! Which scenario of the live tests brings each known failure about, in the real server. The scenario itself is held to it: one that ends
//! without an explanation that is promised here fails (tests/live/explained.rs).

/// Ids of src/pipeline/known.rs, each with the name of a scenario of tests/live/main.rs.
pub const PROVOKED: &[(&str, &str)] = &[
    ("hdfs-another-file-system", "a data node of another file system is explained"),
    (
        "hdfs-no-data-node-takes-the-block",
        "a full disk under HDFS or Kafka is named, and loses nothing once there is room",
    ),
    ("hdfs-safe-mode", SERVER),
    ("postgres-password", "other passwords reach every service, and nothing shows them"),
    ("postgres-files-of-another-version", SERVER),
    ("postgres-directory-of-another-version", SERVER),
    ("slot-position-is-gone", CAPTURE),
    ("publication-missing", CAPTURE),
    ("role-may-not-replicate", CAPTURE),
    ("kafka-has-no-address", STRANGERS),
    ("spark-executor-does-not-fit", FLOW),
    ("spark-driver-without-master", FLOW),
    ("spark-no-worker", "doctor says where the data stops, and repair mends it"),
    ("hive-schema-of-another-version", SERVER),
    ("hive-schema-missing", SERVER),
    ("fetch-by-maven", BUILD),
    ("fetch-certificate-by-python", BUILD),
    ("fetch-certificate-by-apt", BUILD),
    ("fetch-name-by-apt", BUILD),
    ("fetch-unknown-name-by-apt", BUILD),
    ("fetch-connection-by-python", BUILD),
    ("disk-full", SERVER),
    ("engine-disk-full", SERVER),
    ("heap-too-small", SERVER),
    ("another-processor", SERVER),
    ("volume-of-another-user", SERVER),
    ("no-address-in-java", STRANGERS),
];

const SERVER: &str = "what a server is known to fail with is explained";
const STRANGERS: &str = "what servers that do not find each other are known to fail with is explained";
const BUILD: &str = "what an image build is known to fail with is explained";
const CAPTURE: &str = "what the capture of changes is known to fail with is explained";
const FLOW: &str = "what the flow is known to fail with is explained";
