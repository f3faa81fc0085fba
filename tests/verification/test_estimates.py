"""A dry run says what a sweep takes: memory within 25 %, disk within 10 %, time within a factor of two.

Each sweep and each dry run is a process of its own. Memory is the largest resident size of the process and of each one
under it, summed. Disk is every file of the folder; a machine that others use writes more parts, as one is due each half
minute, so each part beyond those foreseen counts with the size that the dry run gives for an empty one. Time is CPU time of
all processes, which others cannot stretch as they do wall time, from the first import to the printed summary.
"""

from dataclasses import dataclass

import pytest

from tests.verification.measured import dry_run, sweep

MEMORY, DISK, TIME = 0.25, 0.10, 2.0
SMALL = "heart_infarct_population --set run.duration_days="


@dataclass(frozen=True)
class Case:
    """Arguments of a sweep, and how many processes it has."""

    arguments: str
    processes: int = 1


CASES = {
    "a packaged study cut short": Case(
        "heart_infarct_demo --replicates 4 --set run.duration_days=10 --set output.snapshot_days=[1,7]"
    ),
    "a population": Case("heart_infarct_population --replicates 3"),
    "a cohort of transplantations": Case("transplant_donor_choice --replicates 60"),
    "courses and events": Case("transplant_donor_choice --replicates 40 --set output.courses=true"),
    "a large patch": Case(
        f"{SMALL}1 --replicates 2 --set patients=2 --set patch.shape=[64,64,16] --set run.max_agents=1000000"
    ),
    "many agents": Case(f"{SMALL}1 --set patients=2 --set patch.agent_weight=0.05 --set run.max_agents=1000000"),
    "a long course": Case(f"{SMALL}120 --set patients=4 --set run.record_every_h=2"),
    "snapshots": Case(
        f"{SMALL}5 --replicates 4 --set patients=4 --set output.snapshot_days=[0,1,2,3,4,5] --set output.snapshot_replicates=4"
    ),
    "body only": Case("intravenous_biodistribution --replicates 60"),
    "many runs": Case("intravenous_biodistribution --replicates 1000 --set output.courses=false"),
    "two processes": Case("heart_infarct_population --replicates 3 --executor processes", 4),
    "a Dask cluster": Case("transplant_donor_choice --replicates 60 --dask local", 4),
}
QUICK = {
    "transplantations in threads": Case("transplant_donor_choice --replicates 8"),
    "body only, in two processes": Case("intravenous_biodistribution --replicates 10 --executor processes", 4),
}
"""Of the processes one writes, two do runs, and one is the standard library's tracker of what processes share."""


def check(case, folder):
    """Compare what a dry run says with what its sweep takes."""
    arguments = [*case.arguments.split(), "--jobs", "2"]
    said, took = dry_run(arguments, folder), sweep(arguments, folder)
    late_parts = max(0, took.parts - said["parts"]) * said["empty_part_bytes"]
    ratios = {
        "memory": said["memory_mb"] / took.memory_mb,
        "disk": (said["disk_bytes"] + late_parts) / took.disk_bytes,
        "time": said["cpu_seconds"] / took.cpu_s,
    }
    print(case.arguments, {name: round(ratio, 3) for name, ratio in ratios.items()}, took)
    assert took.runs == said["runs"] > 0
    assert 1 + len(took.others_mb) == case.processes
    assert abs(ratios["memory"] - 1.0) <= MEMORY
    assert abs(ratios["disk"] - 1.0) <= DISK
    assert 1.0 / TIME <= ratios["time"] <= TIME


@pytest.mark.parametrize("name", QUICK)
def test_a_dry_run_says_what_a_small_sweep_takes(name, tmp_path):
    check(QUICK[name], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_dry_run_says_what_a_sweep_takes(name, tmp_path):
    check(CASES[name], tmp_path)
