"""LayeredMap: a dictionary whose copies share what has not changed, so that a change costs what it touches.

A map is a large base, shared with the maps it was copied from, and a small layer of what has been put over it. A copy
takes the layer along; when that has grown past about the square root of the base, the copy gets a base of its own.
Invariants: a base never changes once it is shared; the layer hides what the base has under the same key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, KeysView, Mapping, ValuesView
from math import isqrt
from typing import Any, Final, TypeVar, overload

Key = TypeVar("Key")
Value = TypeVar("Value")
Other = TypeVar("Other")

LAYER_MIN: Final = 64
"""A layer up to this size is always taken along."""

_ABSENT: Final[Any] = object()


class LayeredMap(Mapping[Key, Value]):
    """A mapping with cheap copies. Whoever made a copy may change it; once others see it, it is read only."""

    __slots__ = ("_base", "_layer", "_merged")

    def __init__(self) -> None:
        self._base: dict[Key, Value] = {}
        self._layer: dict[Key, Value] = {}  # _ABSENT: the base's entry is gone
        self._merged: dict[Key, Value] | None = None  # both together, made when all entries are asked for

    def copy(self) -> LayeredMap[Key, Value]:
        """A map with the same entries, to be changed."""
        made: LayeredMap[Key, Value] = LayeredMap()
        if len(self._layer) > max(LAYER_MIN, 2 * isqrt(len(self._base))):
            made._base = self._all()
        else:
            made._base, made._layer = self._base, self._layer.copy()
        return made

    def _all(self) -> dict[Key, Value]:
        if not self._layer:
            return self._base
        if self._merged is None:
            merged = self._base | self._layer
            for key, value in self._layer.items():
                if value is _ABSENT:
                    del merged[key]
            self._merged = merged
        return self._merged

    def __getitem__(self, key: Key) -> Value:
        found = self._layer.get(key)
        if found is None:
            return self._base[key]
        if found is _ABSENT:
            raise KeyError(key)
        return found

    @overload
    def get(self, key: Key, /) -> Value | None: ...
    @overload
    def get(self, key: Key, /, default: Value | Other) -> Value | Other: ...
    def get(self, key: Key, /, default: Any = None) -> Any:
        found = self._layer.get(key)
        if found is None:
            return self._base.get(key, default)
        return default if found is _ABSENT else found

    def __contains__(self, key: object) -> bool:
        if key in self._layer:
            return self._layer[key] is not _ABSENT
        return key in self._base

    def __len__(self) -> int:
        return len(self._all())

    def __bool__(self) -> bool:
        return bool(self._all()) if self._layer else bool(self._base)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._all())

    def keys(self) -> KeysView[Key]:
        return self._all().keys()

    def values(self) -> ValuesView[Value]:
        return self._all().values()

    def items(self) -> Any:
        return self._all().items()

    # Changing a copy

    def __setitem__(self, key: Key, value: Value) -> None:
        self._layer[key] = value
        self._merged = None

    def __delitem__(self, key: Key) -> None:
        self.pop(key)

    def pop(self, key: Key) -> Value:
        """Takes an entry out and returns its value. Raises KeyError for one that is not there."""
        value = self[key]
        if key in self._base:
            self._layer[key] = _ABSENT
        else:
            del self._layer[key]
        self._merged = None
        return value

    def keys_unlike(self, before: Mapping[Key, Value]) -> Iterable[Key]:
        """The keys whose values may differ from those of another map; all keys of both where they share nothing."""
        if isinstance(before, LayeredMap) and before._base is self._base:
            return list(self._layer | before._layer)
        return [*self, *(key for key in before if key not in self)]
