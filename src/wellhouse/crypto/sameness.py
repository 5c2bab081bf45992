"""Do two descriptions with a common identifier describe one person? A number alone never joins two people.

Numbers are typed on the wrong line, given to somebody else years later, or issued by two countries: so name, birth date
and sex must not contradict one another. What is absent contradicts nothing.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_REMARK = re.compile(r"[(\[【].*?[)\]】]|\d+$")
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_HIDDEN = re.compile(r"[*?×□○某]+")


def contradict(one: dict[str, str], other: dict[str, str]) -> bool:
    """Whether these cannot be the same person."""
    if not one or not other:
        return False  # most people are new
    if any(one.get(fact) and other.get(fact) and one[fact] != other[fact] for fact in ("birth_date", "sex")):
        return True
    return not names_agree(one.get("name", ""), other.get("name", ""))


@lru_cache(maxsize=2_000)
def names_agree(one: str, other: str) -> bool:
    """Equal but for spaces, punctuation, case and remarks; hidden characters (张*) agree with any.

    Two scripts (张三, Zhang San) cannot be compared; of names in letters one may leave parts out and change the order.
    """
    a, b = _plain(one), _plain(other)
    if not a or not b or a == b:
        return True
    if bool(_HAN.search(a)) != bool(_HAN.search(b)):
        return True
    if _HAN.search(a):
        a, b = re.sub(r"\W", "", _masked(a)), re.sub(r"\W", "", _masked(b))
        return a == b or _fits(a, b) or _fits(b, a)
    parts = set(re.findall(r"\w+", a)), set(re.findall(r"\w+", b))
    return parts[0] <= parts[1] or parts[1] <= parts[0]


def both(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    """What two descriptions of one person say together: the later word counts, but the name stays the fuller one.

    A name that is hidden in part, or written in letters, agrees with more people: it never takes a better one's place.
    """
    if not one or not other:
        return one | other
    names = [told.get("name", "") for told in (one, other)]
    fuller = max(names, key=_telling)  # the first of equals
    return one | other | ({"name": fuller} if fuller else {})


def _telling(name: str) -> tuple[bool, bool, bool, int]:
    plain = _plain(name)
    han = bool(_HAN.search(plain))
    return bool(plain), han, not _HIDDEN.search(plain), 0 if han else len(re.findall(r"\w+", plain))


def _plain(name: str) -> str:
    return _REMARK.sub("", unicodedata.normalize("NFKC", name)).casefold().strip()


def _masked(name: str) -> str:
    return _HIDDEN.sub("_", name)


def _fits(pattern: str, name: str) -> bool:
    """``pattern`` has hidden characters, each run of them at least one."""
    return "_" in pattern and re.fullmatch(re.escape(pattern).replace("_", ".+"), name) is not None
