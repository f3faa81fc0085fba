"""The description of the model names what the code has: phases, state variables, clocks, purposes."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from simengine.engine import step
from simengine.foundation.random import purposes
from simengine.report.state_table import PAGE, renewed
from simengine.scenario.model import Clocks
from simengine.state import body as b
from simengine.state import cells as c
from simengine.state import world as w
from simengine.transplant import state as s
from simengine.transplant.schedule import FINE_UNTIL_DAY
from simengine.transplant.step import SWITCHES, _advance_immunity, _advance_marrow, advance

TEXT = PAGE.read_text(encoding="utf-8")
CONCEPTS = (
    "Basic principles",
    "Emergence",
    "Adaptation",
    "Objectives",
    "Learning",
    "Prediction",
    "Sensing",
    "Interaction",
    "Stochasticity",
    "Collectives",
    "Observation",
)


def test_the_generated_part_is_what_the_code_says_today():
    """Fails after a new row, behaviour or purpose until `python -m simengine.report.state_table` has run."""
    assert renewed(TEXT) == TEXT


def test_the_generated_part_holds_every_row():
    """So many rows in each array as the arrays themselves have."""
    sizes = {"Cells.real": c.N_REAL, "Cells.whole": c.N_WHOLE, "World.tissue": w.N_TISSUE, "World.patch": w.N_PATCH}
    sizes |= {"World.clock": w.N_CLOCK, "Types.real": w.N_TYPE_REAL, "Types.whole": w.N_TYPE_WHOLE}
    sizes |= {"Fields.constant": w.N_FIELD_CONSTANTS, "Body.counts": b.N_COMPARTMENTS, "Body.doses": b.N_DOSE}
    sizes |= {"Body.pair": b.N_PAIR, "Body.drugs": b.N_DRUG, "Body.flux": b.N_FLUX}
    sizes |= {"Patient.level": s.N_LEVEL, "Patient.number": s.N_NUMBER, "Patient.hit": s.N_HIT, "Patient.block": s.N_BLOCK}
    sizes |= {"Patient.left": s.LEFT_CHRONIC - 1, "Patient.day_of": len(s.EVENTS), "Patient.cells": s.N_POOLS}
    for array, size in sizes.items():
        block = re.split(r"\n(?=\S+\.\S+, |#)", TEXT.partition(f"\n{array}, ")[2])[0]
        assert len(re.findall(r"^\| \d+ \| ", block, flags=re.MULTILINE)) == size, array


def test_all_eleven_design_concepts_are_answered():
    assert all(re.search(rf"^\*\*{concept}\.\*\* \S", TEXT, flags=re.MULTILINE) for concept in CONCEPTS)


def test_stochasticity_names_every_purpose():
    told = TEXT.partition("**Stochasticity.**")[2].partition("**Collectives.**")[0]
    named = {name for name in purposes() if not name.startswith(("patient.", "run.", "tests."))}
    assert len(named) >= 20
    assert {name for name in named if f"`{name}`" not in told} == set()
    assert set(re.findall(r"`([a-z_]+\.[a-z_]+)`", told)) == named


def test_the_eight_phases_are_those_of_the_engine_in_its_order():
    told = re.findall(r"^\| ([1-8]) ([a-z]+) \|", TEXT, flags=re.MULTILINE)
    of_engine = re.findall(r"([1-8]) ([a-z]+)", step.__doc__.partition("\n\n")[2].partition("\n\nEvery")[0])
    assert told == of_engine
    assert [int(number) for number, _ in told] == list(range(1, 9))


def test_a_transplantation_is_told_in_the_order_of_its_code_and_names_every_mechanism():
    told = TEXT.partition("**Order in one step.**")[2].partition("\n\n")[0]
    named = [name for name in re.findall(r"`([a-z_]+)`", told) if name in SWITCHES]
    source = "".join(inspect.getsource(getattr(one, "py_func", one)) for one in (_advance_marrow, _advance_immunity, advance))
    calls = re.findall(r"([a-z_]+)\.flow\(", source)
    assert named == calls
    assert set(named) == set(SWITCHES)
    assert f"until day {FINE_UNTIL_DAY}" in TEXT


def test_clocks_stand_with_their_defaults():
    for name, value in Clocks().model_dump().items():
        assert re.search(rf"`{name}` = {value:g} (min|h)\b", TEXT), name


def test_links_of_the_pages_lead_somewhere():
    folder = Path(PAGE).parent
    for page in sorted(folder.glob("*.md")):
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert link.startswith("http") or (folder / link).exists(), f"{page.name}: {link}"
