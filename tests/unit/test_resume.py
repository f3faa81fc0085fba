"""A folder of results is continued by the same experiment alone: whatever the schema knows and changes is told by its name."""

import json
import re
from pathlib import Path

import pytest

from simengine.scenario import load, loads
from simengine.scenario.schema import json_schema
from simengine.studies import manifest
from simengine.studies.design import RequestError, design

VALID = Path(__file__).parents[1] / "scenarios" / "valid"
FILES = ("every_field", "every_transplant_field")
SCHEMA = json_schema()
NO_EXPERIMENT = {"name", "title", "description"}
"""Fields that change no row."""
INHERITED = {"extends"}
"""What it brings is in the scenarios."""
NUMBERS = {"seed", "replicates", "patients"}
"""Fields of the study, which stand in the manifest itself."""


def fields(node, path=""):
    """Every field that a scenario file may have, as a dotted path; a name that the file chooses is `*`."""
    if "$ref" in node:
        node = node | SCHEMA["$defs"][node["$ref"].rsplit("/", 1)[1]]
    inner = [*node.get("anyOf", ()), *node.get("allOf", ()), *([node["items"]] if "items" in node else [])]
    for choice in inner:
        yield from fields(choice, path)
    if isinstance(node.get("additionalProperties"), dict):
        yield from fields(node["additionalProperties"], f"{path}.*")
    for name, field in node.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here
        yield from fields(field, here)


FIELDS = set(fields(SCHEMA))
OF_POINTS = {path for path in FIELDS if path.split(".")[0] in ("arm", "sweep")}


def leaves(tree, path=""):
    """Every value of a plain document: its dotted path, what holds it, and its key there."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        here = f"{path}.{key}" if path else str(key)
        if isinstance(value, dict | list) and value:
            yield from leaves(value, here)
        else:
            yield here, tree, key


def stored(name):
    """The manifest of a study as a scenario file asks for it."""
    return manifest.new(design(load(VALID / f"{name}.toml")), {})


def of_scenario(written):
    """The parts of a manifest that state a scenario, by the prefix of their fields there."""
    return {"points.0.scenario": written["points"][0]["scenario"], "precision": written["precision"]}


def patterns(path):
    """A path of a document without the numbers of lists, and the paths above it."""
    words = [word for word in path.removeprefix("points.0.scenario.").split(".") if not word.isdigit()]
    return {".".join(words[:n]) for n in range(1, len(words) + 1)}


@pytest.mark.parametrize("name", FILES)
def test_a_change_of_any_field_of_a_scenario_is_refused_by_its_name(name):
    """Every field of the schema, as two scenarios state them all: a field that is added later is covered on that day."""
    old = stored(name)
    paths = [(prefix, path) for prefix, tree in of_scenario(old).items() for path, *_ in leaves(tree)]
    assert len(paths) > 40
    for prefix, wanted in paths:
        fresh = json.loads(json.dumps(old))
        owner, key = next((o, k) for path, o, k in leaves(of_scenario(fresh)[prefix]) if path == wanted)
        owner[key] = "changed"
        with pytest.raises(RequestError, match=re.escape(f"  {prefix}.{wanted}: ")):
            manifest.refuse_changed(old, fresh, Path("results"))


def test_these_are_all_fields_of_the_schema():
    """What the test above changes, the fields of points below, and four that are named here: nothing else is in the schema."""
    changed = {
        above
        for name in FILES
        for prefix, tree in of_scenario(stored(name)).items()
        for path, *_ in leaves(tree)
        for above in patterns(f"{prefix}.{path}")
    }
    wildcards = {path: re.compile(re.escape(path).replace(r"\*", r"[^.]+") + r"\Z") for path in FIELDS}
    missed = {path for path, pattern in wildcards.items() if not any(map(pattern.match, changed))}
    assert missed == OF_POINTS | NO_EXPERIMENT | INHERITED | NUMBERS
    assert len(FIELDS) >= 150


BASE = 'name = "study"\nseed = 1\nreplicates = 2\npatients = 2\ndelivery = [{route = "intramyocardial", dose_cells = 1e6}]\n'
ARMS = '[[arm]]\nname = "a"\nset = { "donor.match" = "8/8" }\n'
GRID = '[sweep]\ngrid = { "donor.match" = ["8/8", "0/8"] }\n'
LIST = '[sweep]\nlist = [{ "donor.match" = "8/8" }]\n'
SAMPLED = """
[sweep.KIND]
n = 4
seed = 3
[sweep.KIND.ranges]
"donor.age_years" = { low = 20, high = 40, value = 30, distribution = "triangular" }
"donor.match" = { choices = ["8/8", "0/8"] }
"""
OF_RANGES = {
    "n": ("n = 4", "n = 8"),
    "seed": ("seed = 3", "seed = 4"),
    "ranges.*.low": ("20", "21"),
    "ranges.*.high": ("40", "41"),
    "ranges.*.value": ("30", "31"),
    "ranges.*.distribution": ("triangular", "normal"),
    "ranges.*.choices": ("0/8", "4/8"),
}


def changes():
    """Pairs of studies that differ in one field of what makes points, by that field."""
    yield "arm.name", BASE + ARMS, BASE + ARMS.replace('"a"', '"b"')
    yield "arm.set", BASE + ARMS, BASE + ARMS.replace("8/8", "0/8")
    yield "sweep.grid", BASE + GRID, BASE + GRID.replace("0/8", "4/8")
    yield "sweep.list", BASE + LIST, BASE + LIST.replace("8/8", "0/8")
    for kind in ("latin_hypercube", "sobol", "random"):
        text = BASE + SAMPLED.replace("KIND", kind)
        for field, (here, there) in OF_RANGES.items():
            yield f"sweep.{kind}.{field}", text, text.replace(here, there)


def test_all_fields_that_make_points_are_changed_below():
    above = {path.rpartition(".")[0].removesuffix(".*") for path in FIELDS}
    assert {field for field, *_ in changes()} == OF_POINTS - above


@pytest.mark.parametrize(("field", "old", "new"), list(changes()), ids=[field for field, *_ in changes()])
def test_a_change_of_what_makes_points_is_refused(field, old, new):
    """By the points that it changes, as they are what is run: the field itself is spelled in the file alone."""
    with pytest.raises(RequestError, match=r"\n  points"):
        manifest.refuse_changed(manifest.new(design(loads(old)), {}), manifest.new(design(loads(new)), {}), Path("results"))


@pytest.mark.parametrize("field", sorted(NUMBERS))
def test_a_change_of_the_numbers_of_a_study_is_refused_by_its_name(field):
    changed = re.sub(rf"^{field} = \d+", f"{field} = 7", BASE, flags=re.M)
    assert changed != BASE
    with pytest.raises(RequestError, match=rf"\n  {field}: [12] -> 7\n"):
        manifest.refuse_changed(
            manifest.new(design(loads(BASE)), {}), manifest.new(design(loads(changed)), {}), Path("results")
        )


@pytest.mark.parametrize("field", sorted(NO_EXPERIMENT))
def test_a_title_is_no_change(field):
    """Also the name, where arms have names of their own."""
    text = f'{BASE}title = "study"\ndescription = "study"\n' + ARMS
    changed = text.replace(f'{field} = "study"', f'{field} = "other"')
    assert changed != text
    old, fresh = (manifest.new(design(loads(one)), {}) for one in (text, changed))
    manifest.refuse_changed(old, fresh, Path("results"))
    assert old["study_hash"] == fresh["study_hash"]
