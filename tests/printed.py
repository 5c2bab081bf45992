"""What a printed summary must say, taken from the marts and not from the code that prints; what makes a PDF/A-2b."""

from __future__ import annotations

import io
import re
from typing import Any

from pypdf import PdfReader
from pypdf.generic import DictionaryObject

from wellhouse.summaries import numbers

ARROWS = {"H": "↑", "L": "↓"}


def text_of(pdf: bytes) -> str:
    """The pages' text without blanks: where a line breaks is the typesetter's business."""
    return re.sub(r"\s", "", "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


def numbers_of(connection: Any, person_key: int, site: str, year: int) -> list[str]:
    """Every result of the year's last exam, and every change of the stage summary up to that year."""
    asked = {"key": person_key, "site": site, "year": year}
    (exam_key, exam_date) = connection.execute(
        """select exam_key, exam_date from marts.fct_exam
           where person_key = %(key)s and site = %(site)s and extract(year from exam_date) = %(year)s
           order by exam_date desc, exam_key desc limit 1""",
        asked,
    ).fetchone()
    asked |= {"exam_key": exam_key, "exam_date": exam_date}
    series: dict[str, list[float]] = {}
    for code, value in connection.execute(
        """select indicator_code, value from marts.fct_indicator_trend
           where person_key = %(key)s and site = %(site)s and exam_date <= %(exam_date)s""",
        asked,
    ):
        series.setdefault(code, []).append(value)
    results = connection.execute(
        """select i.name_zh, o.indicator_code, coalesce(o.comparator, ''), o.value, o.interpretation
           from marts.fct_observation o join marts.dim_indicator i using (indicator_code)
           where o.value is not null and o.exam_key = %(exam_key)s""",
        asked,
    ).fetchall()
    stages = connection.execute(
        """select i.name_zh, s.indicator_code, s.value_from, s.interpretation_from, s.year_from
           from marts.fct_stage_summary s join marts.dim_indicator i using (indicator_code)
           where s.person_key = %(key)s and s.site = %(site)s
             and (s.is_real_change or s.interpretation_from is distinct from s.interpretation_to)
             and (s.year_from, s.year_to) = (select min(year_from), max(year_to) from marts.fct_stage_summary
                                             where person_key = %(key)s and site = %(site)s and year_to <= %(year)s)""",
        asked,
    ).fetchall()

    def shown(code: str, value: float) -> str:
        return numbers.number(value, numbers.decimals(series[code]))

    return [f"{n}{ARROWS.get(i, '')}{c}{shown(code, v)}".replace(" ", "") for n, code, c, v, i in results] + [
        f"{n}{shown(code, v)}{ARROWS.get(i, '')}({year_from})".replace(" ", "") for n, code, v, i, year_from in stages
    ]


def flaws(pdf: bytes) -> list[str]:
    """What ISO 19005-2 level B forbids or asks for, as far as the file's structure shows it; none: it is all right."""
    reader = PdfReader(io.BytesIO(pdf), strict=True)
    root, found = reader.trailer["/Root"], []
    metadata = reader.xmp_metadata.stream.get_data().decode() if reader.xmp_metadata else ""
    if "<pdfaid:part>2<" not in metadata or "<pdfaid:conformance>B<" not in metadata:
        found.append("the metadata does not say PDF/A-2b")
    intents = [i.get_object() for i in root.get("/OutputIntents", [])]
    if not any(i["/S"] == "/GTS_PDFA1" and "/DestOutputProfile" in i for i in intents):
        found.append("no output intent with a colour profile")
    if reader.is_encrypted or "/ID" not in reader.trailer:
        found.append("encrypted, or without an identifier")
    if not root.get("/MarkInfo", {}).get("/Marked") or "/StructTreeRoot" not in root or "/Lang" not in root:
        found.append("not tagged, or in no language")
    forbidden = {"/JavaScript", "/JS", "/Launch", "/AA", "/EmbeddedFiles", "/XFA", "/Movie", "/Sound"}
    for page in reader.pages:
        fonts = page["/Resources"].get("/Font", {})
        for name in fonts:
            font = fonts[name].get_object()
            inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
            descriptor = inner.get("/FontDescriptor", DictionaryObject()).get_object()
            if not {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor):
                found.append(f"the font {font['/BaseFont']} is not embedded")
            if "/ToUnicode" not in font:
                found.append(f"the font {font['/BaseFont']} has no characters")
    for number in reader.xref[0]:
        entry = reader.get_object(number)
        if isinstance(entry, DictionaryObject):
            found += [f"{key} in object {number}" for key in forbidden & set(entry)]
            if "/LZWDecode" in str(entry.get("/Filter", "")):
                found.append(f"LZW in object {number}")
    return found
