"""What the centre does for people besides examining them: cards, follow-up calls, programmes, care plans."""

from __future__ import annotations

import numpy as np

from wellhouse.sample.course import PROGRAMMES, Course
from wellhouse.sample.exams import Exams
from wellhouse.sample.files import SampleFile
from wellhouse.sample.panel import PACKAGES
from wellhouse.sample.people import FIRST_YEAR, SITES, Ints, People
from wellhouse.sample.questionnaires import identified

CARD_HEADER = ("卡号", "姓名", "证件号码", "档案号", "事件", "事件日期", "卡类型", "套餐", "有效期至")
FOLLOW_UP_HEADER = (
    "随访编号", "姓名", "证件号码", "档案号", "随访日期", "随访方式", "随访人", "随访结果", "随访内容", "下次随访日期",
    "录音文件", "通话时长(秒)",
)  # fmt: skip
INTERVENTION_HEADER = ("干预编号", "姓名", "证件号码", "档案号", "方案", "开始日期", "结束日期", "状态", "负责人")
CARE_PLAN_HEADER = ("方案编号", "姓名", "证件号码", "档案号", "计划日期", "类别", "项目", "目标", "完成", "单位")

_METHODS, _METHOD_SHARES = ("电话", "微信", "门诊", "上门"), (0.7, 0.2, 0.07, 0.03)
_OUTCOMES, _OUTCOME_SHARES = ("已接通", "未接", "拒访", "失访"), (0.72, 0.2, 0.05, 0.03)
_ADVICE = {
    "体重管理": "建议控制饮食并增加运动",
    "血压管理": "建议减盐并每日测量血压",
    "血糖管理": "建议复查空腹血糖",
    "血脂管理": "建议低脂饮食并复查血脂",
}
_PLANS = {
    "体重管理": (("饮食", "每日总热量", 1800, "kcal"), ("运动", "每周快走", 150, "分钟")),
    "血压管理": (("饮食", "每日食盐", 5, "克"), ("睡眠", "每晚睡眠", 7, "小时"), ("中医", "八段锦", 5, "次/周")),
    "血糖管理": (("饮食", "每日主食", 250, "克"), ("运动", "餐后步行", 30, "分钟")),
    "血脂管理": (("饮食", "每周鱼类", 3, "次"), ("运动", "每周有氧运动", 150, "分钟")),
}
_AT_MOST = ("每日总热量", "每日食盐", "每日主食")
"""Targets that are a limit."""
_FOLLOWED_UP_FROM = 4
"""Abnormal results of an exam that make the centre call."""
_CARD_TYPES = ("普通卡", "银卡", "金卡")


def cards(people: People, exams: Exams, rng: np.random.Generator) -> SampleFile:
    """A card is issued before the first exam at a site and renewed yearly; some are replaced, suspended or closed."""
    site, y = SITES[exams.site], exams.column
    made = SampleFile(site, "card", exams.year, list(CARD_HEADER))
    chance = rng.random((len(exams.person), 2))
    later = rng.integers(10, 60, len(exams.person))
    for n, p in enumerate(exams.person.tolist()):
        day = np.datetime64(exams.date[n])
        first = not (people.attends[p, :y] & (people.site[p, :y] == exams.site)).any()
        number = f"{site.upper()}C{people.number[p] + 1:07d}"
        kind, package = _CARD_TYPES[exams.package[n]], PACKAGES[exams.package[n]]
        events = [("开卡" if first else "续卡", day - int(later[n]) % 15)]
        if chance[n, 0] < 0.03:
            events += [("挂失", day + int(later[n])), ("补卡", day + int(later[n]) + 3)]
        elif chance[n, 0] < 0.04 and not people.attends[p, y + 1 :].any():
            events.append(("注销", day + int(later[n])))
        for event, at in events:
            row = [number, *identified(people, p, exams.site), event, str(at), kind, package, str(day + 365)]
            made.add(row, f"{number} {event} {at}")
    return made


def follow_ups(people: People, course: Course, abnormal: Ints, exams: Exams, rng: np.random.Generator) -> SampleFile:
    """After an exam with several abnormal results a nurse calls until somebody answers, three times at most.

    :param abnormal: abnormal results of each exam, [P, Y]
    """
    site, y = SITES[exams.site], exams.column
    made = SampleFile(site, "follow_up", exams.year, list(FOLLOW_UP_HEADER))
    for n, p in enumerate(exams.person.tolist()):
        if abnormal[p, y] < _FOLLOWED_UP_FROM or rng.random() > 0.75:
            continue
        day = np.datetime64(exams.date[n]) + int(rng.integers(5, 25))
        topic = _topic(course, p, y)
        for attempt in range(3):
            method = str(rng.choice(_METHODS, p=_METHOD_SHARES))
            outcome = str(rng.choice(_OUTCOMES, p=_OUTCOME_SHARES))
            number = f"{site.upper()}F{exams.year}{len(made.rows) + 1:06d}"
            reached, called = outcome == "已接通", method == "电话"
            following = "" if outcome in ("拒访", "失访") else str(day + (90 if reached else 7))
            row = [
                number, *identified(people, p, exams.site), str(day), method,
                f"{site.upper()}{int(rng.integers(1, 13)):03d}", outcome, _ADVICE[topic] if reached else "",
                following, f"{number}.wav" if reached and called else "",
                str(int(rng.gamma(4, 45)) + 10) if reached and called else "",
            ]  # fmt: skip
            made.add(row, number)
            if outcome != "未接" or attempt == 2:
                break
            day = day + 7
    return made


def _topic(course: Course, p: int, y: int) -> str:
    """What the call is about: the programme, or what was highest."""
    high = (course.values["SBP"][p, y] >= 140, course.values["FPG"][p, y] > 6.0, course.values["LDLC"][p, y] > 3.39)
    noticed = next((i for i, is_high in enumerate(high, 1) if is_high), 0)
    begun = int(course.programme[p, y])
    return PROGRAMMES[noticed if begun < 0 else begun]


def interventions(people: People, course: Course, exams: Exams, rng: np.random.Generator) -> SampleFile:
    """Programmes that begin after an exam of this year; what they bring is in later exams."""
    site, y = SITES[exams.site], exams.column
    made = SampleFile(site, "intervention", exams.year, list(INTERVENTION_HEADER))
    last = FIRST_YEAR + people.years - 1
    for n, p in enumerate(exams.person.tolist()):
        if course.programme[p, y] < 0:
            continue
        number = f"{site.upper()}G{exams.year}{len(made.rows) + 1:06d}"
        start = np.datetime64(exams.date[n]) + int(rng.integers(10, 40))
        lasts = int(rng.integers(80, 190)) if course.finished[p, y] else int(rng.integers(15, 70))
        running = exams.year == last and bool(rng.random() < 0.6)
        status = "进行中" if running else "完成" if course.finished[p, y] else "退出"
        row = [
            number, *identified(people, p, exams.site), PROGRAMMES[course.programme[p, y]], str(start),
            "" if running else str(start + lasts), status, f"{site.upper()}{int(rng.integers(1, 13)):03d}",
        ]  # fmt: skip
        made.add(row, number)
    return made


def care_plans(people: People, course: Course, exams: Exams, rng: np.random.Generator) -> SampleFile:
    """The items of each programme, once a month for three months; who drops out does less of them."""
    site, y = SITES[exams.site], exams.column
    made = SampleFile(site, "care_plan", exams.year, list(CARE_PLAN_HEADER))
    for n, p in enumerate(exams.person.tolist()):
        if course.programme[p, y] < 0:
            continue
        who = identified(people, p, exams.site)
        for month in range(3):
            day = np.datetime64(exams.date[n]) + 30 * (month + 1)
            for category, item, target, unit in _PLANS[PROGRAMMES[course.programme[p, y]]]:
                number = f"{site.upper()}P{exams.year}{len(made.rows) + 1:06d}"
                share = rng.beta(8, 2) if course.finished[p, y] else rng.beta(3, 4)
                done = target * (2 - share) if item in _AT_MOST else target * share
                made.add([number, *who, str(day), category, item, str(target), f"{done:.1f}", unit], number)
    return made
