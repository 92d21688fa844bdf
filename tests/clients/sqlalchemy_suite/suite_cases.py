"""The cases of SQLAlchemy's own conformance suite for dialects."""

from sqlalchemy.testing.suite import *  # noqa: F403
