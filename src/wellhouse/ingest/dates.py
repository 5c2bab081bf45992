"""Dates as Chinese and Western exports write them; anything ambiguous is no date."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress
from functools import lru_cache
from zoneinfo import ZoneInfo

from wellhouse.ingest.plain import plain
from wellhouse.settings import settings

_HALF, _ZONE = r"\s*(?:上午|下午|AM|PM)?\s*", r"(?P<zone>Z|[+-]\d{2}:?\d{2})?"
_CLOCK = r"(?P<hour>\d{1,2})[:时](?P<minute>\d{2})(?:[:分](?:(?P<second>\d{2})(?:\.\d+)?)?)?秒?"
_TIME = rf"(?:{_HALF}{_CLOCK}{_HALF}{_ZONE})?"
_WEEKDAY = r"(?:\s*\(?(?:星期|周)[一二三四五六日天]\)?)?"
_FORMS = (
    re.compile(rf"(\d{{4}})\s*[-/.年]\s*(\d{{1,2}})\s*[-/.月]\s*(\d{{1,2}})\s*日?{_WEEKDAY}T?{_TIME}", re.IGNORECASE),
    re.compile(rf"(\d{{4}})(\d{{2}})(\d{{2}})(?:\d{{4}}(?:\d{{2}})?|\.0+|T?{_TIME})", re.IGNORECASE),
)
_UTC = {"z", "+00:00", "+0000", "-00:00", "-0000"}
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?")
_EXCEL_EPOCH = dt.date(1899, 12, 30)
EPOCH = dt.date(1970, 1, 1)


@lru_cache(maxsize=65536)
def parse_date(text: str, formats: tuple[str, ...] = ()) -> dt.date | None:
    """The date, or None when the text is none. Five digits are an Excel serial number.

    It is the day on the clock that the text shows, whatever zone stands behind it. Only a time in UTC is nobody's clock
    here: programs write midnight of the 5th as 16:00Z of the 4th, so it is the day at the centre (``timezone``).

    :param formats: ``strptime`` formats of a mapping, for spellings that alone could be two days
    """
    bare = plain(text)
    for form in formats:
        with suppress(ValueError):
            return dt.datetime.strptime(bare, form).date()
    if _SERIAL.fullmatch(bare):
        return _EXCEL_EPOCH + dt.timedelta(days=int(float(bare)))
    for known in _FORMS:
        match = known.fullmatch(bare)
        if match:
            try:
                day = dt.date(*(int(part) for part in match.groups()[:3]))
                return _here(day, match) if (match["zone"] or "").lower() in _UTC else day
            except ValueError:
                return None
    return None


def day_of(moment: str | None) -> str:
    """The day of an ISO 8601 time as its text, by the same rule; what is no time stays to be refused as that."""
    if not moment:
        return ""
    if moment.endswith(("Z", "+00:00")) and (day := parse_date(moment)) is not None:
        return day.isoformat()
    return moment[:10]


def _here(day: dt.date, match: re.Match[str]) -> dt.date:
    """The day at the centre of a time in UTC; of midnight the day itself, which then is all that was meant.

    :raises ValueError: no time
    """
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    time = dt.time(hour, minute, second)
    if time == dt.time():
        return day
    return dt.datetime.combine(day, time, dt.UTC).astimezone(ZoneInfo(settings().timezone)).date()
