"""Body: what a built-in function does, apart from what PostgreSQL's catalog says about it.

A family of functions (one module of `bodies/`) fills one `Bodies` table. Entries are found by symbol: the name of
PostgreSQL's internal function (pg_proc.prosrc), which several names and signatures may share; functions that
PostgreSQL writes in SQL have none and go by `name(argument oids)`, e.g. "log(1700)"; aggregates do too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from datacave_sql.functions.typelookup import Attribute, TypeLookup

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class CallTypes:
    """The resolved types of one call: what polymorphic bodies are specialised for.

    `columns` is the column definition list of a call in FROM that returns records. `variadic` says that the last
    argument is an array marked VARIADIC, for functions with VARIADIC "any".
    """

    arguments: tuple[int, ...]
    result: int
    types: TypeLookup
    variadic: bool = False
    columns: tuple[Attribute, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """One body. Exactly one of `call` and `specialise` is set.

    `call(*args)` computes the value (an iterator of values for set-returning functions; composite rows as tuples).
    `inline` is a Python expression over `{0}`, `{1}`, ... (atoms) for the code generator, equal in meaning to `call`;
    it comes without outer parentheses and may assign the scratch name `_v`.
    `waits`: the call (which takes the context) returns Steps; plans with such calls run suspendably. So do those of
    bodies that run statements (`queries`).
    `specialise(types)` gives the body for one call's types; used where the meaning depends on the types.
    """

    call: Callable[..., Any] | None = None
    inline: str | None = None
    takes_context: bool = False
    specialise: Callable[[CallTypes], Body] | None = None
    waits: bool = False
    queries: bool = False


class Bodies:
    """The bodies of one family, and the names its inline templates use."""

    def __init__(self) -> None:
        self.entries: dict[str, Body] = {}
        self.inline_names: dict[str, Any] = {}

    def add(self, symbols: str, call: Callable[..., Any], inline: str | None = None) -> None:
        """One body for each of the blank-separated symbols."""
        self._put(symbols.split(), Body(call, inline))

    def inline(self, **names: Any) -> None:
        """Publishes names for inline templates."""
        self.inline_names.update(names)

    def __call__(self, *symbols: str, inline: str | None = None) -> Callable[[F], F]:
        """Decorates a plain body."""

        def keep(function: F) -> F:
            self._put(symbols, Body(function, inline))
            return function

        return keep

    def with_context(self, *symbols: str) -> Callable[[F], F]:
        """Decorates a body whose first argument is the EvaluationContext."""

        def keep(function: F) -> F:
            self._put(symbols, Body(function, takes_context=True))
            return function

        return keep

    def add_with_context(self, symbols: str, call: Callable[..., Any]) -> None:
        """A body that takes the context, for each of the blank-separated symbols."""
        self._put(symbols.split(), Body(call, takes_context=True))

    def waiting(self, *symbols: str) -> Callable[[F], F]:
        """Decorates a body that takes the context and returns Steps."""

        def keep(function: F) -> F:
            self._put(symbols, Body(function, takes_context=True, waits=True))
            return function

        return keep

    def querying(self, *symbols: str) -> Callable[[F], F]:
        """Decorates a body that takes the context and runs statements through it."""

        def keep(function: F) -> F:
            self._put(symbols, Body(function, takes_context=True, queries=True))
            return function

        return keep

    def for_types(self, *symbols: str) -> Callable[[F], F]:
        """Decorates a function from CallTypes to the Body for these types."""

        def keep(function: F) -> F:
            self._put(symbols, Body(specialise=function))
            return function

        return keep

    def _put(self, symbols: list[str] | tuple[str, ...], body: Body) -> None:
        for symbol in symbols:
            if symbol in self.entries:
                raise AssertionError(f"{symbol} has two bodies")
            self.entries[symbol] = body
