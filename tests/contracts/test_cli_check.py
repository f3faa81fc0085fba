"""The gate through the front door: `python -m simengine check FILE` in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "scenarios"
LINE = re.compile(r"^(?P<file>[^\n]+\.toml):(?P<line>\d+):(?P<column>\d+): (?P<path>[^\s:]+): got .+, expected .+$", re.M)
CHOSEN = [
    "toml_open_string",
    "toml_key_twice",
    "toml_deep_nesting",
    "toml_huge_integer",
    "patient_wrong_type",
    "delivery_below",
    "top_list_for_scalar",
    "clocks_not_finite",
    "unknown_product",
    "unknown_mechanism",
    "wrong_unit_run",
    "donor_autologous_mismatch",
    "delivery_with_two_doses",
    "arm_unknown_path",
    "sweep_value_out_of_range",
    "sweep_too_many_points",
    "size_patch",
    "size_runs",
    "extends_outside",
    "extends_grandparent",
    "many_faults",
]


def check(*files, cwd):
    """Run the check in a folder of its own as home; return the finished process."""
    home = {"HOME": str(cwd), "XDG_CACHE_HOME": str(cwd), "TMPDIR": str(cwd), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "simengine", "check", *map(str, files)]
    environment = os.environ | home | {"PYTHONPATH": str(ROOT)}
    environment.pop("NUMBA_CACHE_DIR", None)
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


def expected_places(path):
    """Return (line, column, path) of every fault that a file of the corpus says it has, in files named by their stem."""
    found = re.findall(r"^# expect: (?:([^:\s]+):)?(\d+):(\d+) (\S+)", path.read_text(), re.M)
    return {(Path(file or path).name, int(line), int(column), name) for file, line, column, name in found}


@pytest.mark.parametrize("name", CHOSEN)
def test_a_malformed_file_ends_in_its_faults_exit_code_2_and_nothing_written(tmp_path, name):
    path = CORPUS / "invalid" / f"{name}.toml"
    done = check(path, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    shown = {(Path(m["file"]).name, int(m["line"]), int(m["column"]), m["path"]) for m in LINE.finditer(done.stderr)}
    assert shown == expected_places(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("trap", ["empty", "folder", "pipe", "absent", "utf16", "nul", "large", "device"])
def test_what_is_no_scenario_at_all_is_refused_at_once(tmp_path, trap):
    folder = tmp_path / "files"
    folder.mkdir()
    paths = {name: folder / f"{name}.toml" for name in ("empty", "folder", "pipe", "absent", "utf16", "nul", "large")}
    paths["empty"].write_bytes(b"")
    paths["folder"].mkdir()
    os.mkfifo(paths["pipe"])
    paths["utf16"].write_bytes('name = "x"'.encode("utf-16"))
    paths["nul"].write_bytes(b'name = "x"\0')
    with paths["large"].open("wb") as stream:
        stream.truncate(100 * 2**20)
    before = sorted(folder.iterdir())
    done = check({**paths, "device": "/dev/zero"}[trap], cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert ":1:" in done.stderr
    assert sorted(folder.iterdir()) == before
    assert list(tmp_path.iterdir()) == [folder]


def test_all_faults_of_several_files_come_at_once_and_sound_files_pass(tmp_path):
    invalid = sorted((CORPUS / "invalid").glob("*.toml"))
    done = check(*invalid, cwd=tmp_path)
    assert done.returncode == 2
    shown = {Path(match["file"]).name for match in LINE.finditer(done.stderr)}
    assert shown >= {path.name for path in invalid if not path.read_text().startswith("# expect: parents/")}
    valid = sorted((CORPUS / "valid").glob("*.toml"))
    precise = [path for path in valid if "[precision]" in path.read_text(encoding="utf-8")]
    sound = check(*(path for path in valid if path not in precise), cwd=tmp_path)
    assert (sound.returncode, sound.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
    looked_up = check(*precise, cwd=tmp_path)  # asks the modules of outcomes, which makes a folder for code and compiles none
    assert (looked_up.returncode, looked_up.stderr) == (0, "")
    assert precise
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_checking_needs_little_memory(tmp_path):
    """Asked of a process of its own: the largest child of this one may be anybody's."""
    asking = (
        "import resource, subprocess, sys;"
        "subprocess.run([sys.executable, '-m', 'simengine', 'check', sys.argv[1]], capture_output=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    told = subprocess.run(
        [sys.executable, "-c", asking, str(CORPUS / "invalid" / "size_patch.toml")],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert 1024 < int(told.stdout) < 300 * 1024
