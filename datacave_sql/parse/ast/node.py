"""Node: the root of the syntax tree.

Every node is a frozen, slotted dataclass whose first field is `position`: the 1-based character offset of the token
that an error about the node points at, as PostgreSQL counts it. Positions take no part in equality or hashing, so two
expressions that read the same are equal. Sequences are tuples; names are already folded to lower case and truncated
to 63 bytes; a qualified name is a tuple of its parts.

Not here: meaning. Nothing below `parse/` knows a table, a type or a function.
"""

from __future__ import annotations

from dataclasses import dataclass, field

QualifiedName = tuple[str, ...]
"""Parts of a name as written, outermost first: ("public", "t")."""


@dataclass(frozen=True, slots=True)
class Node:
    """Any part of a parsed statement."""

    position: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Expression(Node):
    """Anything that can stand where PostgreSQL's grammar has a_expr, b_expr or DEFAULT."""


@dataclass(frozen=True, slots=True)
class Statement(Node):
    """A complete statement, or a part that can stand alone as one."""
