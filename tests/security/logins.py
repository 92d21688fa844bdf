"""Logins of servers under attack: admin is trusted on the machine, everybody else needs a password."""

from __future__ import annotations

from datacave_protocol import make_verifier
from datacave_server.clock import SystemRandomness

PASSWORD = "a good pass phrase"
_ITERATIONS = 5000
_AUTH = f"""
[security.auth]
scram_iterations = {_ITERATIONS}
[[security.auth.rules]]
address = "loopback"
method = "trust"
user = "admin"
[[security.auth.rules]]
address = "loopback"
method = "scram-sha-256"
[[security.auth.users]]
name = "admin"
superuser = true
"""


def login_config(*users: str) -> str:
    """The tables of a configuration in which these users log in with PASSWORD."""
    verifier = make_verifier(PASSWORD, SystemRandomness(), _ITERATIONS)
    return _AUTH + "".join(f'[[security.auth.users]]\nname = "{user}"\nverifier = "{verifier}"\n' for user in users)
