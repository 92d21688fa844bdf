"""Does SCRAM let in who knows the password, keep out who does not, and tell nobody which users exist?"""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata

import pytest

from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_protocol import (
    ProtocolViolation,
    ScramExchange,
    ScramState,
    certificate_binding,
    is_md5,
    is_verifier,
    make_verifier,
    mock_verifier,
    parse_verifier,
    verify_password,
)
from datacave_protocol.saslprep import prepare_password, saslprep
from datacave_protocol.verifier import derive_verifier

# RFC 7677 section 3; the user name is "user", the password "pencil".
RFC_CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO"
RFC_SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
RFC_SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
RFC_PROOF = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
RFC_SIGNATURE = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


class Bytes:
    """Randomness that gives the bytes of a seed, over and over."""

    def __init__(self, seed: bytes = b"seed") -> None:
        self.seed = seed

    def token_bytes(self, count: int) -> bytes:
        return (self.seed * count)[:count]


class RfcServerNonce(ScramExchange):
    """An exchange whose part of the nonce is the one printed in the RFC (which is not base64 of anything)."""

    def respond(self, data: bytes) -> bytes:
        if self.state is ScramState.BEGIN:
            challenge = super().respond(data)
            ours = base64.b64encode(Bytes().token_bytes(18)).decode()
            self._nonce = self._nonce.replace(ours, RFC_SERVER_NONCE)
            self._server_first = self._server_first.replace(ours, RFC_SERVER_NONCE)
            return challenge.replace(ours.encode(), RFC_SERVER_NONCE.encode())
        return super().respond(data)


class Client:
    """The client's side, from the formulas of RFC 5802."""

    def __init__(
        self, password: str, header: str = "n,,", binding: bytes = b"", nonce: str = "fyko+d2lbbFgONRv9qkxdawL"
    ):
        self.password = unicodedata.normalize("NFKC", password).encode()
        self.header = header
        self.binding = binding
        self.nonce = nonce
        self.bare = f"n=,r={nonce}"

    def first(self) -> bytes:
        return (self.header + self.bare).encode()

    def final(self, challenge: bytes) -> bytes:
        parts = dict(part.split("=", 1) for part in challenge.decode().split(","))
        assert parts["r"].startswith(self.nonce) and len(parts["r"]) > len(self.nonce)
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(parts["s"]), int(parts["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        channel = base64.b64encode(self.header.encode() + self.binding).decode()
        without_proof = f"c={channel},r={parts['r']}"
        message = f"{self.bare},{challenge.decode()},{without_proof}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        self.expected = b"v=" + base64.b64encode(hmac.digest(server_key, message, "sha256"))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()


def exchange(password: str = "pencil", **options: object) -> ScramExchange:
    return ScramExchange(derive_verifier(password, b"salt of a user..", 4096), Bytes(), **options)  # type: ignore[arg-type]


def test_the_example_of_the_rfc() -> None:
    server = RfcServerNonce(derive_verifier("pencil", RFC_SALT, 4096), Bytes())
    challenge = server.begin("SCRAM-SHA-256", f"n,,n=user,r={RFC_CLIENT_NONCE}".encode())
    assert challenge == f"r={RFC_CLIENT_NONCE}{RFC_SERVER_NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".encode()
    final = f"c=biws,r={RFC_CLIENT_NONCE}{RFC_SERVER_NONCE},p={RFC_PROOF}"
    assert server.respond(final.encode()) == f"v={RFC_SIGNATURE}".encode()
    assert server.state is ScramState.AUTHENTICATED


@pytest.mark.parametrize("password", ["pencil", "pässwörd", "ⅸ", " "])
def test_who_knows_the_password_gets_in(password: str) -> None:
    server, client = exchange(password), Client(password)
    challenge = server.begin("SCRAM-SHA-256", client.first())
    assert server.state is ScramState.CHALLENGED
    answer = server.respond(client.final(challenge))
    assert answer == client.expected
    assert server.state is ScramState.AUTHENTICATED


def test_a_wrong_password_fails_without_a_violation() -> None:
    server, client = exchange("pencil"), Client("pen")
    assert server.respond(client.final(server.begin("SCRAM-SHA-256", client.first()))) == b""
    assert server.state is ScramState.FAILED
    with pytest.raises(ProtocolViolation):
        server.respond(b"c=biws")


def test_a_doomed_exchange_fails_with_the_right_password() -> None:
    server, client = exchange("pencil", doomed=True), Client("pencil")
    assert server.respond(client.final(server.begin("SCRAM-SHA-256", client.first()))) == b""
    assert server.state is ScramState.FAILED


def test_a_client_may_send_its_first_message_late() -> None:
    server, client = exchange(), Client("pencil")
    assert server.begin("SCRAM-SHA-256", None) == b""
    assert server.respond(client.final(server.respond(client.first()))) == client.expected


def test_channel_binding_ties_the_login_to_the_certificate() -> None:
    binding = certificate_binding(b"certificate", "SHA-256")
    server = exchange(channel_binding=binding)
    assert server.mechanisms == ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")
    client = Client("pencil", "p=tls-server-end-point,,", binding)
    assert server.respond(client.final(server.begin("SCRAM-SHA-256-PLUS", client.first()))) == client.expected

    server = exchange(channel_binding=certificate_binding(b"of somebody in between", "SHA-256"))
    client = Client("pencil", "p=tls-server-end-point,,", binding)
    final = client.final(server.begin("SCRAM-SHA-256-PLUS", client.first()))
    with pytest.raises(ProtocolViolation, match="SCRAM channel binding check failed") as refused:
        server.respond(final)
    assert refused.value.sqlstate == "28000"


def test_a_client_without_channel_binding_gets_in_over_tls() -> None:
    server, client = exchange(channel_binding=b"hash"), Client("pencil")
    assert server.respond(client.final(server.begin("SCRAM-SHA-256", client.first()))) == client.expected


def test_a_client_that_could_bind_gets_in_without_tls() -> None:
    server, client = exchange(), Client("pencil", "y,,")
    assert server.respond(client.final(server.begin("SCRAM-SHA-256", client.first()))) == client.expected


def test_a_stripped_offer_of_channel_binding_is_noticed() -> None:
    with pytest.raises(ProtocolViolation, match="channel binding negotiation error") as refused:
        exchange(channel_binding=b"hash").begin("SCRAM-SHA-256", b"y,,n=,r=abc")
    assert refused.value.sqlstate == "28000"


@pytest.mark.parametrize(("algorithm", "used"), [("md5", "sha256"), ("SHA1", "sha256"), ("sha384", "sha384")])
def test_certificates_are_hashed_as_they_are_signed(algorithm: str, used: str) -> None:
    assert certificate_binding(b"x", algorithm) == hashlib.new(used, b"x").digest()


@pytest.mark.parametrize(
    ("mechanism", "first", "reason"),
    [
        ("SCRAM-SHA-1", b"n,,n=,r=a", "invalid SASL authentication mechanism"),
        ("SCRAM-SHA-256-PLUS", b"p=tls-server-end-point,,n=,r=a", "invalid SASL authentication mechanism"),
        ("SCRAM-SHA-256", b"", "The message is empty."),
        ("SCRAM-SHA-256", b"n,,n=,r=a\0", "Message length does not match"),
        ("SCRAM-SHA-256", b"x,,n=,r=a", 'Unexpected channel-binding flag "x"'),
        ("SCRAM-SHA-256", b"p=tls-unique,,n=,r=a", "without channel binding, but"),
        ("SCRAM-SHA-256", b"n", 'Comma expected, but found character "0x00"'),
        ("SCRAM-SHA-256", b"n,a=ada,n=,r=a", "authorization identity"),
        ("SCRAM-SHA-256", b"n,x,n=,r=a", 'Unexpected attribute "x" in client-first-message'),
        ("SCRAM-SHA-256", b"n,,m=x,n=,r=a", "unsupported SCRAM extension"),
        ("SCRAM-SHA-256", b"n,,r=a", 'Expected attribute "n" but found "r"'),
        ("SCRAM-SHA-256", b"n,,n", 'Expected character "=" for attribute "n"'),
        ("SCRAM-SHA-256", b"n,,n=", 'Expected attribute "r" but found "0x00"'),
        ("SCRAM-SHA-256", b"n,,n=,r=\x7f", "non-printable characters in SCRAM nonce"),
        ("SCRAM-SHA-256", b"n,,n=,r=a,1=x", "found invalid character"),
    ],
)
def test_broken_first_messages_are_refused(mechanism: str, first: bytes, reason: str) -> None:
    with pytest.raises(ProtocolViolation) as refused:
        exchange().begin(mechanism, first)
    assert reason in f"{refused.value.message} {refused.value.detail}"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"n,,", "does not include channel binding data"),
        (b"y,,", "does not include channel binding data"),
        (b"p=tls-unique,,", 'unsupported SCRAM channel-binding type "tls-unique"'),
    ],
)
def test_plus_needs_its_channel_binding(header: bytes, reason: str) -> None:
    with pytest.raises(ProtocolViolation) as refused:
        exchange(channel_binding=b"hash").begin("SCRAM-SHA-256-PLUS", header + b"n=,r=a")
    assert reason in f"{refused.value.message} {refused.value.detail}"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda final: final.replace(b"c=biws", b"c=eSws"), "unexpected SCRAM channel-binding attribute"),
        (lambda final: final.replace(b",r=", b",r=x"), "Nonce does not match."),
        (lambda final: final.replace(b",p=", b",q="), "Attribute expected, but found end of string."),
        (lambda final: final[:-4], "Malformed proof"),
        (lambda final: final + b"====", "Malformed proof"),
        (lambda final: final[:-4] + b"\xff\xff\xff\xff", "Malformed proof"),
        (lambda final: final + b",x=1", "Garbage found"),
        (lambda final: b"r=1", 'Expected attribute "c" but found "r"'),
        (lambda final: b"", "The message is empty."),
    ],
)
def test_broken_final_messages_are_refused(change, reason: str) -> None:  # type: ignore[no-untyped-def]
    server, client = exchange(), Client("pencil")
    final = client.final(server.begin("SCRAM-SHA-256", client.first()))
    with pytest.raises(ProtocolViolation) as refused:
        server.respond(change(final))
    assert reason in f"{refused.value.message} {refused.value.detail}"
    assert server.state is not ScramState.AUTHENTICATED


def test_every_changed_bit_of_a_proof_fails() -> None:
    for bit in range(0, 256, 37):
        server, client = exchange(), Client("pencil")
        final = client.final(server.begin("SCRAM-SHA-256", client.first()))
        head, proof = final.split(b",p=")
        raw = bytearray(base64.b64decode(proof))
        raw[bit // 8] ^= 1 << bit % 8
        assert server.respond(head + b",p=" + base64.b64encode(raw)) == b""


# A verifier that PostgreSQL 15 made for the password "pencil".
POSTGRES_VERIFIER = (
    "SCRAM-SHA-256$4096:A3HgRCEl2rxPH2boUsxLnQ=="
    "$P9u3Y1jMEKh1OH6hKIBuWATE9BKJy8/7wVceM3do6NE=:OBJrTBO9ET4FfAvun/QYdh/iViZllZzESJgFEPlJtok="
)


def test_verifiers_of_postgresql_are_read() -> None:
    verifier = parse_verifier(POSTGRES_VERIFIER)
    assert str(verifier) == POSTGRES_VERIFIER
    assert verify_password(verifier, "pencil")
    assert not verify_password(verifier, "Pencil")


def test_a_made_verifier_has_postgresqls_form() -> None:
    verifier = make_verifier("pencil", Bytes(b"0123456789abcdef"))
    assert str(verifier).startswith("SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$")
    assert parse_verifier(str(verifier)) == verifier
    assert is_verifier(str(verifier))
    assert verify_password(verifier, b"pencil")
    assert "stored" not in repr(verifier) and str(verifier) not in repr(verifier)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pencil",
        "SCRAM-SHA-256$4096:c2FsdA==$",
        "SCRAM-SHA-256$0:c2FsdA==$AAAA:AAAA",
        "SCRAM-SHA-256$4096:c2FsdA==$AAAA:AAAA",
        "SCRAM-SHA-256$4096:c2FsdA==$" + "A" * 43 + ":" + "A" * 43 + "=",
        "SCRAM-SHA-1$4096:c2FsdA==$" + "A" * 43 + "=:" + "A" * 43 + "=",
        "SCRAM-SHA-256$4096:====$" + "A" * 43 + "=:" + "A" * 43 + "=",
    ],
)
def test_other_texts_are_no_verifiers(text: str) -> None:
    assert not is_verifier(text)
    with pytest.raises(DatacaveError, match="invalid SCRAM secret"):
        parse_verifier(text)


def test_md5_hashes_are_refused() -> None:
    text = "md5" + "0123456789abcdef" * 2
    assert is_md5(text) and not is_md5(text + "0")
    with pytest.raises(FeatureNotSupported, match="MD5"):
        parse_verifier(text)


def test_unknown_users_look_like_known_ones() -> None:
    secret = b"secret of the server"
    mock = mock_verifier("ada", secret)
    assert mock == mock_verifier("ada", secret)
    assert mock.salt != mock_verifier("bob", secret).salt
    assert mock.salt != mock_verifier("ada", b"another").salt
    real = make_verifier("pencil", Bytes())
    assert (mock.iterations, *map(len, mock[1:])) == (real.iterations, *map(len, real[1:]))
    assert not verify_password(mock, "")
    server, client = ScramExchange(mock, Bytes(), doomed=True), Client("pencil")
    assert server.respond(client.final(server.begin("SCRAM-SHA-256", client.first()))) == b""


# RFC 4013 section 3, and one case per rule.
@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\xadX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\xaa", "a"),
        ("\u2168", "IX"),
        ("\x07", None),
        ("\u0627\x31", None),
        ("a\xa0b\u2000c", "a b c"),
        ("\u0627a\u0628", None),
        ("\u06271\u0628", "\u06271\u0628"),
        ("\xad", None),
        ("", None),
        ("\ue000", None),
        ("\ufffd", None),
        ("\u0221", None),
        ("\U000e0001", None),
        ("\u200e", None),
        ("\u2ff0", None),
        ("\ufdd0", None),
    ],
)
def test_saslprep(text: str, prepared: str | None) -> None:
    assert saslprep(text) == prepared


def test_passwords_that_cannot_be_prepared_are_used_as_they_are() -> None:
    assert prepare_password("\xe4\x07") == "\xe4\x07".encode()
    assert prepare_password(b"\xff\xfe") == b"\xff\xfe"
    assert prepare_password("\x07 ascii") == b"\x07 ascii"
    assert prepare_password("\u2168") == b"IX"
