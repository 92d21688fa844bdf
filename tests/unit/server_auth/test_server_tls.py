"""TLS contexts, and channel binding data that a client computes too."""

from __future__ import annotations

import datetime
import hashlib
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from datacave_server.config import ConfigError, TlsSection
from datacave_server.tls import common_name, make_tls, server_end_point


def make_self_signed(folder: Path, algorithm: hashes.HashAlgorithm | None) -> tuple[Path, Path, bytes]:
    """Certificate file, key file and the certificate in DER form; no algorithm means Ed25519."""
    key = ec.generate_private_key(ec.SECP256R1()) if algorithm else ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, algorithm)  # type: ignore[arg-type]
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].touch(0o600)
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return *files, certificate.public_bytes(serialization.Encoding.DER)


def section(cert: Path, key: Path, **others: str) -> TlsSection:
    return TlsSection(cert_file=str(cert), key_file=str(key), **others)


def test_without_a_certificate_there_is_no_tls() -> None:
    assert make_tls(TlsSection()) is None


@pytest.mark.parametrize(("algorithm", "name"), [(hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384")])
def test_the_end_point_is_the_hash_of_the_certificate(
    tmp_path: Path, algorithm: hashes.HashAlgorithm, name: str
) -> None:
    cert, key, der = make_self_signed(tmp_path, algorithm)
    tls = make_tls(section(cert, key))
    assert tls is not None
    assert tls.server_end_point == hashlib.new(name, der).digest()


def test_a_signature_without_a_hash_has_no_end_point(tmp_path: Path) -> None:
    cert, _, _ = make_self_signed(tmp_path, None)
    assert server_end_point(cert.read_bytes()) is None


@pytest.mark.parametrize(("word", "version"), [("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3)])
def test_old_versions_are_refused(tmp_path: Path, word: str, version: ssl.TLSVersion) -> None:
    cert, key, _ = make_self_signed(tmp_path, hashes.SHA256())
    tls = make_tls(section(cert, key, min_version=word))
    assert tls is not None
    assert tls.context.minimum_version is version
    assert tls.context.verify_mode is ssl.CERT_NONE


def test_with_an_authority_clients_must_show_a_certificate(tmp_path: Path) -> None:
    cert, key, _ = make_self_signed(tmp_path, hashes.SHA256())
    tls = make_tls(section(cert, key, client_ca_file=str(cert)))
    assert tls is not None
    assert tls.context.verify_mode is ssl.CERT_REQUIRED


def test_certificates_can_be_left_to_the_rules(tmp_path: Path) -> None:
    cert, key, _ = make_self_signed(tmp_path, hashes.SHA256())
    tls = make_tls(section(cert, key, client_ca_file=str(cert), client_certificates="optional"))
    assert tls is not None
    assert tls.context.verify_mode is ssl.CERT_OPTIONAL


@pytest.mark.parametrize(
    ("names", "found"), [((), None), (("ann",), "ann"), (("ann", "bob"), None), (("ann\0x",), None), (("",), None)]
)
def test_a_common_name_must_be_the_only_one(names: tuple[str, ...], found: str | None) -> None:
    subject = ((("countryName", "XY"),), *((("commonName", name),) for name in names))
    assert common_name({"subject": subject}) == found
    assert common_name(None) is None


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    cert, key, _ = make_self_signed(tmp_path, hashes.SHA256())
    with pytest.raises(ConfigError, match="No such file"):
        make_tls(section(cert, tmp_path / "none.pem"))
    with pytest.raises(ConfigError, match="certificate and key cannot be used"):
        make_tls(section(key, key))
    with pytest.raises(ConfigError, match=r"security\.tls\.client_ca_file"):
        make_tls(section(cert, key, client_ca_file=str(key)))
    key.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read the private key"):
        make_tls(section(cert, key))
