"""SQL: statements to row batches. A Database over a store has Sessions, which run statements as plain generators."""

from datacave_sql.exec.suspension import LONG_CHARACTERS_MIN
from datacave_sql.exec.work_memory import MemoryPool
from datacave_sql.parse.fingerprint import fingerprint
from datacave_sql.session.change_feed import Change, ChangeFeed, changed_table
from datacave_sql.session.compiled import CompiledQuery, CompiledUtility
from datacave_sql.session.database import Database, DatabaseOptions
from datacave_sql.session.named_database import NamedDatabase
from datacave_sql.session.past import pin_restore_points
from datacave_sql.session.point import PointLookup
from datacave_sql.session.point_write import PointWrite, point_write
from datacave_sql.session.portal import Portal
from datacave_sql.session.prepared import PreparedStatement
from datacave_sql.session.replies import (
    Complete,
    CopyInRequest,
    CopyOutData,
    CopyOutEnd,
    CopyOutStart,
    EmptyQuery,
    Notice,
    Notification,
    ParameterChanged,
    Reply,
    ResultColumn,
    ResultHeader,
    Suspended,
)
from datacave_sql.session.session import Session
from datacave_sql.session.shared_shape import SharedShape

__all__ = [
    "LONG_CHARACTERS_MIN",
    "Change",
    "ChangeFeed",
    "CompiledQuery",
    "CompiledUtility",
    "Complete",
    "CopyInRequest",
    "CopyOutData",
    "CopyOutEnd",
    "CopyOutStart",
    "Database",
    "DatabaseOptions",
    "EmptyQuery",
    "MemoryPool",
    "NamedDatabase",
    "Notice",
    "Notification",
    "ParameterChanged",
    "PointLookup",
    "PointWrite",
    "Portal",
    "PreparedStatement",
    "Reply",
    "ResultColumn",
    "ResultHeader",
    "Session",
    "SharedShape",
    "Suspended",
    "changed_table",
    "fingerprint",
    "pin_restore_points",
    "point_write",
]
