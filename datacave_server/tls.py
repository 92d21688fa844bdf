"""TLS towards clients: the context, and the channel binding data that ties a SCRAM proof to our certificate.

`tls-server-end-point` (RFC 5929, section 4.1): the hash of the server's certificate under the hash function of its
signature, where MD5 and SHA-1 are replaced by SHA-256. A signature without one (Ed25519) has no such binding.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from datacave_protocol import certificate_binding
from datacave_server.config import ConfigError, TlsSection

MIN_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
PRIVATE_KEY_FOREIGN_BITS = 0o077


@dataclass(frozen=True, slots=True)
class ServerTls:
    """A context for accepting connections, and the data of tls-server-end-point for SCRAM-SHA-256-PLUS, if any."""

    context: ssl.SSLContext
    server_end_point: bytes | None


def make_tls(section: TlsSection) -> ServerTls | None:
    """None if TLS is off. Raises ConfigError, naming the file that cannot be used."""
    if not section.cert_file:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = MIN_VERSIONS[section.min_version]
    # Nobody renegotiates, and compression leaks (CRIME); sessions are not resumed, as PostgreSQL does not either.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_NO_TICKET
    certificate = _read(section.cert_file, "cert_file")
    _read(section.key_file, "key_file")
    if Path(section.key_file).stat().st_mode & PRIVATE_KEY_FOREIGN_BITS:
        raise ConfigError("security.tls.key_file: others may read the private key (chmod 600)", section.key_file)
    try:
        context.load_cert_chain(section.cert_file, section.key_file, password=_no_password)
    except ssl.SSLError as error:
        reason = error.reason or "they are not in PEM format"
        raise ConfigError(f"security.tls: certificate and key cannot be used: {reason}", section.cert_file) from None
    except _PasswordNeeded:
        raise ConfigError("security.tls.key_file: keys with a passphrase are not supported", section.key_file) from None
    if section.client_ca_file:
        _read(section.client_ca_file, "client_ca_file")
        try:
            context.load_verify_locations(section.client_ca_file)
        except ssl.SSLError as error:
            raise ConfigError(
                f"security.tls.client_ca_file: cannot be used: {error.reason}", section.client_ca_file
            ) from None
        is_required = section.client_certificates == "required"
        context.verify_mode = ssl.CERT_REQUIRED if is_required else ssl.CERT_OPTIONAL
    return ServerTls(context, server_end_point(certificate))


def common_name(peer_certificate: Mapping[str, Any] | None) -> str | None:
    """The common name of a verified client certificate, in the form of SSLSocket.getpeercert.

    None without a certificate, and for a certificate with several names or a name with a NUL in it.
    """
    subject = peer_certificate.get("subject", ()) if peer_certificate else ()
    names = [value for part in subject for key, value in part if key == "commonName"]
    return names[0] if len(names) == 1 and names[0] and "\0" not in names[0] else None


def server_end_point(certificate_pem: bytes) -> bytes | None:
    """The channel binding data of the first certificate in a PEM text; None if its signature defines none.

    Raises ValueError if the text holds no certificate.
    """
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    algorithm = certificate.signature_hash_algorithm
    if algorithm is None:
        return None
    return certificate_binding(certificate.public_bytes(Encoding.DER), algorithm.name)


class _PasswordNeeded(Exception):
    """The private key is encrypted; without this, OpenSSL would ask on the terminal."""


def _no_password() -> str:
    raise _PasswordNeeded


def _read(file: str, key: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ConfigError(f"security.tls.{key}: {error.strerror}", file) from None
