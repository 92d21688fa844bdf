-- Questions of graphical tools to the catalogs, in our own words: which catalogs they join, which functions they call,
-- which columns they read. A line of two dashes and a colon names the tool and the question. %(schema)s is the oid of
-- the shop's schema, %(table)s that of a table in it; both are given as parameters, as the tools do.

--: DBeaver, databases
SELECT db.oid, db.* FROM pg_catalog.pg_database db WHERE db.datallowconn AND NOT db.datistemplate AND db.datname = current_database() AND db.datcollate IS NULL

--: DBeaver, session
SELECT version() LIKE 'PostgreSQL 15.%%' AS version, current_schema(), session_user, current_schemas(true)

--: DBeaver, schemas
SELECT n.oid, n.*, d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = n.oid AND d.objsubid = 0 AND d.classoid = 'pg_namespace'::regclass WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema' ORDER BY nspname

--: DBeaver, relations of a schema
SELECT c.oid, c.relname, c.relkind, c.relowner, c.relnatts, c.relhasindex, d.description, pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS partition_expr, pg_catalog.pg_get_partkeydef(c.oid) AS partition_key FROM pg_catalog.pg_class c LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass WHERE c.relnamespace = %(schema)s AND c.relkind NOT IN ('i', 'I', 'c', 't')

--: DBeaver, columns
SELECT c.relname, a.*, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) AS def_value, dsc.description, dep.objid FROM pg_catalog.pg_attribute a INNER JOIN pg_catalog.pg_class c ON a.attrelid = c.oid LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON a.attrelid = ad.adrelid AND a.attnum = ad.adnum LEFT OUTER JOIN pg_catalog.pg_description dsc ON c.oid = dsc.objoid AND a.attnum = dsc.objsubid LEFT OUTER JOIN pg_depend dep ON dep.refobjid = a.attrelid AND dep.deptype = 'i' AND dep.refobjsubid = a.attnum AND dep.classid = dep.refclassid WHERE NOT a.attisdropped AND a.attnum > 0 AND c.oid = %(table)s ORDER BY a.attnum

--: DBeaver, constraints
SELECT c.oid, c.conname, c.contype, c.conkey, c.confkey, c.confrelid, t.relname AS tabrelname, rt.relnamespace AS refnamespace, d.description, pg_catalog.pg_get_constraintdef(c.oid) AS definition FROM pg_catalog.pg_constraint c INNER JOIN pg_catalog.pg_class t ON t.oid = c.conrelid LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid = c.confrelid LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_constraint'::regclass WHERE t.relnamespace = %(schema)s ORDER BY t.oid

--: DBeaver, indexes
SELECT i.indexrelid, i.indrelid, i.indisunique, i.indkey, i.indclass, i.indoption, i.indcollation, c.relname, c.relam, tc.relname AS tabrelname, dsc.description, pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS pred_expr, pg_catalog.pg_get_expr(i.indexprs, i.indrelid, true) AS expr FROM pg_catalog.pg_index i INNER JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid INNER JOIN pg_catalog.pg_class tc ON tc.oid = i.indrelid LEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid = dsc.objoid WHERE tc.relnamespace = %(schema)s

--: DBeaver, index columns
SELECT i.indexrelid, pg_catalog.pg_get_indexdef(i.indexrelid, k, true) FROM pg_catalog.pg_index i, generate_series(1, 3) k WHERE i.indrelid = %(table)s

--: DBeaver, triggers and rules
SELECT x.oid, x.tgname, x.tgenabled, p.pronamespace AS func_schema_id, d.description FROM pg_catalog.pg_trigger x LEFT OUTER JOIN pg_catalog.pg_proc p ON p.oid = x.tgfoid LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = x.oid AND d.objsubid = 0 WHERE x.tgrelid = %(table)s AND NOT x.tgisinternal

--: DBeaver, sequences
SELECT sequence_class.oid, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcycle, s.seqcache, pg_sequence_last_value(s.seqrelid) IS NULL AS unused FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class sequence_class ON sequence_class.oid = s.seqrelid WHERE sequence_class.relnamespace = %(schema)s

--: DBeaver, types
SELECT t.oid, t.typname, t.typtype, t.typcategory, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) AS base_type_name, d.description FROM pg_catalog.pg_type t LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid = t.typelem LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid = t.typrelid LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid = d.objoid WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c') AND (et.typcategory IS NULL OR et.typcategory <> 'C') AND t.typnamespace = %(schema)s

--: DBeaver, enum labels
SELECT e.enumlabel FROM pg_catalog.pg_enum e JOIN pg_catalog.pg_type t ON t.oid = e.enumtypid WHERE t.typname = 'mood' ORDER BY e.enumsortorder

--: DBeaver, functions
SELECT p.oid, p.proname, p.prokind, p.proargnames, p.proargmodes, p.proargtypes, p.prosrc, l.lanname, pg_catalog.pg_get_expr(p.proargdefaults, 0) AS arg_defaults, d.description, pg_catalog.pg_get_functiondef(p.oid) FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass WHERE p.pronamespace = %(schema)s ORDER BY p.proname

--: DBeaver, view text
SELECT pg_catalog.pg_get_viewdef(c.oid, true) AS definition FROM pg_catalog.pg_class c WHERE c.relnamespace = %(schema)s AND c.relkind IN ('v', 'm')

--: DBeaver, sizes
SELECT c.relname, pg_catalog.pg_total_relation_size(c.oid) >= pg_catalog.pg_relation_size(c.oid) AS fits FROM pg_class c WHERE c.relnamespace = %(schema)s AND c.relkind = 'r'

--: DBeaver, privileges
SELECT grantee, table_schema, table_name, privilege_type, is_grantable FROM information_schema.table_privileges WHERE table_schema = 'shop' AND table_name = 'orders'

--: DBeaver, inheritance and dependencies
SELECT i.*, c.relnamespace FROM pg_catalog.pg_inherits i, pg_catalog.pg_class c WHERE i.inhrelid = %(table)s AND c.oid = i.inhparent ORDER BY i.inhseqno

--: pgAdmin, server
SELECT usename AS user, rolsuper AS is_superuser, CASE WHEN rolsuper THEN true ELSE rolcreaterole END AS can_create_role, CASE WHEN rolsuper THEN true ELSE rolcreatedb END AS can_create_db FROM pg_catalog.pg_roles CROSS JOIN (SELECT current_user AS usename) u WHERE rolname = current_user

--: pgAdmin, databases
SELECT db.datname AS name, pg_catalog.pg_encoding_to_char(encoding) AS encoding, datallowconn, pg_catalog.has_database_privilege(db.oid, 'CREATE') AS cancreate, datistemplate, descr.description FROM pg_catalog.pg_database db LEFT OUTER JOIN pg_catalog.pg_tablespace ta ON db.dattablespace = ta.oid LEFT OUTER JOIN pg_catalog.pg_shdescription descr ON db.oid = descr.objoid AND descr.classoid = 'pg_database'::regclass WHERE db.datname = current_database()

--: pgAdmin, schemas
SELECT nsp.oid, nsp.nspname AS name, pg_catalog.has_schema_privilege(nsp.oid, 'CREATE') AS can_create, pg_catalog.has_schema_privilege(nsp.oid, 'USAGE') AS has_usage, descr.description FROM pg_catalog.pg_namespace nsp LEFT OUTER JOIN pg_catalog.pg_description descr ON descr.objoid = nsp.oid AND descr.classoid = 'pg_namespace'::regclass WHERE nspname NOT LIKE E'pg\\_%%' AND NOT ((nsp.nspname = 'pg_catalog' AND EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relname = 'pg_class' AND relnamespace = nsp.oid LIMIT 1)) OR (nsp.nspname = 'information_schema' AND EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relname = 'tables' AND relnamespace = nsp.oid LIMIT 1))) ORDER BY nspname

--: pgAdmin, tables
SELECT rel.oid, rel.relname AS name, (SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgrelid = rel.oid AND tgisinternal = FALSE) AS triggercount, (SELECT count(*) FROM pg_catalog.pg_inherits WHERE inhrelid = rel.oid LIMIT 1) AS is_inherits, des.description FROM pg_catalog.pg_class rel LEFT OUTER JOIN pg_catalog.pg_description des ON des.objoid = rel.oid AND des.objsubid = 0 AND des.classoid = 'pg_class'::regclass WHERE rel.relkind IN ('r', 's', 't', 'p') AND rel.relnamespace = %(schema)s AND NOT rel.relispartition ORDER BY rel.relname

--: pgAdmin, a table
SELECT rel.oid, rel.relname, rel.relpersistence, pg_catalog.pg_get_userbyid(rel.relowner) AS relowner, rel.relacl, substring(array_to_string(rel.reloptions, ',') FROM 'fillfactor=([0-9]*)') AS fillfactor, con.conname, con.conkey, EXISTS (SELECT 1 FROM pg_catalog.pg_trigger JOIN pg_catalog.pg_proc pt ON pt.oid = tgfoid AND pt.proname = 'logtrigger' WHERE tgrelid = rel.oid) AS isrepl, (SELECT array_agg(provider || '=' || label) FROM pg_catalog.pg_seclabels sl1 WHERE sl1.objoid = rel.oid AND sl1.objsubid = 0) AS seclabels, (CASE WHEN rel.oid <= 16383 THEN true ELSE false END) AS is_sys_table FROM pg_catalog.pg_class rel LEFT OUTER JOIN pg_catalog.pg_tablespace spc ON spc.oid = rel.reltablespace LEFT OUTER JOIN pg_catalog.pg_constraint con ON con.conrelid = rel.oid AND con.contype = 'p' LEFT JOIN pg_catalog.pg_type typ ON rel.reloftype = typ.oid WHERE rel.oid = %(table)s

--: pgAdmin, columns
SELECT DISTINCT att.attname AS name, att.atttypid, att.attlen, att.attnum, att.attndims, att.atttypmod, att.attacl, att.attnotnull, att.attoptions, att.attstattarget, att.attstorage, att.attidentity, pg_catalog.pg_get_expr(def.adbin, def.adrelid) AS defval, pg_catalog.format_type(ty.oid, NULL) AS typname, pg_catalog.format_type(ty.oid, att.atttypmod) AS displaytypname, CASE WHEN ty.typelem > 0 THEN ty.typelem ELSE ty.oid END AS elemoid, tn.nspname AS typnspname, et.typname AS elemtypname, ty.typstorage AS defaultstorage, cl.relname, na.nspname, pg_catalog.concat(quote_ident(na.nspname), '.', quote_ident(cl.relname)) AS parent_tbl, coll.collname, nspc.nspname AS collnspname, (SELECT count(1) FROM pg_catalog.pg_type t2 WHERE t2.typname = ty.typname) > 1 AS isdup, EXISTS (SELECT 1 FROM pg_catalog.pg_constraint WHERE conrelid = att.attrelid AND contype = 'f' AND att.attnum = ANY (conkey)) AS is_fk, seq.seqtypid IS NOT NULL AS numbered, coalesce(seq.seqincrement, 1) AS step FROM pg_catalog.pg_attribute att JOIN pg_catalog.pg_type ty ON ty.oid = atttypid JOIN pg_catalog.pg_namespace tn ON tn.oid = ty.typnamespace JOIN pg_catalog.pg_class cl ON cl.oid = att.attrelid JOIN pg_catalog.pg_namespace na ON na.oid = cl.relnamespace LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid = ty.typelem LEFT OUTER JOIN pg_catalog.pg_attrdef def ON adrelid = att.attrelid AND adnum = att.attnum LEFT OUTER JOIN (pg_catalog.pg_depend dep JOIN pg_catalog.pg_class cs ON dep.classid = 'pg_class'::regclass AND dep.objid = cs.oid AND cs.relkind = 'S') ON dep.refobjid = att.attrelid AND dep.refobjsubid = att.attnum LEFT OUTER JOIN pg_catalog.pg_collation coll ON att.attcollation = coll.oid LEFT OUTER JOIN pg_catalog.pg_namespace nspc ON coll.collnamespace = nspc.oid LEFT OUTER JOIN pg_catalog.pg_sequence seq ON cs.oid = seq.seqrelid WHERE att.attrelid = %(table)s AND att.attnum > 0 AND att.attisdropped IS FALSE ORDER BY att.attnum

--: pgAdmin, indexes
SELECT DISTINCT ON (cls.relname) cls.oid, cls.relname AS name, idx.indrelid, indkey, indisclustered, indisvalid, indisunique, indisprimary, n.nspname, indnatts, tab.relname AS tabname, indclass, con.oid AS conoid, CASE WHEN contype IN ('p', 'u', 'x') THEN desp.description ELSE des.description END AS description, pg_catalog.pg_get_expr(indpred, indrelid, true) AS indconstraint, contype, am.amname, (SELECT (CASE WHEN count(i.inhrelid) > 0 THEN true ELSE false END) FROM pg_inherits i WHERE i.inhrelid = cls.oid) AS is_inherited, substring(array_to_string(cls.reloptions, ',') FROM 'fillfactor=([0-9]*)') AS fillfactor FROM pg_catalog.pg_index idx JOIN pg_catalog.pg_class cls ON cls.oid = indexrelid JOIN pg_catalog.pg_class tab ON tab.oid = indrelid JOIN pg_catalog.pg_namespace n ON n.oid = tab.relnamespace JOIN pg_catalog.pg_am am ON am.oid = cls.relam LEFT JOIN pg_catalog.pg_depend dep ON dep.classid = cls.tableoid AND dep.objid = cls.oid AND dep.refobjsubid = '0' AND dep.refclassid = (SELECT oid FROM pg_catalog.pg_class WHERE relname = 'pg_constraint') AND dep.deptype = 'i' LEFT OUTER JOIN pg_catalog.pg_constraint con ON con.tableoid = dep.refclassid AND con.oid = dep.refobjid LEFT OUTER JOIN pg_catalog.pg_description des ON des.objoid = cls.oid AND des.classoid = 'pg_class'::regclass LEFT OUTER JOIN pg_catalog.pg_description desp ON desp.objoid = con.oid AND desp.objsubid = 0 AND desp.classoid = 'pg_constraint'::regclass WHERE indrelid = %(table)s ORDER BY cls.relname

--: pgAdmin, foreign keys
SELECT ct.oid, conname AS name, condeferrable, condeferred, confupdtype, confdeltype, CASE confmatchtype WHEN 's' THEN FALSE WHEN 'f' THEN TRUE END AS confmatchtype, conkey, confkey, confrelid, nl.nspname AS fknsp, cl.relname AS fktab, nr.nspname AS refnsp, cr.relname AS reftab, description AS comment, convalidated FROM pg_catalog.pg_constraint ct JOIN pg_catalog.pg_class cl ON cl.oid = conrelid JOIN pg_catalog.pg_namespace nl ON nl.oid = cl.relnamespace JOIN pg_catalog.pg_class cr ON cr.oid = confrelid JOIN pg_catalog.pg_namespace nr ON nr.oid = cr.relnamespace LEFT OUTER JOIN pg_catalog.pg_description des ON des.objoid = ct.oid AND des.classoid = 'pg_constraint'::regclass WHERE contype = 'f' AND nl.oid = %(schema)s ORDER BY conname

--: pgAdmin, granted privileges
SELECT 'relacl' AS deftype, coalesce(gt.rolname, 'PUBLIC') AS grantee, g.rolname AS grantor, array_agg(privilege_type ORDER BY privilege_type) AS privileges, array_agg(is_grantable ORDER BY privilege_type) AS grantable FROM (SELECT d.grantee, d.grantor, d.is_grantable, d.privilege_type FROM (SELECT rel.relacl FROM pg_catalog.pg_class rel WHERE rel.oid = %(table)s) acl, (SELECT (d).grantee AS grantee, (d).grantor AS grantor, (d).is_grantable AS is_grantable, (d).privilege_type FROM (SELECT aclexplode(relacl) AS d FROM pg_catalog.pg_class rel WHERE rel.oid = %(table)s) a) d) d LEFT JOIN pg_catalog.pg_roles g ON d.grantor = g.oid LEFT JOIN pg_catalog.pg_roles gt ON d.grantee = gt.oid GROUP BY g.rolname, gt.rolname ORDER BY 2

--: pgAdmin, dashboard
SELECT (SELECT count(*) > 0 FROM pg_catalog.pg_stat_activity WHERE datname = current_database()) AS total, (SELECT count(*) >= 0 FROM pg_catalog.pg_stat_activity WHERE state = 'idle') AS idle, (SELECT sum(xact_commit) + sum(xact_rollback) >= 0 FROM pg_catalog.pg_stat_database WHERE datname = current_database()) AS transactions

--: DataGrip, server
SELECT current_database() AS a, current_schema() AS b, current_user AS c, pg_is_in_recovery() AS d, (SELECT count(*) FROM pg_catalog.pg_timezone_names) > 100 AS e

--: DataGrip, databases
SELECT N.oid::bigint > 0 AS id, datname AS name, D.description, datistemplate AS is_template, datallowconn AS allow_connections, pg_catalog.pg_get_userbyid(N.datdba) AS "owner" FROM pg_catalog.pg_database N LEFT JOIN pg_catalog.pg_shdescription D ON N.oid = D.objoid WHERE datname = current_database()

--: DataGrip, schemas
SELECT N.oid::bigint AS id, N.xmin::varchar::bigint >= 0 AS state_number, nspname AS name, D.description, pg_catalog.pg_get_userbyid(N.nspowner) AS "owner" FROM pg_catalog.pg_namespace N LEFT JOIN pg_catalog.pg_description D ON N.oid = D.objoid WHERE nspname = 'shop'

--: DataGrip, objects of a schema
SELECT T.oid AS object_id, relnamespace AS schema_id, pg_catalog.translate(relkind, 'rmvpfS', 'rmvrfS') AS kind FROM pg_catalog.pg_class T WHERE relnamespace IN (%(schema)s) AND relkind IN ('r', 'm', 'v', 'p', 'f', 'S') UNION ALL SELECT T.oid, T.typnamespace, 'T' FROM pg_catalog.pg_type T LEFT OUTER JOIN pg_catalog.pg_class C ON T.typrelid = C.oid WHERE T.typnamespace IN (%(schema)s) AND (T.typtype IN ('d', 'e') OR C.relkind = 'c'::"char" OR (T.typtype = 'b' AND (T.typelem = 0 OR T.typcategory <> 'A')) OR T.typtype = 'p' AND NOT T.typisdefined) UNION ALL SELECT oid, pronamespace, CASE WHEN prokind != 'a' THEN 'R' ELSE 'a' END FROM pg_catalog.pg_proc WHERE pronamespace IN (%(schema)s)

--: DataGrip, tables
SELECT T.relkind AS table_kind, T.relname AS table_name, T.oid AS table_id, T.reltablespace AS tablespace_id, T.reloptions AS options, T.relpersistence AS persistence, (SELECT pg_catalog.array_agg(inhparent::bigint ORDER BY inhseqno)::varchar FROM pg_catalog.pg_inherits WHERE T.oid = inhrelid) AS ancestors, T.relispartition AS is_partition, pg_catalog.pg_get_partkeydef(T.oid) AS partition_key, T.relam AS am_id, pg_catalog.pg_get_userbyid(T.relowner) AS "owner" FROM pg_catalog.pg_class T WHERE relnamespace = %(schema)s AND relkind IN ('r', 'm', 'v', 'f', 'p') ORDER BY table_kind, table_name

--: DataGrip, columns
WITH T AS (SELECT DISTINCT T.oid AS table_id, T.relname AS table_name FROM pg_catalog.pg_class T, pg_catalog.pg_attribute A WHERE T.relnamespace = %(schema)s AND T.relkind IN ('r', 'm', 'v', 'f', 'p') AND A.attrelid = T.oid) SELECT T.table_id, C.attnum AS column_position, C.attname AS column_name, C.atttypmod AS type_mod, C.attndims AS dimensions_number, pg_catalog.format_type(C.atttypid, C.atttypmod) AS type_spec, C.atttypid AS type_id, C.attnotnull AS mandatory, pg_catalog.pg_get_expr(D.adbin, T.table_id) AS column_default_expression, NOT C.attislocal AS column_is_inherited, C.attfdwoptions AS options, C.attisdropped AS column_is_dropped, C.attidentity AS identity_kind, C.attgenerated AS generated FROM T INNER JOIN pg_catalog.pg_attribute C ON T.table_id = C.attrelid LEFT OUTER JOIN pg_catalog.pg_attrdef D ON (C.attrelid, C.attnum) = (D.adrelid, D.adnum) WHERE attnum > 0 ORDER BY table_name, attnum

--: DataGrip, indexes
SELECT tab.relname, ind_stor.relname AS index_name, ind_head.indexrelid AS index_id, ind_head.indisunique AS is_unique, ind_head.indisprimary AS is_primary, ind_head.indnullsnotdistinct AS nulls_not_distinct, pg_catalog.pg_get_expr(ind_head.indpred, ind_head.indrelid) AS condition, ind_stor.reltablespace AS tablespace_id, opcmethod AS access_method_id FROM pg_catalog.pg_class tab JOIN pg_catalog.pg_index ind_head ON ind_head.indrelid = tab.oid JOIN pg_catalog.pg_class ind_stor ON tab.relnamespace = ind_stor.relnamespace AND ind_stor.oid = ind_head.indexrelid LEFT JOIN pg_catalog.pg_opclass ON pg_opclass.oid = ANY (indclass) WHERE tab.relnamespace = %(schema)s AND tab.relkind IN ('r', 'm', 'v', 'p') AND ind_stor.relkind IN ('i', 'I')

--: DataGrip, index columns
SELECT ind_head.indexrelid AS index_id, k AS col_idx, k <= indnkeyatts AS in_key, ind_head.indkey[k - 1] AS column_position, ind_head.indoption[k - 1] AS column_options, ind_head.indcollation[k - 1] AS "collation", colln.nspname AS collation_schema, collname AS collation_str, ind_head.indclass[k - 1] AS opclass, CASE WHEN opcdefault THEN NULL ELSE opcn.nspname END AS opclass_schema, CASE WHEN opcdefault THEN NULL ELSE opcname END AS opclass_str, CASE WHEN indexprs IS NULL THEN NULL WHEN ind_head.indkey[k - 1] = 0 THEN chr(27) || pg_catalog.pg_get_indexdef(ind_head.indexrelid, k::integer, true) ELSE pg_catalog.pg_get_indexdef(ind_head.indexrelid, k::integer, true) END AS expression, pg_catalog.pg_indexam_has_property(pg_am.oid, 'can_order') AS can_order FROM pg_catalog.pg_index ind_head JOIN pg_catalog.pg_class ind_stor ON ind_stor.oid = ind_head.indexrelid CROSS JOIN unnest(ind_head.indkey) WITH ORDINALITY u(u, k) LEFT JOIN pg_catalog.pg_collation ON pg_collation.oid = ind_head.indcollation[k - 1] LEFT JOIN pg_catalog.pg_namespace colln ON collnamespace = colln.oid LEFT JOIN pg_catalog.pg_opclass ON pg_opclass.oid = ind_head.indclass[k - 1] LEFT JOIN pg_catalog.pg_namespace opcn ON opcnamespace = opcn.oid LEFT JOIN pg_catalog.pg_am ON opcmethod = pg_am.oid WHERE ind_stor.relnamespace = %(schema)s AND ind_stor.relkind IN ('i', 'I') ORDER BY ind_stor.relname, k

--: DataGrip, constraints
SELECT T.relname AS table_name, C.oid::bigint AS con_id, conname AS con_name, contype AS con_kind, conkey AS con_columns, conindid AS index_id, confrelid AS ref_table_id, condeferrable AS is_deferrable, condeferred AS is_init_deferred, confupdtype AS on_update, confdeltype AS on_delete, connoinherit AS no_inherit, pg_catalog.pg_get_expr(conbin, T.oid) AS con_expression, confkey AS ref_columns, conexclop::int[] AS excl_operators, array(SELECT unnest::regoper::varchar FROM unnest(conexclop)) AS excl_operators_str FROM pg_catalog.pg_constraint C JOIN pg_catalog.pg_class T ON C.conrelid = T.oid WHERE relkind IN ('r', 'v', 'f', 'p') AND relnamespace = %(schema)s AND contype IN ('p', 'u', 'f', 'c', 'x') AND connamespace = %(schema)s

--: DataGrip, routines
WITH languages AS (SELECT oid AS lang_oid, lanname AS lang FROM pg_catalog.pg_language), routines AS (SELECT proname AS r_name, prolang AS lang_oid, oid AS r_id, proargnames AS arg_names, proargmodes AS arg_modes, proargtypes::int[] AS in_arg_types, proallargtypes::int[] AS all_arg_types, pg_catalog.pg_get_expr(proargdefaults, 0) AS arg_defaults, provariadic AS arg_variadic_id, prorettype AS ret_type_id, proretset AS ret_set, prokind AS kind, provolatile AS volatile_kind, proisstrict AS is_strict, prosecdef AS is_security_definer, proconfig AS configuration_parameters, procost AS cost, pg_catalog.pg_get_userbyid(proowner) AS "owner", prorows AS rows, proleakproof AS is_leakproof, proparallel AS concurrency_kind FROM pg_catalog.pg_proc WHERE pronamespace = %(schema)s AND NOT (prokind = 'a')) SELECT * FROM routines NATURAL JOIN languages

--: DataGrip, views
SELECT T.relkind AS view_kind, T.oid AS view_id, pg_catalog.pg_get_viewdef(T.oid, true) AS source_text FROM pg_catalog.pg_class T JOIN pg_catalog.pg_namespace N ON T.relnamespace = N.oid WHERE N.oid = %(schema)s AND T.relkind IN ('m', 'v')

--: DataGrip, descriptions
SELECT T.relkind AS table_kind, T.oid AS table_id, D.objsubid AS column_position, D.description FROM pg_catalog.pg_class T JOIN pg_catalog.pg_description D ON T.oid = D.objoid AND D.classoid = 'pg_catalog.pg_class'::regclass WHERE T.relnamespace = %(schema)s AND T.relkind IN ('r', 'm', 'v', 'p', 'f') ORDER BY table_id, column_position

--: DataGrip, privileges
SELECT T.oid AS object_id, T.relacl AS acl FROM pg_catalog.pg_class T WHERE relnamespace = %(schema)s AND relacl IS NOT NULL UNION ALL SELECT attrelid, attacl FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_class T ON T.oid = attrelid WHERE relnamespace = %(schema)s AND attacl IS NOT NULL

--: DataGrip, roles
SELECT R.oid::bigint > 0 AS known, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit, rolvaliduntil, rolbypassrls, rolconfig, D.description FROM pg_catalog.pg_roles R LEFT JOIN pg_catalog.pg_shdescription D ON D.objoid = R.oid WHERE rolname IN ('reader', 'keeper')

--: Metabase, tables
SELECT n.nspname AS schema, c.relname AS name, CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS type, d.description AS description, stat.n_live_tup >= 0 AS counted FROM pg_catalog.pg_class AS c INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid LEFT JOIN pg_catalog.pg_description AS d ON c.oid = d.objoid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass LEFT JOIN pg_stat_user_tables AS stat ON n.nspname = stat.schemaname AND c.relname = stat.relname WHERE c.relnamespace = n.oid AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'f', 'm') AND c.relkind <> 'm' ORDER BY type ASC, schema ASC, name ASC

--: Metabase, fields
SELECT c.column_name AS name, CASE WHEN c.udt_schema IN ('public', 'pg_catalog') THEN format('%%s', c.udt_name) ELSE format('"%%s"."%%s"', c.udt_schema, c.udt_name) END AS "database-type", c.ordinal_position - 1 AS "database-position", c.table_schema AS "table-schema", c.table_name AS "table-name", pk.column_name IS NOT NULL AS "pk?", col_description(CAST(CAST(format('%%I.%%I', CAST(c.table_schema AS text), CAST(c.table_name AS text)) AS regclass) AS oid), c.ordinal_position) AS "field-comment", ((column_default IS NULL) OR (lower(column_default) = 'null')) AND (is_nullable = 'NO') AND NOT (((column_default IS NOT NULL) AND (column_default LIKE '%%nextval(%%')) OR (is_identity <> 'NO')) AS "database-required", ((column_default IS NOT NULL) AND (column_default LIKE '%%nextval(%%')) OR (is_identity <> 'NO') AS "database-is-auto-increment" FROM information_schema.columns AS c LEFT JOIN (SELECT tc.table_schema, tc.table_name, kc.column_name FROM information_schema.table_constraints AS tc INNER JOIN information_schema.key_column_usage AS kc ON tc.constraint_name = kc.constraint_name AND tc.table_schema = kc.table_schema AND tc.table_name = kc.table_name WHERE tc.constraint_type = 'PRIMARY KEY') AS pk ON c.table_schema = pk.table_schema AND c.table_name = pk.table_name AND c.column_name = pk.column_name WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' AND c.table_schema IN ('shop') ORDER BY "table-schema", "table-name", "database-position"

--: Metabase, foreign keys
SELECT fk_ns.nspname AS "fk-table-schema", fk_table.relname AS "fk-table-name", fk_column.attname AS "fk-column-name", pk_ns.nspname AS "pk-table-schema", pk_table.relname AS "pk-table-name", pk_column.attname AS "pk-column-name" FROM pg_constraint AS c INNER JOIN pg_class AS fk_table ON c.conrelid = fk_table.oid INNER JOIN pg_namespace AS fk_ns ON c.connamespace = fk_ns.oid INNER JOIN pg_attribute AS fk_column ON c.conrelid = fk_column.attrelid INNER JOIN pg_class AS pk_table ON c.confrelid = pk_table.oid INNER JOIN pg_namespace AS pk_ns ON pk_table.relnamespace = pk_ns.oid INNER JOIN pg_attribute AS pk_column ON c.confrelid = pk_column.attrelid WHERE fk_ns.nspname !~ '^information_schema|catalog_history|pg_' AND c.contype = 'f'::char AND fk_column.attnum = ANY (c.conkey) AND pk_column.attnum = ANY (c.confkey) ORDER BY 1, 2, 3, 6

--: Metabase, privileges
SELECT NULL AS role, t.schemaname AS schema, t.objectname AS table, pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'update') AS update, pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'select') AS select, pg_catalog.has_table_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"', 'delete') AS delete FROM (SELECT schemaname, tablename AS objectname FROM pg_catalog.pg_tables UNION SELECT schemaname, viewname AS objectname FROM pg_views UNION SELECT schemaname, matviewname AS objectname FROM pg_matviews) t WHERE t.schemaname !~ '^pg_' AND t.schemaname <> 'information_schema' AND pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage') ORDER BY 2, 3

--: Metabase, enums
SELECT nspname, typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid IN (SELECT DISTINCT enumtypid FROM pg_enum e) ORDER BY 2

--: Metabase, indexes
SELECT tmp.table_name, trim(BOTH '"' FROM pg_catalog.pg_get_indexdef(tmp.ci_oid, tmp.pos, false)) AS field_name FROM (SELECT ct.relname AS table_name, ci.oid AS ci_oid, i.indpred, (information_schema._pg_expandarray(i.indkey)).n AS pos FROM pg_catalog.pg_class ct JOIN pg_catalog.pg_namespace n ON ct.relnamespace = n.oid JOIN pg_catalog.pg_index i ON ct.oid = i.indrelid JOIN pg_catalog.pg_class ci ON ci.oid = i.indexrelid WHERE n.nspname = 'shop') tmp WHERE tmp.indpred IS NULL AND tmp.pos = 1 ORDER BY 1, 2

--: Metabase, numbers by day
SELECT date_trunc('month', o.placed) AS month, count(*) AS orders, sum(o.total) AS total, percentile_cont(0.5) WITHIN GROUP (ORDER BY o.total) AS median FROM shop.orders o WHERE o.placed >= timestamp '2024-01-01' AND o.placed < CAST(timestamp '2024-01-01' + (INTERVAL '1 year') AS date) GROUP BY date_trunc('month', o.placed) ORDER BY date_trunc('month', o.placed) ASC

--: Grafana, version
SELECT current_setting('server_version_num')::int / 100 AS version

--: Grafana, extension
SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'

--: Grafana, tables
SELECT CASE WHEN quote_ident(table_schema) IN (SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END FROM generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1), array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS i, string_to_array(current_setting('search_path'), ',') s) THEN quote_ident(table_name) ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table" FROM information_schema.tables WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog', '_timescaledb_cache', '_timescaledb_catalog', '_timescaledb_internal', '_timescaledb_config', 'timescaledb_information', 'timescaledb_experimental') ORDER BY CASE WHEN quote_ident(table_schema) IN (SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END FROM generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1), array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS i, string_to_array(current_setting('search_path'), ',') s) THEN 0 ELSE 1 END, 1

--: Grafana, columns
SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns WHERE CASE WHEN array_length(parse_ident('shop.orders'), 1) = 2 THEN quote_ident(table_schema) = (parse_ident('shop.orders'))[1] AND quote_ident(table_name) = (parse_ident('shop.orders'))[2] ELSE quote_ident(table_name) = 'shop.orders' END ORDER BY 1

--: Grafana, time series
SELECT floor(extract(epoch FROM placed) / 3600) * 3600 AS "time", count(id) AS n FROM shop.orders WHERE placed BETWEEN '2024-01-01T00:00:00Z' AND '2024-02-01T00:00:00Z' GROUP BY 1 ORDER BY 1
