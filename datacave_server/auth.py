"""Authentication: which method a connection logs in by, which verifier its user has, and what a refusal says.

Pure decisions over the configuration and the roles of the database; messages and SQLSTATEs are PostgreSQL's.
Invariant: a wrong password and an unknown user look the same from outside (same method, same salt every time, same
message). Not here: the SCRAM exchange (datacave_protocol), the slowing down of guessers (throttle.py).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_server.config import AuthRule, Config, is_loopback

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class Method(Enum):
    """How a client proves who it is."""

    TRUST = "trust"
    SCRAM = "scram-sha-256"
    CLEARTEXT = "password"
    CERTIFICATE = "cert"
    REJECT = "reject"


class LoginRefused(DatacaveError):
    """The connection may not log in; it is told why and closed."""

    sqlstate = sqlstate.INVALID_AUTHORIZATION_SPECIFICATION
    severity = "FATAL"


@dataclass(frozen=True, slots=True)
class Decision:
    """A method; `error` says why when the method is REJECT."""

    method: Method
    error: LoginRefused | None = None


@dataclass(frozen=True, slots=True)
class LoginUser:
    """A user as far as logging in is concerned; `verifier` is None if there is no password."""

    name: str
    verifier: str | None
    superuser: bool = False
    may_log_in: bool = True


def choose_method(address: str, is_tls: bool, user: str, config: Config, database: str = "default") -> Decision:
    """The method for a connection from the IP address `address`; the first rule that fits decides."""
    host = plain_address(address)
    cleartext_refused = not is_tls and not config.server.allow_cleartext
    if cleartext_refused and not is_loopback(host):
        hint = "Connections from other machines need TLS (server.allow_cleartext)."
        return _no_entry(host, is_tls, user, database, hint)
    for rule in config.security.auth.rules:
        if fits(rule, host, is_tls, user):
            break
    else:
        return _no_entry(host, is_tls, user, database, "No rule in security.auth.rules fits.")
    method = Method(rule.method)
    if method is Method.REJECT:
        message = f"pg_hba.conf rejects connection for {_connection(host, is_tls, user, database)}"
        return Decision(method, LoginRefused(message, hint="A rule in security.auth.rules rejects it."))
    if method is Method.CLEARTEXT and cleartext_refused:
        hint = "Clear-text passwords need TLS (server.allow_cleartext)."
        return _no_entry(host, is_tls, user, database, hint)
    return Decision(method)


def fits(rule: AuthRule, host: str, is_tls: bool, user: str) -> bool:
    """Whether a rule is about this connection."""
    needs_tls = rule.tls == "required" or rule.method == Method.CERTIFICATE.value
    if rule.user not in ("all", user) or (needs_tls and not is_tls):
        return False
    if rule.address in ("all", "loopback"):
        return rule.address == "all" or is_loopback(host)
    network: Network = ipaddress.ip_network(rule.address)
    return ipaddress.ip_address(host) in network


def plain_address(address: str) -> str:
    """An IPv4 address mapped into IPv6 as IPv4, and a scope (%eth0) left out, so that rules see one form."""
    host = ipaddress.ip_address(address.partition("%")[0])
    mapped = host.ipv4_mapped if isinstance(host, ipaddress.IPv6Address) else None
    return str(mapped or host)


def password_failed(user: str) -> LoginRefused:
    """The answer to a wrong password, and to any password of an unknown user."""
    return LoginRefused(f'password authentication failed for user "{user}"', sqlstate=sqlstate.INVALID_PASSWORD)


def check_certificate(user: str, common_name: str | None) -> None:
    """Raises LoginRefused unless the client has shown a certificate for exactly this user."""
    if common_name is None:
        raise LoginRefused("connection requires a valid client certificate")
    if common_name != user:
        raise LoginRefused(f'certificate authentication failed for user "{user}"')


def check_may_log_in(user: LoginUser | None, name: str) -> LoginUser:
    """The user after successful authentication. Raises LoginRefused for who does not exist or may not log in."""
    if user is None:
        raise LoginRefused(f'role "{name}" does not exist')
    if not user.may_log_in:
        raise LoginRefused(f'role "{name}" is not permitted to log in')
    return user


def login_timed_out() -> LoginRefused:
    """The answer to a client that has not logged in before its deadline."""
    return LoginRefused("canceling authentication due to timeout", sqlstate=sqlstate.QUERY_CANCELED)


def _no_entry(host: str, is_tls: bool, user: str, database: str, hint: str) -> Decision:
    message = f"no pg_hba.conf entry for {_connection(host, is_tls, user, database)}"
    return Decision(Method.REJECT, LoginRefused(message, hint=hint))


def _connection(host: str, is_tls: bool, user: str, database: str) -> str:
    encryption = "SSL encryption" if is_tls else "no encryption"
    return f'host "{host}", user "{user}", database "{database}", {encryption}'
