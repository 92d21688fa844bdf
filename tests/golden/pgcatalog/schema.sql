CREATE SCHEMA app;
CREATE TABLE app.customers (
    id serial PRIMARY KEY,
    name varchar(40) NOT NULL,
    email text UNIQUE,
    balance numeric(12,2) DEFAULT 0,
    created timestamptz DEFAULT now(),
    dropped int
);
ALTER TABLE app.customers DROP COLUMN dropped;
ALTER TABLE app.customers ADD COLUMN tags text[];
CREATE TABLE app.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id int NOT NULL REFERENCES app.customers (id) ON DELETE CASCADE,
    line smallint,
    code char(3),
    at timestamp(3),
    UNIQUE (customer_id, line)
);
CREATE INDEX orders_at_idx ON app.orders (at DESC, code);
CREATE VIEW app.big AS SELECT id, code FROM app.orders;
CREATE SEQUENCE app.steps INCREMENT 5 START 100;
CREATE TYPE app.mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE app.pair AS (a int, b text);
CREATE DOMAIN app.label AS varchar(10) NOT NULL;
CREATE TABLE app.things (m app.mood, l app.label, p app.pair, moods app.mood[], b bytea, i interval, j jsonb);
COMMENT ON TABLE app.customers IS 'people';
COMMENT ON COLUMN app.customers.name IS 'full name';
