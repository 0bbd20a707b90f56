-- What a metastore writes at its very first start: the default catalogue's place, the default database, the roles. Written here, the
-- first start is as short as every other (it saves loading the HDFS client, about a second).
UPDATE "CTLGS" SET "LOCATION_URI" = 'hdfs://namenode:9000/warehouse' WHERE "NAME" = 'hive';
INSERT INTO "DBS" ("DB_ID", "DESC", "DB_LOCATION_URI", "NAME", "OWNER_NAME", "OWNER_TYPE", "CTLG_NAME")
VALUES (1, 'Default Hive database', 'hdfs://namenode:9000/warehouse', 'default', 'public', 'ROLE', 'hive');
INSERT INTO "ROLES" ("ROLE_ID", "CREATE_TIME", "OWNER_NAME", "ROLE_NAME")
VALUES (1, extract(epoch FROM now()), 'admin', 'admin'), (2, extract(epoch FROM now()), 'public', 'public');
INSERT INTO "GLOBAL_PRIVS" ("USER_GRANT_ID", "CREATE_TIME", "GRANT_OPTION", "GRANTOR", "GRANTOR_TYPE", "PRINCIPAL_NAME", "PRINCIPAL_TYPE", "USER_PRIV", "AUTHORIZER")
VALUES (1, extract(epoch FROM now()), 1, 'admin', 'ROLE', 'admin', 'ROLE', 'All', 'SQL');
-- The ids just used are taken.
INSERT INTO "SEQUENCE_TABLE" ("SEQUENCE_NAME", "NEXT_VAL")
VALUES ('org.apache.hadoop.hive.metastore.model.MDatabase', 6),
       ('org.apache.hadoop.hive.metastore.model.MRole', 6),
       ('org.apache.hadoop.hive.metastore.model.MGlobalPrivilege', 6);
