"""Chinese names, phone numbers and employers that stand for nobody: drawn from lists of common characters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]

# Frequent surnames, most frequent first; none that begins an everyday word together with a given name below, so that a
# search for a name finds the name and nothing else.
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶苏魏吕丁沈姚卢姜崔钟谭陆汪范"
)
_MALE = "伟强军勇杰涛磊鹏斌浩宇轩博超刚辉峰建国志飞俊毅凯铭泽晨睿昊翔旭钧振栋炜"
_FEMALE = "芳娜敏静丽艳娟霞秀兰玲桂英慧莉婷雪琳倩颖洁萍红燕妍怡欣萱诗涵梦琪瑶蕾薇"
_BOTH = "明华文平新春庆永海晓子嘉思雨佳"
_THREE_CHARACTERS = 0.82
_PREFIXES = (
    "134",
    "135",
    "136",
    "137",
    "138",
    "139",
    "150",
    "151",
    "152",
    "157",
    "158",
    "159",
    "182",
    "186",
    "188",
    "189",
)
_TRADES = ("软件", "机械", "纺织", "食品", "物流", "建材", "电子", "印刷", "园林", "教育", "餐饮", "设计")


def full_names(male: Flags, rng: np.random.Generator) -> list[str]:
    """One name a person; common surnames are common."""
    weights = 1 / (np.arange(len(SURNAMES)) + 4)
    surname = rng.choice(len(SURNAMES), len(male), p=weights / weights.sum())
    first, second = rng.random(len(male)), rng.random(len(male))
    three = rng.random(len(male)) < _THREE_CHARACTERS
    pools = {True: _MALE + _BOTH, False: _FEMALE + _BOTH}
    return [
        SURNAMES[s] + pools[m][int(a * len(pools[m]))] + (pools[m][int(b * len(pools[m]))] if t else "")
        for s, m, a, b, t in zip(
            surname.tolist(), male.tolist(), first.tolist(), second.tolist(), three.tolist(), strict=True
        )
    ]


def phones(count: int, rng: np.random.Generator) -> list[str]:
    """Mobile numbers of eleven digits."""
    prefix = rng.integers(0, len(_PREFIXES), count).tolist()
    return [f"{_PREFIXES[p]}{n:08d}" for p, n in zip(prefix, rng.integers(0, 10**8, count).tolist(), strict=True)]


def employers(city: str) -> list[str]:
    """Employers of one city; each says in its name that it is an example."""
    return [f"{city}样例{trade}有限公司" for trade in _TRADES]
