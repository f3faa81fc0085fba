"""Write ``hooks.py``: one call for each hook of each mechanism, in the sorted order of their names.

Numba compiles and caches plain calls best; a loop over a tuple of functions is neither cached nor readable. The written
file is part of the package, and a test compares it with what this module would write today.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from simengine.mechanisms import MECHANISMS

HOOKS = {
    "carry": "Move product cells through the body: doses and compartments, at the pace of the walk near a dose.",
    "flow": "Advance the rest of the body for one body step, whatever is given and when.",
    "propose": "Fill the hazards of the cells ``first`` to ``last``.",
    "act": "Advance the states of the cells ``first`` to ``last``.",
}

INLINED = ("propose", "act")
"""Hooks that are compiled as parts of the one kernel that calls them, ``live``."""

_HEAD = '''"""The hooks of all mechanisms, composed into one compilation. Written by ``python -m simengine.engine.compose``.

Every call stands behind ``enabled``, so that switching a mechanism off compiles nothing anew. Do not edit by hand.
"""

from __future__ import annotations

from simengine.foundation.jit import inlined, kernel
from simengine.mechanisms import (
{imports}
)

__all__ = [{exported}]
'''


def compose() -> str:
    """Return the source of ``hooks.py`` for the mechanisms there are."""
    modules = {name: import_module(f"simengine.mechanisms.{name}") for name in MECHANISMS}
    used = [name for name, module in modules.items() if any(hasattr(module, hook) for hook in HOOKS)]
    text = _HEAD.format(
        imports="\n".join(f"    {name}," for name in used),
        exported=", ".join(f'"{hook}"' for hook in sorted(HOOKS)),
    )
    for hook, meaning in HOOKS.items():
        decorator = "inlined" if hook in INLINED else "kernel"
        text += f'\n\n@{decorator}\ndef {hook}(world, tick, hours, first, last):\n    """{meaning}"""\n'
        for row, name in enumerate(MECHANISMS):
            if hasattr(modules[name], hook):
                text += f"    if world.enabled[{row}] == 1:\n        {name}.{hook}(world, tick, hours, first, last)\n"
    return text


if __name__ == "__main__":
    Path(__file__).with_name("hooks.py").write_text(compose(), encoding="utf-8")
