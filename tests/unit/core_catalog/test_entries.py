"""Are names and groups of a changed catalog those of one that is made of its objects at once?"""

from __future__ import annotations

import random
from dataclasses import replace

from datacave_core.catalog import Catalog, Column, Comment, Constraint, Index, Schema, Sequence, Table, Trigger
from datacave_core.catalog.entries import GROUP_MAPS, NAME_MAPS

SCHEMA = Schema(16384, "s")


def table(chance: random.Random, oid: int, others: list[int]) -> Table:
    some = tuple(chance.sample(others, min(len(others), chance.randrange(3))))
    return Table(
        oid,
        SCHEMA.oid,
        f"t{oid}_{chance.randrange(3)}",
        (Column(1, "a", 23),),
        row_type_oid=oid + 1,
        row_array_type_oid=oid + 2,
        indexes=tuple(Index(oid + n, n, f"i{oid + n}", ()) for n in (3, 4)[: chance.randrange(3)]),
        constraints=tuple(
            Constraint(oid + 5 + n, f"c{n}", "f", columns=(1,), referenced_table_oid=other)
            for n, other in enumerate(some)
        ),
        triggers=(Trigger(oid + 9, "g", 20000, "a", "i"),) if chance.random() < 0.3 else (),
        parents=some[:1],
        depends_on=some,
    )


def test_names_and_groups_follow_every_change() -> None:
    chance = random.Random(8)
    catalog = Catalog().with_objects([SCHEMA])
    for step in range(400):
        oids = sorted(catalog.tables)
        if oids and chance.random() < 0.3:
            gone = catalog.tables[chance.choice(oids)]
            catalog = catalog.without(*(catalog.sequences[oid] for oid in catalog.owned_sequences.get(gone.oid, ())))
            free = [replace(one, constraints=(), parents=(), depends_on=()) for one in catalog.tables_needing(gone.oid)]
            catalog = catalog.with_objects(free).without(gone)
        else:
            oid = chance.choice(oids) if oids and chance.random() < 0.4 else 20_000 + step * 20
            made = table(chance, oid, [one for one in oids if one != oid])
            owned = Sequence(oid + 10, SCHEMA.oid, f"q{oid}", owned_by_table_oid=oid, owned_by_column=1)
            catalog = catalog.with_objects([made, owned, Comment(1259, oid, chance.randrange(2), f"text {step}")])
        if step % 20 == 19:
            fresh = Catalog().with_objects(catalog.objects())
            for name in (*NAME_MAPS, *GROUP_MAPS):
                assert dict(getattr(catalog, name)) == dict(getattr(fresh, name)), name
            for oid in catalog.tables:
                assert catalog.children_of(oid) == tuple(
                    one for _, one in sorted(catalog.tables.items()) if oid in one.parents
                )
