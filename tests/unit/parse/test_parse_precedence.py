"""Does every operator bind as in PostgreSQL's precedence table?"""

from __future__ import annotations

import pytest

from datacave_sql.parse import ast, parse_expression


def shown(node: ast.Expression) -> str:
    """The expression with parentheses round every operation."""
    match node:
        case ast.ColumnRef():
            return ".".join([*node.parts, "*"] if node.star else node.parts)
        case ast.IntegerLiteral():
            return str(node.value)
        case ast.StringLiteral():
            return f"'{node.value}'"
        case ast.BinaryOperation():
            return f"({shown(node.left)} {node.operator} {shown(node.right)})"
        case ast.UnaryOperation():
            return f"({node.operator} {shown(node.operand)})"
        case ast.Not():
            return f"(not {shown(node.operand)})"
        case ast.And():
            return "(" + " and ".join(map(shown, node.operands)) + ")"
        case ast.Or():
            return "(" + " or ".join(map(shown, node.operands)) + ")"
        case ast.IsNull():
            return f"({shown(node.operand)} is {'not ' * node.negated}null)"
        case ast.BooleanTest():
            return f"({shown(node.operand)} is {'not ' * node.negated}{node.test})"
        case ast.DistinctFrom():
            return f"({shown(node.left)} is {'not ' * node.negated}distinct from {shown(node.right)})"
        case ast.Between():
            return f"({shown(node.operand)} between {shown(node.low)} and {shown(node.high)})"
        case ast.InList():
            return f"({shown(node.operand)} in ({', '.join(map(shown, node.items))}))"
        case ast.Like():
            return f"({shown(node.operand)} {node.kind} {shown(node.pattern)})"
        case ast.Cast():
            return f"({shown(node.operand)}::{node.type_name.names[-1]})"
        case ast.Collate():
            return f"({shown(node.operand)} collate {node.collation[-1]})"
        case ast.FunctionCall():
            return f"{node.name[-1]}({', '.join(map(shown, node.arguments))})"
        case ast.SubscriptedExpression():
            return f"({shown(node.operand)}[{len(node.subscripts)}])"
        case ast.FieldSelection():
            return f"({shown(node.operand)}).{node.field}"
    raise AssertionError(node)


@pytest.mark.parametrize(
    "text, tree",
    [
        ("a or b and c", "(a or (b and c))"),
        ("a and b or c and d", "((a and b) or (c and d))"),
        ("not a = b", "(not (a = b))"),
        ("not a and b", "((not a) and b)"),
        ("not a is null", "(not (a is null))"),
        ("a = b is null", "((a = b) is null)"),
        ("a is null = b", "((a is null) = b)"),
        ("a < b and c > d", "((a < b) and (c > d))"),
        ("a like b = c", "((a like b) = c)"),
        ("a = b like c", "(a = (b like c))"),
        ("a like b || c", "(a like (b || c))"),
        ("a || b like c", "((a || b) like c)"),
        ("a in (1) = b", "((a in (1)) = b)"),
        ("a between 1 and 2 and b", "((a between 1 and 2) and b)"),
        ("a between b + 1 and c - 1 = d", "((a between (b + 1) and (c - 1)) = d)"),
        ("a || b + c", "(a || (b + c))"),
        ("a + b || c", "((a + b) || c)"),
        ("a - b - c", "((a - b) - c)"),
        ("a + b * c ^ d", "(a + (b * (c ^ d)))"),
        ("a ^ b ^ c", "((a ^ b) ^ c)"),
        ("- a ^ b", "((- a) ^ b)"),
        ("a * - b", "(a * (- b))"),
        ("- a::int", "(- (a::int4))"),
        ("-1::int", "(- (1::int4))"),
        ("- a[1]", "(- (a[1]))"),
        ("@ a + b", "(@ (a + b))"),
        ("a * @ b + c", "(a * (@ (b + c)))"),
        ("a * not b = c", "(a * (not (b = c)))"),
        ("a::int::text", "((a::int4)::text)"),
        ("a + b::int", "(a + (b::int4))"),
        ("a collate x || b", "((a collate x) || b)"),
        ("- a collate x", "((- a) collate x)"),
        ("a at time zone b || c", "(timezone(b, a) || c)"),
        ("a + b at time zone c", "(a + timezone(c, b))"),
        ("a at time zone b at time zone c", "timezone(c, timezone(b, a))"),
        ("a is distinct from b = c", "(a is distinct from (b = c))"),
        ("a is distinct from b and c", "((a is distinct from b) and c)"),
        ("a is not true is not null", "((a is not true) is not null)"),
        ("a <> b", "(a <> b)"),
        ("a != b", "(a <> b)"),
        ("a operator(s.+) b * c", "(a + (b * c))"),
        ("a[1][2].b", "((a[2])).b"),
        ("(a).b.c", "((a).b).c"),
        ("a.b.c", "a.b.c"),
    ],
)
def test_precedence(text: str, tree: str) -> None:
    assert shown(parse_expression(text)) == tree


def test_minus_sign_belongs_to_a_number() -> None:
    assert parse_expression("-9223372036854775808") == ast.IntegerLiteral(0, -9223372036854775808)
    assert parse_expression("- - 5") == ast.IntegerLiteral(0, 5)
    assert parse_expression("-1.50") == ast.DecimalLiteral(0, "-1.50")
    assert parse_expression("-.5e-3") == ast.DecimalLiteral(0, "-.5e-3")


def test_long_chains_are_flat() -> None:
    node = parse_expression(" or ".join(["a = 1"] * 5000))
    assert isinstance(node, ast.Or) and len(node.operands) == 5000


def test_parentheses_keep_their_group() -> None:
    assert shown(parse_expression("a and (b and c)")) == "(a and (b and c))"
    assert shown(parse_expression("(a + b) * c")) == "((a + b) * c)"


def test_positions_point_at_operator_name_and_literal() -> None:
    node = parse_expression("  abc = 'x'")
    assert isinstance(node, ast.BinaryOperation)
    assert (node.position, node.left.position, node.right.position) == (7, 3, 9)


def test_positions_count_characters() -> None:
    node = parse_expression("'€ü' = \"ñ\"")
    assert isinstance(node, ast.BinaryOperation)
    assert node.right.position == 8
