"""Files that Superset's own page writes in the browser (*Export current view*), made as those are that we send.

The page holds the rows already, so nothing comes by the server that could be put right on its way; what can be is the
program that writes. Superset 6.1 gives it no byte order mark, and leaves formulas and the markup of links in.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from flask import Response, request

from wellhouse import exports

FOLDER = "/static/assets/"
_MARKED = re.compile(r'new Blob\(\[(`\$\{\w+\}\n\$\{\w+\}`)\],\{type:"text/csv')
_ROWS = re.compile(r"(\{rows:\w+,columns:\w+\})=(\w+\.clientView)\b")
_RUNS = "".join(rf"\u{ord(c):04x}" for c in exports.RUNS)
_PLAIN = f"""self.wellhouseView = view => {{
  const plain = cell => {{
    if (typeof cell !== "string") return cell;
    const text = cell.replace(/^{exports.LINK.pattern.replace("/", "[/]")}$/s, "$1");
    return isNaN(text) && /^ *[{_RUNS}]/.test(text) ? "'" + text : text;
  }};
  const row = cells => Object.fromEntries(Object.entries(cells).map(([name, cell]) => [name, plain(cell)]));
  return {{...view, rows: view.rows.map(row)}};
}};
"""
"""The same as :func:`wellhouse.exports.plain` does, for the rows of a table that is looked at."""


def correct(response: Response) -> Response:
    """The one file of Superset's page that writes such exports; every other answer passes."""
    if response.status_code != 200 or not request.path.startswith(FOLDER) or request.path != f"{FOLDER}{writer()}":
        return response
    response.direct_passthrough = False
    response.set_data(corrected(response.get_data(as_text=True)))
    return response


@cache
def writer(folder: Path | None = None) -> str:
    """Its name, which is another in each version of Superset."""
    if folder is None:
        spec = find_spec("superset")
        assert spec is not None
        assert spec.submodule_search_locations is not None
        folder = Path(spec.submodule_search_locations[0]) / "static" / "assets"
    return next((f.name for f in sorted(folder.glob("*.js")) if _MARKED.search(f.read_text(encoding="utf-8"))), "")


def corrected(program: str) -> str:
    """With a byte order mark, and with rows whose cells are plain."""
    marked = _MARKED.sub(r'new Blob(["\\ufeff",\1],{type:"text/csv', program)
    return _PLAIN + _ROWS.sub(r"\1=self.wellhouseView(\2)", marked)
