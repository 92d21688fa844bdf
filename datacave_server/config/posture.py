"""Posture: what must hold between keys before the server starts, above all that no stranger gets in by default."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from datacave_server.config.error import ConfigError
from datacave_server.config.sections import Config
from datacave_server.config.security import ALL, LOOPBACK, AuthRule


def is_loopback(host: str) -> bool:
    """Whether an address can only be reached from this machine; host names other than localhost cannot tell."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_posture(config: Config, origins: Mapping[str, str]) -> None:
    """Raises ConfigError, naming the key and where its value comes from."""
    _check_tls(config, origins)
    _check_users(config, origins)
    _check_encryption(config, origins)
    _check_compaction(config, origins)
    if not is_loopback(config.server.listen.host):
        _check_open_address(config, origins)


def _check_open_address(config: Config, origins: Mapping[str, str]) -> None:
    listen, place = config.server.listen, origins["server.listen"]
    auth = config.security.auth
    for number, rule in enumerate(auth.rules):
        if rule.method == "trust" and not _only_loopback(rule):
            raise ConfigError(
                f"security.auth.rules[{number}]: trust from {rule.address} would let anybody in who reaches {listen}; "
                "use scram-sha-256, or listen on a loopback address",
                origins["security.auth.rules"],
            )
    if not any(user.verifier for user in auth.users) and not any(rule.method == "cert" for rule in auth.rules):
        raise ConfigError(
            f"server.listen: {listen} can be reached from other machines, and no user has a password; give one a "
            "verifier in security.auth.users (datacave gen-password-hash makes it), or listen on 127.0.0.1",
            place,
        )
    if not config.security.tls.cert_file and not config.server.allow_cleartext:
        raise ConfigError(
            f"server.listen: {listen} can be reached from other machines, and TLS is off; set security.tls.cert_file "
            "and key_file, or say server.allow_cleartext = true",
            place,
        )


def _only_loopback(rule: AuthRule) -> bool:
    if rule.address in (LOOPBACK, ALL):
        return rule.address == LOOPBACK
    return ipaddress.ip_network(rule.address).is_loopback


def _check_tls(config: Config, origins: Mapping[str, str]) -> None:
    tls = config.security.tls
    for name, needs, given in (
        ("key_file", "cert_file", (tls.key_file, tls.cert_file)),
        ("cert_file", "key_file", (tls.cert_file, tls.key_file)),
        ("client_ca_file", "cert_file", (tls.client_ca_file, tls.cert_file)),
    ):
        if given[0] and not given[1]:
            raise ConfigError(f"security.tls.{name}: needs {needs} too", origins[f"security.tls.{name}"])
    if config.metrics.tls and not tls.cert_file:
        raise ConfigError("metrics.tls: needs security.tls.cert_file and key_file", origins["metrics.tls"])
    for number, rule in enumerate(config.security.auth.rules):
        if rule.tls == "required" and not tls.cert_file:
            raise ConfigError(
                f"security.auth.rules[{number}]: the rule requires TLS, and security.tls.cert_file is not set",
                origins["security.auth.rules"],
            )
        if rule.method == "cert" and not tls.client_ca_file:
            raise ConfigError(
                f"security.auth.rules[{number}]: the method cert needs security.tls.client_ca_file",
                origins["security.auth.rules"],
            )


def _check_users(config: Config, origins: Mapping[str, str]) -> None:
    place = origins["security.auth.users"]
    if name := _repeated(user.name for user in config.security.auth.users):
        raise ConfigError(f'security.auth.users: the name "{name}" is given twice', place)


def _check_encryption(config: Config, origins: Mapping[str, str]) -> None:
    encryption = config.security.encryption
    place = origins["security.encryption.keys"]
    if name := _repeated(each.id for each in encryption.keys):
        raise ConfigError(f'security.encryption.keys: the id "{name}" is given twice', place)
    for number, each in enumerate(encryption.keys):
        if sum(map(bool, (each.hex, each.file, each.environment))) != 1:
            raise ConfigError(f"security.encryption.keys[{number}]: give one of hex, file and environment", place)
    if encryption.active_key and encryption.active_key not in {each.id for each in encryption.keys}:
        raise ConfigError(
            f'security.encryption.active_key: there is no key "{encryption.active_key}" in security.encryption.keys',
            origins["security.encryption.active_key"],
        )


def _repeated(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _check_compaction(config: Config, origins: Mapping[str, str]) -> None:
    compaction = config.compaction
    if not compaction.level0_trigger_files <= compaction.level0_slow_files <= compaction.level0_stop_files:
        raise ConfigError(
            "compaction: level0_trigger_files, level0_slow_files and level0_stop_files must ascend",
            origins["compaction.level0_stop_files"],
        )
