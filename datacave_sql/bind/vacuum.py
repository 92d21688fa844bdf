"""VACUUM and ANALYZE: tables by name, and options."""

from __future__ import annotations

from datacave_core import sqlstate
from datacave_core.catalog import Table
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import relations
from datacave_sql.bind import statements as s
from datacave_sql.bind.state import Binding
from datacave_sql.parse import ast

_BOTH = ("verbose", "skip_locked")
_VACUUM = ("analyze", "freeze", "full", "disable_page_skipping", "process_toast", "truncate")
PARALLEL_WORKERS_MAX = 1024


def bind_vacuum(b: Binding, statement: ast.Vacuum, entries: object) -> s.BoundStatement:
    """Raises 42601 for options, 0A000 for those that do not go together, 42P01, 42703, 42701."""
    options = _options(statement)
    if not statement.analyze_only:
        _check_together(statement, options)
    tables: list[Table] = []
    for target in statement.targets:
        found = relations.find_relation(b, target.table.name, target.table.position)
        if found is not None and not isinstance(found, Table) and target.table.name[-1].startswith("pg_"):
            continue  # computed relations of the catalog have nothing to look after
        table = relations.require_table(b, target.table.name, target.table.position)
        _check_columns(table, target.columns)
        tables.append(table)
    chosen = frozenset(name for name, value in options.items() if value)
    tag = "ANALYZE" if statement.analyze_only else "VACUUM"
    if statement.targets and not tables:
        return s.NothingToDo(tag)
    return s.Vacuum(statement.analyze_only, tuple(tables), chosen)


def _options(statement: ast.Vacuum) -> dict[str, bool]:
    """What each option says; the last one of a name counts."""
    found: dict[str, bool] = {}
    for option in statement.options:
        name = "analyze" if option.name == "analyse" else option.name
        if name in _BOTH or (name in _VACUUM and not statement.analyze_only):
            found[name] = _truth(option)
        elif statement.analyze_only:
            raise _refused(f'unrecognized ANALYZE option "{option.name}"', option.position)
        elif name == "index_cleanup":
            found[name] = str(option.value).lower() == "auto" or _truth(option)
        elif name == "parallel":
            found[name] = _workers(option) > 0
        else:
            raise _refused(f'unrecognized VACUUM option "{option.name}"', option.position)
    return found


def _truth(option: ast.Option) -> bool:
    value = "true" if option.value is None else str(option.value).lower()
    if value in ("true", "on", "1"):
        return True
    if value in ("false", "off", "0"):
        return False
    raise _refused(f"{option.name} requires a Boolean value", None)


def _workers(option: ast.Option) -> int:
    if option.value is None:
        most = PARALLEL_WORKERS_MAX
        raise _refused(f"parallel option requires a value between 0 and {most}", option.position)
    try:
        workers = int(str(option.value))
    except ValueError:
        raise _refused(f"{option.name} requires an integer value", None) from None
    if not 0 <= workers <= PARALLEL_WORKERS_MAX:
        most = PARALLEL_WORKERS_MAX
        raise _refused(f"parallel workers for vacuum must be between 0 and {most}", option.position)
    return workers


def _check_together(statement: ast.Vacuum, options: dict[str, bool]) -> None:
    full = options.get("full", False)
    if full and options.get("parallel", False):
        raise FeatureNotSupported("VACUUM FULL cannot be performed in parallel")
    if not options.get("analyze", False) and any(target.columns for target in statement.targets):
        raise FeatureNotSupported("ANALYZE option must be specified when a column list is provided")
    if full and options.get("disable_page_skipping", False):
        raise FeatureNotSupported("VACUUM option DISABLE_PAGE_SKIPPING cannot be used with FULL")
    if full and not options.get("process_toast", True):
        raise FeatureNotSupported("PROCESS_TOAST required with VACUUM FULL")


def _check_columns(table: Table, names: tuple[str, ...]) -> None:
    for place, name in enumerate(names):
        if name not in table.columns_by_name:
            raise DatacaveError(
                f'column "{name}" of relation "{table.name}" does not exist', sqlstate=sqlstate.UNDEFINED_COLUMN
            )
        if name in names[:place]:
            message = f'column "{name}" of relation "{table.name}" appears more than once'
            raise DatacaveError(message, sqlstate=sqlstate.DUPLICATE_COLUMN)


def _refused(message: str, position: int | None) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.SYNTAX_ERROR, position=position)
