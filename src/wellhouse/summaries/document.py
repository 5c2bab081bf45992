"""Facts put into words and numbers: the JSON document that the typst template sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wellhouse.summaries import numbers
from wellhouse.summaries.chart import chart
from wellhouse.summaries.facts import (
    Advice,
    Change,
    Due,
    Exam,
    Facts,
    FollowUp,
    Person,
    Result,
    Risk,
    Series,
    Stage,
)
from wellhouse.summaries.wording import Wording

Document = dict[str, Any]
GLANCE = 8
"""Findings on the first page; the rest is in the table."""
ARROWS = {"H": "↑", "L": "↓", "A": "!"}


def document(facts: Facts, words: Wording) -> Document:
    """Everything the template needs, in the order in which it is printed."""
    texts = words.texts
    places = {s.indicator_code: numbers.decimals(p.value for p in s.points) for s in facts.series}
    who = (facts.identity or {}).get("name") or f"{texts['fields']['pseudonym']} {facts.person.person_key}"
    return {
        "language": words.language,
        "title": texts["title"],
        "subtitle": texts["subtitle"],
        "kicker": texts["kicker"],
        "confidential": texts["confidential"],
        "site": words.name(facts.person.site_zh, facts.person.site_en),
        "who": who,
        "exam_date": words.date(facts.exam.exam_date),
        "fields": _fields(facts.person, facts.exam, facts.identity, words),
        "glance": _glance(facts, places, words),
        "risks": {**_heading(texts["risks"]), "cards": _cards(facts.risks, words)},
        "trends": {
            **_heading(texts["trends"]),
            "legend": texts["trends"]["legend"],
            "charts": _charts(facts, places, words),
        },
        "results": {
            **_heading(texts["results"]),
            "columns": texts["results"]["columns"],
            "categories": _categories(facts.results, places, words),
        },
        "follow_ups": {
            **_heading(texts["follow_ups"]),
            "columns": texts["follow_ups"]["columns"],
            "rows": [_follow_up(f, words) for f in facts.follow_ups],
        },
        "due": _table(texts["due"], [_due(d, words) for d in facts.due]),
        "stages": _table(texts["stages"], [_stage(s, places, words) for s in facts.stages]),
        "advice": {**_heading(texts["advice"]), "rows": [_advice(a, words) for a in facts.advice]},
        "disclaimer": texts["disclaimer"],
        "page": texts["footer"]["page"],
        "provenance": texts["footer"]["provenance"].format(
            built=f"{words.date(facts.built_at)} {facts.built_at:%H:%M}",
            loads=", ".join(map(str, facts.loads)),
        ),
    }


def _heading(texts: dict[str, Any]) -> dict[str, str]:
    return {"heading": texts["heading"], "lead": texts["lead"]}


def _fields(person: Person, exam: Exam, identity: dict[str, str] | None, words: Wording) -> list[list[str]]:
    texts, names = words.texts, words.texts["fields"]
    age = texts["unknown"] if exam.age_years is None else texts["age"].format(years=exam.age_years)
    rows = [
        [names["sex"], texts["sex"].get(person.sex, texts["unknown"])],
        [names["age"], age],
        [names["site"], words.name(person.site_zh, person.site_en)],
        [names["exam_date"], words.date(exam.exam_date)],
        [names["exam_count"], texts["exams"].format(count=exam.exam_count)],
    ]
    if identity is None:
        return rows
    if "id_number" in identity:
        rows.append([names["id_number"], _masked(identity["id_number"])])
    if "mrn" in identity:
        rows.append([names["mrn"], identity["mrn"]])
    return rows


def _masked(number: str) -> str:
    """Enough to recognise one's own, too little for anybody else."""
    return f"{number[:3]}{'*' * max(0, len(number) - 7)}{number[-4:]}" if len(number) > 8 else "*" * len(number)


def importance(result: Result) -> tuple[bool, float, str]:
    """How far outside the range, in widths of it; what lies in the harmless direction comes last."""
    harmless = (result.interpretation, result.worse_direction) in (("L", "higher"), ("H", "lower"))
    if result.value is None:
        return harmless, 0.0, result.indicator_code
    low, high = result.reference_low, result.reference_high
    width = high - low if low is not None and high is not None else abs(high or low or 1.0) or 1.0
    beyond = low - result.value if result.interpretation == "L" and low is not None else result.value - (high or 0.0)
    return harmless, -beyond / width, result.indicator_code


def _glance(facts: Facts, places: dict[str, int], words: Wording) -> Document:
    texts = words.texts["glance"]
    abnormal = sorted((r for r in facts.results if r.abnormal), key=importance)
    counts = {"total": len(facts.results), "abnormal": len(abnormal)}
    sentence = texts["summary" if abnormal else "all_normal"].format(**counts)
    rest = len(abnormal) - GLANCE
    return {
        "heading": texts["heading"],
        "total": str(counts["total"]),
        "abnormal": str(counts["abnormal"]),
        "sentence": sentence,
        "since": _since(facts.results, words),
        "columns": texts["columns"],
        "findings": [_finding(r, places, words) for r in abnormal[:GLANCE]],
        "rest": texts["rest"].format(count=rest) if rest > 0 else "",
    }


def _since(results: Sequence[Result], words: Wording) -> str:
    """What is new and what has gone since the exam before; indicators measured both times."""
    texts = words.texts["glance"]
    both = [r for r in results if r.previous_interpretation is not None and r.previous_date is not None]
    if not both:
        return str(texts["first"]) if all(r.previous_date is None for r in results) else ""
    was_abnormal = {"L", "H", "A"}
    return str(
        texts["since"].format(
            date=words.month(max(r.previous_date for r in both if r.previous_date)),
            new=sum(r.abnormal and r.previous_interpretation not in was_abnormal for r in both),
            resolved=sum(r.interpretation == "N" and r.previous_interpretation in was_abnormal for r in both),
        )
    )


def _finding(result: Result, places: dict[str, int], words: Wording) -> Document:
    texts = words.texts["glance"]
    verdict = {"H": texts["above"], "L": texts["below"], "A": texts["abnormal"]}[result.interpretation or "A"]
    row = _row(result, places, words)
    change = _change(result, places)
    if not change and result.previous_date is None:
        change = texts["new"]
    elif not change:
        change = texts["stable"] if row["value"] == row["previous"] else texts["was"].format(value=row["previous"])
    return row | {"verdict": verdict, "change": change}


def _row(result: Result, places: dict[str, int], words: Wording) -> Document:
    code = result.indicator_code
    none = words.texts["none"]
    return {
        "name": words.name(result.name_zh, result.name_en),
        "value": _value(result.value, result.value_text, result.comparator, places.get(code, 2), words),
        "arrow": ARROWS.get(result.interpretation or "", ""),
        "abnormal": result.abnormal,
        "unit": words.unit(result.unit),
        "reference": numbers.limits(result.reference_low, result.reference_high) or none,
        "previous": _value(
            result.previous, result.previous_text, result.previous_comparator, places.get(code, 2), words
        )
        or none,
        "previous_date": words.month(result.previous_date) if result.previous_date else none,
        "change": _change(result, places) or none,
    }


def _value(value: float | None, text: str | None, comparator: str | None, places: int, words: Wording) -> str:
    if value is not None:
        return f"{comparator or ''}{numbers.number(value, places)}"
    return str(words.texts["values"].get(text, text)) if text is not None else ""


def _change(result: Result, places: dict[str, int]) -> str:
    return "" if result.change is None else numbers.signed(result.change, places.get(result.indicator_code, 2))


def _cards(risks: Sequence[Risk], words: Wording) -> list[Document]:
    """One card a model of the layout, in its order; a model that has no words here is not shown."""
    by_model = {risk.model: risk for risk in risks}
    return [_card(by_model[m], words) for m in words.layout["risks"] if m in by_model and m in words.texts["models"]]


def _card(risk: Risk, words: Wording) -> Document:
    texts, layout = words.texts["models"][risk.model], words.layout["risks"][risk.model]
    space = " " if words.language == "en" else ""
    about = f"{texts['about']}{space}{texts['note']}"
    card = {"name": texts["name"], "about": about, "source": risk.source.split(";")[0]}
    if risk.value is None:
        reason = words.texts["risks"]["because"].format(reason=words.reason(risk.reason_zh, risk.reason_en))
        return card | {"number": "", "unit": "", "tone": "plain", "label": words.texts["risks"]["not_computed"],
                       "text": reason, "changes": _completed_by(risk, words)}  # fmt: skip
    percent = layout["shown"] == "percent"
    category = texts["categories"].get(risk.category, {"label": risk.category or "", "text": ""})
    return card | {
        "number": numbers.number(risk.value * 100, 1) if percent else numbers.number(risk.value, layout["shown"]),
        "unit": "%" if percent else texts["unit"],
        "tone": layout["tones"].get(risk.category, "plain"),
        "label": category["label"],
        "text": category["text"],
        "changes": _recalibrated(risk, words) + [_change_of(change, risk.value, words) for change in risk.changes],
    }


def _recalibrated(risk: Risk, words: Wording) -> list[str]:
    if risk.own is None:
        return []
    return [words.texts["risks"]["own"].format(value=numbers.number(risk.own * 100, 1))]


def _completed_by(risk: Risk, words: Wording) -> list[str]:
    """Which tests would make a number possible."""
    tests = dict.fromkeys(filter(None, (words.of_input(name, "test") for name in risk.missing)))
    joined = words.texts["risks"]["and"].join(tests)
    return [words.texts["risks"]["completed_by"].format(tests=joined)] if tests else []


def _change_of(change: Change, now: float, words: Wording) -> str:
    """Such as: if systolic blood pressure were 130 mmHg: 9.0 % → 6.1 %."""
    texts = words.texts["risks"]["changes"]
    entry = words.inputs.get(change.input, {})
    # a cholesterol in mg/dL is told in the unit that results are printed in
    usual = words.inputs.get(entry.get("alternative", {}).get("column"), entry)
    kind = "all" if change.target is None else "without" if entry.get("kind") == "flag" else "at"
    return str(
        texts[kind].format(
            input=words.of_input(change.input),
            target="" if change.target is None else f"{usual.get('target', change.target):g}",
            unit=words.unit(str(usual.get("unit", ""))),
            now=numbers.number(now * 100, 1),
            then=numbers.number(change.then * 100, 1),
        )
    )


def _charts(facts: Facts, places: dict[str, int], words: Wording) -> list[Document]:
    by_code = {s.indicator_code: s for s in facts.series}
    chosen = [by_code[c] for c in words.layout["trends"] if c in by_code and len(by_code[c].points) > 1]
    return [_chart(s, places[s.indicator_code], facts.exam, words) for s in chosen]


def _chart(series: Series, places: int, exam: Exam, words: Wording) -> Document:
    last = series.points[-1]
    slope = numbers.signed(series.slope_per_year, places + 1) if series.slope_per_year is not None else ""
    # a series that this exam did not go on with says how old its newest value is
    notes = [words.month(last.exam_date)] if last.exam_date != exam.exam_date else []
    notes += [words.texts["glance"]["per_year"].format(slope=slope)] if slope else []
    return chart(series) | {
        "name": words.name(series.name_zh, series.name_en),
        "unit": words.unit(series.unit),
        "latest": (last.comparator or "") + numbers.number(last.value, places),
        "arrow": ARROWS.get(last.interpretation or "", ""),
        "note": " · ".join(notes),
    }


def _categories(results: Sequence[Result], places: dict[str, int], words: Wording) -> list[Document]:
    categories, indicators = words.layout["categories"], words.layout["indicators"]
    found = sorted({r.category for r in results}, key=lambda c: _position(categories, c))
    return [
        {
            "name": words.texts["categories"].get(category, category),
            "rows": [
                _row(r, places, words)
                for r in sorted(results, key=lambda r: _position(indicators, r.indicator_code))
                if r.category == category
            ],
        }
        for category in found
    ]


def _position(order: Sequence[str], name: str) -> tuple[int, str]:
    return (order.index(name) if name in order else len(order), name)


def _follow_up(follow_up: FollowUp, words: Wording) -> list[str]:
    texts = words.texts["follow_ups"]
    return [
        words.date(follow_up.follow_up_date),
        texts["method"].get(follow_up.method, follow_up.method),
        texts["outcome"].get(follow_up.outcome, follow_up.outcome),
        words.date(follow_up.next_date) if follow_up.next_date else words.texts["none"],
    ]


def _table(texts: dict[str, Any], rows: list[list[str]]) -> Document:
    return {**_heading(texts), "columns": texts["columns"], "rows": rows}


def _due(due: Due, words: Wording) -> list[str]:
    overdue = words.texts["due"]["overdue"].format(days=due.overdue_days) if due.overdue_days else ""
    return [words.date(due.due_date), words.name(due.text_zh, due.text_en), overdue or words.texts["none"]]


def _stage(stage: Stage, places: dict[str, int], words: Wording) -> list[str]:
    count = places.get(stage.indicator_code, 2)

    def shown(value: float, verdict: str | None, year: int) -> str:
        return f"{numbers.number(value, count)} {ARROWS.get(verdict or '', '')}".strip() + f" ({year})"

    return [
        words.name(stage.name_zh, stage.name_en),
        shown(stage.value_from, stage.interpretation_from, stage.year_from),
        shown(stage.value_to, stage.interpretation_to, stage.year_to),
        numbers.signed(stage.change, count),
        words.unit(stage.unit),
    ]


def _advice(advice: Advice, words: Wording) -> Document:
    topic = words.texts["advice"]["topics"].get(advice.topic, advice.topic)
    source = words.texts["advice"]["source"].format(source=advice.source)
    return {"topic": topic, "text": words.name(advice.text_zh, advice.text_en), "source": source}
