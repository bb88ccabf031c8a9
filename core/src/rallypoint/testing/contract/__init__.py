"""What every plugin promises, as tests: ``TestContract = contract_of("acme")`` in a test file is all it takes.

``rallypoint plugin check acme`` runs the same checks without pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rallypoint.testing.contract.checks import CHECKS, Check
from rallypoint.testing.contract.examination import examine

if TYPE_CHECKING:
    import pytest

    from rallypoint.testing.contract.examination import Examined

__all__ = ["contract_of"]


def contract_of(plugin: str, **env: str) -> type:
    """Return a test class with one test for each promise.

    Args:
        plugin: The name of an installed plugin.
        env: Variables that it cannot do without, or whose values must have a form.
    """
    import pytest

    class TestContract:
        """The promises of one plugin; it is examined once, in processes of its own."""

        @pytest.fixture(scope="class")
        @classmethod
        def examined(cls, tmp_path_factory: pytest.TempPathFactory) -> Examined:
            return examine(plugin, tmp_path_factory.mktemp(f"contract-{plugin}"), env)

        @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
        def test_promise(self, examined: Examined, check: Check) -> None:
            problems = check.run(examined)
            assert not problems, "; ".join(problems)

    return TestContract
