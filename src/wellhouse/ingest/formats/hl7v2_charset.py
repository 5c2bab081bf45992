"""Which characters a message's bytes are: what MSH-18 says (HL7 table 0211), unless the bytes say otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CODECS = {
    "ascii": "ascii", "isoir6": "ascii", "usascii": "ascii",
    "unicodeutf8": "utf-8", "utf8": "utf-8", "isoir192": "utf-8", "unicode": "utf-8",
    "gb180302000": "gb18030", "gb18030": "gb18030", "gbk": "gb18030", "gb2312": "gb18030", "isoir58": "gb18030",
    "big5": "big5", "ksx1001": "euc_kr", "isoir149": "euc_kr", "isoir87": "iso2022_jp", "isoir159": "iso2022_jp_1",
    **{f"8859{part}": f"iso8859-{part}" for part in (*range(1, 10), 15)},
    "isoir100": "iso8859-1", "isoir101": "iso8859-2", "isoir109": "iso8859-3", "isoir110": "iso8859-4",
    "isoir144": "iso8859-5", "isoir127": "iso8859-6", "isoir126": "iso8859-7", "isoir138": "iso8859-8",
    "isoir148": "iso8859-9",
}  # fmt: skip
_THREE_BYTES = re.compile(rb"[\xe0-\xef][\x80-\xbf]{2}")
_HIGH = re.compile(rb"[\x80-\xff]+")


@dataclass(frozen=True)
class Decoded:
    """``lie``: MSH-18 names another character set, or one that does not exist."""

    text: str
    encoding: str
    lie: bool


class Undecodable(ValueError):
    """The bytes are no text in the declared character set, nor in UTF-8 or GB18030."""


def decode(data: bytes, declared: str) -> Decoded:
    """The text of a message.

    :param declared: MSH-18 as written, blank when absent
    :raises Undecodable:
    """
    codec = codec_of(declared)
    unknown = bool(declared) and not codec
    if data.isascii() and codec != "iso2022_jp":
        return Decoded(data.decode("ascii"), codec or "ascii", unknown)
    if (text := _strict(data, "utf-8")) is not None and _is_utf8(data, codec):
        return Decoded(text, "utf-8", unknown or (bool(codec) and codec != "utf-8"))
    chinese = _strict(data, "gb18030")
    western = codec.startswith("iso8859")
    text = None
    if codec not in ("", "ascii", "utf-8") and not (western and chinese is not None and _in_pairs(data)):
        text = _strict(data, codec)
    if text is not None:
        return Decoded(text, codec, False)
    if chinese is None:
        raise Undecodable
    return Decoded(chinese, "gb18030", bool(declared))


def codec_of(declared: str) -> str:
    """Python's name of a character set of MSH-18; blank: none that we know."""
    return _CODECS.get(re.sub(r"[^a-z0-9]", "", declared.lower()), "")


def _strict(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None


def _is_utf8(data: bytes, codec: str) -> bool:
    """Bytes that are UTF-8 by chance have no character of three bytes: in GB18030 that takes rare characters only."""
    return codec in ("", "ascii", "utf-8") or codec.startswith("iso8859") or bool(_THREE_BYTES.search(data))


def _in_pairs(data: bytes) -> bool:
    """Western letters beyond ASCII stand alone, Chinese characters are two bytes each."""
    return all(len(run) % 2 == 0 for run in _HIGH.findall(data))
