"""simengine: agent-based simulation of cell therapy, patient by patient.

>>> import simengine
>>> results = simengine.run("scenarios/heart_infarct_demo.toml", replicates=4)      # doctest: +SKIP
>>> results.summary()                                                               # doctest: +SKIP

What is listed in `__all__` is public. Names are loaded when they are first used, so that the import itself is quick.
Research software, not medical advice.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from simengine.foundation.version import MODEL_VERSION, __version__

if TYPE_CHECKING:
    from simengine.api import load, merge, open_results, run, sweep
    from simengine.foundation.errors import InputError
    from simengine.patients.assessment import match
    from simengine.results import Results
    from simengine.studies.design import RequestError
    from simengine.studies.files import ResultsError
    from simengine.studies.validate import validate

_HOMES = {
    "InputError": "simengine.foundation.errors",
    "RequestError": "simengine.studies.design",
    "Results": "simengine.results",
    "ResultsError": "simengine.studies.files",
    "load": "simengine.api",
    "match": "simengine.patients.assessment",
    "merge": "simengine.api",
    "open_results": "simengine.api",
    "run": "simengine.api",
    "sweep": "simengine.api",
    "validate": "simengine.studies.validate",
}

__all__ = [
    "MODEL_VERSION",
    "InputError",
    "RequestError",
    "Results",
    "ResultsError",
    "__version__",
    "load",
    "match",
    "merge",
    "open_results",
    "run",
    "sweep",
    "validate",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'simengine' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return __all__
