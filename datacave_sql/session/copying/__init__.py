"""COPY: rows in and out in the text, csv and binary formats."""

from datacave_sql.session.copying.copy_from import copy_from
from datacave_sql.session.copying.copy_to import copy_to

__all__ = ["copy_from", "copy_to"]
