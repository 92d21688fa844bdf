"""Encodings: PostgreSQL's character sets by name, and texts as bytes in one of them.

Everything inside is UTF-8; other encodings are spoken with clients (client_encoding), in COPY data and by functions.
Names: https://www.postgresql.org/docs/15/multibyte.html.
"""

from __future__ import annotations

import codecs
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError, FeatureNotSupported

ENCODINGS: Final = (
    "SQL_ASCII", "EUC_JP", "EUC_CN", "EUC_KR", "EUC_TW", "EUC_JIS_2004", "UTF8", "MULE_INTERNAL", "LATIN1",
    "LATIN2", "LATIN3", "LATIN4", "LATIN5", "LATIN6", "LATIN7", "LATIN8", "LATIN9", "LATIN10", "WIN1256",
    "WIN1258", "WIN866", "WIN874", "KOI8R", "WIN1251", "WIN1252", "ISO_8859_5", "ISO_8859_6", "ISO_8859_7",
    "ISO_8859_8", "WIN1250", "WIN1253", "WIN1254", "WIN1255", "WIN1257", "KOI8U", "SJIS", "BIG5", "GBK", "UHC",
    "GB18030", "JOHAB", "SHIFT_JIS_2004",
)  # fmt: skip
"""By their numbers."""

UTF8_CODEC: Final = "utf-8"
"""Encodings with this codec pass as they are; the bytes of SQL_ASCII must be UTF-8 all the same."""

_CODECS: Final = {
    "UTF8": UTF8_CODEC, "SQL_ASCII": UTF8_CODEC, "EUC_JP": "euc_jp", "EUC_CN": "gb2312", "EUC_KR": "euc_kr",
    "EUC_JIS_2004": "euc_jis_2004", "LATIN1": "iso8859-1", "LATIN2": "iso8859-2", "LATIN3": "iso8859-3",
    "LATIN4": "iso8859-4", "LATIN5": "iso8859-9", "LATIN6": "iso8859-10", "LATIN7": "iso8859-13",
    "LATIN8": "iso8859-14", "LATIN9": "iso8859-15", "LATIN10": "iso8859-16", "WIN866": "cp866", "WIN874": "cp874",
    "KOI8R": "koi8-r", "KOI8U": "koi8-u", "ISO_8859_5": "iso8859-5", "ISO_8859_6": "iso8859-6",
    "ISO_8859_7": "iso8859-7", "ISO_8859_8": "iso8859-8", "SJIS": "cp932", "BIG5": "cp950", "GBK": "gbk",
    "UHC": "cp949", "GB18030": "gb18030", "JOHAB": "johab", "SHIFT_JIS_2004": "shift_jis_2004",
    **{f"WIN{number}": f"cp{number}" for number in range(1250, 1259)},
}  # fmt: skip
"""Python's codecs. None has EUC_TW and MULE_INTERNAL."""

_ALIASES: Final = {
    "unicode": "UTF8", "abc": "WIN1258", "alt": "WIN866", "koi8": "KOI8R", "mskanji": "SJIS", "shiftjis": "SJIS",
    "tcvn": "WIN1258", "tcvn5712": "WIN1258", "vscii": "WIN1258", "win": "WIN1251", "iso88591": "LATIN1",
    "iso88592": "LATIN2", "iso88593": "LATIN3", "iso88594": "LATIN4", "iso88599": "LATIN5", "iso885910": "LATIN6",
    "iso885913": "LATIN7", "iso885914": "LATIN8", "iso885915": "LATIN9", "iso885916": "LATIN10", "win932": "SJIS",
    "win936": "GBK", "win949": "UHC", "win950": "BIG5", "windows932": "SJIS", "windows936": "GBK",
    "windows949": "UHC", "windows950": "BIG5", "windows866": "WIN866", "windows874": "WIN874",
    **{f"windows{number}": f"WIN{number}" for number in range(1250, 1259)},
}  # fmt: skip
_BY_KEY: Final = {name.replace("_", "").lower(): name for name in ENCODINGS} | _ALIASES


def encoding_named(name: str) -> str | None:
    """The encoding of a name in any spelling; None for an unknown one."""
    return _BY_KEY.get("".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum()))


def codec_of(encoding: str) -> str:
    """Python's codec of an encoding. Raises 0A000 where there is none."""
    codec = _CODECS.get(encoding)
    if codec is None:
        raise FeatureNotSupported(f"encoding {encoding} is not supported", hint="Use UTF8.")
    return codec


def read_text(data: bytes, encoding: str) -> str:
    """The text of bytes in an encoding. Raises 22021."""
    try:
        return data.decode(codec_of(encoding))
    except UnicodeDecodeError as broken:
        raise _invalid(data[broken.start : broken.end], encoding) from None


def write_text(text: str, encoding: str) -> bytes:
    """A text as bytes in an encoding. Raises 22P05 for characters that it does not have."""
    try:
        return text.encode(codec_of(encoding))
    except UnicodeEncodeError as broken:
        shown = " ".join(f"0x{byte:02x}" for byte in text[broken.start].encode())
        raise DatacaveError(
            f'character with byte sequence {shown} in encoding "UTF8" has no equivalent in encoding "{encoding}"',
            sqlstate=sqlstate.UNTRANSLATABLE_CHARACTER,
        ) from None


class PieceReader:
    """Bytes in an encoding, piece by piece, as UTF-8; characters may be cut anywhere."""

    __slots__ = ("_decoder", "_encoding")

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(codec_of(encoding))()

    def take(self, piece: bytes, last: bool = False) -> bytes:
        """What a piece brings. Raises 22021."""
        try:
            return self._decoder.decode(piece, last).encode()
        except UnicodeDecodeError as broken:
            raise _invalid(broken.object[broken.start : broken.end], self._encoding) from None


def _invalid(found: bytes, encoding: str) -> DatacaveError:
    shown = " ".join(f"0x{byte:02x}" for byte in found)
    return DatacaveError(
        f'invalid byte sequence for encoding "{encoding}": {shown}', sqlstate=sqlstate.CHARACTER_NOT_IN_REPERTOIRE
    )
