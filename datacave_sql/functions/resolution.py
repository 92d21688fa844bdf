"""Resolution: which function or operator a call means, by PostgreSQL's rules (chapters 10.2 and 10.3).

Pure functions over names and type oids. The candidates are the built-in functions plus those the caller adds.
Steps: an exact match wins; else candidates whose arguments coerce implicitly are thinned out by exact matches, by
preferred types, by type categories for literals of type unknown, and last by assuming that unknown literals have the
type all the others have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types import oids, type_by_name
from datacave_sql.functions import registry
from datacave_sql.functions.coercion import EXPLICIT, IMPLICIT, find_coercion
from datacave_sql.functions.polymorphism import POLYMORPHIC, is_consistent, resolve_polymorphic
from datacave_sql.functions.registry import Function, OperatorFact
from datacave_sql.functions.typelookup import TypeLookup


@dataclass(frozen=True, slots=True)
class ResolvedFunction:
    """What a call means.

    `argument_types` are the types the arguments must be coerced to, polymorphism resolved, one for each declared
    argument of the function as it is called. `sources[i]` says where argument i comes from: the index of a given
    argument, or None for the declared default. With `collected` > 0 the last `collected` arguments go into one array,
    the VARIADIC argument, whose element type they are coerced to (never for VARIADIC "any").
    `spread` says that the last argument of a VARIADIC "any" function is an array marked VARIADIC.
    """

    function: Function
    argument_types: tuple[int, ...]
    result_type: int
    sources: tuple[int | None, ...]
    collected: int = 0
    spread: bool = False


@dataclass(frozen=True, slots=True)
class ResolvedCast:
    """A call like text(5) or float8('1') that is a cast in function notation."""

    target: int


@dataclass(frozen=True, slots=True)
class ResolvedOperator:
    """What an operator means here: its function and the types its operands must be coerced to."""

    operator: OperatorFact
    function: Function
    argument_types: tuple[int, ...]
    result_type: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    types: tuple[int, ...]  # one for each given argument, in given order
    target: Function | OperatorFact
    sources: tuple[int | None, ...] = ()
    collected: int = 0
    declared: tuple[int, ...] = field(default=())
    ambiguous: bool = False

    @property
    def rank(self) -> int:
        """0 for a function that takes the arguments as they are given."""
        return 2 if self.collected else 1 if None in self.sources else 0


def resolve_function(
    name: str,
    arguments: Sequence[int],
    types: TypeLookup,
    *,
    names: Sequence[str] = (),
    variadic: bool = False,
    extra: Sequence[Function] = (),
    builtin: bool = True,
) -> ResolvedFunction | ResolvedCast:
    """The function that `name(arguments)` means.

    `names` are the names of the last arguments when given as `name => value`; `variadic` says that the last argument
    is marked VARIADIC; `extra` are user-defined functions of that name, which built-in ones of the same argument types
    hide; without `builtin` they are all there is. Raises 42883 when nothing matches, 42725 when
    several do equally well, 42804 for inconsistent polymorphic arguments.
    """
    candidates = []
    known = registry.functions_named(name) if builtin else ()
    if extra:
        hidden = {function.argument_types for function in known}
        known = (*known, *(function for function in extra if function.argument_types not in hidden))
    for function in known:
        candidate = _arrange(function, arguments, names, variadic)
        if candidate is not None:
            candidates.append(candidate)
    if len(candidates) > 1:
        candidates = _without_hidden(candidates)
    given = tuple(arguments)
    chosen = next((candidate for candidate in candidates if candidate.types == given), None)
    if chosen is None and len(given) == 1 and not names and not variadic and builtin:
        target = type_by_name(name)
        if target is not None and is_cast_call(given[0], target.oid, types):
            return ResolvedCast(target.oid)
    if chosen is None:
        matching = _matching(given, candidates, types)
        if not matching:
            raise _undefined(name, arguments, types, names)
        chosen = _select(given, matching, types)
    if chosen is None or chosen.ambiguous:
        raise DatacaveError(
            f"function {signature(name, arguments, types, names)} is not unique",
            sqlstate=sqlstate.AMBIGUOUS_FUNCTION,
            hint="Could not choose a best candidate function. You might need to add explicit type casts.",
        )
    called = chosen.target
    assert isinstance(called, Function)
    found = _resolved(called, chosen, given, types)
    return replace(found, spread=True) if variadic and called.variadic == oids.ANY else found


def _without_hidden(candidates: list[_Candidate]) -> list[_Candidate]:
    """One candidate for each list of effective arguments: one that takes them as they are before one that collects
    them for VARIADIC or adds defaults. Several that add defaults are as good as each other."""
    best: dict[tuple[int, ...], _Candidate] = {}
    for candidate in candidates:
        known = best.get(candidate.types)
        if known is None or candidate.rank < known.rank:
            best[candidate.types] = candidate
        elif candidate.rank == known.rank and candidate.rank:
            best[candidate.types] = replace(known, ambiguous=True)
    return list(best.values())


def _resolved(function: Function, chosen: _Candidate, given: tuple[int, ...], types: TypeLookup) -> ResolvedFunction:
    """Polymorphic types of the chosen candidate replaced by real ones."""
    first_default = len(function.argument_types) - function.default_count
    actual = tuple(
        _default_type(function, place - first_default, declared) if source is None else given[source]
        for place, (source, declared) in enumerate(zip(chosen.sources, chosen.declared, strict=True))
    )
    resolved, result = resolve_polymorphic(actual, chosen.declared, function.return_type, types)
    return ResolvedFunction(function, resolved, result, chosen.sources, chosen.collected)


def _default_type(function: Function, place: int, declared: int) -> int:
    if declared not in POLYMORPHIC:
        return declared
    return function.default_types[place] if function.default_types else oids.UNKNOWN


def _arrange(function: Function, arguments: Sequence[int], names: Sequence[str], variadic: bool) -> _Candidate | None:
    """The function as a candidate for this number of arguments and these names, or None."""
    declared, given = function.argument_types, len(arguments)
    count = len(declared)
    if names:
        return _arrange_named(function, given, names)
    if variadic and not function.variadic:
        return None
    if function.variadic and not variadic and given >= count:
        element = function.variadic
        spread = declared[:-1] + (element,) * (given - count + 1)
        collected = 0 if element == oids.ANY else given - count + 1
        return _Candidate(spread, function, tuple(range(given)), collected, spread)
    if given > count or given + function.default_count < count:
        return None
    sources = tuple(i if i < given else None for i in range(count))
    return _Candidate(declared[:given], function, sources, 0, declared)


def _arrange_named(function: Function, given: int, names: Sequence[str]) -> _Candidate | None:
    declared = function.argument_types
    count = len(declared)
    positional = given - len(names)
    if given > count or given + function.default_count < count:
        return None
    sources: list[int | None] = [i if i < positional else None for i in range(count)]
    for offset, name in enumerate(names):
        if name not in function.argument_names:
            return None
        place = function.argument_names.index(name)
        if sources[place] is not None:
            return None
        sources[place] = positional + offset
    first_default = count - function.default_count
    if any(source is None and place < first_default for place, source in enumerate(sources)):
        return None
    in_given_order = sorted((source, declared[place]) for place, source in enumerate(sources) if source is not None)
    return _Candidate(tuple(oid for _, oid in in_given_order), function, tuple(sources), 0, declared)


def is_cast_call(source: int, target: int, types: TypeLookup) -> bool:
    if source == oids.UNKNOWN:
        return True
    found = find_coercion(source, target, EXPLICIT, types)
    if found is None or found.domain:
        return False
    if found.kind == "none":
        return True
    return found.kind == "io" and not (types.kind(source) == "c" or source == oids.RECORD)


def resolve_operator(
    name: str,
    left: int,
    right: int,
    types: TypeLookup,
    *,
    extra: Sequence[OperatorFact] = (),
    builtin: bool = True,
    brought: bool = True,
) -> ResolvedOperator:
    """The operator that `left name right` means; `left` is 0 for a prefix operator.

    With `brought` also those of types of extensions, whether the search path has them or not: what a type is compared
    and sorted with. Raises 42883 when nothing matches, 42725 when several do equally well.
    """
    known = registry.operators_named(name) if builtin else ()
    if brought and types.custom:
        known = (*known, *types.operators(name))
    operators = [op for op in (*known, *extra) if (op.left == 0) == (left == 0)]
    chosen = _exact_operator(operators, left, right, types)
    if chosen is None:
        given = (left, right) if left else (right,)
        candidates = [_Candidate((op.left, op.right) if left else (op.right,), op) for op in operators]
        matching = _matching(given, candidates, types)
        selected = _select(given, matching, types) if matching else None
        if selected is None:
            raise _operator_error(name, left, right, types, ambiguous=bool(matching))
        assert isinstance(selected.target, OperatorFact)
        chosen = selected.target
    declared = (chosen.left, chosen.right) if left else (chosen.right,)
    actual = (left, right) if left else (right,)
    arguments, result = resolve_polymorphic(actual, declared, chosen.result, types)
    function = chosen.target if chosen.target is not None else registry.function(chosen.function)
    return ResolvedOperator(chosen, function, arguments, result)


def _exact_operator(operators: Sequence[OperatorFact], left: int, right: int, types: TypeLookup) -> OperatorFact | None:
    """An operator on exactly these types, where one unknown operand takes the type of the other."""

    def lookup(a: int, b: int) -> OperatorFact | None:
        return next((op for op in operators if op.left == a and op.right == b), None)

    if not left:
        return lookup(0, right)
    if (left == oids.UNKNOWN) != (right == oids.UNKNOWN):
        known = right if left == oids.UNKNOWN else left
        found = lookup(known, known)
        if found is None and (base := types.base(known)) != known:
            found = lookup(base, base)
        if found is not None:
            return found
    return lookup(left, right)


def _matching(given: tuple[int, ...], candidates: Sequence[_Candidate], types: TypeLookup) -> list[_Candidate]:
    return [candidate for candidate in candidates if can_coerce(given, candidate.types, types)]


def can_coerce(given: Sequence[int], declared: Sequence[int], types: TypeLookup) -> bool:
    """Whether all arguments can be coerced implicitly to the declared types, polymorphic ones included."""
    generic = False
    for source, target in zip(given, declared, strict=True):
        if source == target or target == oids.ANY:
            continue
        if target in POLYMORPHIC:
            generic = True
        elif source != oids.UNKNOWN and find_coercion(source, target, IMPLICIT, types) is None:
            return False
    return not generic or is_consistent(given, declared, types)


def _best(candidates: list[_Candidate], scores: list[int]) -> list[_Candidate]:
    top = max(scores)
    return [candidate for candidate, score in zip(candidates, scores, strict=True) if score == top]


def _select(given: tuple[int, ...], candidates: list[_Candidate], types: TypeLookup) -> _Candidate | None:
    """The single best candidate, or None when it cannot be told."""
    if len(candidates) == 1:
        return candidates[0]
    inputs = [oid if oid == oids.UNKNOWN else types.base(oid) for oid in given]
    known = [i for i, oid in enumerate(inputs) if oid != oids.UNKNOWN]
    candidates = _best(candidates, [sum(c.types[i] == inputs[i] for i in known) for c in candidates])
    if len(candidates) == 1:
        return candidates[0]
    categories = {i: types.category(inputs[i]) for i in known}

    def suits(candidate: _Candidate, i: int) -> bool:
        oid = candidate.types[i]
        return oid == inputs[i] or (types.preferred(oid) and types.category(oid) == categories[i])

    candidates = _best(candidates, [sum(suits(c, i) for i in known) for c in candidates])
    if len(candidates) == 1:
        return candidates[0]
    if len(known) == len(inputs):
        return None
    unknown = [i for i, oid in enumerate(inputs) if oid == oids.UNKNOWN]
    candidates = _by_category(candidates, unknown, types)
    if len(candidates) == 1:
        return candidates[0]
    known_types = {inputs[i] for i in known}
    if len(known_types) == 1:
        same = tuple(known_types) * len(inputs)
        fitting = [candidate for candidate in candidates if can_coerce(same, candidate.types, types)]
        if len(fitting) == 1:
            return fitting[0]
    return None


def _by_category(candidates: list[_Candidate], unknown: Sequence[int], types: TypeLookup) -> list[_Candidate]:
    """Candidates that agree with the category each unknown argument is taken to have; all if that cannot be told."""
    wanted: dict[int, tuple[str, bool]] = {}
    for i in unknown:
        slot = [(types.category(c.types[i]), types.preferred(c.types[i])) for c in candidates]
        if any(category == "S" for category, _ in slot):
            category = "S"
        elif all(category == slot[0][0] for category, _ in slot):
            category = slot[0][0]
        else:
            return candidates
        wanted[i] = category, any(preferred for other, preferred in slot if other == category)

    def fits(candidate: _Candidate) -> bool:
        for i, (category, needs_preferred) in wanted.items():
            oid = candidate.types[i]
            if types.category(oid) != category or (needs_preferred and not types.preferred(oid)):
                return False
        return True

    return [candidate for candidate in candidates if fits(candidate)] or candidates


def signature(name: str, arguments: Sequence[int], types: TypeLookup, names: Sequence[str] = ()) -> str:
    """How error messages write a call: `name(integer, b => text)`."""
    positional = len(arguments) - len(names)
    words = [types.name(oid) for oid in arguments]
    for i, label in enumerate(names):
        words[positional + i] = f"{label} => {words[positional + i]}"
    return f"{name}({', '.join(words)})"


def _undefined(name: str, arguments: Sequence[int], types: TypeLookup, names: Sequence[str]) -> DatacaveError:
    return DatacaveError(
        f"function {signature(name, arguments, types, names)} does not exist",
        sqlstate=sqlstate.UNDEFINED_FUNCTION,
        hint="No function matches the given name and argument types. You might need to add explicit type casts.",
    )


def _operator_error(name: str, left: int, right: int, types: TypeLookup, *, ambiguous: bool) -> DatacaveError:
    written = f"{types.name(left)} {name} {types.name(right)}" if left else f"{name} {types.name(right)}"
    if ambiguous:
        return DatacaveError(
            f"operator is not unique: {written}",
            sqlstate=sqlstate.AMBIGUOUS_FUNCTION,
            hint="Could not choose a best candidate operator. You might need to add explicit type casts.",
        )
    hint = "No operator matches the given name and argument type. You might need to add an explicit type cast."
    if left:
        hint = "No operator matches the given name and argument types. You might need to add explicit type casts."
    return DatacaveError(f"operator does not exist: {written}", sqlstate=sqlstate.UNDEFINED_FUNCTION, hint=hint)
