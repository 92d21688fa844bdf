"""inet and cidr: an Inet of family, netmask length and address; macaddr and macaddr8: 6 or 8 bytes."""

from __future__ import annotations

import ipaddress
import re
from typing import Final, NamedTuple

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.codec import TypeIO, bad_length, invalid_input
from datacave_core.types.settings import FormatSettings

_FAMILY_BYTES: Final = {2: 4, 3: 6}
_WIRE_FAMILY: Final = {4: 2, 6: 3}
_OCTETS: Final = re.compile(r"([0-9]+(?:\.[0-9]+)*)(\.?)(?:/([0-9]+))?")
_CIDR_HEXADECIMAL: Final = re.compile(r"0[xX]([0-9a-fA-F]+)(?:/([0-9]+))?")
_BITS: Final = re.compile(r"0|[1-9][0-9]{0,2}")


class Inet(NamedTuple):
    """An address with the number of network bits; `family` is 4 or 6."""

    family: int
    bits: int
    address: int

    @property
    def bits_max(self) -> int:
        """32 or 128."""
        return 32 if self.family == 4 else 128


def parse_inet(text: str, type_name: str = "inet") -> Inet:
    """Raises 22P02; a cidr must not have bits to the right of its mask."""
    is_cidr = type_name == "cidr"
    found = _parse_v6(text) if ":" in text else _parse_v4_cidr(text) if is_cidr else _parse_v4(text)
    if found is None:
        raise invalid_input(type_name, text)
    if is_cidr and has_host_bits(found):
        raise DatacaveError(
            f'invalid cidr value: "{text}"',
            sqlstate=sqlstate.INVALID_TEXT_REPRESENTATION,
            detail="Value has bits set to right of mask.",
        )
    return found


def has_host_bits(value: Inet) -> bool:
    """Whether the address is more than a network."""
    return value.address & ((1 << (value.bits_max - value.bits)) - 1) != 0


def _octets(digits: str) -> list[int] | None:
    octets = [int(part) for part in digits.split(".") if len(part.lstrip("0")) < 4]
    if len(octets) != digits.count(".") + 1 or len(octets) > 4 or any(octet > 255 for octet in octets):
        return None
    return octets


def _address(octets: list[int]) -> int:
    return int.from_bytes(bytes(octets + [0] * (4 - len(octets))), "big")


def _mask(text: str, limit: int) -> int | None:
    digits = text.lstrip("0") or "0"
    return int(digits) if len(digits) < 4 and int(digits) <= limit else None


def _parse_v4(text: str) -> Inet | None:
    found = _OCTETS.fullmatch(text)
    octets = None if found is None else _octets(found[1])
    if found is None or octets is None:
        return None
    if found[3] is None:
        return Inet(4, 32, _address(octets)) if len(octets) == 4 else None
    bits = _mask(found[3], 32)
    if bits is None or bits // 8 > len(octets):
        return None
    return Inet(4, bits, _address(octets))


def _parse_v4_cidr(text: str) -> Inet | None:
    """Octets may be missing, and so may the mask: it then follows from the address class."""
    hexadecimal = _CIDR_HEXADECIMAL.fullmatch(text)
    if hexadecimal is not None:
        digits = hexadecimal[1] + "0" * (len(hexadecimal[1]) % 2)
        octets: list[int] | None = list(bytes.fromhex(digits)) if len(digits) <= 8 else None
        mask = hexadecimal[2]
    else:
        found = _OCTETS.fullmatch(text)
        if found is None or found[2]:
            return None
        octets, mask = _octets(found[1]), found[3]
    if octets is None:
        return None
    if mask is not None:
        bits = _mask(mask, 32)
        return None if bits is None else Inet(4, bits, _address(octets))
    first = octets[0]
    bits = 32 if first >= 240 else 8 if first >= 224 else 24 if first >= 192 else 16 if first >= 128 else 8
    bits = max(bits, 8 * len(octets))
    if bits == 8 and first == 224:
        bits = 4
    return Inet(4, bits, _address(octets))


def _parse_v6(text: str) -> Inet | None:
    address, slash, mask = text.partition("/")
    if "%" in address:
        return None
    try:
        number = int(ipaddress.IPv6Address(address))
    except ValueError:
        return None
    if not slash:
        return Inet(6, 128, number)
    if _BITS.fullmatch(mask) is None or int(mask) > 128:
        return None
    return Inet(6, int(mask), number)


def format_inet(value: Inet) -> str:
    """The address, and the mask where it is not the whole address."""
    text = format_host(value)
    return text if value.bits == value.bits_max else f"{text}/{value.bits}"


def format_cidr(value: Inet) -> str:
    """The address and always the mask."""
    return f"{format_host(value)}/{value.bits}"


def format_host(value: Inet) -> str:
    """The address alone; the longest run of zero groups of an IPv6 address is cut to `::`."""
    if value.family == 4:
        return ".".join(map(str, value.address.to_bytes(4, "big")))
    if value.address >> 32 == 0xFFFF or (value.address >> 32 == 0 and value.address >> 16):
        tail = ".".join(map(str, (value.address & 0xFFFFFFFF).to_bytes(4, "big")))
        return f"::ffff:{tail}" if value.address >> 32 else f"::{tail}"
    groups = [value.address >> shift & 0xFFFF for shift in range(112, -1, -16)]
    best_start, best_length, at = 0, 1, 0
    while at < 8:
        end = at
        while end < 8 and groups[end] == 0:
            end += 1
        if end - at > best_length:
            best_start, best_length = at, end - at
        at = max(end, at + 1)
    words = [f"{group:x}" for group in groups]
    if best_length < 2:
        return ":".join(words)
    return ":".join(words[:best_start]) + "::" + ":".join(words[best_start + best_length :])


def inet_key(value: Inet) -> tuple[int, str, int]:
    """Family first, then the network bits, the shorter network before its parts, then the whole address."""
    width = value.bits_max
    return value.family, f"{value.address:0{width}b}"[: value.bits], value.address


def _inet_io(type_name: str) -> TypeIO:
    is_cidr = type_name == "cidr"
    write = format_cidr if is_cidr else format_inet

    def read(text: str, typmod: int, settings: FormatSettings) -> Inet:
        return parse_inet(text, type_name)

    def output(value: Inet, settings: FormatSettings) -> str:
        return write(value)

    def receive(data: bytes) -> Inet:
        if len(data) < 4:
            raise bad_length(data, 4)
        family, bits, _, length = data[:4]
        if family not in _FAMILY_BYTES:
            raise _bad_binary(f'invalid address family in external "{type_name}" value')
        size = 4 if family == 2 else 16
        if bits > size * 8:
            raise _bad_binary(f'invalid bits in external "{type_name}" value')
        if length != size:
            raise _bad_binary(f'invalid length in external "{type_name}" value')
        if len(data) != 4 + size:
            raise bad_length(data, 4 + size)
        value = Inet(_FAMILY_BYTES[family], bits, int.from_bytes(data[4:], "big"))
        if is_cidr and has_host_bits(value):
            raise DatacaveError(
                'invalid external "cidr" value',
                sqlstate=sqlstate.INVALID_BINARY_REPRESENTATION,
                detail="Value has bits set to right of mask.",
            )
        return value

    def send(value: Inet) -> bytes:
        size = 4 if value.family == 4 else 16
        head = bytes((_WIRE_FAMILY[value.family], value.bits, is_cidr, size))
        return head + value.address.to_bytes(size, "big")

    return TypeIO(read, output, receive, send, comparison_key=inet_key)


def _bad_binary(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_BINARY_REPRESENTATION)


# C's scanf reads the parts: it takes signs and 0x, and never goes back to try a shorter number.
_H: Final = r"(?>\s*([+-]?(?:0[xX][0-9a-fA-F]*|[0-9a-fA-F]+)))"
_P: Final = r"(?>\s*([+-][0-9a-fA-F]|[0-9a-fA-F]{1,2}))"
_MACADDR: Final = tuple(
    re.compile(pattern + r"\s*")
    for pattern in (
        ":".join([_H] * 6),
        "-".join([_H] * 6),
        _P * 3 + ":" + _P * 3,
        _P * 3 + "-" + _P * 3,
        _P * 2 + r"\." + _P * 2 + r"\." + _P * 2,
        _P * 2 + "-" + _P * 2 + "-" + _P * 2,
        _P * 6,
    )
)


_HEXADECIMAL_PAIR: Final = re.compile("[0-9a-fA-F]{2}")


def parse_macaddr(text: str) -> bytes:
    """Six octets in any of seven spellings; raises 22P02 and 22003."""
    for pattern in _MACADDR:
        found = pattern.fullmatch(text)
        if found is not None:
            octets = [int(group.rstrip("xX"), 16) for group in found.groups()]
            if any(not 0 <= octet <= 255 for octet in octets):
                raise DatacaveError(
                    f'invalid octet value in "macaddr" value: "{text}"',
                    sqlstate=sqlstate.NUMERIC_VALUE_OUT_OF_RANGE,
                )
            return bytes(octets)
    raise invalid_input("macaddr", text)


def parse_macaddr8(text: str) -> bytes:
    """Eight octets, or six which ff:fe is put between; one kind of separator throughout; raises 22P02.

    A single character behind the last pair is not looked at, as in PostgreSQL.
    """
    body = text.lstrip(" \t\n\v\f\r")
    octets = bytearray()
    separator = ""
    at = 0
    while len(body) - at >= 2:
        pair = body[at : at + 2]
        if len(octets) == 8 or _HEXADECIMAL_PAIR.fullmatch(pair) is None:
            raise invalid_input("macaddr8", text)
        octets.append(int(pair, 16))
        at += 2
        following = body[at : at + 1]
        if following and following in ":-.":
            if separator not in ("", following):
                raise invalid_input("macaddr8", text)
            separator = following
            at += 1
        if len(octets) in (6, 8) and body[at : at + 1].isspace():
            if body[at:].strip(" \t\n\v\f\r"):
                raise invalid_input("macaddr8", text)
            break
    if len(octets) == 6:
        octets[3:3] = b"\xff\xfe"
    if len(octets) != 8:
        raise invalid_input("macaddr8", text)
    return bytes(octets)


def format_macaddr(value: bytes) -> str:
    """Pairs with colons."""
    return value.hex(":")


def _macaddr_io(length: int) -> TypeIO:
    parse = parse_macaddr if length == 6 else parse_macaddr8

    def read(text: str, typmod: int, settings: FormatSettings) -> bytes:
        return parse(text)

    def output(value: bytes, settings: FormatSettings) -> str:
        return format_macaddr(value)

    def receive(data: bytes) -> bytes:
        if len(data) == 6 and length == 8:
            return data[:3] + b"\xff\xfe" + data[3:]
        if len(data) != length:
            raise bad_length(data, length)
        return bytes(data)

    return TypeIO(read, output, receive, bytes)


INET_IO: Final = _inet_io("inet")
CIDR_IO: Final = _inet_io("cidr")
MACADDR_IO: Final = _macaddr_io(6)
MACADDR8_IO: Final = _macaddr_io(8)
