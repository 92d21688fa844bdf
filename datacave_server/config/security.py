"""The [security.*] sections: TLS, authentication, audit, encryption at rest."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from datacave_server.config.key import key, required_key, section, tables
from datacave_server.config.kinds import Boolean, Choice, FilePath, Integer, Kind, Text

VERIFIER_PATTERN = r"SCRAM-SHA-256\$[1-9]\d{0,8}:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]{44}:[A-Za-z0-9+/=]{44}"
LOOPBACK = "loopback"
ALL = "all"


class Network(Kind[str]):
    """Client addresses: "loopback", "all", or a network such as 10.0.0.0/8."""

    def read(self, value: object, folder: Path) -> str:
        if value in (LOOPBACK, ALL):
            return str(value)
        try:
            return str(ipaddress.ip_network(value if isinstance(value, str) else ""))
        except ValueError:
            raise ValueError('expected "loopback", "all", or a network such as 10.0.0.0/8') from None


@dataclass(frozen=True, slots=True)
class TlsSection:
    """TLS towards clients; on when a certificate is given."""

    cert_file: str = key("", FilePath(may_be_empty=True), "Certificate chain in PEM format; empty: no TLS.")
    key_file: str = key("", FilePath(may_be_empty=True), "Private key of the certificate in PEM format.")
    client_ca_file: str = key(
        "",
        FilePath(may_be_empty=True),
        "Certificates of the authorities that sign client certificates, in PEM format.",
    )
    client_certificates: str = key(
        "required",
        Choice("required", "optional"),
        "With client_ca_file: whether every client that speaks TLS must show a certificate of its authorities, or only "
        "those whom a rule with the method cert asks for one.",
    )
    min_version: str = key("1.2", Choice("1.2", "1.3"), "Oldest TLS version that is accepted.")


@dataclass(frozen=True, slots=True)
class AuthRule:
    """Which connections log in by which method; the first rule that fits a connection decides."""

    address: str = required_key(Network(), 'Client addresses: "loopback", "all", or a network such as 10.0.0.0/8.')
    method: str = required_key(
        Choice("trust", "scram-sha-256", "password", "cert", "reject"),
        "trust asks nothing; scram-sha-256 proves the password without sending it; password sends it in clear text, "
        "which needs TLS or server.allow_cleartext; cert, for connections over TLS, wants a client certificate whose "
        "common name is the user's name; reject refuses.",
    )
    user: str = key(ALL, Text(r".+", "a user name"), 'The user the rule is for, or "all".')
    tls: str = key("any", Choice("any", "required"), "Whether the rule fits only connections over TLS.")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in, besides the roles made by CREATE ROLE."""

    name: str = required_key(Text(r"[^\0]{1,63}", "a name of 1 to 63 characters"), "Name to log in with.")
    verifier: str = key(
        "",
        Text(f"(?:{VERIFIER_PATTERN})?", "what `datacave gen-password-hash` prints (SCRAM-SHA-256$...)"),
        "Password verifier, as `datacave gen-password-hash` prints it; empty: no password, so only trust lets the "
        "user in.",
        secret=True,
    )
    superuser: bool = key(False, Boolean(), "Whether privileges are not checked for this user.")


@dataclass(frozen=True, slots=True)
class AuthSection:
    """Who may log in from where."""

    scram_iterations: int = key(
        4096,
        Integer(4096, 10_000_000),
        "Rounds of hashing in the verifiers that the server makes of passwords; more rounds make guessing from a "
        "stolen verifier, and every login, slower.",
    )
    rules: tuple[AuthRule, ...] = tables(
        AuthRule,
        (AuthRule(LOOPBACK, "trust"), AuthRule(ALL, "scram-sha-256")),
        "The first rule that fits a connection decides; without one it is refused.",
    )
    users: tuple[User, ...] = tables(
        User,
        (User("admin", superuser=True),),
        "Roles made at the first start; afterwards ALTER ROLE changes them, and the database counts.",
    )


@dataclass(frozen=True, slots=True)
class AuditSection:
    """A tamper-evident log of logins, failures and changes of schema and privileges."""

    enabled: bool = key(False, Boolean(), "Whether the audit log is written.")
    file: str = key(
        "",
        FilePath(may_be_empty=True),
        "File of the audit log; empty: audit.jsonl in the folder audit of the data directory.",
    )


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A master key; exactly one of `hex`, `file` and `environment` says where its 32 bytes are."""

    id: str = required_key(
        Text(r"[A-Za-z0-9._-]{1,31}", "1 to 31 letters, digits, dots and dashes"), "Name of the key."
    )
    hex: str = key(
        "", Text(r"(?:[0-9A-Fa-f]{64})?", "64 hexadecimal digits"), "The key as 64 hexadecimal digits.", secret=True
    )
    file: str = key("", FilePath(may_be_empty=True), "A file with the key as 64 hexadecimal digits.")
    environment: str = key("", Text(), "An environment variable with the key as 64 hexadecimal digits.")


@dataclass(frozen=True, slots=True)
class EncryptionSection:
    """Encryption of everything in the data directory but the audit log, which names objects and holds no data."""

    active_key: str = key("", Text(), "Id of the key that seals new files; empty: files are not encrypted.")
    allow_plain: bool = key(
        False,
        Boolean(),
        "Whether unencrypted files are read beside encrypted ones, while a database is being encrypted.",
    )
    keys: tuple[EncryptionKey, ...] = tables(
        EncryptionKey,
        (),
        "Keys by id; older ones stay listed until `datacave key rotate` has put their files under the active one.",
    )


@dataclass(frozen=True, slots=True)
class SecuritySection:
    """Everything that keeps strangers out."""

    tls: TlsSection = section(TlsSection)
    auth: AuthSection = section(AuthSection)
    audit: AuditSection = section(AuditSection)
    encryption: EncryptionSection = section(EncryptionSection)
