"""Models with the field types, constraints and indexes of ordinary applications."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Buyer(models.Model):
    """Somebody who buys."""

    name = models.CharField(max_length=60, unique=True)
    email = models.EmailField(blank=True, db_index=True)
    born = models.DateField(null=True)
    seen = models.DateTimeField(auto_now=True)
    tags = ArrayField(models.CharField(max_length=10), default=list)
    notes = models.JSONField(default=dict)
    token = models.UUIDField(default=uuid.uuid4, editable=False)

    def __str__(self) -> str:
        return self.name


class Good(models.Model):
    """Something to buy."""

    code = models.SlugField(primary_key=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    weight = models.FloatField(null=True)
    picture = models.BinaryField(null=True)
    keeps = models.DurationField(null=True)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(price__gte=0), name="price_is_not_negative"),)


class Order(models.Model):
    """What a buyer bought."""

    buyer = models.ForeignKey(Buyer, on_delete=models.CASCADE, related_name="orders")
    goods = models.ManyToManyField(Good, through="Line")
    placed = models.DateTimeField(auto_now_add=True)
    number = models.PositiveIntegerField()

    class Meta:
        ordering = ("number",)
        unique_together = (("buyer", "number"),)
        indexes = (models.Index(fields=["-placed", "buyer"], name="order_placed"),)


class Line(models.Model):
    """A line of an order."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE)
    good = models.ForeignKey(Good, on_delete=models.PROTECT)
    pieces = models.SmallIntegerField(default=1)
