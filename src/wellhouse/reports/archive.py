"""The rows of a report as CSV files in a ZIP, with a manifest that says what each holds."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence

import pyzipper

from wellhouse import exports
from wellhouse.reports.charts import Chart
from wellhouse.reports.document import sheet
from wellhouse.reports.read import Row

MANIFEST = "manifest.json"


def archive(names: Sequence[str], charts: Sequence[Chart], results: Sequence[list[Row]], password: str = "") -> bytes:
    """A file a chart, as every CSV of ours is: UTF-8 with its mark, no cell that runs as a formula.

    :param names: of the files, without ending
    :param password: seals each file with AES-256 (WinZip AE-2, as 7-Zip, WinRAR and WPS open it)
    """
    told, out = [], io.BytesIO()
    with pyzipper.AESZipFile(out, "w", pyzipper.ZIP_DEFLATED) as file:
        if password:
            file.setpassword(password.encode())
            file.setencryption(pyzipper.WZ_AES, nbits=256)
        for name, chart, rows in zip(names, charts, results, strict=True):
            data = exports.csv_bytes(sheet(chart, rows))
            file.writestr(f"{name}.csv", data)
            told.append(
                {
                    "name": f"{name}.csv",
                    "title": chart.title,
                    "rows": len(rows),
                    "sha256": hashlib.sha256(data).hexdigest(),
                    "truncated": len(rows) >= chart.query["row_limit"],
                }
            )
        file.writestr(MANIFEST, json.dumps({"files": told}, ensure_ascii=False, indent=1))
    return out.getvalue()
