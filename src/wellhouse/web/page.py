"""One frame and one set of words for every page of our own, in Superset and in Airflow."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import current_app, jsonify, request

from wellhouse.errors import UnavailableError
from wellhouse.web.texts import LANGUAGES, language, texts


def page(template: str, **values: Any) -> str:
    """A template of ``templates/wellhouse`` in the reader's language.

    Without what the app offers to all templates: that asks the database who is signed in, which may be away.
    """
    return current_app.jinja_env.get_template(f"wellhouse/{template}").render(
        words=texts(), language=language(), languages=LANGUAGES,
        query_with_language=lambda code: urlencode(request.args.to_dict() | {"lang": code}), **values,
    )  # fmt: skip


def is_page() -> bool:
    """Whether a person looks, and not a program."""
    return not request.path.startswith("/api/") and request.accept_mimetypes.accept_html


def unavailable(error: UnavailableError) -> Any:
    """Nothing was shown: one line for the reader; why, which is no personal value, goes to the log."""
    current_app.logger.error("nothing was shown on %s: %s", request.endpoint, error)
    if is_page():
        return page("unavailable.html"), 503
    return jsonify(message="unavailable"), 503
