"""What the console asks the database, under the role that has logged in."""

from __future__ import annotations

TABLES = """
SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind, pg_catalog.pg_get_userbyid(c.relowner) AS owner
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND n.nspname NOT LIKE 'pg\\_temp\\_%'
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
ORDER BY n.nspname, c.relname
"""

COLUMNS = """
SELECT a.attname AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS "notNull",
       pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS "default",
       coalesce((SELECT bool_or(a.attnum = ANY (k.conkey)) FROM pg_catalog.pg_constraint k
                 WHERE k.conrelid = a.attrelid AND k.contype = 'p'), false) AS key
FROM pg_catalog.pg_attribute a
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""

SESSIONS = """
SELECT pid, usename AS "user", datname AS database, application_name AS application, client_addr AS address, state,
       wait_event_type AS "waitType", wait_event AS "waitEvent", xact_start AS "transactionStart", query
FROM pg_catalog.pg_stat_activity WHERE pid <> pg_catalog.pg_backend_pid() ORDER BY pid
"""

CANCEL = "SELECT pg_catalog.pg_cancel_backend({pid}) AS done"
TERMINATE = "SELECT pg_catalog.pg_terminate_backend({pid}) AS done"
EXPLAIN = "EXPLAIN (FORMAT json, ANALYZE {analyze}) "
