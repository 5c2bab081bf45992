"""Both factors or nothing: over the pages, over the API, by our own programs; and what ends a session."""

from __future__ import annotations

import re
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import jwt
import psycopg
import pyotp
import pytest

from tests.no_trail import no_file
from tests.second_factor import code, now
from tests.superset.conftest import browser, csrf
from wellhouse.errors import WellhouseError
from wellhouse.settings import settings
from wellhouse.signin import factor, service, sessions
from wellhouse.superset.client import KEEP_ALIVE_S

PAGE = "/wellhouse/second-factor"
HTML = {"Accept": "text/html"}


@pytest.fixture
def newcomer(superset_url: str) -> Iterator[str]:
    """An analyst who has not made a second factor yet."""
    name = "newcomer"
    subprocess.run(["wellhouse", "user", "add", name, "--role", "analyst", "--site", "cd"], check=True)
    subprocess.run(["wellhouse", "user", "reset-factor", name], check=True)
    yield name
    subprocess.run(["wellhouse", "user", "revoke", name], check=True)


@pytest.fixture
def client(superset_url: str) -> Iterator[httpx.Client]:
    with fresh(superset_url) as http:
        yield http


@contextmanager
def fresh(superset_url: str) -> Iterator[httpx.Client]:
    """A browser that knows nothing yet."""
    verify = ssl.create_default_context(cafile=settings().tls / "ca.crt")
    referer = {"Referer": f"{superset_url}/login/"}
    limits = httpx.Limits(keepalive_expiry=KEEP_ALIVE_S)
    with httpx.Client(
        base_url=superset_url, verify=verify, timeout=60, trust_env=False, headers=referer, limits=limits
    ) as http:
        yield http


def password(username: str) -> str:
    return settings().secret(f"password_{username}")


def first_factor(client: httpx.Client, username: str) -> None:
    data = {"username": username, "password": password(username), "csrf_token": csrf(client, "/login/")}
    assert client.post("/login/", data=data).status_code == 302


def answer(client: httpx.Client, digits: str) -> httpx.Response:
    return client.post(PAGE, data={"code": digits, "csrf_token": csrf(client, PAGE)})


def test_another_password_ends_what_the_old_one_opened(client: httpx.Client, newcomer: str) -> None:
    old = password(newcomer)
    token = sessions.begin(settings(), newcomer, "test")
    subprocess.run(["wellhouse", "user", "reset-password", newcomer], check=True)
    assert sessions.who(settings(), token) is None
    assert password(newcomer) != old
    client.post("/login/", data={"username": newcomer, "password": old, "csrf_token": csrf(client, "/login/")})
    assert client.get(PAGE, headers=HTML).status_code == 302, "the old one opens nothing"
    first_factor(client, newcomer)
    assert client.get(PAGE, headers=HTML).status_code == 200


def test_a_password_alone_opens_no_page_and_no_api(client: httpx.Client) -> None:
    code("analyst_hz")  # there is a factor
    first_factor(client, "analyst_hz")
    for path in (
        "/superset/welcome/",
        "/dashboard/list/",
        "/health-summary",
        "/users/userinfo/",
    ):
        refused = client.get(path, headers=HTML)
        assert (refused.status_code, refused.headers["Location"].split("?")[0]) == (302, PAGE), path
    for path in (
        "/api/v1/me/",
        "/api/v1/dashboard/",
        "/api/v1/security/csrf_token/",
        "/api/v1/chart/data",
        "/api/v1/me",
    ):
        assert client.get(path).status_code == 401, path
    login = {"username": "analyst_hz", "password": password("analyst_hz"), "provider": "db", "refresh": True}
    for headers in ({}, {"X-Wellhouse-Code": "000000"}, {"X-Wellhouse-Code": ""}):
        assert client.post("/api/v1/security/login", json=login, headers=headers).status_code == 401


def test_without_its_trail_nobody_signs_in_and_is_not_told_that_the_code_was_wrong(client: httpx.Client) -> None:
    login = {"username": "analyst_hz", "password": password("analyst_hz"), "provider": "db", "refresh": True}

    def sign_in() -> httpx.Response:
        headers = {"X-Wellhouse-Code": code("analyst_hz")}
        return client.post("/api/v1/security/login", json=login, headers=headers)

    with no_file(settings()):
        refused = sign_in()
    assert (refused.status_code, refused.json()) == (503, {"message": "unavailable"})
    assert sign_in().status_code == 200


def brings_session(answer: httpx.Response) -> bool:
    return any(c.startswith("__Host-wellhouse=") for c in answer.headers.get_list("Set-Cookie"))


def test_what_the_page_asks_beside_brings_back_no_earlier_cookie(client: httpx.Client) -> None:
    """Of a page: reports itself, fetches its words; the answers may come after the sign-in."""
    client.get("/login/", headers=HTML)
    before = dict(client.cookies)
    assert before
    for method, path in (("POST", "/superset/log/?explode=events"), ("GET", "/superset/language_pack/zh/")):
        for mode in ("cors", "no-cors", "same-origin"):
            late = client.request(method, path, headers={"Sec-Fetch-Mode": mode, "Accept": "*/*"})
            assert not brings_session(late), late.url
            while late.next_request is not None:  # a browser follows, in the same mode
                late = client.send(late.next_request)
                assert not brings_session(late), late.url
    first_factor(client, "analyst_hz")
    assert dict(client.cookies) != before
    late = client.post("/superset/log/", headers={"Sec-Fetch-Mode": "cors", "Accept": "application/json"})
    assert late.status_code == 401
    assert not brings_session(late)
    assert answer(client, code("analyst_hz")).status_code == 302
    assert client.get("/api/v1/me/").status_code == 200


def test_a_token_that_names_no_live_session_is_refused(client: httpx.Client) -> None:
    """Even one that Superset itself would have signed."""
    stamp = int(time.time())
    claims = {"sub": "1", "iat": stamp, "nbf": stamp, "exp": stamp + 600, "jti": "x", "type": "access", "fresh": True,
              "csrf": "x"}  # fmt: skip
    for extra in ({}, {"wellhouse_session": "made-up"}):
        forged = jwt.encode(claims | extra, settings().secret("superset_secret_key"), "HS256")
        assert client.get("/api/v1/me/", headers={"Authorization": f"Bearer {forged}"}).status_code == 401
    for header in ("Bearer", "Bearer x", "Basic YTpi", "bearer x.y.z"):
        assert client.get("/api/v1/me/", headers={"Authorization": header}).status_code == 401


def secret(page: str) -> str:
    """What the page of the enrolment shows."""
    found = re.search(r'id="secret">([A-Z2-7 ]+)<', page)
    assert found, page
    return found[1].replace(" ", "")


def test_enrolment_shows_a_secret_once_and_takes_its_code(client: httpx.Client, newcomer: str) -> None:
    first_factor(client, newcomer)
    page = client.get(PAGE, params={"lang": "zh"}).text
    assert "第二重验证" in page
    assert "<svg" in page
    app = pyotp.TOTP(secret(page))
    assert answer(client, "000000").status_code == 401
    done = answer(client, app.generate_otp(now()))
    assert done.status_code == 200
    recovery = re.findall(r"<code>([A-Z2-9]{4}-[A-Z2-9]{4}-[A-Z2-9]{4})</code>", done.text)
    assert len(set(recovery)) == factor.RECOVERY_CODES
    assert client.get("/api/v1/me/").json()["result"]["username"] == newcomer
    assert factor.verify(settings(), newcomer, recovery[0].lower())
    assert not factor.verify(settings(), newcomer, recovery[0]), "a recovery code counts once"
    with pytest.raises(WellhouseError):
        factor.enrol(settings(), newcomer)


def test_a_secret_that_another_browser_was_shown_is_never_confirmed(
    client: httpx.Client, superset_url: str, newcomer: str
) -> None:
    """Who saw a first password could copy the secret, leave, and wait for its owner to confirm it."""
    with fresh(superset_url) as thief:
        first_factor(thief, newcomer)
        copied = secret(thief.get(PAGE).text)
    first_factor(client, newcomer)
    mine = secret(client.get(PAGE).text)
    assert mine != copied
    assert secret(client.get(PAGE).text) == mine, "one browser sees one secret"
    wrong = answer(client, pyotp.TOTP(copied).generate_otp(now()))
    assert (wrong.status_code, secret(wrong.text)) == (401, mine)
    assert answer(client, pyotp.TOTP(mine).generate_otp(now())).status_code == 200


def test_a_code_counts_once_and_only_around_its_time(newcomer: str) -> None:
    of = settings()
    app = pyotp.TOTP(factor.enrol(of, newcomer).secret)
    step = now()
    assert factor.confirm(of, newcomer, app.generate_otp(step)) is not None
    assert not factor.verify(of, newcomer, app.generate_otp(step))
    assert not factor.verify(of, newcomer, app.generate_otp(step - 1)), "older than one that was used"
    assert not factor.verify(of, newcomer, app.generate_otp(step + 5))
    assert factor.verify(of, newcomer, app.generate_otp(now() + 1))


def test_wrong_answers_lock_for_a_while(newcomer: str) -> None:
    of = settings()
    app = pyotp.TOTP(factor.enrol(of, newcomer).secret)
    assert factor.confirm(of, newcomer, app.generate_otp(now() - 1)) is not None
    for _ in range(factor.MOST_FAILURES):
        assert not factor.verify(of, newcomer, "123")
    assert factor.locked(of, newcomer)
    assert not factor.verify(of, newcomer, app.generate_otp(now())), "a right code neither"


def test_a_wrong_password_counts_however_the_name_is_spelled(
    client: httpx.Client, newcomer: str, truth: psycopg.Connection
) -> None:
    """Flask-AppBuilder finds an account in any case, and by its address."""
    truth.execute("delete from access.rate")
    spellings = [newcomer.upper(), newcomer.title(), f"{newcomer}@wellhouse.invalid", newcomer, "nobody_here"]
    for tried in range(2 * len(spellings)):
        login = {"username": spellings[tried % len(spellings)], "password": "wrong", "provider": "db"}
        assert client.post("/api/v1/security/login", json=login).status_code == 401
    counted = truth.execute("select username, failures from access.failed_sign_in where username = %s", (newcomer,))
    assert counted.fetchone() == (newcomer, 8)
    for _ in range(factor.MOST_FAILURES - 8):
        client.post("/api/v1/security/login", json=login | {"username": newcomer.upper()})
    assert factor.locked(settings(), newcomer)


def test_nobody_makes_a_factor_after_the_time_for_it(
    newcomer: str, truth: psycopg.Connection, client: httpx.Client
) -> None:
    truth.execute("update access.reader set enrol_until = now() - interval '1 s' where username = %s", (newcomer,))
    first_factor(client, newcomer)
    assert client.get(PAGE).status_code == 403


def test_secrets_are_sealed_and_codes_hashed(truth: psycopg.Connection, newcomer: str) -> None:
    secret = factor.enrol(settings(), newcomer).secret
    kept = truth.execute("select sealed from access.second_factor where username = %s", (newcomer,)).fetchone()
    assert kept is not None
    assert secret.encode() not in bytes(kept[0])


def test_an_assertion_of_our_own_programs_counts_once(client: httpx.Client) -> None:
    of = settings()
    once = {service.HEADER: service.assertion(of, "superset")}
    first = client.post("/wellhouse/token", headers=once)
    assert first.status_code == 200
    again = client.post("/wellhouse/token", headers=once)
    assert again.status_code == 401
    claims = {"sub": "administrator", "aud": "superset", "iat": 0, "exp": int(time.time()) + 60, "jti": "x" * 43}
    for forged in (
        service.assertion(of, "airflow"), "", "x.y.z", jwt.encode(claims, "wrong key" * 5, "HS256"),
        jwt.encode(claims, of.secret("signin_service_key"), "HS256"),  # it would live too long
        jwt.encode(claims, "", "none"),
    ):  # fmt: skip
        assert client.post("/wellhouse/token", headers={service.HEADER: forged}).status_code == 401


def test_a_copied_cookie_is_worth_nothing_after_signing_off(superset_url: str) -> None:
    mine = browser(superset_url, "analyst_sh", password("analyst_sh"))
    copied = httpx.Cookies(mine.cookies)
    assert mine.get("/api/v1/me/").status_code == 200
    mine.get("/logout/")
    mine.cookies = copied
    assert mine.get("/api/v1/me/").status_code == 401
    mine.close()


def test_a_session_that_rests_too_long_ends(truth: psycopg.Connection, newcomer: str) -> None:
    of = settings()
    held = sessions.begin(of, newcomer, "test")
    assert sessions.who(of, held) == newcomer
    truth.execute("update access.session set seen_at = now() - interval '31 min' where username = %s", (newcomer,))
    assert sessions.who(of, held) is None
    assert sessions.who(of, "") is None


def test_the_cookie_is_strict(client: httpx.Client) -> None:
    cookie = client.get("/login/").headers["Set-Cookie"]
    assert {"Secure", "HttpOnly"} <= {part.strip() for part in cookie.split(";")}


@pytest.fixture
def unreviewed(truth: psycopg.Connection, newcomer: str) -> str:
    """A reader with both factors, whom nobody confirmed in time."""
    factor.confirm(settings(), newcomer, pyotp.TOTP(factor.enrol(settings(), newcomer).secret).generate_otp(now()))
    truth.execute("update access.reader set review_due = now() - interval '1 s' where username = %s", (newcomer,))
    return newcomer


@pytest.mark.parametrize(("lang", "said"), [("zh", "权限复核已到期"), ("en", "periodic access review")])
def test_whom_nobody_reviewed_is_refused_and_told_why(
    client: httpx.Client, unreviewed: str, lang: str, said: str
) -> None:
    first_factor(client, unreviewed)
    refused = client.get(PAGE, params={"lang": lang})
    assert (refused.status_code, said in refused.text) == (403, True)
    assert client.get("/superset/welcome/", headers=HTML).headers["Location"].startswith("/login/"), "signed off again"
    with pytest.raises(WellhouseError):
        sessions.begin(settings(), unreviewed, "test")


def test_a_session_ends_on_the_day_of_an_unanswered_review(truth: psycopg.Connection, newcomer: str) -> None:
    held = sessions.begin(settings(), newcomer, "test")
    assert sessions.who(settings(), held) == newcomer
    truth.execute("update access.reader set review_due = now() - interval '1 s' where username = %s", (newcomer,))
    assert sessions.who(settings(), held) is None


def test_our_own_programs_work_when_a_review_is_overdue(truth: psycopg.Connection, client: httpx.Client) -> None:
    (due,) = truth.execute("select review_due from access.reader where username = 'administrator'").fetchall()
    truth.execute("update access.reader set review_due = now() - interval '1 s' where username = 'administrator'")
    try:
        assertion = {service.HEADER: service.assertion(settings(), "superset")}
        token = client.post("/wellhouse/token", headers=assertion).json()["access_token"]
        assert client.get("/api/v1/me/", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    finally:
        truth.execute("update access.reader set review_due = %s where username = 'administrator'", due)


def test_all_workers_count_in_one_place(client: httpx.Client, truth: psycopg.Connection) -> None:
    """20 a minute from one address, however many workers there are."""
    token = csrf(client, "/login/")
    truth.execute("delete from access.rate")
    wrong = {"username": "nobody_here", "password": "x", "csrf_token": token}
    try:
        answers = [client.post("/login/", data=wrong).status_code for _ in range(26)]
    finally:
        truth.execute("delete from access.rate")
    assert (answers.count(302), answers.count(429)) == (20, 6), answers
