"""The extension uuid-ossp: UUIDs of all versions. The node of version 1 is a random one, marked as such."""

from __future__ import annotations

import uuid

from datacave_sql.functions.body import Bodies
from datacave_sql.functions.context import EvaluationContext

BODIES = Bodies()

_GREGORIAN_MICROSECONDS = 13_166_064_000_000_000
"""From 1582-10-15 to 2000-01-01."""

BODIES.add("uuid_nil", lambda: bytes(16))
BODIES.add("uuid_ns_dns", lambda: uuid.NAMESPACE_DNS.bytes)
BODIES.add("uuid_ns_url", lambda: uuid.NAMESPACE_URL.bytes)
BODIES.add("uuid_ns_oid", lambda: uuid.NAMESPACE_OID.bytes)
BODIES.add("uuid_ns_x500", lambda: uuid.NAMESPACE_X500.bytes)
BODIES.add("uuid_generate_v3", lambda space, name: uuid.uuid3(uuid.UUID(bytes=space), name).bytes)
BODIES.add("uuid_generate_v5", lambda space, name: uuid.uuid5(uuid.UUID(bytes=space), name).bytes)


@BODIES.with_context("uuid_generate_v1", "uuid_generate_v1mc")
def of_time(context: EvaluationContext) -> bytes:
    """The time in steps of 100 ns, a random sequence and a random node with the multicast bit."""
    chance = context.random_bytes(9)
    ticks = (context.clock_timestamp() + _GREGORIAN_MICROSECONDS) * 10 + chance[8] % 10
    node = bytes([chance[0] | 1]) + chance[1:6]
    sequence = bytes([chance[6] & 0x3F | 0x80, chance[7]])
    low, middle, high = ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 & 0x0FFF | 0x1000
    return low.to_bytes(4, "big") + middle.to_bytes(2, "big") + high.to_bytes(2, "big") + sequence + node


@BODIES.with_context("uuid_generate_v4")
def of_chance(context: EvaluationContext) -> bytes:
    """A version 4 UUID."""
    data = bytearray(context.random_bytes(16))
    data[6] = data[6] & 0x0F | 0x40
    data[8] = data[8] & 0x3F | 0x80
    return bytes(data)
