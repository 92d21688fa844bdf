"""information_schema: the SQL standard's views of the catalog, computed directly.

Every role sees every object; privileges do not hide rows. Which relations have rows: information/views.py.
"""
