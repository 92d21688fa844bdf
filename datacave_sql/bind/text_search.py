"""CREATE and ALTER of text search dictionaries and configurations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from datacave_core import sqlstate
from datacave_core.catalog import TextSearchConfiguration, TextSearchDictionary, TokenDictionaries
from datacave_core.errors import DatacaveError, FeatureNotSupported
from datacave_sql.bind import relations
from datacave_sql.bind import statements as s
from datacave_sql.bind.bound_named import AlterNamed, CreateNamed
from datacave_sql.bind.named_objects import check_free, named_oid, require_own
from datacave_sql.bind.state import Binding
from datacave_sql.functions.textsearch.built_in import dictionaries_of
from datacave_sql.functions.textsearch.parsing import DEFAULT_PARSER, TOKEN_TYPES
from datacave_sql.functions.textsearch.templates import make_dictionary
from datacave_sql.parse import ast

_NUMBERS = {alias: number for number, alias, _ in TOKEN_TYPES}


def _definition(message: str) -> DatacaveError:
    return DatacaveError(message, sqlstate=sqlstate.INVALID_OBJECT_DEFINITION)


def _names(item: ast.DefinitionItem) -> ast.QualifiedName:
    """A name as the value of an item. Raises 42601."""
    value = item.value
    if isinstance(value, ast.TypeName):
        return value.names
    if isinstance(value, str):
        return (value,)
    raise DatacaveError(f"{item.name} requires a parameter", sqlstate=sqlstate.SYNTAX_ERROR)


def _text(item: ast.DefinitionItem) -> str:
    """The value of an option as text. Raises 42601."""
    value = item.value
    if isinstance(value, ast.TypeName):
        return relations.dotted(value.names)
    if isinstance(value, ast.OperatorName):
        return value.name[-1]
    if value is None:
        raise DatacaveError(f"{item.name} requires a parameter", sqlstate=sqlstate.SYNTAX_ERROR)
    return str(value)


def bind_define(b: Binding, statement: ast.DefineTextSearch, entries: object) -> s.BoundStatement:
    """CREATE TEXT SEARCH. Raises 42710, 42P17, 22023; 0A000 for parsers and templates, which are C functions."""
    if statement.kind == "dictionary":
        return _create_dictionary(b, statement)
    if statement.kind == "configuration":
        return _create_configuration(b, statement)
    raise FeatureNotSupported(
        f"CREATE TEXT SEARCH {statement.kind.upper()} is not supported",
        hint="It needs functions in C. There are the parser default and the templates simple, synonym and snowball.",
    )


def _create_dictionary(b: Binding, statement: ast.DefineTextSearch) -> s.BoundStatement:
    schema = relations.creation_schema(b, statement.name, statement.position)
    template = 0
    options = []
    for item in statement.items:
        if item.name == "template":
            template = named_oid(b, "text search template", _names(item))
        else:
            options.append((item.name, _text(item)))
    if not template:
        raise _definition("text search template is required")
    made = TextSearchDictionary(0, schema.oid, statement.name[-1], template, tuple(options))
    check_free(b, made)
    make_dictionary(template, made.options)
    return CreateNamed((made,), "CREATE TEXT SEARCH DICTIONARY")


def bind_alter_dictionary(b: Binding, statement: ast.AlterDictionary, entries: object) -> s.BoundStatement:
    """ALTER TEXT SEARCH DICTIONARY: options replace those of their names. Raises 22023."""
    found: TextSearchDictionary = require_own(b, "text search dictionary", statement.name)
    options = list(found.options)
    for item in statement.items:
        options = [one for one in options if one[0] != item.name]
        if item.value is not None:
            options.append((item.name, _text(item)))
    changed = replace(found, options=tuple(options))
    make_dictionary(changed.template_oid, changed.options)
    return AlterNamed(changed, "ALTER TEXT SEARCH DICTIONARY")


def _create_configuration(b: Binding, statement: ast.DefineTextSearch) -> s.BoundStatement:
    schema = relations.creation_schema(b, statement.name, statement.position)
    parser = source = 0
    for item in statement.items:
        if item.name == "parser":
            parser = named_oid(b, "text search parser", _names(item))
        elif item.name == "copy":
            source = named_oid(b, "text search configuration", _names(item))
        else:
            raise DatacaveError(
                f'text search configuration parameter "{item.name}" not recognized', sqlstate=sqlstate.SYNTAX_ERROR
            )
    if parser and source:
        raise DatacaveError("cannot specify both PARSER and COPY options", sqlstate=sqlstate.SYNTAX_ERROR)
    if not parser and not source:
        raise _definition("text search parser is required")
    mappings = _mappings(b, source) if source else ()
    made = TextSearchConfiguration(0, schema.oid, statement.name[-1], DEFAULT_PARSER, mappings)
    check_free(b, made)
    return CreateNamed((made,), "CREATE TEXT SEARCH CONFIGURATION")


def _mappings(b: Binding, oid: int) -> tuple[TokenDictionaries, ...]:
    """Those of a configuration."""
    own = b.catalog.configurations.get(oid)
    if own is not None:
        return own.mappings
    found = dictionaries_of(oid) or {}
    return tuple(TokenDictionaries(_NUMBERS[kind], oids) for kind, oids in found.items())


def _tokens(names: Iterable[str]) -> list[int]:
    """The numbers of kinds of tokens. Raises 22023."""
    found = []
    for name in names:
        if name not in _NUMBERS:
            raise DatacaveError(f'token type "{name}" does not exist', sqlstate=sqlstate.INVALID_PARAMETER_VALUE)
        if _NUMBERS[name] not in found:
            found.append(_NUMBERS[name])
    return found


def bind_alter_configuration(b: Binding, statement: ast.AlterConfiguration, entries: object) -> s.BoundStatement:
    """ALTER TEXT SEARCH CONFIGURATION. Raises 42704, 22023, 23505."""
    found: TextSearchConfiguration = require_own(b, "text search configuration", statement.name)
    mapped = {one.token: one.dictionary_oids for one in found.mappings}
    named = tuple(named_oid(b, "text search dictionary", name) for name in statement.dictionaries)
    tokens = _tokens(statement.tokens) if statement.tokens is not None else list(mapped)
    notices: list[tuple[str, str]] = []
    if statement.action == "replace":
        old, new = named
        for token in tokens:
            if token in mapped:
                mapped[token] = tuple(new if one == old else one for one in mapped[token])
    elif statement.action == "drop":
        aliases = {number: alias for alias, number in _NUMBERS.items()}
        for token in tokens:
            if mapped.pop(token, None) is None:
                message = f'mapping for token type "{aliases[token]}" does not exist'
                if not statement.if_exists:
                    raise DatacaveError(message, sqlstate=sqlstate.UNDEFINED_OBJECT)
                notices.append((f"{message}, skipping", "00000"))
    else:
        for token in tokens:
            if statement.action == "add" and token in mapped:
                raise DatacaveError(
                    'duplicate key value violates unique constraint "pg_ts_config_map_index"',
                    sqlstate=sqlstate.UNIQUE_VIOLATION,
                    detail=f"Key (mapcfg, maptokentype, mapseqno)=({found.oid}, {token}, 1) already exists.",
                )
            mapped[token] = named
    changed = tuple(TokenDictionaries(token, mapped[token]) for token in sorted(mapped))
    return AlterNamed(replace(found, mappings=changed), "ALTER TEXT SEARCH CONFIGURATION", tuple(notices))


TEXT_SEARCH: Mapping[type, Callable[..., s.BoundStatement]] = {
    ast.DefineTextSearch: bind_define,
    ast.AlterDictionary: bind_alter_dictionary,
    ast.AlterConfiguration: bind_alter_configuration,
}
