"""Who a record is about: identifiers → person, by blind index; what is known of one, sealed under their own key."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import psycopg

from wellhouse.crypto import envelope, pseudonym
from wellhouse.crypto.keyring import Keyring
from wellhouse.crypto.sameness import both, contradict
from wellhouse.errors import WellhouseError

_ATTEMPTS = 8
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class Identifier:
    """One number by which an authority knows a person; ``number`` is normalised."""

    identifier_type: str
    authority: str
    number: str


@dataclass(frozen=True)
class Claim:
    """What one or more records say about whom they concern; strongest identifier first.

    ``must_be_known``: they only refer to somebody, of whom other records have to say who it is.
    """

    identifiers: tuple[Identifier, ...]
    document: dict[str, str] = field(default_factory=dict)
    must_be_known: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """A resolved person; ``key`` is their data key.

    ``first_key``: the person key of the claim's identifiers before any merge; None: the same. ``first_keys``: of all
    identifiers of somebody who was merged; of all others none.
    """

    person_key: int
    key_id: str
    key: bytes
    first_key: int | None = None
    first_keys: tuple[int, ...] = ()


@dataclass
class _Row:
    person_key: int
    key_id: str
    digest: bytes
    sealed: bytes = b""
    key: bytes = b""
    new: bool = False
    types: set[str] = field(default_factory=set)
    numbers: int = 0
    """How many identifiers it had when it was read."""
    first_keys: tuple[int, ...] = ()
    document: dict[str, str] = field(default_factory=dict)

    @cached_property
    def known(self) -> dict[str, str]:
        """What was known of the person until now."""
        return {} if self.new else _open(self, self.sealed)


class Vault:
    """The vault as the loader uses it. Each :meth:`resolve` is a short transaction of its own and may be repeated."""

    def __init__(self, connection: psycopg.Connection, keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    def resolve(self, claims: Sequence[Claim], site: str) -> list[Person | None]:
        """The person of each claim, made when nobody has these identifiers; None: it describes two persons, or nobody
        yet although the claim must be known.

        Claims are taken in order, so a later one may rest on an identifier an earlier one attached.
        """
        for _ in range(_ATTEMPTS):
            resolved = self._attempt(claims, site)
            if resolved is not None:
                return resolved
        raise WellhouseError("persons could not be resolved: other loaders kept changing the same ones")

    def _attempt(self, claims: Sequence[Claim], site: str) -> list[Person | None] | None:
        blind_key = self._keyring.blind_key()
        indexes = [
            [(pseudonym.blind_index(blind_key, i.identifier_type, i.authority, i.number), i.identifier_type)
             for i in claim.identifiers]
            for claim in claims
        ]  # fmt: skip
        known, first = self._lookup(sorted({b for claim in indexes for b, _ in claim}))
        self._give_keys(list({id(r): r for r in known.values()}.values()))
        assigned: list[_Row | None] = []
        named: list[int | None] = []
        attached: dict[bytes, tuple[_Row, str, int | None]] = {}
        for claim, wanted in zip(claims, indexes, strict=True):
            row = _decide(wanted, known, claim.must_be_known)
            if row is not None and self._contradicts(row, claim.document, blind_key):
                row = None
            assigned.append(row)
            named.append(next((first[index] for index, _ in wanted if index in known), None))
            if row is None:
                continue
            for index, kind in wanted:
                if index not in known:
                    known[index], first[index] = row, named[-1]
                    attached[index] = (row, kind, named[-1])
                row.types.add(kind)
            row.document = both(row.document, claim.document)
        rows = {r.person_key: r for r in assigned if r is not None}
        self._give_keys([r for r in rows.values() if r.new])
        if not self._write(rows, attached, site):
            return None
        return [
            None if r is None else Person(r.person_key, r.key_id, r.key, n, r.first_keys)
            for r, n in zip(assigned, named, strict=True)
        ]

    def _lookup(self, indexes: list[bytes]) -> tuple[dict[bytes, _Row], dict[bytes, int | None]]:
        """Whose the identifiers are, and whose each was before any merge."""
        rows: dict[int, _Row] = {}
        known: dict[bytes, _Row] = {}
        first: dict[bytes, int | None] = {}
        found = self._connection.execute(
            """select i.blind_index, i.first_key, p.person_key, p.key_id, p.digest, p.sealed, o.types, o.first_keys
               from vault.identifier i join vault.person p using (person_key) cross join lateral (
                   select array_agg(identifier_type) as types,
                          array_agg(distinct coalesce(first_key, person_key)) as first_keys
                   from vault.identifier where person_key = p.person_key) o
               where i.blind_index = any(%b)""",
            (indexes,),
        )
        for index, first_key, key, key_id, digest, sealed, types, firsts in found:
            row = _Row(key, key_id, digest, bytes(sealed), types=set(types), numbers=len(types))
            row.first_keys = tuple(firsts) if len(firsts) > 1 else ()
            known[index], first[index] = rows.setdefault(key, row), first_key
        self._connection.commit()
        return known, first

    def _give_keys(self, rows: list[_Row]) -> None:
        old = self._keyring.data_keys([r.key_id for r in rows if not r.new])
        fresh = iter(self._keyring.create(sum(r.new for r in rows)))
        for row in rows:
            if row.new:
                row.key_id, row.key = next(fresh)
            elif row.key_id in old:
                row.key = old[row.key_id]
            else:
                raise WellhouseError(
                    "a person's data key is missing from the keystore: restore it, or erase the person"
                )

    def _write(self, rows: dict[int, _Row], attached: dict[bytes, tuple[_Row, str, int | None]], site: str) -> bool:
        """False: another loader took an identifier or said something of a person meanwhile; nothing was written."""
        connection = self._connection
        blind_key = self._keyring.blind_key()
        new = [r for r in rows.values() if r.new]
        changed = self._changed([r for r in rows.values() if not r.new and r.document], blind_key)
        touched = {r.person_key: r for r in [*changed, *(r for r, _, _ in attached.values() if not r.new)]}
        with connection.transaction(), connection.cursor() as cursor:
            if self._overtaken(touched):
                raise psycopg.Rollback()
            if new:
                made = [(r.person_key, r.key_id, *_sealed(r, blind_key)) for r in sorted(new, key=_by_key)]
                cursor.execute(
                    """insert into vault.person (person_key, key_id, sealed, digest)
                       select * from unnest(%b::bigint[], %b::text[], %b::bytea[], %b::bytea[])""",
                    [list(column) for column in zip(*made, strict=True)],
                )
            if changed:
                said = [(r.person_key, *_sealed(r, blind_key)) for r in sorted(changed, key=_by_key)]
                cursor.execute(
                    """update vault.person p set sealed = n.sealed, digest = n.digest, updated_at = clock_timestamp()
                       from unnest(%b::bigint[], %b::bytea[], %b::bytea[]) n (person_key, sealed, digest)
                       where p.person_key = n.person_key""",
                    [list(column) for column in zip(*said, strict=True)],
                )
            if attached:
                # sorted: two loaders that meet wait for one another instead of deadlocking
                ordered = sorted(attached.items())
                cursor.execute(
                    """insert into vault.identifier (blind_index, person_key, identifier_type, first_key)
                       select * from unnest(%b::bytea[], %b::bigint[], %b::text[], %b::bigint[])
                       on conflict do nothing""",
                    [
                        list(column)
                        for column in zip(*((i, r.person_key, k, n) for i, (r, k, n) in ordered), strict=True)
                    ],
                )
                if cursor.rowcount != len(ordered):
                    raise psycopg.Rollback()
            cursor.execute(
                """insert into vault.person_site (person_key, site) select k, %s from unnest(%b::bigint[]) k
                   on conflict do nothing""",
                (site, sorted(rows)),
            )
            return True
        self._keyring.destroy(r.key_id for r in new)
        return False

    def _overtaken(self, rows: dict[int, _Row]) -> bool:
        """Whether these persons are no longer as they were read; from here on nobody else changes them."""
        if not rows:
            return False
        keys = sorted(rows)
        # in the order of the keys: two loaders that meet wait for one another instead of deadlocking
        held = self._connection.execute(
            "select person_key, digest from vault.person where person_key = any(%s) order by person_key for update",
            (keys,),
        ).fetchall()
        # a statement of its own, so that it sees what whoever held them before has written
        numbers: dict[int, int] = dict(self._connection.execute(
            "select person_key, count(*) from vault.identifier where person_key = any(%s) group by person_key", (keys,)
        ).fetchall())  # fmt: skip
        now = {key: (bytes(digest), numbers.get(key, 0)) for key, digest in held}
        return any(now.get(key) != (bytes(row.digest), row.numbers) for key, row in rows.items())

    def _changed(self, rows: list[_Row], blind_key: bytes) -> list[_Row]:
        """Those of whom something new is known; their document becomes the old one with the new words over it."""
        changed = []
        for row in rows:
            if _digest(row.document, blind_key) == row.digest:
                continue
            old = row.known
            row.document = both(old, row.document)
            if row.document != old:
                changed.append(row)
        return changed

    def _contradicts(self, row: _Row, document: dict[str, str], blind_key: bytes) -> bool:
        """Whether somebody else is described than the one whose number this is."""
        if row.new or _digest(document, blind_key) == row.digest:
            return contradict(row.document, document)
        return contradict(both(row.known, row.document), document)


def reveal(connection: psycopg.Connection, keyring: Keyring, person_key: int) -> dict[str, str]:
    """What is known of a person: name, id_number, birth_date, phone, mrn, employer, address. The caller audits first.

    :raises WellhouseError: nobody has this key, or the person was erased.
    """
    found = connection.execute(
        "select key_id, sealed from vault.person where person_key = %s", (person_key,)
    ).fetchone()
    if found is None:
        raise WellhouseError(f"no person {person_key}")
    key_id, sealed = found
    keys = keyring.data_keys([key_id])
    if key_id not in keys:
        raise WellhouseError(f"person {person_key} was erased: the key is destroyed")
    return _open(_Row(person_key, key_id, b"", key=keys[key_id]), sealed)


def forget_facts(connection: psycopg.Connection, keyring: Keyring, person_key: int, facts: Sequence[str]) -> None:
    """Take back what is known of a person, so that the next record's word on it counts. The caller audits first.

    :raises WellhouseError: nobody has this key, or the person was erased
    """
    known = reveal(connection, keyring, person_key)
    _replace(connection, keyring, person_key, {fact: word for fact, word in known.items() if fact not in facts})


def amend(connection: psycopg.Connection, keyring: Keyring, person_key: int, right: dict[str, str]) -> None:
    """Put other words in the place of what is known of a person. The caller audits.

    :raises WellhouseError: nobody has this key, or the person was erased
    """
    _replace(connection, keyring, person_key, reveal(connection, keyring, person_key) | right)


def _replace(connection: psycopg.Connection, keyring: Keyring, person_key: int, document: dict[str, str]) -> None:
    key_id, key = person_keys(connection, keyring, [person_key])[person_key]
    sealed, digest = _sealed(_Row(person_key, key_id, b"", key=key, document=document), keyring.blind_key())
    connection.execute(
        "update vault.person set sealed = %s, digest = %s, updated_at = clock_timestamp() where person_key = %s",
        (sealed, digest, person_key),
    )


def _decide(wanted: list[tuple[bytes, str]], known: dict[bytes, _Row], must_be_known: bool) -> _Row | None:
    """The one person these identifiers belong to, or may belong to; None: two persons, or nobody who is known."""
    owners = {id(known[index]): known[index] for index, _ in wanted if index in known}
    if not owners:
        return None if must_be_known else _Row(pseudonym.person_key(), "", b"", new=True)
    if len(owners) > 1:
        return None
    (row,) = owners.values()
    for index, kind in wanted:
        # a person has one ID number: a number nobody has yet cannot belong to someone who already has another
        if index not in known and kind == "id_number" and kind in row.types:
            return None
    return row


def _by_key(row: _Row) -> int:
    return row.person_key


def _canonical(document: dict[str, str]) -> bytes:
    return _CANONICAL.encode(document).encode()


def _digest(document: dict[str, str], blind_key: bytes) -> bytes:
    return _digest_of(_canonical(document), blind_key)


def _digest_of(plaintext: bytes, blind_key: bytes) -> bytes:
    return hmac.digest(blind_key, b"vault.person" + plaintext, "sha256")


def _sealed(row: _Row, blind_key: bytes) -> tuple[bytes, bytes]:
    plaintext = _canonical(row.document)
    return envelope.seal(row.key, plaintext, _aad(row.key_id)), _digest_of(plaintext, blind_key)


def _open(row: _Row, sealed: bytes) -> dict[str, str]:
    return dict(json.loads(envelope.unseal(row.key, bytes(sealed), _aad(row.key_id))))


def _aad(key_id: str) -> bytes:
    return b"vault.person|sealed|" + key_id.encode()


def person_keys(
    connection: psycopg.Connection, keyring: Keyring, persons: Iterable[int]
) -> dict[int, tuple[str, bytes]]:
    """(key id, data key) of each of ``persons`` whose key still exists."""
    rows: dict[int, str] = dict(connection.execute(
        "select person_key, key_id from vault.person where person_key = any(%s)", (sorted(set(persons)),)
    ).fetchall())  # fmt: skip
    keys = keyring.data_keys(sorted(rows.values()))
    return {person: (key_id, keys[key_id]) for person, key_id in rows.items() if key_id in keys}
