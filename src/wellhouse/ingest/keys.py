"""How a record is known again: by the source's number of it, else by its person, its day and what else there is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from wellhouse.crypto import pseudonym
from wellhouse.ingest import identity
from wellhouse.ingest.batch import Batch, Ints, each, groups
from wellhouse.ingest.identity import clean


def numbers(batch: Batch, role: str) -> pa.Array | None:
    """The source's numbers of its records; a record whose number a spreadsheet damaged is rejected."""
    column = batch.column(role)
    if column is None:
        return None

    def number(text: str) -> str | identity.Rejected:
        try:
            return identity.parse_record_number(text)
        except identity.Rejected as damaged:
            return damaged

    found, index = each(column, number)
    bad = np.array([isinstance(n, identity.Rejected) for n in found], bool)
    for row in np.flatnonzero(batch.alive & bad[index]).tolist():
        damaged = found[index[row]]
        assert isinstance(damaged, identity.Rejected)
        batch.reject(row, role, damaged.reason, damaged.expected)
    return pa.array([n if isinstance(n, str) else "" for n in found], pa.string()).take(pa.array(index))


def record_keys(batch: Batch, kind: str, number: pa.Array | None, day: Ints, apart: pa.Array | None = None) -> Ints:
    """A key per record from the source's number of it, else from person and day; 0 where rejected.

    The person is the one whom the record's identifiers named first: a merge leaves the key of a resend as it was. What
    it would be under the person's other identifiers is told to the batch.

    :param apart: what tells records of a person and day apart that have no number
    """
    layout = batch.layout
    heads, run = batch.runs
    numbered, index = batch.each(number, clean) if number is not None else ([""], np.zeros(len(heads), np.int64))
    others, other = batch.each(apart, clean) if apart is not None else ([""], np.zeros(len(heads), np.int64))
    persons, on = batch.first_keys[heads], day[heads]
    unnumbered = np.array([not n for n in numbered], bool)[index]
    told = [np.where(unnumbered, _joint(persons, on, other), 0)] if unnumbered.any() else []
    first, group = groups(index, *told)
    parts = zip(index[first].tolist(), persons[first].tolist(), on[first].tolist(), other[first].tolist(), strict=True)
    named = [(numbered[i], person, day_of, others[o]) for i, person, day_of, o in parts]
    own = [number or _unnumbered(*of) for number, *of in named]
    keys = pseudonym.record_keys(layout.blind_key, kind, layout.site, own)
    if unnumbered.any() and any(person.first_keys for person in batch.persons):
        for key, owner, (number, person, *of) in zip(keys, batch.owner[heads[first]].tolist(), named, strict=True):
            firsts = batch.persons[owner].first_keys if owner >= 0 and not number else ()
            else_named = [_unnumbered(other_key, *of) for other_key in firsts if other_key != person]
            batch.aliases |= {
                (key, alias) for alias in pseudonym.record_keys(layout.blind_key, kind, layout.site, else_named)
            }
    return np.where(batch.alive, np.array(keys, np.int64)[group][run], 0) if keys else np.empty(0, np.int64)


def _unnumbered(person: int, day: int, apart: str) -> str:
    """What a record without a number is named by."""
    return "|".join(filter(None, (str(person), str(day), apart)))


def _joint(*parts: Ints) -> Ints:
    """A small number for each distinct combination, from 1."""
    return groups(*(groups(part)[1] for part in parts))[1] + 1
