"""CREATE EXTENSION: types, functions, operators, casts and aggregates of an extension, which belong to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from datacave_core import sqlstate
from datacave_core.catalog import (
    AggregateParts,
    CastDefinition,
    Comment,
    Extension,
    OperatorClass,
    OperatorDefinition,
    OperatorFamily,
    Routine,
    RoutineArgument,
    TypeDefinition,
    allows_on,
)
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_core.wait import Wait
from datacave_sql.functions import extensions as facts
from datacave_sql.parse import ast
from datacave_sql.pgcatalog.named_objects import ACCESS_METHODS
from datacave_sql.session.replies import Complete, Reply
from datacave_sql.session.utility.numbering import Numbers
from datacave_sql.session.warnings import tell

Steps = Iterator[Reply | Wait]

_EXTENSION_CLASS: Final = 3079
"""The oid of pg_extension."""


def create_extension(session: Any, statement: ast.CreateExtension) -> Steps:
    """CREATE EXTENSION. Raises 0A000 for those that Datacave has not, 42710, 42501."""
    yield from ()
    name = statement.name
    catalog = session.catalog_snapshot
    if name in catalog.extension_names or name in facts.BUILT_IN:
        if not statement.if_not_exists:
            raise DatacaveError(f'extension "{name}" already exists', sqlstate=sqlstate.DUPLICATE_OBJECT)
        tell(session, "NOTICE", f'extension "{name}" already exists, skipping', sqlstate.DUPLICATE_OBJECT)
        yield Complete("CREATE EXTENSION")
        return
    version = facts.VERSIONS.get(name)
    if version is None:
        raise FeatureNotSupported(
            f'extension "{name}" is not available', hint=f"Available are {', '.join(sorted(facts.VERSIONS))}."
        )
    role = session.evaluation.current_role
    database = catalog.databases.get(session.evaluation.database_oid)
    if database is not None and not allows_on(catalog, role.oid, "database", database, "C"):
        raise DatacaveError(
            f'permission denied to create extension "{name}"',
            sqlstate=sqlstate.INSUFFICIENT_PRIVILEGE,
            hint="Must have CREATE privilege on current database to create this extension.",
        )
    numbers = Numbers(catalog)
    extension = Extension(numbers.take(), name, _schema(session, statement, version), version, role.oid)
    made = _Maker(numbers, extension).made()
    session.set_catalog(numbers.catalog.with_objects(made))
    yield Complete("CREATE EXTENSION")


class _Maker:
    """Turns what is known of an extension into objects; later ones refer to earlier ones by name."""

    def __init__(self, numbers: Numbers, extension: Extension) -> None:
        self._numbers = numbers
        self._extension = extension
        self._types: dict[str, int] = {}
        self._routines: dict[tuple[str, tuple[int, ...]], int] = {}

    def made(self) -> list[Any]:
        """The extension and all that it brings."""
        name = self._extension.name
        comment = Comment(_EXTENSION_CLASS, self._extension.oid, 0, facts.COMMENTS[name])
        found: list[Any] = [self._extension, comment]
        found += [self._type(one) for one in facts.types_of(name)]
        found += [self._function(one) for one in facts.functions_of(name)]
        operators = [self._operator(one) for one in facts.operators_of(name)]
        found += [_related(one, kin, operators) for one, kin in zip(operators, facts.operators_of(name), strict=True)]
        found += [self._aggregate(one, operators) for one in facts.aggregates_of(name)]
        found += [self._cast(one) for one in facts.casts_of(name)]
        found += [part for one in facts.classes_of(name) for part in self._class(one)]
        return found

    def _oid(self, word: str) -> int:
        """The type of a name, one of the extension's own or a built-in one; none for ""."""
        if not word:
            return 0
        own = self._types.get(word)
        if own is not None:
            return own
        found = facts.built_in_type(word)
        assert found is not None, word
        return found.oid

    def _type(self, one: facts.ExtensionType) -> TypeDefinition:
        owner = self._extension
        definition = TypeDefinition(
            0, 0, owner.schema_oid, one.name, "b", reads=one.reads, extension_oid=owner.oid, array_name=f"_{one.name}"
        )
        made = self._numbers.type(definition, owner.owner_oid)
        self._types |= {one.name: made.oid, f"{one.name}[]": made.array_oid}
        return made

    def _function(self, one: facts.ExtensionFunction) -> Routine:
        arguments = tuple(RoutineArgument(part.name, self._oid(part.type), part.mode) for part in one.arguments)
        return self._routine(
            Routine(
                0,
                self._extension.schema_oid,
                one.name,
                arguments=arguments,
                return_type_oid=self._oid(one.result),
                returns_set=one.returns_set,
                language=one.language,
                body=one.symbol,
                volatility=one.volatility,
                strict=one.strict,
                parallel=one.parallel,
                cost=1.0 if one.language == "c" else 100.0,
                rows=1000.0 if one.returns_set else 0.0,
                extension_oid=self._extension.oid,
            )
        )

    def _routine(self, routine: Routine) -> Routine:
        made = self._numbers.routine(routine, self._extension.owner_oid)
        self._routines[made.name, made.input_types] = made.oid
        return made

    def _operator(self, one: facts.ExtensionOperator) -> OperatorDefinition:
        left, right = self._oid(one.left), self._oid(one.right)
        function = self._routines[one.function, (left, right) if left else (right,)]
        owner = self._extension
        return OperatorDefinition(
            self._numbers.take(), owner.schema_oid, one.name, left, right, self._oid(one.result), function,
            restrict=one.restrict, join=one.join, hashes=one.hashes, merges=one.merges, owner_oid=owner.owner_oid,
            extension_oid=owner.oid,
        )  # fmt: skip

    def _aggregate(self, one: facts.ExtensionAggregate, operators: list[OperatorDefinition]) -> Routine:
        own = self._oid(one.type)
        transition = self._routines[one.transition, (own, own)]
        sort = _operator_oid(operators, one.sort_operator, own, own)
        parts = AggregateParts(transition, own, combine_oid=transition, sort_operator_oid=sort)
        return self._routine(
            Routine(
                0, self._extension.schema_oid, one.name, "a", (RoutineArgument("", own),), own, language="internal",
                body="aggregate_dummy", volatility="i", parallel="s", cost=1.0, parts=(parts,),
                extension_oid=self._extension.oid,
            )
        )  # fmt: skip

    def _cast(self, one: facts.ExtensionCast) -> CastDefinition:
        source, target = self._oid(one.source), self._oid(one.target)
        function = self._routines[one.function, (source,)] if one.function else 0
        return CastDefinition(
            self._numbers.take(), source, target, function, one.context, one.method, self._extension.oid
        )

    def _class(self, one: facts.ExtensionClass) -> tuple[OperatorFamily, OperatorClass]:
        """A class and the family of its own."""
        owner, method = self._extension, ACCESS_METHODS[one.method]
        family = OperatorFamily(
            self._numbers.take(), owner.schema_oid, one.name, method, owner_oid=owner.owner_oid, extension_oid=owner.oid
        )
        kept = OperatorClass(
            self._numbers.take(), owner.schema_oid, one.name, method, family.oid, self._oid(one.input), one.default,
            owner_oid=owner.owner_oid, extension_oid=owner.oid,
        )  # fmt: skip
        return family, kept


def _related(
    one: OperatorDefinition, kin: facts.ExtensionOperator, operators: list[OperatorDefinition]
) -> OperatorDefinition:
    """The operator with its commutator and negator."""
    return replace(
        one,
        commutator_oid=_operator_oid(operators, kin.commutator, one.right_oid, one.left_oid),
        negator_oid=_operator_oid(operators, kin.negator, one.left_oid, one.right_oid),
    )


def _operator_oid(operators: list[OperatorDefinition], name: str, left: int, right: int) -> int:
    if not name:
        return 0
    return next(one.oid for one in operators if (one.name, one.left_oid, one.right_oid) == (name, left, right))


def _schema(session: Any, statement: ast.CreateExtension, version: str) -> int:
    catalog = session.catalog_snapshot
    wanted = None
    for option in statement.options:
        if option.name == "schema":
            wanted = str(option.value)
        elif option.name == "version" and option.value != version:
            raise DatacaveError(
                f'extension "{statement.name}" has no installation script nor update path for version "{option.value}"',
                sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
            )
    if wanted is None:
        path = session.search_path
        if not path:
            raise DatacaveError("no schema has been selected to create in", sqlstate=sqlstate.UNDEFINED_OBJECT)
        wanted = path[0]
    schema = catalog.schema_named(wanted)
    if schema is None:
        raise DatacaveError(f'schema "{wanted}" does not exist', sqlstate=sqlstate.UNDEFINED_SCHEMA)
    oid: int = schema.oid
    return oid
