"""Absurd sizes are refused from an estimate, before memory is taken, with the limit and the field to change."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from simengine.catalog import load_catalog
from simengine.foundation.errors import InputError
from simengine.scenario import estimate, loads
from simengine.scenario.limits import BYTES_PER_AGENT, MOST_RECORDED_MB, MOST_VOXEL_STEPS
from simengine.state.arrays import arrays_of
from tests.small_world import SmallWorld

ROOT = Path(__file__).parents[2]
INJECTION = '[[delivery]]\nroute = "intramyocardial"\ndose_cells = {}\nn_sites = {}\nvolume_ml_per_site = {}\n'
THOUSAND = ", ".join(map(str, range(1, 1001)))


def shape(*voxels):
    """Return the patch of a shape."""
    return f"[patch]\nshape = {list(voxels)}\n"


def axis(path):
    """Return a line of the grid with a thousand values."""
    return f'"{path}" = [{THOUSAND}]\n'


LIFE = "[run]\nduration_days = 36500\n"
GRID = "[sweep.grid]\n"
ROWS = "[sweep]\nlist = [" + ", ".join(f'{{"patient.weight_kg" = {i + 1}}}' for i in range(400)) + "]\n"
PER_KG = '[[delivery]]\nroute = "intramyocardial"\ndose_cells_per_kg = 1e10\n'
BODY = '[run]\nmode = "body"\nduration_days = 36500\nrecord_every_h = 0.05\n'
ABSURD = [
    # text, path, words of the message
    *((shape(n, n, n), "patch.shape.0", "from 1 to 1000") for n in (10**4, 10**5, 10**6, 10**12, 2**63 - 1)),
    *((shape(n, n, n), "patch.shape", "run.memory_limit_mb") for n in (300, 500, 700, 999, 1000)),
    (shape(1000, 1000, 10), "patch.shape", "run.memory_limit_mb"),
    (shape(10, 1000, 1000), "patch.shape", "MB come from here"),
    ("[run]\nmax_agents = 50_000_000\n", "run.max_agents", "estimate"),
    ("[run]\nmax_agents = 1_000_000_000_000\n", "run.max_agents", "to 5e+07"),
    (INJECTION.format("1e12", 1, 0.5) + "[patch]\nagent_weight = 0.01\n", "patch.agent_weight", "agents"),
    (INJECTION.format("1e12", 1, 0.001) + shape(100, 100, 20), "patch.agent_weight", "run.max_agents"),
    (PER_KG + shape(100, 100, 20), "patch.agent_weight", "raise agent_weight"),
    *((INJECTION.format(n, 1, 1), "delivery.0.dose_cells", "to 1e+12") for n in ("1e13", "1e300", 10**18)),
    *((f"[clocks]\nmotion_min = {n}\n", "clocks.motion_min", "from 0.5") for n in ("1e-300", "5e-324", "0.0", "-1")),
    (LIFE + "[clocks]\nmotion_min = 0.5\n" + shape(100, 100, 50), "clocks.motion_min", "voxel steps"),
    (LIFE + "memory_limit_mb = 100_000\n" + shape(200, 200, 200), "patch.shape", "voxel steps"),
    *((f"[run]\nduration_days = {n}\n", "run.duration_days", "to 36500") for n in ("1e300", "1e9", 2**62)),
    (BODY, "run.record_every_h", "estimate"),
    ("[run]\nrecord_every_h = 1e-300\n", "run.record_every_h", "from 0.05"),
    (f"run.duration_days = 1000\noutput.snapshot_days = [{THOUSAND}]\n" + shape(60, 60, 60), "output.snapshot_days", "MB"),
    (f"output.snapshot_days = [{THOUSAND}, 1, 2]\n", "output.snapshot_days", "at most 1000"),
    ("[[delivery]]\n" * 20_000, "delivery", "at most 1000"),
    ("[[drug]]\n" * 20_000, "drug", "at most 100"),
    ("[[rule]]\n" * 20_000, "rule", "at most 1000"),
    ("[[arm]]\n" * 20_000, "arm", "at most 1000"),
    ("[sweep]\nlist = [" + "{}, " * 20_000 + "]\n", "sweep.list", "at most 10000"),
    ('site.fields = ["oxygen"' + ', "oxygen"' * 20_000 + "]\n", "site.fields", "at most 32"),
    ("[parameters]\n" + "".join(f"a.b{i} = 1\n" for i in range(15_000)), "parameters", "at most 1000"),
    ("[mechanisms]\n" + "".join(f"m{i} = true\n" for i in range(15_000)), "mechanisms", "at most 100"),
    ("".join(f"agee_{i} = 1\n" for i in range(8_000)), "agee_3", "an unknown key"),
    (
        '[[arm]]\nname = "a"\n[arm.set]\n' + "".join(f"patient.agee_{i} = 1\n" for i in range(8_000)),
        "arm.0.set",
        "at most 1000",
    ),
    *((f"patients = {n}\n", "patients", "1e+07") for n in (10**6, 10**7, 10**12, 10**18)),
    *((f"patients = 1000\nreplicates = {n}\n", "replicates", "1e+0") for n in (10**5, 10**6, 10**9)),
    ("patients = 10_000_000\nreplicates = 1\n", "output.courses", "courses = false"),
    (f"seed = {10**400}\n", "seed", "64 bits"),
    (f"seed = {'9' * 5000}\n", "document", "64 bits"),
    (GRID + axis("patient.age_years") + axis("patient.weight_kg"), "sweep", "1000000 points"),
    (
        GRID + "".join(map(axis, ("patient.weight_kg", "site.lesion_age_days", "delivery.day"))),
        "sweep",
        "1000000000 points",
    ),
    (ROWS + GRID + axis("patient.age_years"), "sweep", "400000 points"),
    ("seed = " + "[" * 100_000 + "]" * 100_000 + "\n", "document", "64 levels"),
    (".".join("a" * 100_000) + " = 1\n", "document", "64 levels"),
    ("[run]\nmemory_limit_mb = 1e300\n", "run.memory_limit_mb", "to 1e+06"),
    ("[patient]\nweight_kg = 1e300\n", "patient.weight_kg", "to 500"),
    ('description = "' + "x" * 1_100_000 + '"\n', "document", "at most 1048576 bytes"),
    ("extends = [" + '"a.toml", ' * 20_000 + "]\n", "extends", "at most 32"),
    ("x = [" + "{}, " * 40_000 + "]\n", "x", "unknown key"),
]

JUDGE = """
import json, resource, sys, time
from simengine.foundation.errors import InputError
from simengine.scenario import loads

cases = json.load(sys.stdin)
loads('name = "warm"')
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
answers = []
for text in cases:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    try:
        loads('name = "absurd"\\n' + text)
        problems = []
    except InputError as error:
        problems = [[p.path, str(p)[:2000]] for p in error.problems]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    answers.append([problems, time.process_time() - start, grown / 1024])
json.dump(answers, sys.stdout)
"""


@pytest.fixture(scope="module")
def answers():
    """Return, for each absurd scenario, its problems, the seconds of CPU and the growth of memory in MB."""
    cases = json.dumps([text for text, _, _ in ABSURD])
    done = subprocess.run([sys.executable, "-c", JUDGE], input=cases, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("i", range(len(ABSURD)), ids=[f"{i}-{path}" for i, (_, path, _) in enumerate(ABSURD)])
def test_an_absurd_scenario_is_refused_with_limit_and_field(answers, i):
    (problems, seconds, megabytes), (_, path, words) = answers[i], ABSURD[i]
    assert any(found == path and words in text for found, text in problems), problems[:3]
    assert seconds < 10
    assert megabytes < 50


def test_the_absurd_scenarios_are_at_least_fifty():
    assert len(ABSURD) >= 50


def test_the_estimate_counts_voxels_steps_and_agents():
    text = 'name = "x"\n' + INJECTION.format("1e8", 10, 0.5) + "[patch]\nshape = [20, 20, 5]\n"
    size = estimate(loads(text).points[0].scenario, load_catalog())
    assert size.voxels == 2 * 20 * 20 * 5
    assert size.steps == 30 * 24 * 60 / 6
    assert size.agents == 320  # 1e8 cells in 5 mL, in a patch of 0.4 x 0.4 x 0.1 mm
    assert size.agents_mb == 200_000 * BYTES_PER_AGENT / 1e6
    assert size.memory_mb == size.voxels_mb + size.agents_mb + size.records_mb + size.snapshots_mb


def test_an_agent_is_counted_with_all_its_columns():
    world = SmallWorld().world
    room = world.cells.uid.shape[0]
    columns = [array for array in arrays_of(world).values() if array.shape[-1] == room]
    a_column = sum(array.nbytes for array in columns) / room
    assert a_column == 296
    assert a_column + 152 == BYTES_PER_AGENT


def test_each_part_of_the_estimate_follows_what_it_depends_on():
    def size(text):
        return estimate(loads('name = "x"\n' + text).points[0].scenario, load_catalog())

    plain = size("")
    assert size(shape(40, 20, 5)).voxels_mb == 2 * plain.voxels_mb
    local = INJECTION.format("1e8", 10, 0.5)
    assert size(local).voxels == 2 * size(local + '[patch]\nlayout = "single"\n').voxels == 2 * plain.voxels
    assert size('[site]\nfields = ["oxygen"]\n').voxels_mb < plain.voxels_mb
    assert size("[clocks]\nmotion_min = 3\n").steps == 2 * plain.steps
    assert size("[output]\nsnapshot_days = [1, 2, 3]\n").snapshots_mb > plain.snapshots_mb == 0
    body = size('[run]\nmode = "body"\n')
    assert (body.voxels, body.agents, body.agents_mb) == (0, 0, 0.0)
    assert body.records_mb == plain.records_mb > 0
    half = size(INJECTION.format("1e8", 10, 0.5) + "[patch]\nagent_weight = 2\n")
    assert half.agents == size(INJECTION.format("1e8", 10, 0.5)).agents / 2
    packed = size(INJECTION.format("1e12", 1, 0.001) + "[product]\ndiameter_um = 16\n")
    assert packed.agents == pytest.approx(0.74 * 2000 * 20**3 / (3.141592653589793 / 6 * 16**3), abs=1)


def test_what_stays_within_the_limits_is_accepted():
    just = 'name = "x"\npatients = 100_000\nreplicates = 100\n[output]\ncourses = false\n'
    assert loads(just).replicates == 100
    with pytest.raises(InputError, match=r"patients: got 1 points x 100000 patients x 101 replicates|1\.01e\+07 runs"):
        loads(just.replace("replicates = 100", "replicates = 101"))
    assert MOST_VOXEL_STEPS < 2**53
    assert MOST_RECORDED_MB < 1e6
