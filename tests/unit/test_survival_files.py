"""``wellhouse survival evaluate`` takes any CSV by its spec alone, however it is written; else one clear line."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from models.evaluate import evaluate_file
from models.fit import fit_file
from models.tables import read_csv
from wellhouse.errors import WellhouseError

SPEC = {"duration": "t", "event": "e", "covariates": ["x.1", "smoker"], "horizon": 60, "bootstrap": 0, "folds": 3}


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yml"
    path.write_text(yaml.safe_dump(SPEC))
    return path


def people(count: int = 200) -> str:
    """CSV of people whose ``x.1`` matters, a tenth of it missing."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=count)
    died, censored = rng.exponential(np.exp(-x)) * 50, rng.uniform(10, 200, count)
    table = pd.DataFrame({"t": np.minimum(died, censored).round(2), "e": (died <= censored).astype(int)})
    table["x.1"], table["smoker"] = np.where(rng.random(count) < 0.1, np.nan, x.round(3)), rng.integers(0, 2, count)
    return table.to_csv(index=False)


def decimal_comma(text: str) -> bytes:
    return re.sub(r"(\d)\.(\d)", r"\1,\2", text.replace(",", ";")).replace("x,1", "x.1").encode()


WRITTEN: dict[str, Callable[[str], bytes]] = {
    "semicolons": lambda text: text.replace(",", ";").encode(),
    "tabs": lambda text: text.replace(",", "\t").encode(),
    "bars": lambda text: text.replace(",", "|").encode(),
    "decimal_commas": decimal_comma,
    "byte_order_mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "utf_16": lambda text: text.encode("utf-16"),
    "excel": lambda text: b"\xef\xbb\xbf" + text.replace(",", ";").replace("\n", "\r\n").encode(),
    "quoted": lambda text: re.sub(r"[^,\n]+", r'"\g<0>"', text).encode(),
    "blanks": lambda text: text.replace(",", ", ").encode(),
    "trailing_separators": lambda text: text.replace("\n", ",\n").replace(",\n", "\n", 1).encode(),
    "gzip_named_csv": lambda text: gzip.compress(text.encode()),
    "gb18030": lambda text: re.sub(r",([01])\n", r",\1,有\n", text.replace("smoker", "smoker,备注")).encode("gb18030"),
}  # fmt: skip


@pytest.mark.parametrize("how", WRITTEN)
def test_any_way_of_writing_gives_the_same_figures(tmp_path: Path, spec: Path, how: str) -> None:
    plain, written = tmp_path / "plain.csv", tmp_path / "written.csv"
    plain.write_text(people())
    written.write_bytes(WRITTEN[how](people()))
    for data in (plain, written):
        evaluate_file(spec, data, tmp_path / data.stem)
    first, second = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("plain", "written"))
    assert first == second
    assert first["n"] == 200


def cut(text: str) -> bytes:
    return gzip.compress(text.encode())[:-40]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda t: t.replace("t,e", "tt,e", 1).encode(), "missing column 't', used by duration"),
        (lambda t: t.replace("t,e,x.1,smoker", "t,E,x.1,smokes", 1).encode(),
         "missing column 'e', used by event; missing column 'smoker', used by covariates: smoker"),
        (lambda t: b"", "not a CSV table"),
        (cut, "not a CSV table"),
        (lambda t: t.split("\n")[0].encode(), "there is a header, but no row"),
        (lambda t: t.replace("\n", "\n1,0,0.5,1,9,9\n", 1).encode(), "row 2: more fields than the header"),
        (lambda t: t.replace("\n", "\n1,0,0.5,1\n1,0,0.5,1,9,9\n", 1).encode(),
         "row 3: 6 fields, expected 4 as in the header"),
        (lambda t: t.replace("\n", "\n1,0,0.5,1\nsoon,0,0.5,1\n", 1).encode(), "row 3, 't': expected a number"),
        (lambda t: t.replace("\n", "\n1\x000,0,0.5,1\n", 1).encode(), "NUL characters, expected text"),
        (lambda t: t.replace("smoker", "e").encode(), "a column's name is there twice"),
        (lambda t: "\n".join(t.split("\n")[:9]).encode(), "too few for 2 covariates"),
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated_is_one_line_with_the_file(
    tmp_path: Path, spec: Path, broken: Callable[[str], bytes], says: str
) -> None:
    data = tmp_path / "broken.csv"
    data.write_bytes(broken(people()))
    with pytest.raises(WellhouseError) as caught:
        evaluate_file(spec, data, tmp_path / "out")
    assert str(caught.value).startswith(f"{data}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_a_filter_over_text_is_one_line(tmp_path: Path, spec: Path) -> None:
    spec.write_text(yaml.safe_dump(SPEC | {"filter": "smoker > 0"}))
    data = tmp_path / "data.csv"
    data.write_text(people().replace(",0\n", ",no\n"))
    with pytest.raises(WellhouseError, match=r"smoker > 0.*text where a number is needed"):
        evaluate_file(spec, data, tmp_path / "out")


def test_a_model_is_applied_as_it_is_to_people_without_the_event(tmp_path: Path, spec: Path) -> None:
    data, spared = tmp_path / "data.csv", tmp_path / "spared.csv"
    data.write_text(people())
    fit_file(spec, data, tmp_path)
    for nobody in (read_csv(data).assign(e=0), read_csv(data).query("t > 60")):
        nobody.to_csv(spared, index=False)
        with pytest.raises(WellhouseError, match=r"spared.csv: nobody had the event by the horizon"):
            evaluate_file(spec, spared, tmp_path)


SHARED = {
    "pbc.csv": {"duration": "time", "event": "status == 2", "competing": "status == 1", "horizon": 1826,
                "covariates": {"age": "age", "log_bilirubin": "log(bili)"}},
    "pbcseq.csv": {"duration": "futime", "event": "status == 2", "person": "id", "starts": "day", "horizon": 1826,
                   "covariates": {"age": "age", "log_bilirubin": "log(bili)"}},
    "lung.csv": {"duration": "time", "event": "status == 2", "horizon": 365, "covariates": ["age", "ph.ecog"]},
    "rotterdam.csv": {"duration": "dtime / 365.25", "event": "death", "horizon": 5, "method": "weibull",
                      "covariates": {"nodes": "min(nodes, 19)", "grade_3": "grade == 3"}},
    "flchain.csv.gz": {"duration": "futime", "event": "death", "horizon": 3652, "censor_at": 4000,
                       "covariates": {"age": "age", "male": "sex == 'M'"}},
    "framingham_teaching.csv.gz": {"filter": "PERIOD == 1", "duration": "TIMEDTH", "event": "DEATH", "horizon": 3652,
                                   "covariates": {"age": "AGE", "male": "SEX == 1"}},
    "nafld1.csv.gz": {"duration": "futime", "event": "status", "horizon": 3652, "covariates": ["age", "male"]},
}  # fmt: skip


@pytest.mark.parametrize("name", SHARED)
def test_real_cohorts_by_a_fresh_spec(tmp_path: Path, shared_data: Path, name: str) -> None:
    spec = tmp_path / "fresh.yml"
    spec.write_text(yaml.safe_dump(SHARED[name] | {"bootstrap": 0, "folds": 2, "missing": "complete_case"}))
    evaluate_file(spec, shared_data / "survival" / name, tmp_path)
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert found["n"] > 200
    assert 0.55 < found["c_index"] < 0.9
    assert found["calibration_slope"] > 0.5


@pytest.mark.parametrize("name", ["nafld2.csv.gz", "nafld3.csv.gz"])
def test_a_table_of_events_is_no_cohort(tmp_path: Path, shared_data: Path, spec: Path, name: str) -> None:
    spec.write_text(yaml.safe_dump(SPEC | {"covariates": ["age"]}))
    with pytest.raises(WellhouseError, match="missing column 't', used by duration"):
        evaluate_file(spec, shared_data / "survival" / name, tmp_path)
