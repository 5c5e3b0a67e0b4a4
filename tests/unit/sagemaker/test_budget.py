from __future__ import annotations

from pathlib import Path

import pytest

from llm_claims.errors import UsageError
from llm_claims.sagemaker.budget import Budget, BudgetExceeded, check_budget


def test_what_is_set_aside_counts_until_it_is_settled(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "budget", 10.0)
    one = budget.reserve("one", 6.0)
    with pytest.raises(BudgetExceeded, match=r"the budget of \$10.00 is spent: \$4.00 are left, this needs \$5.00"):
        budget.reserve("two", 5.0)
    budget.settle(one, 2.5)
    budget.reserve("two", 5.0)
    assert budget.spent_usd == 7.5


def test_processes_share_it(tmp_path: Path) -> None:
    one, other = (Budget(tmp_path / "budget", 10.0) for _ in range(2))
    one.reserve("one", 6.0)
    with pytest.raises(BudgetExceeded):
        other.reserve("two", 5.0)


def test_a_launch_may_cost_more_than_was_thought_and_the_next_is_refused(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "budget", 10.0)
    budget.settle(budget.reserve("one", 6.0), 12.0)
    with pytest.raises(BudgetExceeded, match=r"\$0.00 are left"):
        budget.reserve("two", 0.01)


def test_what_was_paid_for_twice_counts_twice(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "budget", None)
    for usd in (1.0, 2.0):
        budget.settle(budget.reserve("one", 6.0), usd)
    assert budget.spent_usd == 3.0


def test_without_a_limit_it_only_counts(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "budget", None)
    budget.reserve("one", 1e6)
    assert budget.spent_usd == 1e6


def test_a_plan_above_the_budget_is_refused_before_anything_starts() -> None:
    check_budget(9.99, 10.0)
    check_budget(1e6, None)
    with pytest.raises(UsageError, match=r"estimated at \$10.01, and the budget is \$10.00: nothing was launched"):
        check_budget(10.01, 10.0)
