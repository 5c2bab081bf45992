"""Records of merged persons: one that came under one identifier is the same when it comes under another."""

from __future__ import annotations

import numpy as np

from wellhouse.landing.families import Family, array_of
from wellhouse.landing.load import Load, Rows


def adopt(load: Load, family: Family, aliases: Rows) -> Rows:
    """Records of merged persons that are there under another identifier of the person take the key they have there.

    :param aliases: two rows: keys of this load, and of each what it would be under another identifier
    :returns: the keys that were taken
    """
    if not aliases.size:
        return np.empty(0, np.int64)
    elsewhere = f"exists (select from landing.{family.head} h where h.{family.key} = {{}} and h.load_id <> $1)"
    here = f"exists (select from landing.{family.head} h where h.{family.key} = other and h.load_id = $1)"
    # one that another load has stands; of two that only this load has, the smaller
    taken = load.fetch(
        f"""select distinct on (key) key, other from (
                select key, other, {elsewhere.format("key")} as stands, {elsewhere.format("other")} as there,
                       {here} as here
                from unnest($2::text::bigint[], $3::text::bigint[]) as told (key, other)
            ) found where not stands and (there or here and other < key) order by key, there desc, other""",  # noqa: S608
        load.load_id,
        array_of(aliases[0]),
        array_of(aliases[1]),
    )
    for table in filter(None, (family.head, family.detail)):
        load.execute(
            f"""update landing.{table} m set {family.key} = other
                from unnest($2::text::bigint[], $3::text::bigint[]) as taken (key, other)
                where m.load_id = $1 and m.{family.key} = taken.key""",  # noqa: S608
            load.load_id,
            *map(array_of, taken),
        )
    return np.unique(taken[1])
