"""What a study would cost, said before it is run: `--dry-run` of `run`, `sweep` and `demo`."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from simengine.cli.options import RunOptions
from simengine.cli.progress import COMPILING, duration

if TYPE_CHECKING:
    from simengine.scenario import Study
    from simengine.studies.design import Design
    from simengine.studies.estimate import Estimate
    from simengine.studies.probe import Found

__all__ = ["dry_run"]


def dry_run(study: Study, arms: Sequence[str], folder: Path, options: RunOptions) -> None:
    """Print how many runs a study has and what they would take, as text or JSON; with `--quick` only the first."""
    from simengine.studies import shards
    from simengine.studies.design import design
    from simengine.studies.estimate import Estimate, done_in
    from simengine.studies.executors import available_jobs

    chosen = design(study, arms=arms, replicates=options.replicates, seed=options.seed)
    if options.shard:
        chosen, folder = shards.share(chosen, options.shard), shards.folder_of(folder, options.shard)
    done = 0 if options.restart else done_in(folder, chosen, options.retry)
    jobs = available_jobs(options.jobs)
    cost = Estimate(len(chosen), len(chosen) - done, jobs, options.place)
    if not options.quick:
        cost = _probed(chosen, jobs, done, options)
    if options.as_json:
        click.echo(json.dumps({**_numbers(chosen, cost, done), "jobs": jobs, "out": str(folder)}, indent=1))
    else:
        click.echo("\n".join(_lines(chosen, cost, done, folder, options)))


def _probed(chosen: Design, jobs: int, done: int, options: RunOptions) -> Estimate:
    from simengine import api, outcomes
    from simengine.studies.estimate import estimate
    from simengine.studies.runs import engine_runner

    # here, so that the probe finds it compiled: compiling takes memory that a process keeps
    api.warm_up(lambda: click.echo(COMPILING, err=True), [point.scenario for point in chosen.points])
    described = {name: column._asdict() for name, column in outcomes.descriptions().items()}
    return estimate(chosen, engine_runner, jobs, place=options.place, done=done, outcomes=described, closing=summarise_unseen)


def summarise_unseen(folder: Path) -> None:
    """Do what follows the runs of a study, and print nothing."""
    from simengine.cli.tables import print_summary
    from simengine.results import Results

    with contextlib.redirect_stdout(io.StringIO()):
        print_summary(Results(folder))


def _numbers(chosen: Design, cost: Estimate, done: int) -> dict[str, Any]:
    """Return the estimate under names that say the unit."""
    from simengine.studies.estimate import bound_mb

    bound, limit = bound_mb(chosen)
    numbers: dict[str, Any] = {
        "points": len(chosen.points),
        "patients": chosen.patients,
        "replicates": chosen.replicates,
        "runs": cost.runs,
        "runs_are_a_maximum": chosen.precision is not None,
        "done": done,
        "run_bound_mb": round(bound, 1),
        "run_limit_mb": limit,
    }
    if cost.found is None:
        return numbers
    memory = cost.memory
    return numbers | {
        "probe_runs": cost.found.runs,
        "probe_failed": cost.found.failed,
        "seconds": round(cost.seconds, 1),
        "cpu_seconds": round(cost.cpu_seconds, 1),
        "cpu_seconds_a_run": cost.found.seconds_a_run,
        "disk_bytes": round(cost.disk_bytes),
        "parts": cost.parts,
        "empty_part_bytes": round(cost.empty_part_bytes),
        "memory_mb": round(memory.total_mb, 1),
        "memory_writing_mb": round(memory.writing_mb, 1),
        "memory_rows_mb": round(memory.rows_mb, 1),
        "workers": memory.workers,
        "memory_a_worker_mb": round(memory.worker_mb, 1),
    }


def _lines(chosen: Design, cost: Estimate, done: int, folder: Path, options: RunOptions) -> list[str]:
    from simengine.studies.estimate import bound_mb

    bound, limit = bound_mb(chosen)
    at_most = "at most " if chosen.precision is not None else ""
    sizes = {"arm": len(chosen.points), "patient": chosen.patients, "replicate": chosen.replicates}
    product = " x ".join(f"{n} {what}{'' if n == 1 else 's'}" for what, n in sizes.items())
    share = f", of which shard {options.shard}: {cost.runs} runs" if options.shard else f" = {at_most}{cost.runs} runs"
    lines = [f"{chosen.name}: {product}{share}"]
    if at_most:
        lines.append("a maximum, as is what follows from it: an arm ends when its [precision] is reached")
    if done:
        lines.append(f"{done} are done already and are not run again, {cost.left} are left")
    if cost.found is not None:
        lines += _costs(cost, cost.found, folder)
    largest = f"{bound:.{0 if bound >= 10 else 1}f} MB if it filled run.max_agents"
    lines.append(f"the largest run would take {largest}; above {limit:.0f} MB (run.memory_limit_mb) it is refused")
    return lines


def _costs(cost: Estimate, found: Found, folder: Path) -> list[str]:
    memory = cost.memory
    one, many = ("thread", "threads") if cost.in_threads else ("process", "processes")
    on = "on" if memory.workers else "if the cluster has"
    shares = f"{memory.writing_mb:.0f} for the program, {memory.rows_mb:.0f} for rows"
    shares += (
        f", {memory.workers} x {memory.worker_mb:.0f} for {many}" if memory.workers else " (the workers of the cluster aside)"
    )
    lines = [
        f"about {duration(cost.seconds)} {on} {cost.workers} {one if cost.workers == 1 else many} with a core each "
        f"({found.seconds_a_run:.2g} s a run, from {found.runs} runs)",
        f"about {cost.disk_bytes / 1e6:.{1 if cost.disk_bytes >= 1e6 else 3}f} MB in {folder}",
        f"about {memory.total_mb:.0f} MB of memory: {shares}",
    ]
    if not memory.workers:
        lines.append(f"each process of the cluster that does runs: about {memory.worker_mb:.0f} MB")
    if found.failed:
        lines.append(f"{found.failed} of these runs failed: their rows would say why")
    return lines
