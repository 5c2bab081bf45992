"""Dates as Chinese and Western exports write them; anything ambiguous is no date."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from contextlib import suppress
from functools import lru_cache

_HALF, _ZONE = r"\s*(?:上午|下午|AM|PM)?\s*", r"(?:Z|[+-]\d{2}:?\d{2})?"
_TIME = rf"(?:{_HALF}\d{{1,2}}[:时]\d{{2}}(?:[:分](?:\d{{2}}(?:\.\d+)?)?)?秒?{_HALF}{_ZONE})?"
_WEEKDAY = r"(?:\s*\(?(?:星期|周)[一二三四五六日天]\)?)?"
_FORMS = (
    re.compile(rf"(\d{{4}})[-/.年](\d{{1,2}})[-/.月](\d{{1,2}})日?{_WEEKDAY}T?{_TIME}", re.IGNORECASE),
    re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{4}(?:\d{2})?|\.0+)?"),
)
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?")
_EXCEL_EPOCH = dt.date(1899, 12, 30)
EPOCH = dt.date(1970, 1, 1)


@lru_cache(maxsize=65536)
def parse_date(text: str, formats: tuple[str, ...] = ()) -> dt.date | None:
    """The date, or None when the text is none. Five digits are an Excel serial number.

    :param formats: ``strptime`` formats of a mapping, for spellings that alone could be two days
    """
    plain = unicodedata.normalize("NFKC", text).strip().lstrip("'’‘`").strip()
    for form in formats:
        with suppress(ValueError):
            return dt.datetime.strptime(plain, form).date()
    if _SERIAL.fullmatch(plain):
        return _EXCEL_EPOCH + dt.timedelta(days=int(float(plain)))
    for known in _FORMS:
        match = known.fullmatch(plain)
        if match:
            try:
                return dt.date(*(int(part) for part in match.groups()))
            except ValueError:
                return None
    return None
