"""Configuration: one declarative schema, and how a file, the environment and flags fill it."""

from datacave_server.config.error import ConfigError
from datacave_server.config.example import inline, render_example, shown_value, to_document
from datacave_server.config.kinds import Address
from datacave_server.config.load import DEFAULT_ORIGIN, KEYS, Loaded, load
from datacave_server.config.posture import is_loopback
from datacave_server.config.sections import (
    CompactionSection,
    Config,
    LimitsSection,
    LogSection,
    MetricsSection,
    ServerSection,
    StorageSection,
    WalSection,
)
from datacave_server.config.security import (
    AuditSection,
    AuthRule,
    AuthSection,
    EncryptionKey,
    EncryptionSection,
    SecuritySection,
    TlsSection,
    User,
)

__all__ = [
    "DEFAULT_ORIGIN",
    "KEYS",
    "Address",
    "AuditSection",
    "AuthRule",
    "AuthSection",
    "CompactionSection",
    "Config",
    "ConfigError",
    "EncryptionKey",
    "EncryptionSection",
    "LimitsSection",
    "Loaded",
    "LogSection",
    "MetricsSection",
    "SecuritySection",
    "ServerSection",
    "StorageSection",
    "TlsSection",
    "User",
    "WalSection",
    "inline",
    "is_loopback",
    "load",
    "render_example",
    "shown_value",
    "to_document",
]
