"""What was done once and need not be done again: small files under ``var/stamps``."""

from __future__ import annotations

from wellhouse.settings import Settings


def done(settings: Settings, name: str, version: str) -> bool:
    """Was ``name`` done for ``version``?"""
    file = settings.var / "stamps" / name
    return file.exists() and file.read_text() == version


def put(settings: Settings, name: str, version: str) -> None:
    """``name`` is done for ``version``."""
    folder = settings.var / "stamps"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / name).write_text(version)
