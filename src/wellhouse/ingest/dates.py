"""Dates as Chinese and Western exports write them; anything ambiguous is no date."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from functools import lru_cache

_FORMS = (
    re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T\s]*\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?)?"),
    re.compile(r"(\d{4})(\d{2})(\d{2})"),
)
_SERIAL = re.compile(r"\d{5}(?:\.0+)?")
_EXCEL_EPOCH = dt.date(1899, 12, 30)
EPOCH = dt.date(1970, 1, 1)


@lru_cache(maxsize=65536)
def parse_date(text: str) -> dt.date | None:
    """The date, or None when the text is none. Five digits are an Excel serial number."""
    plain = unicodedata.normalize("NFKC", text).strip().lstrip("'")
    if _SERIAL.fullmatch(plain):
        return _EXCEL_EPOCH + dt.timedelta(days=int(float(plain)))
    for form in _FORMS:
        match = form.fullmatch(plain)
        if match:
            try:
                return dt.date(*(int(part) for part in match.groups()))
            except ValueError:
                return None
    return None
