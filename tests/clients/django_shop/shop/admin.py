"""The buyers on the admin pages."""

from django.contrib import admin

from .models import Buyer


@admin.register(Buyer)
class BuyerAdmin(admin.ModelAdmin):
    """A list that can be searched and filtered."""

    list_display = ("name", "email", "born")
    search_fields = ("name",)
    list_filter = ("born",)
    date_hierarchy = "born"
    fields = ("name", "email", "born", "tags", "notes")
