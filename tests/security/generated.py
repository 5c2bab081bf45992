"""Ask generated queries as one analyst, and look at every answer, errors too, for what is not theirs."""

from __future__ import annotations

import json
import random
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.second_factor import code
from tests.security.queries import chart, query
from wellhouse.settings import settings
from wellhouse.superset.client import Superset

DATASETS = ("dim_person", "fct_exam", "fct_observation", "fct_indicator_trend", "fct_risk_score")
OTHER_SITES = {"hz": ("sh", "cd"), "sh": ("hz", "cd")}


@dataclass
class Analyst:
    superset: Superset
    site: str
    database: int
    datasets: dict[str, int]

    @classmethod
    def sign_in(cls, username: str, site: str) -> Analyst:
        of = settings()
        with Superset(of) as ours:
            datasets = {d["table_name"]: int(d["id"]) for d in ours.every("/api/v1/dataset/", "table_name")}
            database = int(ours.get("/api/v1/database/")["result"][0]["id"])
        superset = Superset(of, username, of.secret(f"password_{username}"), code(username))
        return cls(superset, site, database, datasets)


@dataclass
class Found:
    answered: int = 0
    own: int = 0
    foreign: list[str] = field(default_factory=list)
    """The queries whose answer held a value of another site."""


def ask(analyst: Analyst, seed: int, sql_lab: int, charts: int) -> Found:
    dice, found = random.Random(seed), Found()  # noqa: S311 - the same queries every time
    for _ in range(sql_lab):
        text = query(dice)
        document = {
            "database_id": analyst.database, "sql": text, "schema": "marts", "client_id": uuid.uuid4().hex[:10],
            "runAsync": False, "queryLimit": 200, "select_as_cta": False, "tab": "t", "sql_editor_id": "1",
            "expand_data": False,
        }  # fmt: skip
        _look(analyst, found, text, analyst.superset.request("POST", "/api/v1/sqllab/execute/", json=document))
    for _ in range(charts):
        asked = {"columns": ["site"], "metrics": [], "row_limit": 500, "filters": [], "orderby": []} | chart(dice)
        document = {
            "datasource": {"id": analyst.datasets[dice.choice(DATASETS)], "type": "table"},
            "queries": [asked], "result_format": "json", "result_type": "full",
        }  # fmt: skip
        answer = analyst.superset.request("POST", "/api/v1/chart/data", json=document)
        _look(analyst, found, json.dumps(asked), answer)
    return found


def _look(analyst: Analyst, found: Found, asked: str, answer: Any) -> None:
    """Every value of every row; of an error what it says, without the query that it repeats."""
    if answer.is_error:
        said = answer.text
        for echo in re.findall(r"[\w.]+ = '\w*'|'\w{0,2}'", asked):
            said = said.replace(echo, "")
        if re.search(rf"syntax for type \w+: ..?({'|'.join(OTHER_SITES[analyst.site])})\b", said):
            found.foreign.append(asked)
        return
    document = answer.json()
    rows = document["data"] if "data" in document else [r for part in document["result"] for r in part["data"]]
    found.answered += 1
    given = {word for row in rows for value in row.values() for word in re.findall(r"\b[a-z]{2}\b", str(value))}
    sites = given & {"hz", "sh", "cd"}
    # a word of the question itself, such as a constant, is not a row
    said = set(re.findall(r"'(\w\w)'", asked)) if "coalesce" in asked or "explain" in asked else set()
    found.own += analyst.site in sites
    if (sites - said) & set(OTHER_SITES[analyst.site]):
        found.foreign.append(asked)
