"""Identifiers of persons as files write them: checked, never repaired by guessing.

Chinese resident identity numbers: GB 11643-1999 (18 characters, ISO 7064 MOD 11-2) and their 15-digit predecessors.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from operator import mul

from wellhouse.ingest.plain import plain

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
_RESIDENT = re.compile(r"\d{17}[\dX]")
_DAMAGED = re.compile(r"\d+(?:\.\d+)?E\+?\d+", re.IGNORECASE)
_ROUNDED = re.compile(r"\d{15}000(?:\.0+)?")
"""Excel keeps 15 significant digits: the rest of a longer number turns into zeros."""
_SHOWN_WHOLE = 8
"""Digits from which on scientific notation is a program's (which drops zeros only), not a narrow column's (six)."""
_PASSPORT = re.compile(r"[A-Z]{1,2}\d{7,8}")
"""Of China; other countries' have any form of up to nine characters (ICAO 9303), so their type must be said."""
_TYPED_PASSPORT = re.compile(r"(?=.*\d)[A-Z0-9]{6,9}")
_PERMIT = re.compile(r"[HMC]\d{8}(?:\d{2})?|[A-Z]{3}\d{12}")
"""Of residents of Hong Kong (H), Macau (M); of foreigners who live here."""
_TYPED_PERMIT = re.compile(r"[A-Z]{0,3}\d{7,12}[A-Z]?")
"""Of Taiwan, too: digits only."""
_SHORT_PHONE = re.compile(r"(\d)(?:\.(\d+))?E\+?(\d{1,2})")
_MOBILE = re.compile(r"(?:\+?86)?(1\d{10})")
_PROVINCES = frozenset(
    str(code)
    for code in (*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66),
                 71, 81, 82, 83, 91)
)  # fmt: skip
"""GB/T 2260; 81 to 83: residents of Hong Kong, Macau and Taiwan; 91: foreigners."""
_NOBODY = re.compile(
    r"NONE|NULL|NIL|N/?A|UNKNOWN|[无無空]|没有|未知|不详|暂无|未填|未提供|不清楚|0+|(\d)\1{13,}|[-./\\?？*]+"
)
TYPES = {
    "id_number": "居民身份证 身份证 二代身份证 二代证 临时身份证 户口簿 居民户口簿 户口本 驾驶证 港澳台居民居住证 "
                 "港澳居民居住证 台湾居民居住证 外国人永久居留身份证 id_number id_card 01 02 05",
    "passport": "护照 普通护照 中国护照 外国护照 passport ppn 03",
    "permit": "港澳居民来往内地通行证 来往内地通行证 港澳通行证 回乡证 台湾居民来往大陆通行证 台胞证 台湾通行证 "
              "外国人永久居留证 外国人居留证 permit 06 07",
    "military": "军官证 士兵证 文职干部证 警官证 军人身份证 military 04",
}  # fmt: skip
"""What files call the kinds of documents; codes of WS/T 364.3 CV02.01.101."""


class Rejected(ValueError):
    """An identifier that cannot be used; ``reason`` is a code of docs/data_formats.md, ``expected`` is for a reader."""

    def __init__(self, reason: str, expected: str) -> None:
        super().__init__(reason)
        self.reason, self.expected = reason, expected


@dataclass(frozen=True)
class IdNumber:
    """A number that may be looked up; birth date and sex where the number carries them."""

    identifier_type: str
    number: str
    birth_date: dt.date | None = None
    sex: str | None = None


def names_nobody(text: str) -> bool:
    """Whether a cell says that there is no number: everybody who has 无 or 0000 is not one person."""
    number = clean(text)
    return _NOBODY.fullmatch(number) is not None


def clean(text: str) -> str:
    """Plain, without blanks, upper case."""
    return "".join(plain(text).split()).upper()


def check_digit(first17: str) -> str:
    """The 18th character (ISO 7064 MOD 11-2)."""
    return _CHECK[sum(map(mul, map(int, first17), _WEIGHTS)) % 11]


@lru_cache(maxsize=2_000)
def parse_id(text: str, kind: str | None = None, doubted: bool = False) -> IdNumber:
    """The identity document in a cell.

    :param kind: one of TYPES, where the file says which; a number of another kind's form is then refused
    :param doubted: numbers beside it are rounded: one in eleven of those has a right check digit by chance
    :raises Rejected: damaged by a spreadsheet, a wrong check digit, an impossible birth date, or no known form.
    """
    number = clean(text)
    if _DAMAGED.fullmatch(number):
        raise Rejected("id_damaged", "an ID number of 18 characters, stored as text, not in scientific notation")
    if _ROUNDED.fullmatch(number) and (doubted or check_digit(number[:17]) != "0"):
        raise Rejected("id_damaged", "an ID number of 18 characters: a spreadsheet replaced its last digits by zeros")
    if kind not in (None, "id_number"):
        return _typed(number, str(kind))
    if _RESIDENT.fullmatch(number):
        return _resident(number)
    if len(number) == 15 and number.isdecimal():
        first17 = f"{number[:6]}19{number[6:]}"
        return _resident(first17 + check_digit(first17))
    if kind == "id_number":
        raise Rejected("id_malformed", "an ID number of 18 or 15 characters, as its type says")
    if _PERMIT.fullmatch(number):
        return IdNumber("permit", number)
    if _PASSPORT.fullmatch(number):
        return IdNumber("passport", number)
    raise Rejected("id_malformed", "an 18-character ID number, a passport or a permit number; or say its type")


def is_rounded(text: str) -> bool:
    """Whether a spreadsheet surely rounded an ID number."""
    number = clean(text)
    return _ROUNDED.fullmatch(number) is not None and check_digit(number[:17]) != "0"


def _typed(number: str, kind: str) -> IdNumber:
    """A document that carries neither birth date nor check digit, of the kind that the file says it is."""
    forms = {"passport": _TYPED_PASSPORT, "permit": _TYPED_PERMIT}
    bare = re.sub(r"[-()]", "", number)
    if kind in forms and not forms[kind].fullmatch(bare):
        raise Rejected("id_malformed", f"a {kind} number, as its type says")
    if not re.fullmatch(r"\w{5,20}", bare):
        raise Rejected("id_malformed", "a number of 5 to 20 letters and digits")
    return IdNumber(kind, bare)


def _resident(number: str) -> IdNumber:
    if number[:2] not in _PROVINCES:
        raise Rejected("id_malformed", "an ID number whose first two digits are a province (GB/T 2260)")
    if check_digit(number[:17]) != number[17]:
        raise Rejected("id_check_digit", "an ID number whose last character agrees with the other 17 (GB 11643)")
    try:
        born = dt.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise Rejected("id_malformed", "an ID number with a birth date in characters 7 to 14") from None
    if not dt.date(1880, 1, 1) <= born <= dt.date.today():
        raise Rejected("id_malformed", "an ID number with a possible birth date in characters 7 to 14")
    return IdNumber("id_number", number, born, "male" if int(number[16]) % 2 else "female")


def parse_mrn(text: str) -> str:
    """A site's own number for a person, normalised.

    :raises Rejected: a spreadsheet turned it into scientific notation.
    """
    number = clean(text)
    if _DAMAGED.fullmatch(number) and "E+" in number:
        raise Rejected("id_damaged", "a record number stored as text, not in scientific notation")
    return re.sub(r"(?<=\d)\.0+$", "", number)


def parse_record_number(text: str) -> str:
    """A source's number of a record: as it is written, but for the decimals that a spreadsheet gave it.

    :raises Rejected: a spreadsheet turned it into scientific notation: several records have it.
    """
    whole = parse_mrn(text)
    return whole if whole.isdecimal() else text


def parse_phone(text: str) -> str:
    """A phone number as people dial it, or nothing where a spreadsheet cut its digits off."""
    number = clean(text).removesuffix(".0")
    short = _SHORT_PHONE.fullmatch(number)
    if short:
        # what a spreadsheet shows as 1.3800138E+10 may have had more digits than it shows: a mobile number ends in 11
        digits = short[1] + (short[2] or "")
        return digits.ljust(11, "0") if short[3] == "10" and len(digits) >= _SHOWN_WHOLE else ""
    bare = number.replace("-", "")
    mobile = _MOBILE.fullmatch(bare)
    return mobile[1] if mobile else number
