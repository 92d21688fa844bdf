"""A day of work with Django; every function is a check. Prints "ok NAME" or "failed NAME" with the reason."""

import datetime
import decimal
import io
import sys
import traceback
from pathlib import Path

import django
from django.core.management import call_command

django.setup()

from django.contrib.auth.models import Permission, User  # noqa: E402
from django.contrib.postgres.constraints import ExclusionConstraint  # noqa: E402
from django.contrib.postgres.fields import DateTimeRangeField, HStoreField, RangeOperators  # noqa: E402
from django.contrib.postgres.indexes import GinIndex  # noqa: E402
from django.contrib.postgres.operations import (  # noqa: E402
    BtreeGinExtension,
    BtreeGistExtension,
    CITextExtension,
    CryptoExtension,
    HStoreExtension,
    TrigramExtension,
    UnaccentExtension,
)
from django.contrib.postgres.search import TrigramSimilarity  # noqa: E402
from django.db import IntegrityError, connection, models, transaction  # noqa: E402
from django.db.models import Avg, Count, F, Max, OuterRef, Q, Subquery, Sum, Value, Window  # noqa: E402
from django.db.models.functions import Coalesce, Concat, Lower, RowNumber, TruncMonth  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import isolate_apps  # noqa: E402
from shop.models import Buyer, Good, Line, Order  # noqa: E402


def said(*command: str, **options: object) -> str:
    """What a management command prints."""
    out = io.StringIO()
    call_command(*command, stdout=out, stderr=out, no_color=True, **options)
    return out.getvalue()


def migrate() -> None:
    """The contrib apps and our own; afterwards nothing is left to do."""
    said("makemigrations", "shop")
    assert "Applying auth.0012" in said("migrate")
    assert "No migrations to apply" in said("migrate")
    assert "No changes detected" in said("makemigrations", "--check", "--dry-run")
    assert Permission.objects.filter(codename="add_buyer").exists()


def login_page() -> None:
    """The admin's login, its lists and its forms."""
    User.objects.create_superuser("boss", "boss@example.org", "s3cret")
    client = Client()
    assert client.get("/admin/login/").status_code == 200
    refused = client.post("/admin/login/?next=/admin/", {"username": "boss", "password": "wrong"})
    assert b"Please enter the correct" in refused.content
    entered = client.post("/admin/login/?next=/admin/", {"username": "boss", "password": "s3cret"})
    assert entered.status_code == 302, entered.content
    form = {"name": "Ann", "email": "ann@example.org", "born": "1990-05-06", "tags": "a,b", "notes": '{"k": 1}'}
    assert client.post("/admin/shop/buyer/add/", form).status_code == 302
    page = client.get("/admin/shop/buyer/?q=an&born__year=1990")
    assert page.status_code == 200 and b"ann@example.org" in page.content
    ann = Buyer.objects.get(name="Ann")
    assert client.post(f"/admin/shop/buyer/{ann.pk}/change/", form | {"email": "ann@example.net"}).status_code == 302
    assert client.get(f"/admin/shop/buyer/{ann.pk}/history/").status_code == 200
    assert client.post(f"/admin/shop/buyer/{ann.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Buyer.objects.exists()


def rows_are_made() -> None:
    """Bulk inserts, get_or_create, update_or_create, many-to-many through a model."""
    Buyer.objects.bulk_create(
        [
            Buyer(name=f"buyer {n}", born=datetime.date(1950 + n, 1 + n % 12, 1), tags=["x", str(n % 3)])
            for n in range(40)
        ]
    )
    Good.objects.bulk_create([Good(code=f"g{n}", price=decimal.Decimal(n) / 4, weight=n / 3) for n in range(10)])
    buyer, made = Buyer.objects.get_or_create(name="buyer 1")
    assert not made and buyer.born == datetime.date(1951, 2, 1)
    Good.objects.update_or_create(code="g1", defaults={"price": 5, "keeps": datetime.timedelta(days=3, seconds=1)})
    for number, one in enumerate(Buyer.objects.order_by("id")[:10]):
        order = Order.objects.create(buyer=one, number=number)
        Line.objects.create(order=order, good_id=f"g{number}", pieces=number)
    assert Good.objects.get(code="g1").keeps == datetime.timedelta(days=3, seconds=1)


def rows_are_found() -> None:
    """Lookups, joins, JSON and arrays."""
    assert Buyer.objects.filter(name__icontains="UYER 3").count() == 11
    assert Buyer.objects.filter(born__year__gte=1980, born__month=1).count() == 1
    assert Buyer.objects.filter(tags__contains=["1"]).count() == 13
    assert Buyer.objects.filter(tags__overlap=["1", "2"]).count() == 26
    assert Buyer.objects.filter(tags__0="x", tags__len=2).count() == 40
    Buyer.objects.filter(name="buyer 7").update(notes={"a": {"b": [1, 2]}, "c": "d"})
    assert Buyer.objects.get(notes__a__b__1=2).name == "buyer 7"
    assert Buyer.objects.filter(notes__has_key="c").count() == 1
    assert Order.objects.filter(buyer__name__startswith="buyer", goods__price__gt=1).distinct().count() == 6
    assert next(iter(Order.objects.select_related("buyer").prefetch_related("goods"))).goods.count() == 1
    assert Buyer.objects.filter(Q(name__regex=r"\d\d$") & ~Q(name__iregex="^BUYER 1")).count() == 20


def rows_are_summed() -> None:
    """Aggregates, windows, subqueries, expressions."""
    sums = Line.objects.aggregate(total=Sum("pieces"), top=Max("good__price"), mean=Avg("pieces"))
    assert sums["total"] == 45 and sums["mean"] == 4.5
    by_month = Buyer.objects.annotate(month=TruncMonth("born")).values("month").annotate(n=Count("id")).order_by("-n")
    assert by_month.count() == 40
    newest = Order.objects.filter(buyer=OuterRef("pk")).order_by("-placed").values("number")[:1]
    assert Buyer.objects.annotate(last=Subquery(newest)).filter(last__isnull=False).count() == 10
    places = Good.objects.annotate(place=Window(RowNumber(), order_by=F("price").desc())).values_list("code", "place")
    assert ("g9", 2) in list(places) or ("g1", 1) in list(places)
    parts = (Lower("name"), Value(" <"), Coalesce("email", Value("?")), Value(">"))
    named = Buyer.objects.annotate(label=Concat(*parts, output_field=models.TextField()))
    assert named.order_by("id").first().label == "buyer 0 <>"
    Good.objects.update(price=F("price") + 1)
    assert Good.objects.get(code="g0").price == decimal.Decimal("1.00")
    assert "Scan" in Buyer.objects.filter(pk=1).explain()


def transactions_hold() -> None:
    """Savepoints, deferred foreign keys, locks, constraint errors."""
    before = Buyer.objects.count()
    with transaction.atomic():
        Buyer.objects.create(name="kept")
        try:
            with transaction.atomic():
                Buyer.objects.create(name="kept")
            raise AssertionError("a name was given twice")
        except IntegrityError as error:
            assert error.__cause__.sqlstate == "23505"
    assert Buyer.objects.count() == before + 1
    try:
        Good.objects.create(code="bad", price=-1)
        raise AssertionError("a negative price was taken")
    except IntegrityError as error:
        assert "price_is_not_negative" in str(error)
    try:
        with transaction.atomic():
            Line.objects.create(order_id=10**6, good_id="g1")
        raise AssertionError("a line without an order was taken")
    except IntegrityError as error:
        assert error.__cause__.sqlstate == "23503"
    with transaction.atomic():
        assert Buyer.objects.select_for_update(skip_locked=True).filter(name="kept").first().name == "kept"
    for chunk in Buyer.objects.order_by("id").iterator(chunk_size=7):
        last = chunk
    assert last.name == "kept"
    assert Buyer.objects.get(name="buyer 0").delete()[0] == 3


def tables_are_inspected() -> None:
    """inspectdb, the introspection under it, and changes of the schema."""
    text = said("inspectdb", "shop_buyer", "shop_order", "shop_line", "shop_good")
    for line in (
        "name = models.CharField(unique=True, max_length=60)",
        "seen = models.DateTimeField()",
        "notes = models.JSONField()",
        "token = models.UUIDField()",
        "price = models.DecimalField(max_digits=10, decimal_places=2)",
        "code = models.CharField(primary_key=True, max_length=50)",
        "picture = models.BinaryField(blank=True, null=True)",
        "buyer = models.ForeignKey(ShopBuyer, models.DO_NOTHING)",
        "unique_together = (('buyer', 'number'),)",
    ):
        assert line in text, line + " is not in " + text
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "shop_order")
    assert found["order_placed"]["columns"] == ["placed", "buyer_id"], found
    assert found["order_placed"]["orders"] == ["DESC", "ASC"], found
    good = next(one for one in found.values() if one["foreign_key"])
    assert good["foreign_key"] == ("shop_buyer", "id")
    with connection.schema_editor() as editor:
        field = models.CharField(max_length=5, default="?", db_index=True)
        field.set_attributes_from_name("extra")
        editor.add_field(Good, field)
        wide = models.TextField(default="?")
        wide.set_attributes_from_name("extra")
        editor.alter_field(Good, field, wide)
        editor.remove_field(Good, wide)
        editor.alter_db_table(Good, "shop_good", "shop_goods")
        editor.alter_db_table(Good, "shop_goods", "shop_good")


@isolate_apps("shop")
def extensions_are_used() -> None:
    """django.contrib.postgres: operations that make extensions, fields, lookups, indexes and constraints over them."""

    class Room(models.Model):
        name = models.TextField()
        facts = HStoreField(default=dict)
        floor = models.IntegerField()
        taken = DateTimeRangeField()

        class Meta:
            app_label = "shop"
            indexes = (
                GinIndex(fields=["name"], opclasses=["gin_trgm_ops"], name="room_name"),
                GinIndex(fields=["facts"], name="room_facts"),
            )
            constraints = (
                ExclusionConstraint(
                    name="one_at_a_time",
                    expressions=[("floor", RangeOperators.EQUAL), ("taken", RangeOperators.OVERLAPS)],
                ),
            )

    with connection.schema_editor() as editor:
        for operation in (
            BtreeGinExtension, BtreeGistExtension, CITextExtension, CryptoExtension, HStoreExtension, TrigramExtension,
            UnaccentExtension,
        ):  # fmt: skip
            operation().database_forwards("shop", editor, None, None)
        editor.create_model(Room)
    day = datetime.datetime(2024, 5, 6, tzinfo=datetime.UTC)
    span = (day, day + datetime.timedelta(hours=2))
    Room.objects.create(name="Grüner Salon", facts={"seats": "12", "view": None}, floor=1, taken=span)
    Room.objects.create(name="Kitchen", facts={"seats": "4"}, floor=2, taken=span)
    assert Room.objects.get(name="Kitchen").facts == {"seats": "4"}
    assert Room.objects.get(facts__seats="12").name == "Grüner Salon"
    assert Room.objects.filter(facts__has_key="view").count() == 1
    assert Room.objects.filter(facts__contains={"seats": "4"}).get().floor == 2
    assert Room.objects.get(name__unaccent="Gruner Salon").floor == 1
    assert Room.objects.get(name__trigram_similar="kitschen").floor == 2
    nearest = Room.objects.annotate(alike=TrigramSimilarity("name", "saloon")).order_by("-alike").first()
    assert nearest is not None and nearest.floor == 1
    try:
        with transaction.atomic():
            Room.objects.create(name="again", floor=2, taken=span)
    except IntegrityError as error:
        assert "one_at_a_time" in str(error)
    else:
        raise AssertionError("two bookings of one room")
    with connection.cursor() as cursor:
        assert connection.introspection.get_constraints(cursor, Room._meta.db_table)["room_name"]["type"] == "gin"
    with connection.schema_editor() as editor:
        editor.delete_model(Room)


def data_moves() -> None:
    """dumpdata, flush, sqlsequencereset, loaddata into what was flushed."""
    text = said("dumpdata", "shop", indent=1)
    wanted = Buyer.objects.count(), Line.objects.count()
    said("flush", interactive=False)
    assert not Buyer.objects.exists()
    Path("data.json").write_text(text, encoding="utf-8")
    assert "Installed" in said("loaddata", "data.json")
    assert (Buyer.objects.count(), Line.objects.count()) == wanted
    assert Buyer.objects.create(name="next").pk > Buyer.objects.order_by("-pk")[1].pk
    assert "System check identified no issues" in said("check", database=["default"])


def back_again() -> None:
    """Migrations are taken back."""
    assert "Unapplying shop.0001_initial" in said("migrate", "shop", "zero")
    assert not [name for name in connection.introspection.table_names() if name.startswith("shop_")]


CHECKS = (
    migrate, login_page, rows_are_made, rows_are_found, rows_are_summed, transactions_hold, tables_are_inspected,
    extensions_are_used, data_moves, back_again,
)  # fmt: skip

if __name__ == "__main__":
    for check in CHECKS:
        try:
            check()
        except Exception:
            print(f"failed {check.__name__}: " + traceback.format_exc().replace("\n", "\\n"))
        else:
            print(f"ok {check.__name__}")
    sys.exit(0)
