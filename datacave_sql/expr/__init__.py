"""Expressions: bound nodes, and the Python source that is generated for them."""
