"""Superset's REST API as a signed-in person: HTTPS verified against our own authority."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import httpx

from wellhouse.errors import WellhouseError
from wellhouse.settings import Settings
from wellhouse.signin import service

PAGE = 100
"""Rows a request: what Flask-AppBuilder allows at most."""
KEEP_ALIVE_S = 1
"""Below gunicorn's two seconds: a connection is never used in the moment its other end closes it."""


class Superset:
    """One signed-in session; use it as a context manager."""

    def __init__(self, of: Settings, username: str | None = None, password: str = "", code: str = "") -> None:
        """Sign in: without a name as our own program, which shows an assertion instead of a person's two factors.

        :param code: of the person's second factor
        :raises WellhouseError: Superset does not answer, or does not let the person in
        """
        self.url = f"https://localhost:{of.superset_port}"
        try:
            trust = ssl.create_default_context(cafile=of.tls / "ca.crt")
        except OSError:
            raise WellhouseError(f"there is no certificate authority in {of.tls}: start the services first") from None
        self._http = httpx.Client(
            base_url=self.url,
            verify=trust,
            timeout=120,
            trust_env=False,
            headers={"Referer": f"{self.url}/"},
            limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_S),
        )
        try:
            token = self._service_token(of) if username is None else self._token(username, password, code)
            self._http.headers["Authorization"] = f"Bearer {token}"
            self._http.headers["X-CSRFToken"] = self.get("/api/v1/security/csrf_token/")["result"]
        except BaseException:
            self._http.close()
            raise

    def _service_token(self, of: Settings) -> str:
        headers = {service.HEADER: service.assertion(of, "superset")}
        return str(self.post("/wellhouse/token", headers=headers)["access_token"])

    def _token(self, username: str, password: str, code: str) -> str:
        document = {"username": username, "password": password, "provider": "db", "refresh": False}
        return str(self.post("/api/v1/security/login", document, headers={"X-Wellhouse-Code": code})["access_token"])

    def __enter__(self) -> Superset:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request; the answer may be a refusal.

        :raises WellhouseError: Superset cannot be reached.
        """
        try:
            return self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise WellhouseError(f"Superset does not answer on {self.url}: {type(error).__name__}") from None

    def get(self, path: str, **options: Any) -> dict[str, Any]:
        return self._json("GET", path, **options)

    def post(self, path: str, document: Any = None, **options: Any) -> dict[str, Any]:
        return self._json("POST", path, json=document, **options)

    def put(self, path: str, document: Any) -> dict[str, Any]:
        return self._json("PUT", path, json=document)

    def delete(self, path: str) -> dict[str, Any]:
        return self._json("DELETE", path)

    def every(self, path: str, order: str = "id") -> Iterator[dict[str, Any]]:
        """All rows of a listing, page by page, in the order of a column that this listing can be ordered by."""
        page = 0
        while True:
            query = f"(page:{page},page_size:{PAGE},order_column:{order},order_direction:asc)"
            answer = self.get(path, params={"q": query})
            yield from answer["result"]
            page += 1
            if page * PAGE >= answer["count"]:
                return

    def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self.request(method, path, **options)
        if answer.is_error:
            said = " ".join(answer.text.split())[:400]
            raise WellhouseError(f"Superset refused {method} {path} with {answer.status_code}: {said}")
        return dict(answer.json()) if answer.content else {}
