"""Which recordings are stored already."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from wellhouse.landing.load import Load


def recorded(connection: psycopg.Connection, keys: list[int]) -> dict[int, dict[str, Any]]:
    """What the latest load says of the audio of each of these recording keys that has any."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """select distinct on (recording_key)
                      recording_key, media_type, duration_s, sha256, bytes, object
               from landing.call_recording where recording_key = any(%s) order by recording_key, load_id desc""",
            (keys,),
        ).fetchall()
    connection.commit()
    return {row.pop("recording_key"): row for row in rows}


def objects(load: Load) -> set[str]:
    """The objects that the rows of a load name. The keys of others that it brought are of no use and go."""
    rows = load.execute("select object from landing.call_recording where load_id = $1", load.load_id)
    load.execute(
        """delete from vault.audio_key k where load_id = $1
           and not exists (select from landing.call_recording r where r.object = k.object)""",
        load.load_id,
    )
    return {name for (name,) in rows}
