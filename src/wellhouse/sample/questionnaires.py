"""Questionnaires and consultation forms: what people say of themselves agrees with how they live in ``course``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wellhouse.sample import habits
from wellhouse.sample.course import Course
from wellhouse.sample.exams import Exams
from wellhouse.sample.files import SampleFile
from wellhouse.sample.people import SITES, Floats, People

QUESTIONNAIRE_HEADER = (
    "问卷编号", "姓名", "证件号码", "档案号", "问卷名称", "版本", "填写日期", "题号", "题目", "答案",
)  # fmt: skip
CONSULTATION_HEADER = (
    "问诊编号", "姓名", "证件号码", "档案号", "问诊日期", "主诉", "吸烟", "饮酒", "高血压史", "糖尿病史", "心血管病史",
    "心血管家族史", "降压药", "他汀", "降糖药",
)  # fmt: skip
SMOKING, DRINKING, SALT = ("从不", "已戒", "吸烟"), ("从不", "偶尔", "经常"), ("清淡", "适中", "偏咸")
_COMPLAINTS = ("无不适", "无不适", "无不适", "偶有头晕", "睡眠欠佳", "颈肩酸痛", "胃部不适", "容易疲劳", "腰痛")
_VERSION = "1.0"


@dataclass(frozen=True)
class Scale:
    """A scored questionnaire: its questions, the highest answer, what share of people fill it in, how answers lean."""

    code: str
    questions: tuple[str, ...]
    highest: int
    share: float


PHQ9 = Scale("PHQ-9", (
    "做事时提不起劲或没有兴趣", "感到心情低落、沮丧或绝望", "入睡困难、睡不安稳或睡眠过多", "感觉疲倦或没有活力",
    "食欲不振或吃太多", "觉得自己很糟或让家人失望", "对事物专注有困难", "动作或说话缓慢，或烦躁坐立不安",
    "有不如死掉或伤害自己的念头",
), 3, 0.6)  # fmt: skip
GAD7 = Scale("GAD-7", (
    "感觉紧张、焦虑或急切", "不能停止或控制担忧", "对各种事情担忧过多", "很难放松下来", "由于不安而无法静坐",
    "变得容易烦恼或急躁", "感到似乎将有可怕的事情发生",
), 3, 0.6)  # fmt: skip
AUDITC = Scale("AUDIT-C", ("多久喝一次酒", "一天喝几个标准杯", "多久一次喝六杯或更多"), 4, 0.6)
SCALES = (PHQ9, GAD7, AUDITC)
LIFESTYLE = {
    "smoking": "您吸烟吗",
    "drinking": "您饮酒吗",
    "exercise_days": "每周运动几天",
    "sleep_hours": "每晚睡几小时",
    "salt": "口味",
    "hypertension_history": "是否患高血压",
    "diabetes_history": "是否患糖尿病",
    "cvd_history": "是否患心血管病",
    "family_history_cvd": "直系亲属是否患心血管病",
    "bp_medication": "是否服降压药",
    "statin": "是否服他汀",
    "glucose_medication": "是否用降糖药",
}
_FILLS_IN, _IS_ASKED, _MOVES_AND_SLEEPS = 0.7, 0.6, 0.4


@dataclass(frozen=True)
class Minds:
    """How low and how anxious each person tends to be, standard normal, [P]."""

    low: Floats
    anxious: Floats


def minds(count: int, rng: np.random.Generator) -> Minds:
    low = rng.normal(0, 1, count)
    return Minds(low, 0.6 * low + 0.8 * rng.normal(0, 1, count))


def identified(people: People, person: int, site: int) -> list[str]:
    """Name, ID number, record number, as every file but the exams gives them."""
    return [people.name[person], people.id_at(person, site), people.record_number(person, site)]


def answers(people: People, course: Course, of: Minds, exams: Exams, rng: np.random.Generator) -> SampleFile:
    """One row an answer; about seven in ten fill in a questionnaire on the day of the exam or shortly before."""
    site = SITES[exams.site]
    made = SampleFile(site, "questionnaire", exams.year, list(QUESTIONNAIRE_HEADER))
    number = 0
    chance = rng.random((len(exams.person), 1 + len(SCALES)))
    before = rng.integers(0, 8, len(exams.person))
    (apart,) = rng.spawn(1)
    for n, p in enumerate(exams.person.tolist()):
        if chance[n, 0] >= _FILLS_IN:
            continue
        who = identified(people, p, exams.site)
        on = str(np.datetime64(exams.date[n]) - int(before[n]))
        said: list[tuple[str, list[tuple[str, str, str]]]] = [("LIFESTYLE", _lifestyle(course, p, exams.column, rng))]
        for k, scale in enumerate(SCALES):
            if chance[n, k + 1] < scale.share:
                said.append((scale.code, _scale(scale, course, of, p, rng)))
        if apart.random() < _MOVES_AND_SLEEPS:
            said.append(("IPAQ-SF", habits.activity(int(course.exercise_days[p, exams.column]), apart)))
            said.append(("PSQI", habits.sleep(float(of.low[p]), apart)))
        for code, lines in said:
            number += 1
            record = f"{site.upper()}Q{exams.year}{number:06d}"
            for line in lines:
                made.add([record, *who, code, _VERSION, on, *line], record)
    return made


def _lifestyle(course: Course, p: int, y: int, rng: np.random.Generator) -> list[tuple[str, str, str]]:
    history = {
        "hypertension_history": course.hypertension[p, y],
        "diabetes_history": course.diabetes_known[p, y],
        "cvd_history": course.cvd[p, y],
        "family_history_cvd": course.family_history[p],
        "bp_medication": course.bp_medication[p, y],
        "statin": course.statin[p, y],
        "glucose_medication": course.glucose_medication[p, y],
    }
    said = {
        "smoking": SMOKING[course.smoking[p, y]],
        "drinking": DRINKING[course.drinks[p]],
        "exercise_days": str(int(course.exercise_days[p, y])),
        "sleep_hours": f"{min(max(rng.normal(7, 0.9), 4), 10):.1f}",
        "salt": SALT[course.salty[p, y]],
        **{topic: "是" if yes else "否" for topic, yes in history.items()},
    }
    return [(topic, question, said[topic]) for topic, question in LIFESTYLE.items()]


def _scale(scale: Scale, course: Course, of: Minds, p: int, rng: np.random.Generator) -> list[tuple[str, str, str]]:
    if scale is AUDITC:
        lean = (0.0, 0.25, 0.6)[course.drinks[p]]
    else:
        mood = float(of.low[p] if scale is PHQ9 else of.anxious[p])
        lean = 1 / (1 + np.exp(2.3 - 0.9 * mood))
    scores = rng.binomial(scale.highest, lean, len(scale.questions))
    if scale is PHQ9:
        scores[-1] = min(scores[-1], max(scores[:-1].sum() // 8, 0))
    return [
        (str(i + 1), text, str(s)) for i, (text, s) in enumerate(zip(scale.questions, scores.tolist(), strict=True))
    ]


def consultations(people: People, course: Course, exams: Exams, rng: np.random.Generator) -> SampleFile:
    """A doctor's form on the day of the exam, for about six in ten."""
    site, y = SITES[exams.site], exams.column
    made = SampleFile(site, "consultation", exams.year, list(CONSULTATION_HEADER))
    asked = rng.random(len(exams.person)) < _IS_ASKED
    complaint = rng.choice(_COMPLAINTS, len(exams.person)).tolist()
    for n, p in enumerate(exams.person.tolist()):
        if not asked[n]:
            continue
        record = f"{site.upper()}W{exams.year}{len(made.rows) + 1:06d}"
        flags = (
            course.hypertension[p, y], course.diabetes_known[p, y], course.cvd[p, y], course.family_history[p],
            course.bp_medication[p, y], course.statin[p, y], course.glucose_medication[p, y],
        )  # fmt: skip
        row = [
            record, *identified(people, p, exams.site), exams.date[n], complaint[n], SMOKING[course.smoking[p, y]],
            DRINKING[course.drinks[p]], *("是" if f else "否" for f in flags),
        ]  # fmt: skip
        made.add(row, record)
    return made
