"""A script for the SLURM scheduler: an array of jobs, each of which runs one share of a study."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from simengine.studies.design import RequestError

__all__ = ["Job", "script"]

_TIME = re.compile(r"(\d+-)?\d{1,4}(:\d{2}){0,2}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,-]{0,100}")
WARN_S = 120
"""How long before its limit a job is told to stop, s."""


@dataclass(frozen=True)
class Job:
    """What a job of the array asks for.

    Raises
    ------
    RequestError
        If the time limit, the partition or the account is written in a way that SLURM does not take.
    """

    shards: int
    limit: str
    cpus: int
    memory_mb: int
    partition: str | None = None
    account: str | None = None

    def __post_init__(self) -> None:
        """Check what ends up in the script."""
        if _TIME.fullmatch(self.limit) is None:
            raise RequestError(f"--time: got {self.limit!r}, expected minutes, hours:minutes:seconds or days-hours:minutes")
        for option, value in (("--partition", self.partition), ("--account", self.account)):
            if value is not None and _WORD.fullmatch(value) is None:
                raise RequestError(f"{option}: got {value!r}, expected letters, digits, `_`, `.`, `,` and `-`")


def script(name: str, what: str, folder: Path, job: Job) -> str:
    """Return the script of a job array.

    Parameters
    ----------
    name
        Of the study.
    what
        Words that follow ``simengine sweep``, quoted for a shell.
    folder
        Where the results go; absolute.
    job
        What each job asks for.

    Raises
    ------
    RequestError
        If the folder has a name that no line of a script can hold.
    """
    if not str(folder).isprintable():
        raise RequestError(f"--out: got {str(folder)!r}, expected a name without line breaks and other unprintable characters")
    safe_name = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[:60]
    logs = str(folder).replace("%", "%%")
    options = {
        "job-name": safe_name,
        "array": f"1-{job.shards}",
        "cpus-per-task": job.cpus,
        "mem": f"{job.memory_mb}M",
        "time": job.limit,
        "signal": f"B:TERM@{WARN_S}",
        "output": shlex.quote(f"{logs}/log-%A_%a.txt"),
        "partition": job.partition,
        "account": job.account,
    }
    heads = "\n".join(f"#SBATCH --{option}={value}" for option, value in options.items() if value is not None)
    python = shlex.quote(sys.executable)
    out = shlex.quote(str(folder))
    return f"""#!/bin/bash
{heads}
# SLURM writes the logs into a folder that must be there when the jobs are submitted: mkdir -p {out}
# Submitted again, jobs go on where they stopped, and those that are finished end at once.
set -euo pipefail
# The study itself gets the signal before the time limit, saves what it has, and ends with code 143.
exec {python} -m simengine sweep {what} \\
  --shard "${{SLURM_ARRAY_TASK_ID}}/{job.shards}" --out {out}
# When all jobs are done: {python} -m simengine merge {out}
"""
