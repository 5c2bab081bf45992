"""One big clean file for measuring speed: exactly as many observations as asked, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from wellhouse.sample import course as courses
from wellhouse.sample import panel, people
from wellhouse.sample.exams import HZ_PERSON, SH_HEADER, header_text
from wellhouse.sample.generate import stream
from wellhouse.sample.indicators import INDICATORS, Indicator
from wellhouse.sample.people import Floats, Ints, People

YEARS = 6
_PEOPLE = 2500
_WORDS = pa.array(["阴性(-)", "±", "1+", "2+", "3+"])


def write(observations: int, layout: str, seed: int, output: Path) -> tuple[int, int]:
    """Write exactly ``observations`` results as UTF-8 CSV in the first site's wide or the second site's long layout.

    Every person has six exams, every exam all indicators; the last exam of a wide file may have fewer.

    :returns: data rows, people
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    left, rows, persons = observations, 0, 0
    writer: pa_csv.CSVWriter | None = None
    with output.open("wb") as sink:
        for block in _blocks(observations, seed):
            table, results = (_wide if layout == "wide" else _long)(*block, left)
            if writer is None:
                options = pa_csv.WriteOptions(include_header=False, quoting_style="none")
                sink.write((",".join(table.column_names) + "\n").encode())
                writer = pa_csv.CSVWriter(sink, table.schema, write_options=options)
            writer.write_table(table)
            left -= results
            rows += table.num_rows
            persons += len(block[0])
        if writer is not None:
            writer.close()
    return rows, persons


def _blocks(observations: int, seed: int) -> Iterator[tuple[People, dict[str, Floats]]]:
    exams = -(-observations // len(INDICATORS))
    wanted = -(-exams // YEARS)
    taken = np.empty(0, np.int64)
    for start in range(0, wanted, _PEOPLE):
        rng = stream(seed, f"bench {start}")
        # always the whole block: of one seed, a small file's people are the first of a large one's, never somebody
        # else whose ID number happens to be the same
        block = people.draw(_PEOPLE, YEARS, rng, taken, start).first(wanted - start)
        taken = np.r_[taken, block.first17]
        values, _ = panel.measure(block, courses.simulate(block, rng), rng, missing=0.0)
        yield block, values


def _exam_columns(block: People, exams: int) -> dict[str, pa.Array]:
    """Texts of who was examined when, one entry an exam: year by year, all people of the block."""
    person = np.tile(np.arange(len(block)), YEARS)[:exams]
    year = np.repeat(np.arange(YEARS), len(block))[:exams]
    date = np.datetime_as_string(block.exam_date.T.ravel()[:exams])
    take = pa.array(person)
    number = [f"B{y}{n:09d}" for y, n in zip(year.tolist(), block.number[person].tolist(), strict=True)]
    age = (block.exam_date.T.ravel()[:exams] - block.birth[person]).astype(np.int64) // 366
    employer = pa.array([block.employer_at(p, 0) for p in range(len(block))]).take(take)
    identity = pa.array(block.id_number).take(take)
    return {
        "体检编号": pa.array(number),
        "姓名": pa.array(block.name).take(take),
        "性别": pa.array(np.where(block.male, "男", "女").tolist()).take(take),
        "出生日期": pa.array(np.datetime_as_string(block.birth).tolist()).take(take),
        "年龄": pa.array(age.astype(str).tolist()),
        "身份证号": identity,
        "手机号": pa.array(block.phone).take(take),
        "单位名称": employer,
        "体检日期": pa.array(date.tolist()),
        "体检类型": pa.repeat("团检", exams),
        "套餐": pa.repeat(panel.PACKAGES[-1], exams),
    }


def _texts(indicator: Indicator, values: Floats) -> pa.Array:
    """Values as a laboratory prints them; each distinct number is formatted once."""
    if indicator.ordinal:
        return _WORDS.take(pa.array(values.astype(np.int64)))
    scaled = np.round(values * 10**indicator.digits).astype(np.int64)
    low = int(scaled.min())
    words = pa.array([f"{n / 10**indicator.digits:.{indicator.digits}f}" for n in range(low, int(scaled.max()) + 1)])
    return words.take(pa.array(scaled - low))


def _wide(block: People, values: dict[str, Floats], left: int) -> tuple[pa.Table, int]:
    exams = min(len(block) * YEARS, -(-left // len(INDICATORS)))
    who = _exam_columns(block, exams)
    columns = {header: who[header] for header in HZ_PERSON}
    results = 0
    for k, indicator in enumerate(INDICATORS):
        texts = _texts(indicator, values[indicator.code].T.ravel()[:exams])
        spare = exams * len(INDICATORS) - left
        if k >= len(INDICATORS) - spare:
            texts = pa.concat_arrays([texts[:-1], pa.array([""])])
        results += exams - (k >= len(INDICATORS) - spare)
        columns[header_text("hz", indicator)] = texts
    return pa.table(columns), results


def _long(block: People, values: dict[str, Floats], left: int) -> tuple[pa.Table, int]:
    size = len(INDICATORS)
    exams = min(len(block) * YEARS, -(-left // size))
    rows = min(exams * size, left)
    who = _exam_columns(block, exams)
    of_exam = pa.array(np.repeat(np.arange(exams), size)[:rows])
    of_item: Ints = np.tile(np.arange(size), exams)[:rows]
    item = pa.array(of_item)
    texts = pa.concat_arrays([_texts(i, values[i.code].T.ravel()[:exams]) for i in INDICATORS])
    result = texts.take(pa.array(of_item * exams + np.asarray(of_exam)))
    shared = {"登记号": "体检编号", "证件号码": "身份证号", "联系电话": "手机号", "登记日期": "体检日期"}
    columns = {header: who[shared.get(header, header)].take(of_exam) for header in SH_HEADER[:8]}
    columns |= {
        "大项": pa.array([i.group for i in INDICATORS]).take(item),
        "项目名称": pa.array([i.name for i in INDICATORS]).take(item),
        "结果": result,
        "单位": pa.array([i.unit for i in INDICATORS]).take(item),
        "参考范围": pa.repeat("", rows),
        "提示": pa.repeat("", rows),
    }
    return pa.table(columns), rows
