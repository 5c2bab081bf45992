"""People in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, StorageState

from tests.browser import CHROMIUM, launched, signed_in


@pytest.fixture(scope="session")
def chromium(superset_url: str) -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("no Chromium: apt-get install chromium")
    with launched() as browser:
        yield browser


@pytest.fixture(scope="session")
def cookies(chromium: Browser, superset_url: str) -> Callable[[str], StorageState]:
    """``cookies(username)``: of a session that person signed in to once."""
    known: dict[str, StorageState] = {}

    def of(username: str) -> StorageState:
        if username not in known:
            known[username] = signed_in(chromium, superset_url, username)
        return known[username]

    return of


@pytest.fixture
def sign_in(
    chromium: Browser, superset_url: str, cookies: Callable[[str], StorageState]
) -> Iterator[Callable[[str, int], Page]]:
    """``sign_in(username, height)``: a page of that person, tall enough to draw the whole dashboard."""
    pages: list[Page] = []

    def open_page(username: str, height: int) -> Page:
        pages.append(
            chromium.new_page(
                viewport={"width": 1440, "height": height}, locale="en-GB", base_url=superset_url,
                storage_state=cookies(username),
            )
        )  # fmt: skip
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()
