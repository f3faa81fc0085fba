"""What holds for a whole session of tests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType

import pytest


def several_signatures(modules: Iterable[ModuleType]) -> dict[str, list[str]]:
    """Return the compiled functions of these modules that exist for more than one set of types, and those types."""
    dispatchers = {id(value): value for module in modules for value in vars(module).values() if hasattr(value, "py_func")}
    return {
        f"{one.py_func.__module__}.{one.py_func.__qualname__}": [str(signature) for signature in one.signatures]
        for one in dispatchers.values()
        if len(one.signatures) > 1
    }


@pytest.fixture
def signature_census() -> Callable[[Iterable[ModuleType]], dict[str, list[str]]]:
    """Give tests the function that the check at the end of the session uses."""
    return several_signatures


@pytest.fixture(scope="session", autouse=True)
def one_signature_per_kernel() -> Iterator[None]:
    """Fail at the end where a kernel was compiled for several types: each costs seconds and betrays a wrong dtype."""
    yield
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "simengine"]
    several = several_signatures(modules)
    assert not several, f"kernels compiled for more than one set of types: {several}"


@pytest.fixture(scope="session")
def long_hash(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hash of the long toy study, done one run after the other."""
    from simengine.api import open_results
    from tests.toy import long_design, run_toy

    folder = tmp_path_factory.mktemp("long")
    run_toy(folder, long_design(), executor="serial")
    return open_results(folder).hash
