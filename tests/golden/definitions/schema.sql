CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE place AS (street text, number integer);
CREATE DOMAIN percent AS numeric(5, 2) CHECK (VALUE BETWEEN 0 AND 100);
CREATE SCHEMA far;
CREATE TYPE far.shade AS ENUM ('light', 'dark');
CREATE SEQUENCE far.numbers;
CREATE TABLE goods (
    id integer, name text, code varchar(10), kind char(3), price numeric(10, 2), pieces smallint, total bigint,
    weight double precision, share percent, mood mood, shade far.shade, home place, tags text[], made date,
    seen timestamptz, at timestamp, span interval, active boolean, notes jsonb, picture bytea, "Odd Name" text,
    token uuid
);
CREATE TABLE far.sales (id integer, good integer, pieces integer, day date, "order" text);
