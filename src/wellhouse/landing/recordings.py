"""Which recordings are stored already."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from wellhouse.landing.load import Load

AUDIO = ("media_type", "duration_s", "sha256", "bytes", "object")
"""The columns that say what a recording's audio is."""


def recorded(connection: psycopg.Connection, load_id: int, keys: dict[int, int]) -> dict[int, dict[str, Any]]:
    """What is known of the audio of these rows, of those that have any: by recording key the latest load's word, else
    what this very load said of the row before its person was another.

    :param keys: row → recording key
    """
    audio = ", ".join(AUDIO)
    with connection.cursor(row_factory=dict_row) as cursor:
        of_key = cursor.execute(
            f"""select distinct on (recording_key) recording_key, {audio} from landing.call_recording
                where recording_key = any(%s) order by recording_key, load_id desc""",  # noqa: S608
            (list(keys.values()),),
        ).fetchall()
        of_row = cursor.execute(
            f"select row_number, {audio} from landing.call_recording where load_id = %s and row_number = any(%s)",  # noqa: S608
            (load_id, list(keys)),
        ).fetchall()
    connection.commit()
    by_key = {row.pop("recording_key"): row for row in of_key}
    by_row = {row.pop("row_number"): row for row in of_row}
    return by_row | {row: by_key[key] for row, key in keys.items() if key in by_key}


def objects(load: Load) -> set[str]:
    """The objects that the rows of a load name. The keys of others that it brought are of no use and go."""
    rows = load.execute("select object from landing.call_recording where load_id = $1", load.load_id)
    load.execute(
        """delete from vault.audio_key k where load_id = $1
           and not exists (select from landing.call_recording r where r.object = k.object)""",
        load.load_id,
    )
    return {name for (name,) in rows}
