"""Oids of the system tables that comments refer to, by their names."""

from __future__ import annotations

from typing import Final

CLASS_OIDS: Final = {
    "pg_class": 1259, "pg_type": 1247, "pg_namespace": 2615, "pg_constraint": 2606, "pg_database": 1262,
    "pg_proc": 1255, "pg_authid": 1260, "pg_index": 2610, "pg_attribute": 1249, "pg_trigger": 2620,
    "pg_ts_config": 3602, "pg_ts_dict": 3600, "pg_ts_parser": 3601, "pg_ts_template": 3764, "pg_opclass": 2616,
    "pg_opfamily": 2753, "pg_conversion": 2607, "pg_operator": 2617, "pg_cast": 2605, "pg_policy": 3256,
    "pg_statistic_ext": 3381, "pg_tablespace": 1213, "pg_roles": 1260,
}  # fmt: skip
