"""Every operator keeps the contract."""

import pytest

from autopipe.errors import UnknownOperatorError
from autopipe.operators.catalogue import catalogue, operator_named
from autopipe.operators.checks import operator_checks


@pytest.mark.parametrize("op", catalogue().values(), ids=lambda op: op.name)
@pytest.mark.parametrize("check", operator_checks(), ids=lambda check: check.__name__)
def test_every_operator_keeps_the_contract(op, check):
    check(op)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownOperatorError, match="Did you mean 'logistic'"):
        operator_named("lgoistic")
