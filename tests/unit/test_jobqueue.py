"""A cluster of dask-jobqueue: workers are jobs, here of this machine, as they are jobs of SLURM there.

In a process of its own, as dask-jobqueue leaves what it started to be collected, which is a warning and here an error.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from simengine.api import open_results
from tests.toy import run_toy

ROOT = Path(__file__).resolve().parents[2]
SWEEP = """
import sys
from pathlib import Path
from dask_jobqueue.local import LocalCluster
from tests.toy import run_toy

if __name__ == "__main__":
    folder, grows = Path(sys.argv[1]), sys.argv[2] == "adaptive"
    with LocalCluster(cores=1, processes=1, memory="1GB", n_workers=0 if grows else 2) as cluster:
        if grows:
            cluster.adapt(maximum_jobs=2)
        run_toy(folder, executor=cluster)
"""


@pytest.mark.parametrize("kind", ["fixed", "adaptive"])
def test_jobs_of_a_queue_do_the_runs(tmp_path, kind):
    """Each worker is a job script that the cluster writes and starts; an adaptive cluster begins with none."""
    run_toy(tmp_path / "alone")
    (tmp_path / "sweep.py").write_text(SWEEP)
    command = [sys.executable, str(tmp_path / "sweep.py"), str(tmp_path / "jobs"), kind]
    subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, check=True, timeout=300)
    results = open_results(tmp_path / "jobs")
    assert results.hash == open_results(tmp_path / "alone").hash
    session = results.manifest["sessions"][0]
    assert (session["executor"], session["runs"]) == ("dask", len(results.table))
    assert session["workers_that_worked"] >= 1
