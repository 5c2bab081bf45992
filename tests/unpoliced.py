"""A query that Superset sent for a reader, as who is under no row policy would ask the same."""

from __future__ import annotations

import re

FENCE = re.compile(
    r"\bsite = ANY\s*\(\(\s*SELECT\s+access\.my_sites\(\)\s*\|\|\s*REPEAT\(' ',\s*128\)\s*\)::text\[\]\)", re.IGNORECASE
)
"""Superset's own row rule (``dashboards/access/row_level_security.yaml``) as it stands in a query."""


def by_hand(text: str, sites: list[str]) -> str:
    """The same query with the reader's sites written out."""
    return FENCE.sub("site IN (" + ", ".join(f"'{s}'" for s in sites) + ")", text)
