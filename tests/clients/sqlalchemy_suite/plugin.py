"""SQLAlchemy's plugin for pytest, set up for a PostgreSQL without extensions."""

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql import provision as _postgresql
from sqlalchemy.testing import provision
from sqlalchemy.testing.plugin.pytestplugin import *  # noqa: F403

registry.register("postgresql.psycopg", "sqlalchemy.dialects.postgresql.psycopg", "PGDialect_psycopg")

# It makes the extension citext, which no case of the suite uses, and which Datacave says it has not.
assert _postgresql._create_citext_extension is not None
provision.post_configure_engine.fns["postgresql"] = lambda url, engine, follower: None
