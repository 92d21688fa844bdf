"""pg_trgm: similarity of texts by their trigrams, and the operators that compare it with a threshold."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from datacave_core import sqlstate
from datacave_core.errors import DatacaveError
from datacave_core.types.floating import to_single
from datacave_core.values import Array
from datacave_sql.functions.body import Bodies
from datacave_sql.functions.context import EvaluationContext
from datacave_sql.functions.trigrams import order, shown, similarity, trigrams, word_similarity

BODIES = Bodies()

SIMILARITY: Final = "pg_trgm.similarity_threshold"
THRESHOLDS: Final = {
    SIMILARITY: 0.3,
    "pg_trgm.word_similarity_threshold": 0.6,
    "pg_trgm.strict_word_similarity_threshold": 0.5,
}

Alike = Callable[[str, str], float]


def _threshold(context: EvaluationContext, name: str) -> float:
    written = context.setting(name)
    return THRESHOLDS[name] if written is None else float(written)


BODIES.add("show_trgm", lambda text: Array.of([shown(piece) for piece in sorted(trigrams(text), key=order)]))
BODIES.add_with_context("show_limit", lambda context: to_single(_threshold(context, SIMILARITY)))


@BODIES.with_context("set_limit")
def set_limit(context: EvaluationContext, limit: float) -> float:
    """Sets the threshold of %. Raises 22023."""
    if not 0 <= limit <= 1:
        raise DatacaveError(
            f'{limit:g} is outside the valid range for parameter "{SIMILARITY}" (0 .. 1)',
            sqlstate=sqlstate.INVALID_PARAMETER_VALUE,
        )
    context.set_setting(SIMILARITY, f"{limit:g}", False)
    return to_single(_threshold(context, SIMILARITY))


def _measured(alike: Alike, a: str, b: str) -> float:
    return to_single(alike(a, b))


def _distance(alike: Alike, a: str, b: str) -> float:
    return to_single(1 - to_single(alike(a, b)))


def _reached(alike: Alike, name: str, context: EvaluationContext, a: str, b: str) -> bool:
    return alike(a, b) >= to_single(_threshold(context, name))


def _commuted(alike: Alike) -> Alike:
    return lambda a, b: alike(b, a)


BODIES.add("similarity", partial(_measured, similarity))
BODIES.add("similarity_dist", partial(_distance, similarity))
BODIES.add_with_context("similarity_op", partial(_reached, similarity, SIMILARITY))
_WORD_MEASURES: dict[str, Alike] = {
    "word_similarity": word_similarity,
    "strict_word_similarity": partial(word_similarity, whole_words=True),
}
for _word, _alike in _WORD_MEASURES.items():
    _name = f"pg_trgm.{_word}_threshold"
    BODIES.add(_word, partial(_measured, _alike))
    BODIES.add(f"{_word}_dist_op", partial(_distance, _alike))
    BODIES.add(f"{_word}_dist_commutator_op", partial(_distance, _commuted(_alike)))
    BODIES.add_with_context(f"{_word}_op", partial(_reached, _alike, _name))
    BODIES.add_with_context(f"{_word}_commutator_op", partial(_reached, _commuted(_alike), _name))
