"""Utility statements: everything that is not a query."""

from datacave_sql.session.utility.dispatch import run_utility, runs_in_failed_block, utility_columns
from datacave_sql.session.utility.temporary import drop_leftovers, drop_temporary_schema, empty_at_commit
from datacave_sql.session.utility.transaction import begins_plainly, commits_plainly

__all__ = [
    "begins_plainly",
    "commits_plainly",
    "drop_leftovers",
    "drop_temporary_schema",
    "empty_at_commit",
    "run_utility",
    "runs_in_failed_block",
    "utility_columns",
]
