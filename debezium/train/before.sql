-- Every common type once, and enough rows that the JVM compiles the way of a snapshot row.
CREATE TABLE heartbeat (id int PRIMARY KEY, beat timestamptz NOT NULL);
CREATE TABLE sample (
    id bigint PRIMARY KEY,
    amount numeric(12, 2) NOT NULL,
    small smallint,
    ratio double precision,
    name varchar(50) NOT NULL,
    note text,
    born date,
    at_local timestamp NOT NULL DEFAULT now(),
    at_zone timestamptz NOT NULL DEFAULT now(),
    at_time time,
    active boolean,
    attributes jsonb,
    tags text[],
    uid uuid DEFAULT gen_random_uuid()
);
ALTER TABLE sample REPLICA IDENTITY FULL;
INSERT INTO sample
SELECT i, i * 1.25, i % 100, i / 7.0, 'name ' || i, repeat('x', 100), date '2000-01-01' + i % 9000, now(), now(), '10:11:12.5',
       i % 2 = 0, '{"k": 1}', ARRAY['a', 'b']
FROM generate_series(1, :rows) AS i;
CREATE PUBLICATION train FOR TABLE sample, heartbeat;
ALTER ROLE admin PASSWORD 'train';
