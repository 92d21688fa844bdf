CREATE SCHEMA works;
COMMENT ON SCHEMA works IS 'what runs by itself';
CREATE TYPE works.span AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE TYPE works.level AS ENUM ('low', 'high');
CREATE DOMAIN works.levels AS works.level[] CHECK (cardinality(VALUE) < 5);
COMMENT ON DOMAIN works.levels IS 'a few';
COMMENT ON TYPE works.span IS 'from here to there';
CREATE TABLE works.jobs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL, owner name DEFAULT CURRENT_USER,
  during tstzrange, reach works.span, pay int4multirange,
  body tsvector GENERATED ALWAYS AS (to_tsvector('english'::regconfig, name)) STORED,
  state works.level DEFAULT 'low', changed timestamptz
);
CREATE TABLE works.log (at timestamptz DEFAULT now(), what text, id bigint) WITH (fillfactor=70);
CREATE FUNCTION works.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO works.log (what, id) VALUES (TG_OP, COALESCE(NEW.id, OLD.id));
  RETURN COALESCE(NEW, OLD);
END
$$;
COMMENT ON FUNCTION works.note() IS 'writes what happens';
CREATE FUNCTION works.fresh() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path TO 'works', 'pg_temp' AS $$
BEGIN NEW.changed := now(); RETURN NEW; END
$$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON works.jobs FOR EACH ROW EXECUTE FUNCTION works.note();
CREATE TRIGGER fresh BEFORE UPDATE OF name, state ON works.jobs FOR EACH ROW WHEN (old.name IS DISTINCT FROM new.name) EXECUTE FUNCTION works.fresh();
COMMENT ON TRIGGER note ON works.jobs IS 'each change';
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON works.jobs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION works.note();
ALTER TABLE works.jobs DISABLE TRIGGER late;
CREATE VIEW works.open AS SELECT id, name FROM works.jobs WHERE state = 'low' WITH LOCAL CHECK OPTION;
CREATE VIEW works.safe WITH (security_barrier=true) AS SELECT id, name FROM works.jobs;
CREATE VIEW works.mine WITH (security_invoker=true) AS SELECT id, name FROM works.jobs;
CREATE FUNCTION works.into_open() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE VIEW works.names AS SELECT DISTINCT name FROM works.jobs;
CREATE TRIGGER instead INSTEAD OF INSERT ON works.names FOR EACH ROW EXECUTE FUNCTION works.into_open();
CREATE RULE quiet AS ON DELETE TO works.log DO INSTEAD NOTHING;
COMMENT ON RULE quiet ON works.log IS 'keeps the log';
ALTER TABLE works.jobs ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON works.jobs FOR SELECT TO reader USING (owner = CURRENT_USER);
CREATE POLICY strict ON works.jobs AS RESTRICTIVE FOR UPDATE TO PUBLIC USING (true) WITH CHECK (state = 'low');
COMMENT ON POLICY own ON works.jobs IS 'each his own';
CREATE TABLE works.measures (at date NOT NULL, place text, value numeric, PRIMARY KEY (at, place)) PARTITION BY RANGE (at);
CREATE TABLE works.measures_2023 PARTITION OF works.measures FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE works.measures_2024 PARTITION OF works.measures FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (place);
CREATE TABLE works.measures_2024_a PARTITION OF works.measures_2024 FOR VALUES IN ('a', 'b');
CREATE TABLE works.measures_rest PARTITION OF works.measures DEFAULT;
CREATE TABLE works.hashed (id int, t text) PARTITION BY HASH (id);
CREATE TABLE works.hashed_0 PARTITION OF works.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE INDEX measures_value ON works.measures (value);
CREATE TABLE works.base (id int, t text);
CREATE TABLE works.child (more text) INHERITS (works.base);
CREATE AGGREGATE works.longest(text) (SFUNC = textcat, STYPE = text, INITCOND = '');
COMMENT ON AGGREGATE works.longest(text) IS 'all of them';
CREATE FUNCTION works.twice(integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE LEAKPROOF COST 5 AS 'SELECT $1 * 2';
CREATE FUNCTION works.atomic(a integer, OUT b integer, OUT c text) LANGUAGE sql BEGIN ATOMIC SELECT a + 1, 'x'::text; END;
CREATE FUNCTION works.write(a integer, b text) RETURNS void LANGUAGE sql BEGIN ATOMIC
INSERT INTO works.log (what, id) VALUES (b, a); SELECT 1 FROM works.jobs WHERE id = a;
UPDATE works.log SET id = $1 WHERE log.what = b; DELETE FROM works.log WHERE id = a; END;
CREATE FUNCTION works.next(a integer, id integer) RETURNS integer LANGUAGE sql RETURN a + 1;
CREATE FUNCTION works.above(a integer) RETURNS TABLE(x integer) LANGUAGE sql BEGIN ATOMIC SELECT b.id FROM works.base b WHERE b.id > a; END;
CREATE FUNCTION works.void(a integer) RETURNS void LANGUAGE sql BEGIN ATOMIC END;
CREATE FUNCTION works.many(VARIADIC v integer[]) RETURNS TABLE (n integer) LANGUAGE sql STABLE ROWS 7 AS 'SELECT unnest(v)';
CREATE FUNCTION works.same(a works.level, b works.level) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT a::text = b::text';
CREATE OPERATOR works.=== (FUNCTION = works.same, LEFTARG = works.level, RIGHTARG = works.level, COMMUTATOR = OPERATOR(works.===));
CREATE FUNCTION works.to_int(works.level) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT CASE $1 WHEN ''low'' THEN 0 ELSE 1 END';
CREATE CAST (works.level AS integer) WITH FUNCTION works.to_int(works.level) AS ASSIGNMENT;
CREATE PROCEDURE works.run(INOUT n integer) LANGUAGE plpgsql AS $$ BEGIN n := n + 1; COMMIT; END $$;
CREATE MATERIALIZED VIEW works.counts AS SELECT state, count(*) AS n FROM works.jobs GROUP BY state;
CREATE INDEX counts_n ON works.counts (n);
ALTER TABLE works.jobs CLUSTER ON jobs_pkey;
ALTER TABLE works.log REPLICA IDENTITY FULL;
ALTER TABLE works.jobs ALTER COLUMN name SET STATISTICS 500, ALTER COLUMN name SET STORAGE EXTERNAL;
ALTER TABLE works.jobs ADD CONSTRAINT no_overlap EXCLUDE USING gist (during WITH &&);
ALTER TABLE works.jobs ADD CONSTRAINT later CHECK (name <> '') NOT VALID;
CREATE UNLOGGED TABLE works.fast (id int);
ALTER DEFAULT PRIVILEGES IN SCHEMA works GRANT SELECT ON TABLES TO reader;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
GRANT USAGE ON TYPE works.level TO reader;
GRANT USAGE, CREATE ON SCHEMA works TO keeper WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION works.twice(integer) TO reader;
GRANT EXECUTE ON PROCEDURE works.run(integer) TO keeper;
GRANT UPDATE (name, state), SELECT ON works.jobs TO keeper;
GRANT TEMPORARY ON DATABASE "default" TO reader;
ALTER ROLE reader SET work_mem = '8MB';
ALTER ROLE keeper IN DATABASE "default" SET search_path = works, public;
ALTER DATABASE "default" SET statement_timeout = '1h';
GRANT keeper TO reader WITH ADMIN OPTION;
CREATE ROLE works_boss LOGIN CONNECTION LIMIT 5 VALID UNTIL '2030-01-01' ;
COMMENT ON ROLE works_boss IS 'the boss';
COMMENT ON DATABASE "default" IS 'all of it';
