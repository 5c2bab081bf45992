"""One line above every page of Superset: as whom one is signed in, and which sites' rows the policy shows."""

from __future__ import annotations

from flask import Response, request
from flask_login import current_user
from markupsafe import escape

from wellhouse.errors import WellhouseError
from wellhouse.web import reading
from wellhouse.web.signin import gate
from wellhouse.web.texts import texts

_BODY = b"<body"


def add(response: Response) -> Response:
    """Into a page of Superset's own, for whoever is signed in; pictures of single charts stay as they are."""
    page = response.status_code == 200 and response.mimetype == "text/html" and not response.is_streamed
    ours = request.path.startswith("/wellhouse/") or "standalone" in request.args
    if not page or ours or not current_user.is_authenticated:
        return response
    try:
        line = _line(str(current_user.username))
    except WellhouseError:
        return response
    before, body, after = response.get_data().partition(_BODY)
    attributes, end, rest = after.partition(b">")
    if body and end:
        response.set_data(before + body + attributes + end + line.encode() + rest)
    return response


def _line(username: str) -> str:
    words = texts()["me"]
    role, _, sites = reading.scope(gate().of, username)
    name = words["roles"].get(role, role)
    text = words["banner" if sites else "banner_none"].format(role=name, sites=", ".join(s for s, _ in sites))
    style = "padding:2px 16px;background:#16323a;color:#fff;font:13px/1.6 system-ui,sans-serif"
    link = f'<a href="/wellhouse/me" style="color:#9fe3ec">{escape(words["more"])}</a>'
    return f'<div id="wellhouse-scope" role="note" style="{style}">{escape(text)} {link}</div>'
