"""Files made to do harm: nothing in them is run, and nothing that they name is written outside the folder asked for."""

import io
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simengine.api import default_folder, load, open_results
from simengine.foundation.errors import InputError
from simengine.studies import manifest, parts
from simengine.studies.design import Key
from simengine.studies.files import ResultsError, sha256
from simengine.studies.snapshots import npz_bytes, write_paraview
from tests.toy import run_toy, toy_design, toy_snapshot

ROOT = Path(__file__).resolve().parents[2]
DOTS = r".. ../.. ../../.. ../x x/../../y ./../x ..\..\x ....//....//x x/.. %2e%2e/x ..%2fx %252e%252e/x . ... .lock"
ROOTS = r"/etc/passwd /tmp/x //host/share \\host\share\x \\?\C:\x C:\x C:/x file:///etc/passwd ~ ~/x ~root/x $HOME/x"
SHELL = ["$(touch x)", "`touch x`", "; touch x", "| touch x", "&& touch x", "-", "--", "-rf", "*", "?", "[a]", "{a,b}"]
DEVICES = "/dev/zero /dev/null /dev/stdin /dev/fd/0 /proc/self/mem /proc/self/environ /sys/power/state CON NUL"
ODD = ["\x00", "a\x00b", "a\nb", "a\rb", "\x1b[2J", "\u202e", "\uff0e\uff0e/x", "\u2024\u2024/x", "\u2215x", "\uff0fx"]
ODD += [" ", "", "x" * 300, "/" * 50, "." * 50, "<x", ">x"]
ABOVE = [f"{dots}/{name}" for dots in ("..", "../..", "a/../..") for name in ("manifest.json", "parts/x", "etc/cron.d/x")]
BESIDE = [f"{name}/../../x" for name in ("results", "parts", "snapshots", "shards", "figures", "CON", "%00", "~", "a b", "-x")]
HOSTILE = [*DOTS.split(), *ROOTS.split(), *SHELL, *DEVICES.split(), *ODD, *ABOVE, *BESIDE]
HOSTILE += [f"/proc/{n}/root/x" for n in range(20)]


def everything(folder):
    """All that lies in a folder, with its content."""
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def test_there_are_a_hundred_hostile_names():
    assert len(set(HOSTILE)) >= 100


def test_no_name_of_a_scenario_or_arm_leads_out_of_the_folder_of_results(tmp_path, monkeypatch):
    """A name that could is refused, by the file gate; labels of arms become part of one name."""
    monkeypatch.chdir(tmp_path)
    study = tmp_path / "study.toml"
    for name in HOSTILE:
        study.write_text(f"name = {json.dumps(name)}\n")
        try:
            accepted = load(study).name
        except InputError:
            accepted = "refused"
        for folder in (default_folder(accepted), default_folder("study", [name])):
            assert folder.parent == Path("results")
            assert folder.resolve().parent == tmp_path / "results"


def test_no_day_of_a_snapshot_leads_out_of_its_folder(tmp_path):
    for name in HOSTILE:
        path = tmp_path / "snapshots" / parts.snapshot_name(Key(0, 0, 0), name)
        assert path.resolve().parent == tmp_path / "snapshots"


def test_no_patch_named_in_a_snapshot_is_written_elsewhere(tmp_path):
    """Snapshots say what their patches are called, and files for ParaView are called after them."""
    home = tmp_path / "deep" / "er"
    (home / "in").mkdir(parents=True)
    for i, name in enumerate(name for name in HOSTILE if "\x00" not in name and len(name) < 100):
        arrays = toy_snapshot(0.5) | {"patch_names": np.array([name, "remote"])}
        (home / "in" / "run-day1.npz").write_bytes(npz_bytes(arrays))
        before = everything(tmp_path)
        written = write_paraview([home / "in" / "run-day1.npz"], home / str(i))
        strangers = {path for path in everything(tmp_path).keys() - before.keys() if home / str(i) not in (path, *path.parents)}
        assert strangers == set()
        assert all(path.parent == home / str(i) for path in written)
        shutil.rmtree(home / str(i))


def test_no_part_named_in_a_manifest_is_read_or_written_elsewhere(tmp_path):
    folder = tmp_path / "results"
    run_toy(folder, toy_design(replicates=1, patients=1))
    (tmp_path / "x").write_bytes(b"mine")
    sound = manifest.read(folder)
    before = everything(tmp_path)
    for name in HOSTILE:
        manifest.write(folder, sound | {"parts": sound["parts"] | {name: sha256(b"mine")}})
        with pytest.raises(ResultsError, match="is missing"):
            open_results(folder)
    manifest.write(folder, sound)
    assert everything(tmp_path) == before


class Harm:
    """What a pickle can do."""

    def __reduce__(self):
        return (Path.touch, (Path("canary"),))


def hostile_files(folder):
    """Write scenario files and folders of results that would touch a canary if anything in them were run."""
    code = '__import__("pathlib").Path("canary").touch()'
    texts = [code, f"!!python/object/apply:os.system ['{code}']", f"{{{{{code}}}}}", f"${{{code}}}", "lambda: " + code]
    texts += [f"{{% {code} %}}", f"<%= {code} %>", f"#{{{code}}}", f"=cmd|'{code}'!A1", f"@{code}", f"exec({code!r})"]
    texts += [f"f'{{{code}}}'", "${jndi:ldap://127.0.0.1/x}", "cos\nsystem\n(S'touch canary'\ntR.", "`touch canary`"]
    texts += ["$(touch canary)", "; touch canary", "__class__.__mro__", "{0.__class__.__init__.__globals__}"]
    fields = "name title description patient.sex patient.species donor.match product.name site.name run.mode seed patients"
    fields += " precision arm sweep rule extends parameters.x mechanisms.x population delivery transplant run output"
    fields += " product.cells donor.relation donor.age_years patient.age_years delivery.route drug.name rule.behaviour"
    fields += " patch.layout patch.shape site.fields output.snapshot_days clocks.motion_min sweep.grid sweep.list arm.set"
    fields += " transplant.source transplant.donor population.name rule.source precision.outcome replicates"
    fields += " patient.race patient.disease donor.sex product.passage rule.signal arm.name parameters.y.z schema_version"
    files = []
    for i, (field, text) in enumerate((field, text) for field in fields.split() for text in texts):
        files.append(folder / f"scenario-{i}.toml")
        files[-1].write_text(f"{field} = {json.dumps(text)}\n")
    payload = pickle.dumps(Harm())
    source = folder / "source"
    run_toy(source, toy_design(replicates=1, patients=1))
    for i in range(20):
        place = Path(shutil.copytree(source, folder / f"results-{i}"))
        path = sorted((place / "parts").iterdir())[0]
        table = pq.read_table(path)
        odd = [b"pandas", b"ARROW:extension:metadata", b"ARROW:schema", b"numpy"][i % 4]
        table = table.replace_schema_metadata({**table.schema.metadata, odd: payload if i % 2 else code.encode()})
        told = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": payload}
        field = pa.field("x", pa.binary(), metadata=told)
        table = table.append_column(field, pa.array([payload] * len(table), pa.binary()))
        data = parts.to_bytes(table, manifest.read(place)["study_hash"])
        path.unlink()
        (place / "parts" / parts.file_name(data)).write_bytes(data)
        manifest.write(place, manifest.read(place) | {"parts": {parts.file_name(data): sha256(data)}})
        files.append(place)
        buffer = io.BytesIO()
        np.savez(buffer, x=np.array([Harm()], dtype=object))
        files.append(folder / f"snapshot-{i}.npz")
        files[-1].write_bytes(buffer.getvalue())
    return files


WATCHED = """
import json, pathlib, sys
from simengine import api
from simengine.studies.integrity import inspect
from simengine.studies.snapshots import load_snapshot

def look(path):
    try:
        if path.is_dir():
            results = api.open_results(path)
            return len(results.table), len(results.summary()), inspect(path), results.hash
        return load_snapshot(path) if path.suffix == ".npz" else api.load(path)
    except Exception as error:
        return type(error)

files = [pathlib.Path(line.strip()) for line in sys.stdin]
for path in files:
    look(path)  # what must be imported is
seen = []
forbidden = ("exec", "compile", "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect")
forbidden += ("ctypes.dlopen", "pickle.find_class")

def hook(event, arguments):
    if event == "compile" and arguments[1] == "<unknown>":
        return  # a literal is read into a tree, which is not run: headers of NumPy
    if event in forbidden or event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        seen.append([event, str(arguments)[:200]])

sys.addaudithook(hook)
for path in files:
    look(path)
quiet = list(seen)
if PLANT:
    import pickle
    pickle.loads(pathlib.Path("planted.pickle").read_bytes())
    eval("1 + 1")
print(json.dumps([quiet, seen[len(quiet):]]))
"""


def watched(folder, files, plant):
    (folder / "planted.pickle").write_bytes(pickle.dumps(Harm()))
    command = [sys.executable, "-c", WATCHED.replace("PLANT", str(plant))]
    text = "\n".join(map(str, files))
    told = {"env": {"PYTHONPATH": str(ROOT), "PATH": ""}, "capture_output": True, "text": True, "timeout": 300, "check": False}
    done = subprocess.run(command, input=text, cwd=folder, **told)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_nothing_in_a_file_is_run(tmp_path):
    """Scenarios, results and snapshots with code in every place, under an audit hook that sees what Python does.

    A canary says whether code was run all the same; the hook is shown to see a pickle and an evaluation that are planted.
    """
    files = hostile_files(tmp_path)
    assert len(files) >= 1000
    quiet, planted = watched(tmp_path, files, plant=False)
    assert (quiet, planted) == ([], [])
    assert not (tmp_path / "canary").exists()
    quiet, planted = watched(tmp_path, files[:3], plant=True)
    assert quiet == []
    assert {event for event, _ in planted} >= {"pickle.find_class", "exec", "compile"}
    assert (tmp_path / "canary").exists()
