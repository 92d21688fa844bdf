"""Storage parameters: WITH (fillfactor = ..) of tables and indexes, checked as PostgreSQL checks them.

Those of PostgreSQL are kept for tools that read them back; the storage engine goes by its own configuration, and by the
two that are Datacave's own, `retention` and `compression`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from datacave_core import sqlstate
from datacave_core.compression import ZSTD_LEVEL_MAX, TableCompression
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.types import DEFAULT_SETTINGS
from datacave_core.types.boolean import parse_boolean
from datacave_core.types.interval import interval_key, parse_interval
from datacave_sql.parse import ast

Bounds = tuple[float, float]

_BIG = 2**31 - 1
_VACUUM: dict[str, Bounds] = {
    "autovacuum_vacuum_threshold": (0, _BIG),
    "autovacuum_vacuum_insert_threshold": (-1, _BIG),
    "autovacuum_vacuum_cost_limit": (1, 10000),
    "autovacuum_freeze_min_age": (0, 1_000_000_000),
    "autovacuum_multixact_freeze_min_age": (0, 1_000_000_000),
    "autovacuum_freeze_max_age": (100_000, 2_000_000_000),
    "autovacuum_multixact_freeze_max_age": (10_000, 2_000_000_000),
    "autovacuum_freeze_table_age": (0, 2_000_000_000),
    "autovacuum_multixact_freeze_table_age": (0, 2_000_000_000),
    "log_autovacuum_min_duration": (-1, _BIG),
    "autovacuum_vacuum_cost_delay": (-1, 100),
    "autovacuum_vacuum_scale_factor": (0, 100),
    "autovacuum_vacuum_insert_scale_factor": (0, 100),
}
_VACUUM_FLAGS = frozenset({"autovacuum_enabled", "vacuum_truncate"})
TABLE_NUMBERS: Mapping[str, Bounds] = {
    **_VACUUM,
    "fillfactor": (10, 100),
    "toast_tuple_target": (128, 8160),
    "parallel_workers": (0, 1024),
    "autovacuum_analyze_threshold": (0, _BIG),
    "autovacuum_analyze_scale_factor": (0, 100),
}
TABLE_FLAGS = _VACUUM_FLAGS | {"user_catalog_table"}
RETENTION = "retention"
RETENTION_SECONDS_MIN = 1
RETENTION_DAYS_MAX = 3650
COMPRESSION = "compression"
_MICROSECONDS_PER_DAY = 86_400_000_000
_SPOKEN = {"vacuum_index_cleanup": ("auto", "on", "off", "true", "false", "yes", "no", "1", "0")}


def table_parameters(
    written: Sequence[ast.StorageOption], *, reset: bool = False, temporary: bool = False
) -> tuple[tuple[str, str], ...]:
    """The parameters of a table. Raises 22023 for unknown names and for values out of bounds.

    Raises 0A000 for OIDS. `retention` is how long old versions are kept, as an interval; temporary tables have none.
    """
    found = []
    for option in written:
        name = option.name.lower() if option.name.lower() == "oids" else option.name
        value = option.value if option.value is not None else "true"
        if name == "oids":
            if not reset and _flag(name, value):
                raise DatacaveError(
                    "tables declared WITH OIDS are not supported", sqlstate=sqlstate.FEATURE_NOT_SUPPORTED
                )
            continue
        if name == RETENTION:
            if not reset:
                if temporary:
                    raise FeatureNotSupported("temporary tables keep no history")
                retention_microseconds(value)
            found.append((name, value))
            continue
        if name == COMPRESSION:
            if not reset:
                table_compression(value)
            found.append((name, value))
            continue
        plain = name.removeprefix("toast.")
        numbers = TABLE_NUMBERS if plain == name else _VACUUM
        flags = TABLE_FLAGS if plain == name else _VACUUM_FLAGS
        if plain in flags:
            if not reset:
                _flag(plain, value)
        elif plain in numbers:
            if not reset:
                _number(plain, value, numbers[plain])
        elif plain in _SPOKEN:
            if not reset and value.lower() not in _SPOKEN[plain]:
                raise DatacaveError(
                    f'invalid value for enum option "{plain}": {value}',
                    sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
                    detail='Valid values are "on", "off", and "auto".',
                )
        else:
            raise unrecognized(plain)
        found.append((name, value))
    return tuple(found)


def retention_microseconds(value: str) -> int:
    """How long a table keeps old versions; a month counts as 30 days. Raises 22023."""
    try:
        microseconds = interval_key(parse_interval(value, DEFAULT_SETTINGS))
    except DatacaveError:
        raise DatacaveError(
            f'invalid value for interval option "{RETENTION}": {value}', sqlstate=sqlstate.INVALID_PARAMETER_VALUE
        ) from None
    if not RETENTION_SECONDS_MIN * 1_000_000 <= microseconds <= RETENTION_DAYS_MAX * _MICROSECONDS_PER_DAY:
        raise DatacaveError(
            f'value {value} out of bounds for option "{RETENTION}"',
            sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
            detail=f'Valid values are between "{RETENTION_SECONDS_MIN} second" and "{RETENTION_DAYS_MAX} days".',
        )
    return microseconds


def table_compression(value: str) -> TableCompression:
    """How a table is compressed. Raises 22023."""
    try:
        return TableCompression.parse(value)
    except ValueError:
        raise DatacaveError(
            f'invalid value for option "{COMPRESSION}": {value}',
            sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
            hint=f'Valid values are "none", "lz4", "zstd", and "zstd:1" to "zstd:{ZSTD_LEVEL_MAX}".',
        ) from None


def unrecognized(name: str) -> DatacaveError:
    """22023."""
    return DatacaveError(f'unrecognized parameter "{name}"', sqlstate=sqlstate.INVALID_PARAMETER_VALUE)


def _flag(name: str, value: str) -> bool:
    try:
        return parse_boolean(value)
    except DatacaveError:
        raise DatacaveError(
            f'invalid value for boolean option "{name}": {value}', sqlstate=sqlstate.INVALID_PARAMETER_VALUE
        ) from None


def _number(name: str, value: str, bounds: Bounds) -> None:
    whole = not name.endswith(("factor", "delay")) or name == "fillfactor"
    kind = "integer" if whole else "floating point"
    try:
        number = int(value) if whole else float(value)
    except ValueError:
        raise DatacaveError(
            f'invalid value for {kind} option "{name}": {value}', sqlstate=sqlstate.INVALID_PARAMETER_VALUE
        ) from None
    low, high = bounds
    if not low <= number <= high:
        shown = (f"{low:g}", f"{high:g}") if whole and high < _BIG else (str(low), str(high))
        if not whole:
            shown = (f"{low:f}", f"{high:f}")
        raise DatacaveError(
            f'value {value} out of bounds for option "{name}"',
            sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
            detail=f'Valid values are between "{shown[0]}" and "{shown[1]}".',
        )
