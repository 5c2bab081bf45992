"""What a summary says, from facts made for the purpose; no database."""

from __future__ import annotations

import datetime as dt
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typst
from pypdf import PdfReader

from models.spec import find
from tests.printed import flaws
from wellhouse.errors import WellhouseError
from wellhouse.settings import PROJECT_ROOT
from wellhouse.summaries import summary
from wellhouse.summaries.chart import chart
from wellhouse.summaries.document import document, importance
from wellhouse.summaries.facts import (
    Advice,
    Change,
    Due,
    Exam,
    Facts,
    FollowUp,
    Person,
    Point,
    Result,
    Risk,
    Series,
    Stage,
)
from wellhouse.summaries.render import Renderer
from wellhouse.summaries.wording import Language, Wording, wording

FOLDER = PROJECT_ROOT / "dashboards" / "summaries"
TODAY, BEFORE = dt.date(2024, 5, 14), dt.date(2023, 6, 1)
BUILT = dt.datetime(2024, 5, 15, 2, 30, tzinfo=dt.timezone(dt.timedelta(hours=8)))
STRIP = {"value": None, "value_text": "1+", "interpretation": "A", "previous": None, "change": None}
LANGUAGES: tuple[Language, ...] = ("zh", "en")


def result(code: str = "TC", **changes: Any) -> Result:
    plain = Result(
        indicator_code=code, name_zh="总胆固醇", name_en="Total cholesterol", category="lipids",
        worse_direction="higher", unit="mmol/L", value=5.6, value_text=None, comparator=None,
        reference_low=None, reference_high=5.19, interpretation="H", previous=5.4, previous_text=None,
        previous_comparator=None, previous_interpretation="H",
        previous_date=BEFORE, change=0.2,
    )  # fmt: skip
    return replace(plain, **changes)


def series(*values: float, code: str = "TC", **changes: Any) -> Series:
    points = tuple(
        Point(dt.date(2024 - len(values) + 1 + i, 5, 14), v, None, "H" if v > 5.19 else "N", None, 5.19, 3.8, 5.5)
        for i, v in enumerate(values)
    )
    return replace(Series(code, "总胆固醇", "Total cholesterol", "mmol/L", 0.06, points), **changes)


def facts(**changes: Any) -> Facts:
    plain = Facts(
        person=Person(6592150532509734, "hz", "杭州体检中心", "Hangzhou", "male"),
        identity=None,
        exam=Exam(1, TODAY, 48, 5),
        results=(result(),),
        series=(series(5.49, 5.03, 5.4, 5.6),),
        risks=(Risk("ckd_epi_2021", 106.2, "mL/min/{1.73_m2}", "G1", None, None, "Inker LA 2021; KDIGO 2024"),),
        follow_ups=(FollowUp(TODAY, "phone", "reached", None),),
        due=(Due(TODAY, 3, "两周内随访血糖", "Revisit within 2 weeks: glucose"),),
        advice=(Advice("diet", "每天减少500千卡。", "Eat 500 kcal a day less.", "成人肥胖食养指南（2024年版）"),),
        stages=(Stage("TC", "总胆固醇", "Total cholesterol", "mmol/L", 2021, 2024, 5.49, 5.6, 0.11, "H", "H"),),
        built_at=BUILT,
        loads=(45,),
    )
    return replace(plain, **changes)


def words(language: Language) -> Wording:
    return wording(FOLDER, language)


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(FOLDER)


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def keys(tree: Any, path: str = "") -> set[str]:
    if isinstance(tree, dict):
        return {k for name, below in tree.items() for k in keys(below, f"{path}.{name}")}
    return {path}


def test_both_languages_have_the_same_words() -> None:
    zh, en = (
        keys({k: v for k, v in words(lang).texts.items() if k not in ("reasons", "month_names")}) for lang in LANGUAGES
    )
    assert zh == en


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_model_and_category_has_words_and_a_tone(language: Language) -> None:
    for model, layout in words(language).layout["risks"].items():
        codes = {category.code for category in find(model).categories}
        assert codes == set(words(language).texts["models"][model]["categories"])
        assert codes == set(layout["tones"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_category_of_indicators_has_a_name_and_every_listed_indicator_exists(language: Language) -> None:
    lines = (PROJECT_ROOT / "dbt_project" / "seeds" / "indicators.csv").read_text().splitlines()[1:]
    assert {line.split(",")[4] for line in lines if line.split(",")[4].islower()} <= set(
        words(language).texts["categories"]
    )
    listed = {*words(language).layout["indicators"], *words(language).layout["trends"]}
    assert listed <= {line.split(",")[0] for line in lines}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_every_word_and_number_of_the_document(renderer: Renderer, language: Language) -> None:
    made = document(
        facts(identity={"name": "欧阳靖", "id_number": "11010519491231002X", "mrn": "HZ0100019"}), words(language)
    )
    printed = re.sub(r"\s", "", text_of(renderer.pdf(made, BUILT)))
    expected = [
        made["title"], made["who"], "欧阳靖", "110***********002X", "HZ0100019", made["exam_date"], made["provenance"],
        made["glance"]["sentence"], made["glance"]["since"], "5.60", "≤5.19", "+0.20", "106", "mL/min/1.73m²",
        *(card["label"] for card in made["risks"]["cards"]), *(c["name"] for c in made["results"]["categories"]),
        *(cell for part in ("follow_ups", "due", "stages") for row in made[part]["rows"] for cell in row),
        *(word for row in made["advice"]["rows"] for word in row.values()), made["disclaimer"]["text"],
        *("5.49", "5.03", "5.40"), *("2021", "2022", "2023", "2024"),
    ]  # fmt: skip
    assert [e for e in expected if re.sub(r"\s", "", e) not in printed] == []
    assert "\ufffd" not in printed


def test_the_same_facts_give_the_same_bytes_whenever_and_whoever_sets_them(renderer: Renderer) -> None:
    made = document(facts(), words("zh"))
    pdf = renderer.pdf(made, BUILT)
    assert renderer.pdf(document(facts(), words("en")), BUILT) != pdf
    assert Renderer(FOLDER).pdf(made, BUILT) == renderer.pdf(made, BUILT) == pdf
    metadata = PdfReader(io.BytesIO(pdf)).metadata
    assert metadata is not None
    assert metadata.creation_date == BUILT


def test_it_is_an_archivable_pdf(renderer: Renderer) -> None:
    reader = PdfReader(io.BytesIO(renderer.pdf(document(facts(), words("zh")), BUILT)))
    assert reader.xmp_metadata is not None
    raw = reader.xmp_metadata.stream.get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in raw
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in raw


def test_a_character_that_the_font_lacks_is_an_error_without_the_name(renderer: Renderer) -> None:
    name = "王\U000323af"  # assigned after the font was drawn
    with pytest.raises(WellhouseError, match="character that the font lacks") as caught:
        renderer.pdf(document(facts(identity={"name": name}), words("zh")), BUILT)
    assert name[1] not in str(caught.value)


def test_a_missing_font_is_one_line_that_names_the_package(tmp_path: Path) -> None:
    with pytest.raises(WellhouseError, match="fonts-noto-cjk"):
        Renderer(FOLDER, fonts=tmp_path)


def test_without_identity_a_person_is_a_code() -> None:
    made = document(facts(), words("en"))
    assert made["who"] == "Person code 6592150532509734"
    assert [name for name, _ in made["fields"]] == ["Sex", "Age", "Centre", "This examination", "Examinations so far"]


def test_findings_come_by_how_far_they_are_outside_and_harmless_ones_last() -> None:
    far = result("UA", value=600.0, reference_low=200.0, reference_high=400.0)
    near = result("FPG", value=6.2, reference_low=3.9, reference_high=6.1)
    harmless = result("LDLC", value=0.1, interpretation="L", reference_low=1.0, worse_direction="higher")
    strip = result("URPRO", value=None, value_text="1+", interpretation="A", reference_high=None)
    ordered = sorted([harmless, strip, near, far], key=importance)
    assert [r.indicator_code for r in ordered] == ["UA", "FPG", "URPRO", "LDLC"]


def test_a_long_list_of_findings_says_how_many_more_there_are() -> None:
    many = tuple(result(f"X{i}", value=6.0 + i) for i in range(11))
    glance = document(facts(results=many), words("en"))["glance"]
    assert glance["findings"][0]["value"] == "16.00"
    assert len(glance["findings"]) == 8
    assert glance["rest"].startswith("3 more")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "+0.20"),
        ({"change": 0.0, "value": 5.6, "previous": 5.6}, "unchanged"),
        ({"previous": None, "previous_date": None, "previous_interpretation": None, "change": None}, "first"),
        (STRIP | {"previous_text": "neg"}, "was negative"),
        (STRIP | {"previous_text": "1+"}, "unchanged"),
    ],
)
def test_how_a_finding_compares_with_the_last_time(changes: dict[str, Any], said: str) -> None:
    (finding,) = document(facts(results=(result(**changes),)), words("en"))["glance"]["findings"]
    assert finding["change"] == said


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ((result(previous_interpretation="N"), result("TG", interpretation="N")), "1 newly outside, 1 back inside."),
        ((result(previous_date=None, previous=None, previous_interpretation=None),), "first examination here"),
    ],
)  # fmt: skip
def test_what_is_new_since_the_last_exam(results: tuple[Result, ...], said: str) -> None:
    assert said in document(facts(results=results), words("en"))["glance"]["since"]


def test_nothing_abnormal_is_said_so() -> None:
    glance = document(facts(results=(result(interpretation="N"),)), words("zh"))["glance"]
    assert glance["findings"] == []
    assert "均未见异常" in glance["sentence"]


def test_a_comparator_is_part_of_the_value() -> None:
    made = document(facts(results=(result(comparator="<", value=0.5, interpretation="N"),)), words("en"))
    assert made["results"]["categories"][0]["rows"][0]["value"] == "<0.50"


def test_a_model_that_could_not_be_used_says_why_in_words() -> None:
    reasons = ("缺少服用降压药；年龄超出30～79 a", "bp_medication is missing; sbp_mm_hg is outside 90 to 200 mm[Hg]")
    risk = Risk("prevent_base_10y", None, "1", None, *reasons, source="Khan 2024")
    (card,) = document(facts(risks=(risk,)), words("en"))["risks"]["cards"]
    assert (card["number"], card["tone"], card["label"]) == ("", "plain", "not computed")
    assert card["text"] == (
        "Why: the answer on blood pressure medication is missing; systolic blood pressure is outside 90 to 200 mmHg."
    )
    (card,) = document(facts(risks=(risk,)), words("zh"))["risks"]["cards"]
    assert card["text"] == "原因：缺少服用降压药；年龄超出30～79 岁。"


def test_a_probability_is_shown_in_percent() -> None:
    (card,) = document(
        facts(risks=(Risk("prevent_base_10y", 0.0324, "1", "low", None, None, "Khan 2024"),)), words("en")
    )["risks"]["cards"]
    assert (card["number"], card["unit"], card["tone"]) == ("3.2", "%", "good")


def test_a_trend_that_this_exam_did_not_go_on_with_says_of_when_it_is() -> None:
    old = series(5.0, 5.1, 5.3)
    stale = replace(old, points=tuple(replace(p, exam_date=p.exam_date - dt.timedelta(days=700)) for p in old.points))
    (made,) = document(facts(series=(stale,)), words("en"))["trends"]["charts"]
    assert made["note"] == "Jun 2022 · +0.06 a year"
    assert made["arrow"] == "↑"


def test_a_single_result_is_no_trend() -> None:
    assert document(facts(series=(series(5.0),)), words("en"))["trends"]["charts"] == []


def test_a_picture_stands_where_its_numbers_say() -> None:
    made = chart(series(5.49, 5.03, 5.4, 5.6))
    xs, ys = ([p[axis] for p in made["points"]] for axis in "xy")
    assert xs[0] == 0
    assert xs[-1] == 1
    assert xs == sorted(xs)
    assert [ys.index(min(ys)), ys.index(max(ys))] == [1, 3]
    assert [p["label"] for p in made["points"]] == ["5.49", "5.03", "5.40", "5.60"]
    assert [p["abnormal"] for p in made["points"]] == [True, False, True, True]
    assert made["points"][1]["below"]
    # drawn from 3.8 (p10) to 5.6, with a tenth of that as air on either side
    low, high = 3.8 - 0.18, 5.6 + 0.18
    assert ys[0] == pytest.approx((5.49 - low) / (high - low))
    assert made["band"] == [0, pytest.approx((5.19 - low) / (high - low))]
    assert made["population"][0] == [
        0,
        pytest.approx((3.8 - low) / (high - low)),
        pytest.approx((5.5 - low) / (high - low)),
    ]
    assert [y["label"] for y in made["years"]] == ["2021", "2022", "2023", "2024"]


def test_a_crowded_picture_labels_its_ends_and_extremes_only() -> None:
    made = chart(series(*(5.0, 5.1, 5.9, 5.0, 4.2, 5.0, 5.1, 5.2, 5.3, 5.4)))
    assert [p["label"] for p in made["points"] if p["label"]] == ["5.0", "5.9", "4.2", "5.4"]


def test_a_flat_series_without_range_or_people_can_be_drawn(renderer: Renderer) -> None:
    flat = series(5.0, 5.0)
    bare = tuple(replace(p, reference_high=None, population_p10=None, population_p90=None) for p in flat.points)
    made = document(facts(series=(replace(flat, points=bare, slope_per_year=None),)), words("zh"))
    assert made["trends"]["charts"][0]["band"] is None
    assert renderer.pdf(made, BUILT).startswith(b"%PDF")


def test_a_person_of_whom_next_to_nothing_is_known_has_a_summary(renderer: Renderer) -> None:
    bare = facts(person=Person(1, "hz", "杭州", "Hangzhou", None), exam=Exam(1, TODAY, None, 1), results=(), series=(),
                 risks=(), follow_ups=(), due=(), advice=(), stages=(), loads=())  # fmt: skip
    for language in LANGUAGES:
        assert renderer.pdf(document(bare, words(language)), BUILT).startswith(b"%PDF")


def test_a_locked_pdf_opens_with_the_password_only(renderer: Renderer) -> None:
    pdf = renderer.pdf(document(facts(), words("en")), BUILT)
    reader = PdfReader(io.BytesIO(summary.locked(pdf, "correct horse")))
    assert reader.is_encrypted
    assert not reader.decrypt("wrong")
    assert reader.decrypt("correct horse")
    assert "Health summary" in reader.pages[0].extract_text()


def test_a_password_file_that_is_empty_or_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\nsecond line\n")
    for name, said in (("empty", "is empty"), ("missing", "cannot be read")):
        with pytest.raises(WellhouseError, match=said):
            summary.read_password(tmp_path / name)


def test_a_summary_is_written_for_its_owner_only(tmp_path: Path) -> None:
    summary.write(b"%PDF", tmp_path / "s.pdf")
    assert (tmp_path / "s.pdf").stat().st_mode & 0o777 == 0o600
    assert [f.name for f in tmp_path.iterdir()] == ["s.pdf"]
    with pytest.raises(WellhouseError, match="cannot be written"):
        summary.write(b"%PDF", tmp_path / "no" / "s.pdf")


def test_a_risk_says_what_would_change_it_and_what_would_complete_it() -> None:
    changes = (Change("sbp_mm_hg", 130.0, 0.0612), Change("smoker", 0.0, 0.0702), Change("all", None, 0.0405))
    changes += (Change("total_cholesterol_mg_dl", 200.0, 0.0811),)
    high = Risk("china_par", 0.0898, "1", "intermediate", None, None, "Yang 2016", changes=changes, own=0.051)
    (card,) = document(facts(risks=(high,)), words("en"))["risks"]["cards"]
    assert card["changes"] == [
        "Recalibrated to the people of this centre: 5.1 %",
        "If systolic blood pressure were 130 mmHg: 9.0 % → 6.1 %",
        "If no longer “current smoker”: 9.0 % → 7.0 %",
        "If all of these were so: 9.0 % → 4.0 %",
        "If total cholesterol were 5.2 mmol/L: 9.0 % → 8.1 %",
    ]
    (card,) = document(facts(risks=(high,)), words("zh"))["risks"]["cards"]
    assert card["changes"][1] == "若收缩压为 130 mmHg：9.0% → 6.1%"
    missing = ("total_cholesterol_mg_dl", "hdl_cholesterol_mg_dl", "waist_cm")
    unknown = Risk("china_par", None, "1", None, "缺少腰围", "waist is missing", "Yang 2016", missing=missing)
    (card,) = document(facts(risks=(unknown,)), words("en"))["risks"]["cards"]
    assert card["changes"] == ["What would complete it: blood lipid panel, waist measurement."]
    (card,) = document(facts(risks=(unknown,)), words("zh"))["risks"]["cards"]
    assert card["changes"] == ["补做以下项目即可评估：血脂检查、腰围测量。"]


def test_the_eye_for_pdf_a_sees_what_is_none(renderer: Renderer, tmp_path: Path) -> None:
    pdf = renderer.pdf(document(facts(), words("zh")), BUILT)
    assert flaws(pdf) == []
    assert flaws(pdf.replace(b"pdfaid:part>2<", b"pdfaid:part>9<")) == ["the metadata does not say PDF/A-2b"]
    (tmp_path / "plain.typ").write_text("plain")
    plain = typst.compile(tmp_path / "plain.typ", format="pdf", pdf_tags=False)
    assert len(flaws(plain)) >= 3
