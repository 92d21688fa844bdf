"""inet, cidr, macaddr and macaddr8: comparison, containment, parts, arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.network import Inet, format_host, format_inet, inet_key
from datacave_sql.functions.bodies.comparison import compare
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.errors import bad_parameter

BODIES = Bodies()

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "cmp": compare,
}


def _by_network(operation: Callable[[Any, Any], Any]) -> Callable[[Inet, Inet], Any]:
    return lambda a, b: operation(_order(a), _order(b))


def _order(value: Inet) -> tuple[Any, ...]:
    """As inet_key, with the mask before the host part: equal addresses differ by their masks."""
    family, network, address = inet_key(value)
    return family, network, value.bits, address


for _word, _operation in _COMPARISONS.items():
    BODIES.add(f"network_{_word}", _by_network(_operation))
    BODIES.add(f"macaddr_{_word} macaddr8_{_word}", _operation)
BODIES.add("network_larger", lambda a, b: a if _order(a) > _order(b) else b)
BODIES.add("network_smaller", lambda a, b: a if _order(a) < _order(b) else b)


def _host_mask(value: Inet) -> int:
    return (1 << (value.bits_max - value.bits)) - 1


def _same_network(a: Inet, b: Inet, bits: int) -> bool:
    shift = a.bits_max - bits
    return a.address >> shift == b.address >> shift


BODIES.add("network_sub", lambda a, b: a.family == b.family and a.bits > b.bits and _same_network(a, b, b.bits))
BODIES.add("network_subeq", lambda a, b: a.family == b.family and a.bits >= b.bits and _same_network(a, b, b.bits))
BODIES.add("network_sup", lambda a, b: a.family == b.family and a.bits < b.bits and _same_network(a, b, a.bits))
BODIES.add("network_supeq", lambda a, b: a.family == b.family and a.bits <= b.bits and _same_network(a, b, a.bits))
BODIES.add("network_overlap", lambda a, b: a.family == b.family and _same_network(a, b, min(a.bits, b.bits)))
BODIES.add("network_family", lambda value: value.family)
BODIES.add("network_host", format_host)
BODIES.add("network_show", lambda value: f"{format_host(value)}/{value.bits}")
BODIES.add("network_masklen", lambda value: value.bits)
BODIES.add("inet_abbrev", format_inet)
BODIES.add("network_broadcast", lambda value: value._replace(address=value.address | _host_mask(value)))
BODIES.add("network_network inet_to_cidr", lambda value: value._replace(address=value.address & ~_host_mask(value)))
BODIES.add(
    "network_netmask",
    lambda value: Inet(value.family, value.bits_max, ((1 << value.bits_max) - 1) ^ _host_mask(value)),
)
BODIES.add("network_hostmask", lambda value: Inet(value.family, value.bits_max, _host_mask(value)))
BODIES.add("inet_same_family", lambda a, b: a.family == b.family)


@BODIES("cidr_abbrev")
def abbreviate(value: Inet) -> str:
    """A network without the bytes its mask leaves out."""
    if value.family == 4:
        count = max((value.bits + 7) // 8, 1)
        return ".".join(map(str, value.address.to_bytes(4, "big")[:count])) + f"/{value.bits}"
    return f"{format_host(value)}/{value.bits}"


@BODIES("inet_set_masklen")
def set_mask(value: Inet, bits: int) -> Inet:
    """The address with another netmask; -1 for the longest."""
    return value._replace(bits=_mask_length(value, bits))


@BODIES("cidr_set_masklen")
def set_network_mask(value: Inet, bits: int) -> Inet:
    """The network with another netmask."""
    found = value._replace(bits=_mask_length(value, bits))
    return found._replace(address=found.address & ~_host_mask(found))


def _mask_length(value: Inet, bits: int) -> int:
    if bits == -1:
        return value.bits_max
    if not 0 <= bits <= value.bits_max:
        raise bad_parameter(f"invalid mask length: {bits}")
    return bits


@BODIES("inet_merge")
def merge(a: Inet, b: Inet) -> Inet:
    """The smallest network that holds both."""
    if a.family != b.family:
        raise bad_parameter("cannot merge addresses from different families")
    bits = min(a.bits, b.bits, a.bits_max - (a.address ^ b.address).bit_length())
    found = a._replace(bits=bits)
    return found._replace(address=found.address & ~_host_mask(found))


def _two(operation: Callable[[int, int], int], sign: str) -> Callable[[Inet, Inet], Inet]:
    def compute(a: Inet, b: Inet) -> Inet:
        if a.family != b.family:
            raise bad_parameter(f"cannot {sign} inet values of different sizes")
        return Inet(a.family, max(a.bits, b.bits), operation(a.address, b.address))

    return compute


BODIES.add("inetand", _two(lambda a, b: a & b, "AND"))
BODIES.add("inetor", _two(lambda a, b: a | b, "OR"))
BODIES.add("inetnot", lambda value: value._replace(address=value.address ^ ((1 << value.bits_max) - 1)))


def _moved(value: Inet, distance: int) -> Inet:
    address = value.address + distance
    if not 0 <= address < 1 << value.bits_max:
        raise DatacaveError("result is out of range", sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE)
    return value._replace(address=address)


BODIES.add("inetpl", _moved)


@BODIES("inetmi_int8")
def subtract(value: Inet, distance: int) -> Inet:
    """inet - bigint."""
    # The smallest bigint has no opposite and is added as it is.
    return _moved(value, distance if distance == -(2**63) else -distance)


@BODIES("int8pl_inet(20 869)")
def add_swapped(distance: int, value: Inet) -> Inet:
    """bigint + inet."""
    return _moved(value, distance)


@BODIES("inetmi")
def distance(a: Inet, b: Inet) -> int:
    """inet - inet."""
    if a.family != b.family:
        raise bad_parameter("cannot subtract inet values of different sizes")
    found = a.address - b.address
    if not -(2**63) <= found < 2**63:
        raise DatacaveError("result is out of range", sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE)
    return found


def _bytewise(operation: Callable[[int, int], int]) -> Callable[[bytes, bytes], bytes]:
    return lambda a, b: bytes([operation(x, y) for x, y in zip(a, b, strict=True)])


BODIES.add("macaddr_and macaddr8_and", _bytewise(lambda a, b: a & b))
BODIES.add("macaddr_or macaddr8_or", _bytewise(lambda a, b: a | b))
BODIES.add("macaddr_not macaddr8_not", lambda value: bytes([byte ^ 0xFF for byte in value]))
BODIES.add("macaddr_trunc", lambda value: value[:3] + b"\0\0\0")
BODIES.add("macaddr8_trunc", lambda value: value[:3] + b"\0\0\0\0\0")
BODIES.add("macaddrtomacaddr8", lambda value: value[:3] + b"\xff\xfe" + value[3:])
BODIES.add("macaddr8_set7bit", lambda value: bytes([value[0] | 2]) + value[1:])


@BODIES("macaddr8tomacaddr")
def shorten(value: bytes) -> bytes:
    """macaddr8 to macaddr; only with FF and FE in the middle."""
    if value[3:5] != b"\xff\xfe":
        raise DatacaveError(
            "macaddr8 data out of range to convert to macaddr",
            sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE,
            hint="Only addresses that have FF and FE as values in the 4th and 5th bytes from the left, for example "
            "xx:xx:xx:ff:fe:xx:xx:xx, are eligible to be converted from macaddr8 to macaddr.",
        )
    return value[:3] + value[5:]
