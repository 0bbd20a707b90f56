-- What Debezium may read: the pipeline's tables, and the heartbeat that keeps the slot moving. Named table by table on purpose:
-- FOR ALL TABLES needs a superuser and would stream tables nobody asked for.
CREATE PUBLICATION pipectl_publication FOR TABLE regions, customers, orders, pipectl_heartbeat;
