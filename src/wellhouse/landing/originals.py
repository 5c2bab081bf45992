"""A file's bytes, sealed a run of one person's consecutive records at a time, and put together again.

Plaintext of a run: one byte for the packing (0 as is, 1 LZ4 after the length in 8 bytes), then the bytes. What belongs
to no person (header, broken records) is sealed under the system's key.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import psycopg
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wellhouse.crypto import envelope
from wellhouse.crypto.keyring import SYSTEM, Keyring
from wellhouse.crypto.vault import Person, person_keys
from wellhouse.landing.tables import SCHEMAS

_PACK_FROM = 512
_FETCH = 2000


def _aad(load_id: int, row_first: int, key_id: str) -> bytes:
    return f"landing.original|sealed|{load_id}|{row_first}|{key_id}".encode()


@dataclass(frozen=True)
class Sealer:
    """Seals the runs of one load."""

    load_id: int
    system_key: bytes

    def rows(
        self,
        data: bytes,
        starts: npt.NDArray[np.int64],
        stop: int,
        first_row: int,
        owners: npt.NDArray[np.int32],
        persons: Sequence[Person],
    ) -> pa.Table:
        """``landing.original`` rows of one block.

        :param data: the block's raw bytes; record i is ``data[starts[i]:starts[i + 1]]``, the last ends at ``stop``
        :param owners: per record, an index into ``persons``; -1: nobody
        """
        if not len(starts):
            return SCHEMAS["original"].empty_table()
        heads = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
        lasts = np.r_[heads[1:] - 1, len(starts) - 1]
        edges = np.r_[starts[heads], stop]
        codec, view = pa.Codec("lz4_raw"), memoryview(data)
        keys = [(p.key, p.key_id) for p in persons] + [(self.system_key, SYSTEM)]
        sealed: list[bytes] = []
        of_runs = zip(owners[heads].tolist(), heads.tolist(), pairwise(edges.tolist()), strict=True)
        for owner, head, (begin, end) in of_runs:
            key, key_id = keys[owner]  # -1, nobody, is the last
            sealed.append(_seal(key, view[begin:end], _aad(self.load_id, first_row + head, key_id), codec))
        owned = np.array([p.person_key for p in persons] + [0], dtype=np.int64)[owners[heads]]
        return pa.table(
            [
                pa.array(np.full(len(heads), self.load_id, np.int64)),
                pa.array((heads + first_row).astype(np.int32)),
                pa.array((lasts + first_row).astype(np.int32)),
                pa.array(owned, mask=owners[heads] < 0),
                pa.array(sealed, pa.binary()),
            ],
            schema=SCHEMAS["original"],
        )

    def header(self, data: bytes) -> pa.Table:
        """What stood before the first record, as row 0."""
        return self.rows(data, np.zeros(1, np.int64), len(data), 0, np.full(1, -1, np.int32), [])


def _seal(key: bytes, plaintext: memoryview, aad: bytes, codec: pa.Codec) -> bytes:
    if len(plaintext) >= _PACK_FROM:
        packed = b"\x01" + len(plaintext).to_bytes(8, "big") + codec.compress(plaintext, asbytes=True)
    else:
        packed = b"\x00" + bytes(plaintext)
    nonce = os.urandom(envelope.NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, packed, aad)


def _unpack(packed: bytes) -> bytes:
    if packed[:1] == b"\x00":
        return packed[1:]
    size = int.from_bytes(packed[1:9], "big")
    return bytes(pa.Codec("lz4_raw").decompress(packed[9:], decompressed_size=size, asbytes=True))


def _firsts(connection: psycopg.Connection, load_id: int, rows: Collection[int]) -> list[int]:
    """The first rows of the runs that hold ``rows``."""
    runs = np.array(
        connection.execute("select row_first, row_last from landing.original where load_id = %s", (load_id,)).fetchall()
        or np.empty((0, 2)),
        np.int64,
    )
    wanted = np.unique(np.array(list(rows), np.int64))
    holds = np.searchsorted(wanted, runs[:, 1], "right") > np.searchsorted(wanted, runs[:, 0], "left")
    return [int(first) for first in np.unique(runs[holds, 0])]


def read(
    connection: psycopg.Connection, keyring: Keyring, load_id: int, rows: Collection[int] | None = None
) -> Iterator[tuple[int, int, bytes]]:
    """(first row, last row, bytes) of each run of a load in file order; ``rows``: only those that hold one of these.

    All runs joined are the file (after gunzip), byte for byte. Runs of erased persons are left out: their key is gone.
    """
    held = "" if rows is None else "and row_first = any(%(firsts)s)"
    firsts = None if rows is None else _firsts(connection, load_id, rows)
    with connection.cursor(name="originals") as cursor:
        cursor.itersize = _FETCH
        cursor.execute(
            f"""select row_first, row_last, person_key, sealed from landing.original
               where load_id = %(load)s {held} order by row_first, row_last""",  # noqa: S608 - our own words
            {"load": load_id, "firsts": firsts},
        )
        while batch := cursor.fetchmany(_FETCH):
            keys = person_keys(connection, keyring, (p for _, _, p, _ in batch if p is not None))
            for first, last, person, sealed in batch:
                key_id, key = (SYSTEM, keyring.system_key()) if person is None else keys.get(person, ("", b""))
                if key:
                    yield first, last, _unpack(envelope.unseal(key, bytes(sealed), _aad(load_id, first, key_id)))
