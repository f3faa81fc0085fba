"""Planted defects: each is put into a copy of the project, and the test that promises to notice must turn red.

    python tests/mutants/run.py                 all of them (the slow tier compiles kernels: minutes each)
    python tests/mutants/run.py --fast          those whose test runs in seconds with the compiler off
    python tests/mutants/run.py --only ID ...   some

`manifest.toml` lists them: `id`, `promise` (what would break), `file`, the exact text `old` and its replacement `new`,
`test` (a pytest node id), `tier` (`fast`: the compiler is off; `slow`: kernels are compiled). Each test is first
run on the sound copy and must be green there. Ends with code 1 if a defect survives, does not apply, has a test that is red
without it, or breaks more than the test (a test that cannot even be collected shows nothing).
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = Path(__file__).with_name("manifest.toml")
COPIED = ("simengine", "benchmarks", "tests", "docs", "scenarios", "pyproject.toml", "README.md")
TIERS = ("fast", "slow")
HANG_S = {"fast": 300, "slow": 1800}


@dataclass(frozen=True)
class Mutant:
    """One planted defect."""

    id: str
    promise: str
    file: str
    old: str
    new: str
    test: str
    tier: str


def manifest() -> list[Mutant]:
    """Return all planted defects, in the order of the file."""
    return [Mutant(**table) for table in tomllib.loads(MANIFEST.read_text(encoding="utf-8"))["mutant"]]


def copy_project(folder: Path) -> None:
    """Copy what tests need into ``folder``, without compiled files."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        elif source.exists():
            shutil.copy(source, folder / name)


def plant(mutant: Mutant, folder: Path) -> str:
    """Put a defect into a copy and return the sound text of its file.

    Raises
    ------
    ValueError
        If the text to replace does not occur exactly once.
    """
    path = folder / mutant.file
    sound = path.read_text(encoding="utf-8")
    if sound.count(mutant.old) != 1:
        raise ValueError(f"{mutant.id}: the text occurs {sound.count(mutant.old)} times in {mutant.file}")
    path.write_text(sound.replace(mutant.old, mutant.new), encoding="utf-8")
    return sound


def run_tests(tests: list[str], folder: Path, tier: str) -> tuple[int, str]:
    """Run tests of a copy in a process of their own; return pytest's code and the end of what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    environment |= {"PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "kernels"), "PYTHONDONTWRITEBYTECODE": "1"}
    if tier == "fast":
        environment["NUMBA_DISABLE_JIT"] = "1"
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "slow or not slow", *tests]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=HANG_S[tier], check=False
        )
    except subprocess.TimeoutExpired:
        return -1, f"no end within {HANG_S[tier]} s"
    return done.returncode, (done.stdout + done.stderr).strip()[-1500:]


CRASHES = (signal.SIGABRT, signal.SIGSEGV)
"""How a process ends whose memory a defect has spoiled: the sound copy does not."""


def verdict_of(mutant: Mutant, folder: Path) -> tuple[str, str]:
    """Plant a defect, run its test, take the defect out again; return the verdict and what was printed."""
    try:
        sound = plant(mutant, folder)
    except (ValueError, OSError) as error:
        return "does not apply", str(error)
    try:
        code, printed = run_tests([mutant.test], folder, mutant.tier)
    finally:
        (folder / mutant.file).write_text(sound, encoding="utf-8")
    return {0: "SURVIVED", 1: "caught"}.get(code, "caught" if -code in CRASHES else f"broken (pytest code {code})"), printed


def red_without_a_defect(mutants: list[Mutant], folder: Path) -> set[str]:
    """Return the tests that are not green on the sound copy; such a test shows nothing about a defect."""
    red = set()
    for tier in TIERS:
        tests = list(dict.fromkeys(mutant.test for mutant in mutants if mutant.tier == tier))
        if tests and run_tests(tests, folder, tier)[0] != 0:
            red |= {test for test in tests if run_tests([test], folder, tier)[0] != 0}
    return red


def main(arguments: list[str] | None = None) -> int:
    """Run the planted defects that were asked for and print a table; 1 if any was not caught."""
    parser = argparse.ArgumentParser(description="Plant defects in a copy; each must turn its test red.")
    parser.add_argument("--only", nargs="+", metavar="ID", default=[], help="these defects alone")
    parser.add_argument("--fast", action="store_true", help="those that need no compilation")
    asked = parser.parse_args(arguments)
    mutants = [m for m in manifest() if (not asked.only or m.id in asked.only) and (not asked.fast or m.tier == "fast")]
    if unknown := set(asked.only) - {m.id for m in mutants}:
        parser.error(f"no such defect: {', '.join(sorted(unknown))}")
    missed = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = Path(name)
        copy_project(folder)
        red = red_without_a_defect(mutants, folder)
        for mutant in mutants:
            began = time.monotonic()
            verdict, printed = ("test is red", "") if mutant.test in red else verdict_of(mutant, folder)
            print(f"{mutant.id:44} {verdict:16} {time.monotonic() - began:6.1f} s  {mutant.promise}", flush=True)
            if verdict != "caught":
                missed += 1
                print(printed)
    print(f"{len(mutants) - missed} of {len(mutants)} planted defects were caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
