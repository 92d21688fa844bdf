"""SQLAlchemy 2 with psycopg 3, Alembic's migrations and pandas on top of it.

All of SQLAlchemy's own suite for dialects is a command: `python -m tests.clients.sqlalchemy_suite`.
"""

from __future__ import annotations

import datetime
import decimal
import enum
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import pandas as pd
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql

from bench.servers import Target
from tests.clients.sqlalchemy_suite.__main__ import outcomes


class Base(orm.DeclarativeBase):
    """The models of this file."""


class Mood(enum.Enum):
    """An enum of Python that is one of the database too."""

    SAD = "sad"
    OK = "ok"


class Buyer(Base):
    """Somebody who buys."""

    __tablename__ = "sa_buyers"
    __table_args__ = (
        sa.CheckConstraint("length(name) > 0", name="sa_buyers_name"),
        sa.Index("sa_buyers_seen", sa.text("seen DESC")),
        {"comment": "people"},
    )
    id: orm.Mapped[int] = orm.mapped_column(sa.Identity(), primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(40), unique=True)
    mood: orm.Mapped[Mood] = orm.mapped_column(default=Mood.OK)
    seen: orm.Mapped[datetime.datetime] = orm.mapped_column(
        sa.DateTime(timezone=True), server_default=sa.func.now(), comment="last time"
    )
    tags: orm.Mapped[list[str]] = orm.mapped_column(postgresql.ARRAY(sa.Text), default=list)
    notes: orm.Mapped[dict[str, Any]] = orm.mapped_column(postgresql.JSONB, default=dict)
    orders: orm.Mapped[list[Order]] = orm.relationship(back_populates="buyer", cascade="all, delete-orphan")


class Order(Base):
    """What somebody bought."""

    __tablename__ = "sa_orders"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    buyer_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("sa_buyers.id", ondelete="CASCADE"))
    total: orm.Mapped[decimal.Decimal] = orm.mapped_column(sa.Numeric(10, 2), server_default="1.50")
    twice: orm.Mapped[decimal.Decimal] = orm.mapped_column(sa.Computed("total * 2", persisted=True))
    buyer: orm.Mapped[Buyer] = orm.relationship(back_populates="orders")


@pytest.fixture(scope="module")
def engine(server: Any) -> Iterator[sa.Engine]:
    made = sa.create_engine(f"postgresql+psycopg://{server.user}@{server.host}:{server.port}/{server.database}")
    Base.metadata.create_all(made)
    yield made
    made.dispose()


CASES = "FKConstraint or HasIndex or Identity or ReturningTest or BizarroCharacter or LongNameBlowout"


def test_a_part_of_the_suite_for_dialects(server: Any) -> None:
    target = Target("Datacave", server.port, server.user, server.database, server.process.pid)
    found = Counter(outcomes(target, ["-k", CASES]).values())
    assert found["passed"] > 100
    assert not found["failed"] + found["error"], found


def test_objects_are_kept_and_found(engine: sa.Engine) -> None:
    with orm.Session(engine) as session:
        ann = Buyer(name="Ann", tags=["a", "b"], notes={"k": [1]}, orders=[Order(total=decimal.Decimal(5)), Order()])
        session.add_all([ann, Buyer(name="Bob", mood=Mood.SAD)])
        session.commit()
        assert [order.twice for order in sorted(ann.orders, key=lambda one: one.id)] == [10, 3]
        found = session.scalars(
            sa.select(Buyer).where(Buyer.tags.contains(["a"]), Buyer.notes["k"][0].as_integer() == 1)
        )
        assert found.one().name == "Ann"
        sums = (
            sa.select(Buyer.mood, sa.func.sum(Order.total)).outerjoin(Order).group_by(Buyer.mood).order_by(Buyer.mood)
        )
        assert [tuple(row) for row in session.execute(sums)] == [(Mood.SAD, None), (Mood.OK, decimal.Decimal("6.50"))]
        session.execute(
            postgresql.insert(Buyer)
            .values(name="Bob", mood=Mood.OK)
            .on_conflict_do_update(index_elements=["name"], set_={"mood": Mood.OK})
        )
        session.delete(ann)
        session.commit()
        assert session.scalar(sa.select(sa.func.count()).select_from(Order)) == 0
        assert session.scalars(sa.select(Buyer.name)).all() == ["Bob"]


def test_tables_are_read_back_as_they_were_declared(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        found = [one for one in compare_metadata(context, Base.metadata) if "sa_" in str(one)]
    assert found == []
    inspector = sa.inspect(engine)
    assert inspector.get_table_comment("sa_buyers") == {"text": "people"}
    assert inspector.get_check_constraints("sa_buyers")[0]["sqltext"] == "length(name::text) > 0"
    assert inspector.get_foreign_keys("sa_orders")[0]["options"] == {"ondelete": "CASCADE"}
    computed = next(column for column in inspector.get_columns("sa_orders") if column["name"] == "twice")
    assert computed["computed"] == {"sqltext": "(total * (2)::numeric)", "persisted": True}


def test_alembic_changes_tables(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        operations.create_table(
            "al_goods", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(10))
        )
        operations.add_column("al_goods", sa.Column("price", sa.Numeric(8, 2), server_default="0", nullable=False))
        operations.alter_column("al_goods", "name", type_=sa.Text(), nullable=False, server_default="?")
        operations.alter_column("al_goods", "price", new_column_name="cost", server_default=None)
        operations.create_unique_constraint("al_name", "al_goods", ["name"])
        operations.create_check_constraint("al_cost", "al_goods", sa.column("cost") >= 0)
        operations.create_index("al_cost_name", "al_goods", ["cost", "name"])
        operations.bulk_insert(
            sa.table("al_goods", sa.column("name", sa.Text), sa.column("cost")), [{"name": "x", "cost": 1}]
        )
        operations.drop_constraint("al_name", "al_goods")
        operations.rename_table("al_goods", "al_things")
    columns = {column["name"]: column for column in sa.inspect(engine).get_columns("al_things")}
    assert isinstance(columns["name"]["type"], sa.Text) and columns["name"]["default"] == "'?'::text"
    assert columns["cost"]["default"] is None and not columns["cost"]["nullable"]
    assert [index["name"] for index in sa.inspect(engine).get_indexes("al_things")] == ["al_cost_name"]


REVISION = """
revision, down_revision = "one", None
import sqlalchemy as sa
from alembic import op
def upgrade(): op.create_table("al_made", sa.Column("a", sa.Integer, primary_key=True))
def downgrade(): op.drop_table("al_made")
"""
ENVIRONMENT = """
import sqlalchemy as sa
from alembic import context
engine = sa.create_engine(context.config.get_main_option("sqlalchemy.url"))
with engine.connect() as connection:
    context.configure(connection=connection, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
"""


def test_alembic_upgrades_and_downgrades(engine: sa.Engine, tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "one.py").write_text(REVISION)
    (tmp_path / "env.py").write_text(ENVIRONMENT)
    config = alembic.config.Config()
    config.set_main_option("script_location", str(tmp_path))
    config.set_main_option("path_separator", "os")
    config.set_main_option("sqlalchemy.url", engine.url.render_as_string(hide_password=False))
    alembic.command.upgrade(config, "head")
    assert sa.inspect(engine).has_table("al_made")
    alembic.command.downgrade(config, "base")
    assert not sa.inspect(engine).has_table("al_made")


def test_frames_are_written_and_read(engine: sa.Engine) -> None:
    frame = pd.DataFrame(
        {
            "n": range(1000),
            "x": [n / 7 for n in range(1000)],
            "word": [None if n % 10 == 0 else f"w{n % 3}" for n in range(1000)],
            "day": pd.date_range("2024-01-01", periods=1000, freq="h", tz="UTC"),
        }
    )
    frame.to_sql("pd_rows", engine, index=False, if_exists="replace", chunksize=300, method="multi")
    back = pd.read_sql_table("pd_rows", engine)
    pd.testing.assert_frame_equal(back, frame, check_dtype=False)
    sums = pd.read_sql("SELECT word, sum(n) AS n FROM pd_rows GROUP BY word ORDER BY word", engine, index_col="word")
    assert sums["n"].sum() == 499500
    frame.head(5).to_sql("pd_rows", engine, index=False, if_exists="append")
    assert pd.read_sql("SELECT count(*) AS n FROM pd_rows", engine)["n"][0] == 1005
