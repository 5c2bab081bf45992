"""How people move and sleep, as they answer the IPAQ short form and the Pittsburgh sleep quality index."""

from __future__ import annotations

import numpy as np

IPAQ = (
    "最近7天有几天做剧烈体力活动", "其中每天多少分钟", "最近7天有几天做适度体力活动", "其中每天多少分钟",
    "最近7天有几天步行10分钟以上", "其中每天多少分钟", "工作日每天坐着多少分钟",
)  # fmt: skip
PSQI = {
    "1": "晚上上床睡觉通常是几点", "2": "从上床到入睡通常需要多少分钟", "3": "早上起床通常是几点",
    "4": "每夜实际睡眠几小时", "5a": "入睡困难", "5b": "夜间易醒或早醒", "5c": "夜间去厕所", "5d": "呼吸不畅",
    "5e": "咳嗽或鼾声高", "5f": "感觉冷", "5g": "感觉热", "5h": "做恶梦", "5i": "疼痛不适", "5j": "其它影响睡眠的事情",
    "6": "总的来说睡眠质量", "7": "用药物催眠", "8": "常感到困倦", "9": "做事情的精力不足",
}  # fmt: skip
Answers = list[tuple[str, str, str]]
"""Question's number, question, answer."""


def activity(exercise_days: int, rng: np.random.Generator) -> Answers:
    """Days and minutes; who exercises on more days does more of it hard."""
    hard = int(rng.binomial(exercise_days, 0.35))
    days = (hard, min(7, exercise_days - hard + int(rng.integers(0, 2))), int(rng.integers(2, 8)))
    minutes = (rng.integers(2, 9), rng.integers(2, 10), rng.integers(1, 10))
    said: list[str] = []
    for day, ten in zip(days, minutes, strict=True):
        said += [str(day), str(10 * int(ten)) if day else "0"]
    said.append(str(30 * int(rng.integers(4, 19))))
    return [(str(n), question, answer) for n, (question, answer) in enumerate(zip(IPAQ, said, strict=True), 1)]


def sleep(low: float, rng: np.random.Generator) -> Answers:
    """Bed times around 23, worse nights for low minds (standard normal)."""
    worse = 1 / (1 + np.exp(1.6 - 0.8 * low))
    quarter = int(rng.normal(23, 0.8) * 4) % 96
    in_bed, latency = float(rng.normal(7.7, 0.6)), int(5 * rng.integers(1, 5 + int(8 * worse)))
    up = int(quarter + 4 * in_bed) % 96
    asleep = max(3.5, in_bed - latency / 60 - 2 * worse * rng.random())
    times = [clock(quarter), str(latency), clock(up), f"{asleep:.1f}"]
    items = rng.binomial(3, worse, len(PSQI) - len(times)).astype(str).tolist()
    return [(n, question, answer) for (n, question), answer in zip(PSQI.items(), times + items, strict=True)]


def clock(quarter: int) -> str:
    """A quarter of an hour of the day as people write it."""
    return f"{quarter // 4}:{15 * (quarter % 4):02d}"
