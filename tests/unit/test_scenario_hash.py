"""One content, one hash: invariant to how a scenario is written, sensitive to every field of it; and dump inverts load."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from annotated_types import Ge, Le
from hypothesis import given, settings
from hypothesis import strategies as st

from simengine.scenario import Scenario, difference, dump, load, loads
from simengine.scenario.model import NOT_HASHED
from simengine.scenario.paths import Slot, slot_at

VALID = Path(__file__).parents[1] / "scenarios" / "valid"
FULL = load(VALID / "every_field.toml").points[0].scenario
TRANSPLANT = load(VALID / "every_transplant_field.toml").points[0].scenario
"""A transplantation stands instead of site, product and the like: two files state every field together."""
PATTERNED = {"name": "other_name", "title": "another title", "id": "another.id", "source": "another source"}


def bounds(slot: Slot) -> tuple[float, float]:
    """Return the least and greatest number allowed."""
    low = next((m.ge for m in slot.metadata if isinstance(m, Ge)), -1e9)
    high = next((m.le for m in slot.metadata if isinstance(m, Le)), 1e9)
    return float(low), float(high)  # type: ignore[arg-type]


def another(slot: Slot, value: Any) -> Any:
    """Return a value that differs from `value` and that the field allows."""
    if get_origin(slot.annotation) is Literal:
        return next(choice for choice in get_args(slot.annotation) if choice != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value - 1 if value > bounds(slot)[0] else value + 1
    if isinstance(value, float):
        low, high = bounds(slot)
        return value * (1 + 1e-12) if low < value * (1 + 1e-12) <= high and value else value * (1 - 1e-12) or high / 2
    return PATTERNED.get(slot.name, f"{value}_x")


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every single value of plain content."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield path
        return
    for key, item in items:
        yield from leaves(item, (*path, key))


def replaced(content: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """Return plain content with the value at `path` replaced."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(content, dict):
        return {k: replaced(item, rest, value) if k == key else item for k, item in content.items()}
    return [replaced(item, rest, value) if i == key else item for i, item in enumerate(content)]


PLAIN = FULL.plain()
CHANGEABLE = [
    (full, path)
    for full, content in ((FULL, PLAIN), (TRANSPLANT, TRANSPLANT.plain()))
    for path in leaves(content)
    if path != ("schema_version",)
]


def test_the_full_scenarios_state_every_field():
    paths = [*leaves(PLAIN), *leaves(TRANSPLANT.plain())]
    stated = {".".join(key for key in path[:n] if isinstance(key, str)) for path in paths for n in (2, 3)}
    assert all(any(name.startswith(field) for name in stated) for field in Scenario.model_fields)
    sections = {name: slot_at((name,)) for name in Scenario.model_fields}
    assert {f"{name}.{inner}" for name, slot in sections.items() if slot for inner in slot.names()} <= stated


@pytest.mark.parametrize(
    ("full", "path"), CHANGEABLE, ids=[".".join(map(str, (full.name, *path))) for full, path in CHANGEABLE]
)
def test_the_hash_moves_with_every_field_and_the_difference_names_it(full, path):
    value = full.plain()
    for key in path:
        value = value[key]
    slot = slot_at(path)
    assert slot is not None
    other = Scenario.model_validate(replaced(full.plain(), path, another(slot, value)))
    assert [change.path for change in difference(full, other)] == [".".join(map(str, path))]
    assert (other.hash != full.hash) == (path[0] not in NOT_HASHED)


def test_a_transplantation_does_not_state_what_it_replaces():
    assert not {"site", "product", "delivery", "drug", "rule", "patch", "clocks"} & set(TRANSPLANT.plain())
    plain = loads('name = "x"').points[0].scenario
    assert "transplant" not in plain.plain()


@pytest.mark.parametrize("path", [("delivery", 1), ("drug", 0), ("rule", 0), ("output", "snapshot_days", 1)])
def test_the_hash_moves_when_an_element_is_dropped(path):
    items = PLAIN
    for key in path[:-1]:
        items = items[key]
    kept = [item for i, item in enumerate(items) if i != path[-1]]
    other = Scenario.model_validate(replaced(PLAIN, path[:-1], kept))
    assert other.hash != FULL.hash
    assert difference(FULL, other)[0].path.startswith(".".join(map(str, path)))


def test_a_default_written_out_is_the_same_scenario():
    short, long = loads('name = "x"'), loads('name = "x"\n[patient]\nage_years = 60\n[donor]\nmatch = "8/8"\n')
    assert short.points[0].scenario.hash == long.points[0].scenario.hash
    assert short.hash == long.hash


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("seed = 16", "seed = 0x10"),
        ("[patient]\nweight_kg = 80", "[patient]\nweight_kg = 8e1"),
        ("[patient]\nage_years = 60.0 # years", "patient . age_years=60"),
        ("[patient]\nage_years = 0.0", "[patient]\nage_years = -0.0"),
        (
            '[[delivery]]\nroute = "intravenous"\ndose_cells = 10_000_000',
            "delivery = [{dose_cells = 1e7, route = 'intravenous'}]",
        ),
        ('[parameters]\n"priming.first_division_h" = 31', "parameters.priming.first_division_h = 31.0"),
        ("[mechanisms]\nantibody = false\nmotility = true", "[mechanisms]\nmotility = true\nantibody = false"),
        ('title = "A"', 'title = "B"\ndescription = "C"'),
    ],
)
def test_spellings_of_one_scenario_share_a_hash(left, right):
    first, second = (loads(f'name = "x"\n{text}\n') for text in (left, right))
    assert first.points[0].scenario.hash == second.points[0].scenario.hash
    assert first.hash == second.hash


def shuffled(content: Any, order: random.Random) -> Any:
    """Return plain content with the keys of every table in another order."""
    if isinstance(content, dict):
        keys = list(content)
        order.shuffle(keys)
        return {key: shuffled(content[key], order) for key in keys}
    return [shuffled(item, order) for item in content] if isinstance(content, list) else content


def toml_value(value: Any) -> str:
    """Write any plain value inline, unlike `dump`, which writes tables."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"'{key}' = {toml_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(toml_value(item) for item in value) + "]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    return str(value).lower() if isinstance(value, bool) else repr(value)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_the_hash_ignores_order_comments_and_white_space(seed):
    order = random.Random(seed)
    lines = []
    for key, value in shuffled(PLAIN, order).items():
        before, after = (" " * order.randrange(4) for _ in range(2))
        lines.append(f"{key}{before}={after}{toml_value(value)}")
    text = "\n".join(line + order.choice(["", "\n", "  # a comment", "\n# another"]) for line in lines)
    assert loads(text).points[0].scenario.hash == FULL.hash


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
LINE = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="".join(map(chr, [*range(32), 127]))), max_size=60)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Draw a scenario of well-formed fields: any subset of every section, numbers over their whole range."""

    def value(slot: Slot) -> Any:
        if get_origin(slot.annotation) is Literal:
            return draw(st.sampled_from(get_args(slot.annotation)))
        low, high = bounds(slot)
        simple = {bool: st.booleans(), int: st.integers(int(low), int(high)), float: st.floats(low, high)}
        if slot.annotation in simple:
            return draw(simple[slot.annotation])
        if get_origin(slot.annotation) is tuple:
            inner = [slot.inner(i) for i in range(3)]
            return [value(item) for item in inner if item]
        if get_origin(slot.annotation) is dict:
            return draw(st.dictionaries(st.text("abc_", min_size=1, max_size=4), st.booleans(), max_size=2))
        return PATTERNED.get(slot.name) or draw(TEXT)

    def section(slot: Slot) -> dict[str, Any]:
        required = {"route", "name", "id"}
        chosen = [name for name in slot.names() if name in required or draw(st.booleans())]
        return {name: value(inner) for name in chosen if (inner := slot.inner(name))}

    content: dict[str, Any] = {"name": "drawn", "title": draw(LINE), "description": draw(TEXT)}
    content["seed"] = draw(st.integers(0, 2**63 - 1))
    for name in ("patient", "site", "product", "donor", "run", "patch", "clocks", "output"):
        content[name] = section(slot_at((name,)) or Slot(Any))
    for name in ("delivery", "drug", "rule"):
        content[name] = [section(slot_at((name, 0)) or Slot(Any)) for _ in range(draw(st.integers(0, 2)))]
    keys = st.text("abc._\"' é", min_size=1, max_size=8)
    content["parameters"] = draw(st.dictionaries(keys, st.floats(allow_nan=False, allow_infinity=False), max_size=3))
    content["mechanisms"] = draw(st.dictionaries(keys, st.booleans(), max_size=3))
    return Scenario.model_validate(content)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(scenarios())
def test_what_is_dumped_reads_back_as_the_same_scenario(scenario):
    again = Scenario.model_validate(tomllib.loads(dump(scenario)))
    assert again == scenario
    assert again.hash == scenario.hash
    assert difference(scenario, again) == []


@pytest.mark.parametrize("path", sorted(VALID.glob("*.toml")), ids=lambda path: path.stem)
def test_every_point_of_a_sound_file_survives_dump_and_load(path):
    for point in load(path).points:
        study = loads(dump(point.scenario))
        assert [again.scenario for again in study.points] == [point.scenario]


def test_the_hash_of_a_study_sees_labels_and_points():
    arms = '[[arm]]\nname = "a"\n[[arm]]\nname = "b"\nset = {"product.name" = "ipsc_cm"}\n'
    base = loads(f'name = "x"\n{arms}')
    renamed = loads(f'name = "x"\n{arms}'.replace('"b"', '"c"'))
    changed = loads(f'name = "x"\n{arms}'.replace("ipsc_cm", "esc_cm"))
    assert len({base.hash, renamed.hash, changed.hash}) == 3
    assert [change.path for change in difference(base, renamed)] == ["points.1.label"]
    assert [str(change) for change in difference(base, changed)] == ['points.1.product.name: "ipsc_cm" -> "esc_cm"']
    assert base.hash == loads(f'name = "y"\ntitle = "other"\n{arms}').hash
