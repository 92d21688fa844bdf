"""The app; it says where it is, since its folder is no package."""

from pathlib import Path

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """Buyers, goods and orders."""

    name = "shop"
    path = str(Path(__file__).parent)
