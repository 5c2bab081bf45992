"""From samples to alerts: when they fire, when they end, and what is told to whom."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from wellhouse.crypto.keyring import Keyring
from wellhouse.monitor import measures, notify, rules
from wellhouse.monitor.measures import Sample
from wellhouse.monitor.rules import Rule, State
from wellhouse.monitor.server import exposition
from wellhouse.monitor.watch import Watch
from wellhouse.settings import PROJECT_ROOT, Settings

SLOW = Rule("slow", "seconds", "warning", "slow", "慢", for_s=60, above=10)


def test_an_alert_fires_after_its_time_once_and_ends_once() -> None:
    state = State()
    breach, well = [Sample("seconds", 11, {"service": "a"})], [Sample("seconds", 10, {"service": "a"})]
    assert state.update([SLOW], breach, 0) == ([], [])
    (alert,), ended = state.update([SLOW], breach, 60)
    assert (alert.key, ended) == ("slow(service=a)", [])
    assert state.update([SLOW], breach, 90) == ([], [])
    began, (over,) = state.update([SLOW], well, 120)
    assert (began, over) == ([], alert)
    assert state.firing == {}


def test_a_breach_that_ends_begins_anew() -> None:
    state = State()
    for now, value in ((0, 11), (30, 9), (40, 11), (99, 11)):
        assert state.update([SLOW], [Sample("seconds", value)], now) == ([], [])
    assert len(state.update([SLOW], [Sample("seconds", 11)], 100)[0]) == 1


def test_what_cannot_be_measured_ends_no_alert() -> None:
    state = State()
    state.update([SLOW], [Sample("seconds", 11)], 0)
    state.update([SLOW], [Sample("seconds", 11)], 60)
    assert state.update([SLOW], [], 120) == ([], [])
    assert list(state.firing) == ["slow"]


def test_what_is_not_there_any_more_ends_its_alert() -> None:
    state = State()
    for now in (0, 60):
        state.update([SLOW], [Sample("seconds", 11, {"service": "a"})], now)
    began, (over,) = state.update([SLOW], [Sample("seconds", measures.GONE, {"service": "a"})], 90)
    assert (began, over.key, state.firing) == ([], "slow(service=a)", {})


def test_each_set_of_labels_has_an_alert_of_its_own() -> None:
    samples = [Sample("seconds", 11, {"service": s}) for s in "abc"]
    state = State()
    state.update([SLOW], samples, 0)
    began, _ = state.update([SLOW], samples, 60)
    assert [a.key for a in began] == ["slow(service=a)", "slow(service=b)", "slow(service=c)"]


def test_every_rule_is_whole_and_measures_something_there_is() -> None:
    source = (PROJECT_ROOT / "src/wellhouse/monitor/measures.py").read_text()
    loaded = rules.load(PROJECT_ROOT)
    assert len({r.rule for r in loaded}) == len(loaded) > 15
    runbook = (PROJECT_ROOT / "docs/runbooks/alerts.md").read_text()
    for rule in loaded:
        assert f'"{rule.measure}"' in source, rule.rule
        assert (rule.above is None) != (rule.below is None), rule.rule
        assert rule.severity in ("warning", "critical"), rule.rule
        assert f"`{rule.rule}`" in runbook, rule.rule


def test_prometheus_reads_what_is_shown() -> None:
    samples = [
        Sample("wellhouse_a", 1.5, {"name": 'x"\\\n'}),
        Sample("wellhouse_a", 2, {"name": "体检"}),
        Sample("b", 0),
    ]
    families = {f.name: f for f in text_string_to_metric_families(exposition(samples).decode())}
    assert {s.labels["name"]: s.value for s in families["wellhouse_a"].samples} == {'x"\\\n': 1.5, "体检": 2}


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    of = Settings(var=tmp_path, database_url=None, postgres_port=1)
    of.logs.mkdir()
    (of.logs / "alerts.log").write_text("2026-01-01 ALERT old: told before\n")
    return Watch(of)


def test_a_damaged_keystore_is_told_and_so_is_all_the_rest(watch: Watch) -> None:
    of = watch._settings
    with Keyring.open(of) as ring:
        ring.create(3000)
    file = of.keystore / "keystore.sqlite"
    content = bytearray(file.read_bytes())
    for page in range(4096 * 5, len(content), 4096):
        content[page : page + 200] = b"\xff" * 200
    file.write_bytes(content)
    assert "keystore_closed" in {n.name for n in watch.round()}
    assert {s.value for s in watch.samples if s.measure == "wellhouse_measured"} == {1}


def test_what_cannot_be_measured_hides_nothing_and_is_told(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("张三")

    monkeypatch.setattr(measures.health, "check", broken)
    watch.round()
    later = time.time() + 121
    monkeypatch.setattr(time, "time", lambda: later)
    notices = watch.round()
    assert "not_measured(what=services)" in {n.name for n in notices}
    assert "wellhouse_disk_free_share" in {s.measure for s in watch.samples}
    assert "monitor: services could not be measured: ValueError\n" in capsys.readouterr().err


def test_what_others_write_is_told_once_and_its_own_lines_never(watch: Watch) -> None:
    log = watch._log
    assert watch._written_by_others() == []
    with log.open("a") as file:
        file.write(
            "2026-01-02 ALERT build_marts.gate failed in run r1 (owner o)\n2026-01-02 ALERT monitor: mine\nhalf a li"
        )
    (notice,) = watch._written_by_others()
    assert (notice.status, notice.en) == (notify.EVENT, "build_marts.gate failed in run r1 (owner o)")
    with log.open("a") as file:
        file.write("ne\n")
    assert watch._written_by_others() == []


def test_a_log_that_was_rotated_is_read_from_its_beginning(watch: Watch) -> None:
    watch._log.write_text("now ALERT x.y failed\n")
    assert [n.en for n in watch._written_by_others()] == ["x.y failed"]
