"""Codes of readers' second factors, as their authenticator apps would show them.

A code counts once, so each is of a later step than the one before; who signs in often waits for the next.
"""

from __future__ import annotations

import time

import pyotp

from wellhouse.settings import settings
from wellhouse.signin import factor, store

_apps: dict[str, tuple[pyotp.TOTP, int]] = {}


def code(username: str) -> str:
    """A code that is right now; the factor is made first where there is none."""
    _forget_knocks()
    if username not in _apps:
        _apps[username] = _enrol(username)
    app, used = _apps[username]
    step = max(used + 1, now() - factor.DRIFT)
    while step > now() + factor.DRIFT:
        time.sleep(0.2)
    _apps[username] = (app, step)
    return str(app.generate_otp(step))


def anew(username: str) -> None:
    """Another factor, as after `wellhouse user reset-factor`: its codes are right at once."""
    factor.reset(settings(), username)
    _apps.pop(username, None)


def _forget_knocks() -> None:
    """All tests sign in from one address, more often than people of one house do."""
    with store.connection(settings()) as connection:
        connection.execute("delete from access.rate")


def now() -> int:
    return int(time.time()) // factor.STEP_S


def _enrol(username: str) -> tuple[pyotp.TOTP, int]:
    of = settings()
    app = pyotp.TOTP(factor.enrol(of, username).secret)
    step = now() - factor.DRIFT
    if factor.confirm(of, username, app.generate_otp(step)) is None:
        raise AssertionError(f"{username} could not make a second factor")
    return app, step
