-- The destination: what spark/transforms/*.sql make of the source's rows.
--
-- There are no foreign keys between these tables. Changes arrive per table, each in its own topic, so a batch may bring an order
-- before its customer or delete a customer before its orders; the tables agree once the source is quiet, and a constraint in
-- between would only stop the flow. For the same reason there is no unique constraint but the key.

CREATE TABLE regions (
    region_id  integer PRIMARY KEY,
    name       text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE customers (
    customer_id  bigint PRIMARY KEY,
    customer_uid uuid NOT NULL,
    name         text NOT NULL,
    email        text NOT NULL,
    region_id    integer NOT NULL,
    birth_date   date,
    active       boolean NOT NULL,
    tags         text[] NOT NULL,
    attributes   jsonb,
    created_at   timestamp NOT NULL,
    updated_at   timestamptz NOT NULL
);
CREATE INDEX ON customers (region_id);

CREATE TABLE orders (
    order_id      bigint PRIMARY KEY,
    customer_id   bigint NOT NULL,
    amount        numeric(12,2) NOT NULL,
    quantity      integer NOT NULL,
    status        text NOT NULL,
    note          text,
    details       jsonb,
    ordered_at    timestamptz NOT NULL,
    delivery_date date,
    updated_at    timestamp NOT NULL,
    -- computed by spark/transforms/orders.sql
    unit_price    numeric(12,2) NOT NULL
);
CREATE INDEX ON orders (customer_id);
-- lets one group of the aggregate below be computed without reading every order
CREATE INDEX ON orders (((ordered_at AT TIME ZONE 'UTC')::date));

CREATE TABLE revenue_by_region_day (
    region_id integer NOT NULL,
    day       date NOT NULL,
    orders    bigint NOT NULL,
    revenue   numeric(18,2) NOT NULL,
    PRIMARY KEY (region_id, day)
);

-- The pipeline's own records. They change in the same transaction as the rows above, so what they say is always true of them.
CREATE SCHEMA pipectl;

-- Where in each topic the destination stands. A change below next_offset has been applied and is never applied again.
CREATE TABLE pipectl.applied (
    topic       text NOT NULL,
    "partition" integer NOT NULL,
    next_offset bigint NOT NULL,
    -- identity of the change log the offsets belong to: after a reset of one side only they would mean nothing
    change_log  text NOT NULL,
    PRIMARY KEY (topic, "partition")
);

-- One row per batch, for `pipectl status` and for questions afterwards.
CREATE TABLE pipectl.ledger (
    query_id     uuid NOT NULL,
    batch_id     bigint NOT NULL,
    upserted     bigint NOT NULL,
    deleted      bigint NOT NULL,
    offsets      jsonb NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (query_id, batch_id)
);
CREATE INDEX ON pipectl.ledger (committed_at);
