"""Each condition stands once, with its evidence, and is what rules and table are made of."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter

from birdnet_stm32.npu import conditions
from birdnet_stm32.npu.conditions.condition import Condition, TensorCondition, always
from birdnet_stm32.npu.lint.catalog import RULES
from birdnet_stm32.npu.operator_mapping import FLOAT, GENERAL, OPERATORS, UNKNOWN


def every_condition() -> list[Condition | TensorCondition]:
    found: dict[int, Condition | TensorCondition] = {}
    for module in pkgutil.iter_modules(conditions.__path__):
        names = vars(importlib.import_module(f"{conditions.__name__}.{module.name}"))
        found.update({id(one): one for one in names.values() if isinstance(one, Condition | TensorCondition)})
    return list(found.values())


def test_no_condition_has_the_name_or_the_meaning_of_another() -> None:
    names = Counter(one.name for one in every_condition())
    assert [name for name, count in names.items() if count > 1] == []
    functions = {id(one.holds): one.holds.__code__ for one in every_condition()}
    codes = Counter((code.co_code, code.co_names, repr(code.co_consts[1:])) for code in functions.values())
    assert max(codes.values()) == 1


def test_every_condition_says_what_it_asks_and_how_it_is_known() -> None:
    for one in every_condition():
        assert one.means.startswith("Hold "), one.name
        assert one.evidence or one is always, one.name
        for piece in one.evidence:
            assert all((piece.source, piece.core, piece.where, piece.date)), one.name


def test_the_table_is_made_of_conditions_and_evidence() -> None:
    cases = [*GENERAL, FLOAT, UNKNOWN, *(case for row in OPERATORS.values() for case in row)]
    known = {id(one) for one in every_condition()}
    assert {id(case.when) for case in cases} <= known
    assert all(case.mapping.evidence for case in cases)
    assert all(rule.evidence for rule in RULES)
