//! Failures that the servers of the pipeline are known for: by which words each is told, what it means here, and what to type.
//!
//! One table, the specific before the general: the first entry whose words stand in one line of what was said explains it.

/// A failure that is known.
#[derive(Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name, for those who speak of it: the tests that bring it about.
    pub id: &'static str,
    /// Words that stand together in one line of a log or of an answer, in the servers' own spelling.
    pub says: &'static [&'static str],
    /// What it means.
    pub means: &'static str,
    /// What to do, with the command to type.
    pub next: &'static str,
}

const fn known(id: &'static str, says: &'static [&'static str], means: &'static str, next: &'static str) -> Known {
    Known { id, says, means, next }
}

impl Known {
    /// True where this line of a log or an answer tells of it.
    pub fn is_told_by(&self, line: &str) -> bool {
        self.says.iter().all(|words| line.contains(words))
    }
}

const SLOT_LOST: &str =
    "changes were lost with the replication slot: what the connector had not read yet is gone from the source's log";
const RESNAPSHOT: &str = "`pipectl repair resnapshot` reads the source's rows anew";
const PASSWORD: &str =
    "the database was last started with another user or password than the environment or .env gives now";
const PASSWORD_NEXT: &str =
    "`pipectl up` gives it those of now; or set POSTGRES_USER and POSTGRES_PASSWORD to what they were";
const NO_MASTER: &str = "the Spark master does not answer, so nothing can be submitted to the cluster";
const NO_MASTER_NEXT: &str =
    "`pipectl up spark-master spark-worker` starts it; `pipectl logs spark-master` tells why it ended";
const NAME: &str =
    "a server that this one needs has no address: its container does not run, or is in no network with this one";
const NAME_NEXT: &str = "`pipectl status` shows which; `pipectl up` starts it";

const FETCH: &str = "a package could not be fetched while the image was made: containers do not reach the registry, or it is reached \
     through a proxy whose certificates they do not know";
const FETCH_NEXT: &str = "set http_proxy and https_proxy where this machine needs them, put the proxy's authority (a .crt file) into \
     /usr/local/share/ca-certificates (both are handed on to builds), then `pipectl up`; or load the images: `pipectl images load FILE`";

const DISK: &str = "the disk of the container engine is full";
const DISK_NEXT: &str =
    "`docker system df` shows what takes the room, `pipectl images prune` removes old images; then `pipectl up`";

/// The table.
pub const TABLE: &[Known] = &[
    // HDFS
    known(
        "hdfs-another-file-system",
        &["Incompatible clusterIDs in"],
        "the DataNode's volume belongs to another file system than the NameNode's: its blocks mean nothing to this NameNode",
        "the two volumes only go together: `pipectl restore FILE --force` brings both back from a backup, `pipectl reset all` begins anew",
    ),
    known(
        "hdfs-safe-mode-refuses-a-write",
        &["Name node is in safe mode"],
        "HDFS is in safe mode: it can be read and not written",
        "`pipectl exec namenode hdfs dfsadmin -safemode leave`, once `pipectl status` shows the datanode ready",
    ),
    known(
        "hdfs-safe-mode",
        &["\"FSState\" : \"safeMode\""],
        "HDFS is in safe mode: it waits for a DataNode with its blocks, or somebody has put it there; it can be read and not written",
        "`pipectl up datanode` starts the DataNode; with one that is ready: `pipectl exec namenode hdfs dfsadmin -safemode leave`",
    ),
    known(
        "hdfs-safe-mode-without-data-node",
        &["safeMode, 0 live data nodes"],
        "HDFS is in safe mode because no DataNode has registered",
        "`pipectl logs datanode` tells why it has not; `pipectl up datanode` starts it",
    ),
    known(
        "hdfs-safe-mode-with-data-node",
        &["safeMode,", "live data nodes"],
        "HDFS is in safe mode: it can be read and not written",
        "`pipectl exec namenode hdfs dfsadmin -safemode leave`",
    ),
    known(
        "hdfs-no-data-node-takes-the-block",
        &["could only be written to 0 of the 1 minReplication nodes"],
        "no DataNode takes the block: none is alive, or its disk is full",
        "`pipectl status` shows whether the datanode runs, `docker system df` the disk",
    ),
    // Postgres
    known("postgres-password", &["password authentication failed for user"], PASSWORD, PASSWORD_NEXT),
    known(
        "postgres-files-of-another-version",
        &["database files are incompatible with server"],
        "the volume was written by another major version of Postgres",
        "go back to the pipectl that wrote it, or begin anew: `pipectl reset all --backup FILE`",
    ),
    known(
        "postgres-directory-of-another-version",
        &["data directory", "was initialized by PostgreSQL version"],
        "the volume was written by another major version of Postgres",
        "go back to the pipectl that wrote it, or begin anew: `pipectl reset all --backup FILE`",
    ),
    // Debezium
    known("slot-gives-no-changes", &["can no longer get changes from replication slot"], SLOT_LOST, RESNAPSHOT),
    known("slot-cannot-be-accessed", &["can no longer access replication slot"], SLOT_LOST, RESNAPSHOT),
    known("slot-position-is-gone", &["is no longer available on the server"], SLOT_LOST, RESNAPSHOT),
    known(
        "slot-read-by-another",
        &["replication slot", "is active for PID"],
        "another process reads from the connector's replication slot",
        "end it (`SELECT pid, application_name FROM pg_stat_replication` at the source names it), then `pipectl repair connector`",
    ),
    known(
        "slots-all-in-use",
        &["all replication slots are in use"],
        "the source has no replication slot left for the connector",
        "drop one that nobody uses (`SELECT slot_name FROM pg_replication_slots WHERE NOT active`) or raise max_replication_slots, then `pipectl up`",
    ),
    known(
        "wal-level-too-low",
        &["logical decoding requires", "wal_level"],
        "the source writes a log without what change capture needs",
        "set `wal_level = logical` at the source and restart it, then `pipectl up`",
    ),
    known(
        "publication-missing",
        &["publication", "does not exist"],
        "the publication that the connector reads is not in the source",
        "create it there (postgresql/create_publication.sql has the statement), then `pipectl up`",
    ),
    known(
        "role-may-not-replicate",
        &["permission denied to start WAL sender"],
        "the connector's role may not replicate",
        "`ALTER ROLE .. REPLICATION` at the source, then `pipectl up`",
    ),
    known(
        "source-ca-file-missing",
        &["Could not open SSL root certificate file"],
        "the connector's container does not have the file that pipeline.yml names as `sslrootcert`",
        "`pipectl up` mounts it, with a compose/cdc.yaml that does so: `pipectl init --upgrade` brings that up to date",
    ),
    known(
        "source-ca-does-not-vouch",
        &["unable to find valid certification path to requested target"],
        "the source's certificate comes from no authority in the file that pipeline.yml names as `sslrootcert`",
        "have it name the authority's certificate, then `pipectl up`",
    ),
    // Kafka
    known(
        "topic-lost-data",
        &["Some data may have been lost because they are not available in Kafka any more"],
        "a topic has lost changes that job 1 had not read: it was deleted, made anew, or shortened by retention",
        RESNAPSHOT,
    ),
    known(
        "topic-unknown",
        &["UNKNOWN_TOPIC_OR_PARTITION"],
        "a topic is gone under the connector, which goes on trying for ever",
        "`pipectl status` names the topic; `pipectl repair resnapshot` makes it anew with all rows",
    ),
    known("kafka-has-no-address", &["No resolvable bootstrap urls given in bootstrap.servers"], NAME, NAME_NEXT),
    // Spark
    known("spark-worker-without-master", &["Failed to connect to master"], NO_MASTER, NO_MASTER_NEXT),
    known("spark-all-masters-silent", &["All masters are unresponsive"], NO_MASTER, NO_MASTER_NEXT),
    known(
        "spark-no-resources",
        &["Initial job has not accepted any resources"],
        "the Spark application waits for an executor that no worker gives it",
        "`pipectl up spark-worker` starts a worker; raise SPARK_WORKER_MEMORY where SPARK_EXECUTOR_MEMORY does not fit into it",
    ),
    known(
        "spark-executor-does-not-fit",
        &["no executor: it needs", "no worker has more than"],
        "the Spark application has no executor: none of the workers has the memory for one",
        "raise SPARK_WORKER_MEMORY or lower SPARK_EXECUTOR_MEMORY (in the environment or .env), then `pipectl up`",
    ),
    known("spark-driver-without-master", &["no executor: the master does not answer"], NO_MASTER, NO_MASTER_NEXT),
    known(
        "spark-no-worker",
        &["no executor: no worker is registered"],
        "the Spark application has no executor: there is no worker",
        "`pipectl up spark-worker` starts one; `pipectl logs spark-worker` tells why one ended",
    ),
    known(
        "spark-driver-refuses-jobs",
        &["spark-driver", "4042", "refused"],
        "the job could not be submitted: the Spark driver does not take connections",
        "`pipectl logs spark-driver` tells why it ended; `pipectl up` starts it and submits the jobs again",
    ),
    // Hive Metastore
    known(
        "hive-schema-of-another-version",
        &["Hive Schema version", "does not match metastore's schema version"],
        "the metastore's database was made by another version of Hive",
        "go back to the pipectl that made it, or begin anew: `pipectl reset all --backup FILE`",
    ),
    known(
        "hive-schema-missing",
        &["Version information not found in metastore"],
        "the metastore's database has no schema: its volume was emptied or another database was given",
        "`pipectl up --force-recreate hms-db hive-metastore`; where that does not help, `pipectl reset all` begins anew",
    ),
    // Image builds
    known("fetch-by-maven", &["transfer failed for https://"], FETCH, FETCH_NEXT),
    known("fetch-certificate-by-python", &["CERTIFICATE_VERIFY_FAILED"], FETCH, FETCH_NEXT),
    known("fetch-certificate-by-apt", &["SSL connection failed", "certificate verify failed"], FETCH, FETCH_NEXT),
    known("fetch-certificate-by-older-apt", &["Certificate verification failed"], FETCH, FETCH_NEXT),
    known("fetch-name-by-apt", &["Temporary failure resolving"], FETCH, FETCH_NEXT),
    known("fetch-unknown-name-by-apt", &["Failed to fetch", "Could not resolve '"], FETCH, FETCH_NEXT),
    known("fetch-connection-by-python", &["Failed to establish a new connection"], FETCH, FETCH_NEXT),
    // Anyone
    known("disk-full", &["No space left on device"], DISK, DISK_NEXT),
    // The engine's own spelling.
    known("engine-disk-full", &["no space left on device"], DISK, DISK_NEXT),
    known(
        "heap-too-small",
        &["java.lang.OutOfMemoryError"],
        "a Java server needs more heap than it was given",
        "raise its heap (`NAMENODE_HEAP`, `CONNECT_HEAP`, `SPARK_DRIVER_HEAP` .. in .env) together with its mem_limit in compose/, then `pipectl up`",
    ),
    known(
        "another-processor",
        &["exec format error"],
        "the image was made for another processor",
        "`pipectl images build` makes the project's images for this engine",
    ),
    known(
        "volume-of-another-user-by-java",
        &["Permission denied", "/data"],
        "the server may not write to its volume: the files there belong to another user, as after a copy by hand",
        "`pipectl restore FILE --force` brings them back with their owners, `pipectl reset all` begins anew",
    ),
    known(
        "volume-of-another-user",
        &["is not writable by uid"],
        "the server may not write to its volume: the files there belong to another user, as after a copy by hand",
        "`pipectl restore FILE --force` brings them back with their owners, `pipectl reset all` begins anew",
    ),
    known("no-address-in-java", &["java.net.UnknownHostException"], NAME, NAME_NEXT),
    known("no-address-for-now", &["Temporary failure in name resolution"], NAME, NAME_NEXT),
    known("no-address", &["Name or service not known"], NAME, NAME_NEXT),
];

/// The failure that these lines tell of; nothing where none of them is known.
pub fn explain<'l>(lines: impl IntoIterator<Item = &'l str>) -> Option<&'static Known> {
    // The place in the table decides, whatever was said first.
    let first = lines.into_iter().filter_map(|line| TABLE.iter().position(|known| known.is_told_by(line))).min()?;
    TABLE.get(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What servers wrote, and a word of its explanation.
    const SAID: &[(&str, &str)] = &[
        (
            "2026-11-27 10:00:00,000 WARN common.Storage: Failed to add storage directory [DISK]file:/data/dn java.io.IOException: \
             Incompatible clusterIDs in /data/dn: namenode clusterID = CID-pipectl; datanode clusterID = CID-other",
            "another file system",
        ),
        (
            "org.apache.hadoop.hdfs.server.namenode.SafeModeException: Cannot create directory /data/delta. Name node is in safe mode.",
            "not written",
        ),
        ("last answer: \"FSState\" : \"safeMode\"", "safe mode"),
        ("step lake did not finish within 60 s; last: safeMode, 0 live data nodes", "no DataNode has registered"),
        ("last: safeMode, 1 live data nodes", "not written"),
        (
            "File /data/delta/_changes/part-0 could only be written to 0 of the 1 minReplication nodes. There are 0 datanode(s) running",
            "takes the block",
        ),
        ("FATAL:  password authentication failed for user \"admin\"", "another user or password"),
        ("FATAL:  database files are incompatible with server", "major version"),
        (
            "DETAIL:  The data directory was initialized by PostgreSQL version 16, which is not compatible with this version 17.5.",
            "major version",
        ),
        ("ERROR: can no longer get changes from replication slot \"pipectl_slot\"", "lost with the replication slot"),
        ("ERROR: can no longer access replication slot \"pipectl_slot\"", "lost with the replication slot"),
        (
            "The connector is trying to read change stream starting at LSN{0/1} but this is no longer available on the server.",
            "lost with the replication slot",
        ),
        ("ERROR: replication slot \"pipectl_slot\" is active for PID 4711", "another process"),
        ("ERROR: all replication slots are in use", "no replication slot left"),
        ("ERROR: logical decoding requires \"wal_level\" >= \"logical\"", "without what change capture needs"),
        ("ERROR: publication \"pipectl_publication\" does not exist", "not in the source"),
        ("FATAL:  permission denied to start WAL sender", "may not replicate"),
        (
            "org.postgresql.util.PSQLException: Could not open SSL root certificate file /opt/connect/source-ca.pem.",
            "does not have the file",
        ),
        (
            "org.postgresql.util.PSQLException: SSL error: PKIX path building failed: \
             sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target",
            "no authority in the file",
        ),
        (
            "java.lang.IllegalStateException: Some data may have been lost because they are not available in Kafka any more; either the data \
             was aged out by Kafka or the topic may have been deleted before all the data in the topic was processed.",
            "had not read",
        ),
        (
            "[Producer clientId=connector-producer] Error while fetching metadata with correlation id 9 : \
             {jadc2.public.orders=UNKNOWN_TOPIC_OR_PARTITION}",
            "gone under the connector",
        ),
        (
            "org.apache.kafka.common.config.ConfigException: No resolvable bootstrap urls given in bootstrap.servers",
            "no address",
        ),
        ("WARN Worker: Failed to connect to master spark-master:7077", "Spark master"),
        ("ERROR StandaloneSchedulerBackend: All masters are unresponsive! Giving up.", "Spark master"),
        (
            "WARN TaskSchedulerImpl: Initial job has not accepted any resources; check your cluster UI to ensure that workers are registered",
            "waits for an executor",
        ),
        ("no executor: it needs 384 MiB, and no worker has more than 256 MiB", "the memory for one"),
        ("503: no executor: the master does not answer", "Spark master"),
        ("ERROR no executor: no worker is registered", "there is no worker"),
        ("process: spark-driver:4042: [Errno 111] Connection refused; waiting", "could not be submitted"),
        (
            "MetaException(message:Hive Schema version 4.1.0 does not match metastore's schema version 4.0.0 Metastore is not upgraded)",
            "another version of Hive",
        ),
        ("MetaException(message:Version information not found in metastore.)", "has no schema"),
        (
            "[ERROR] Could not transfer artifact org.apache.maven.plugins:maven-dependency-plugin:pom:3.8.1 from/to central: \
             transfer failed for https://registry.example/maven2/maven-dependency-plugin-3.8.1.pom",
            "could not be fetched",
        ),
        (
            "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer",
            "could not be fetched",
        ),
        (
            "W: Failed to fetch https://registry.example/InRelease  SSL connection failed: error:0A000086:SSL routines::certificate \
             verify failed / Success [IP: 192.0.2.7 443]",
            "could not be fetched",
        ),
        ("Certificate verification failed: The certificate is NOT trusted.", "could not be fetched"),
        (
            "W: Failed to fetch http://registry.example/InRelease  Temporary failure resolving 'registry.example'",
            "could not be fetched",
        ),
        (
            "W: Failed to fetch http://registry.example/dists/trixie/InRelease  Could not resolve 'proxy.example'",
            "could not be fetched",
        ),
        (
            "NewConnectionError: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution",
            "could not be fetched",
        ),
        ("PANIC:  could not write to file \"pg_wal/xlogtemp.29\": No space left on device", "disk"),
        ("failed to copy files: copy_file_range: no space left on device", "disk"),
        ("Terminating due to java.lang.OutOfMemoryError: Java heap space", "heap"),
        ("exec /usr/bin/tini: exec format error", "processor"),
        ("start-kafka: /var/lib/kafka/data is not writable by uid 10001", "belong to another user"),
        ("java.io.FileNotFoundException: /data/nn/in_use.lock (Permission denied)", "belong to another user"),
        ("Caused by: java.net.UnknownHostException: namenode", "no address"),
        ("process: spark-driver:4042: [Errno -2] Name or service not known; waiting", "no address"),
        ("could not translate host name \"hms-db\" to address: Temporary failure in name resolution", "no address"),
    ];

    #[test]
    fn what_servers_say_is_explained() {
        for (said, word) in SAID {
            let known = explain([*said]).unwrap_or_else(|| panic!("unknown: {said}"));
            assert!(known.means.contains(word), "{said}: {}", known.means);
        }
    }

    #[test]
    fn every_entry_is_told_by_a_line_and_names_a_command() {
        for known in TABLE {
            assert!(SAID.iter().any(|(said, _)| explain([*said]) == Some(known)), "no line tells {:?}", known.says);
            assert!(known.next.contains('`'), "{:?} names no command", known.says);
        }
    }

    #[test]
    fn the_specific_comes_before_the_general_in_whatever_order_it_was_said() {
        let lines = ["java.net.UnknownHostException: kafka", "ERROR: replication slot \"s\" is active for PID 7"];
        assert!(explain(lines).expect("known").means.contains("another process"));
    }

    #[test]
    fn what_is_nothing_special_is_left_alone() {
        for said in [
            "",
            "Connection to node -1 could not be established",
            "INFO Kafka Server started",
            "permission denied for table x",
        ] {
            assert_eq!(explain([said]), None, "{said}");
        }
    }
}
