"""The gate under random damage: a mutation is reported where it struck, and no text makes the gate fall over."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from simengine.foundation.documents import parse_toml
from simengine.foundation.errors import InputError
from simengine.scenario import loads

CORPUS = Path(__file__).parents[1] / "scenarios"
FULL = (CORPUS / "valid" / "every_field.toml").read_text()
TRANSPLANT = (CORPUS / "valid" / "every_transplant_field.toml").read_text()
SCALAR = re.compile(r"^(?P<key>\s*[a-z_0-9\".]+) = (?P<value>[^\[\n\"]+|\"[^\"\n]*\"|\[[^\n]*\])$", re.M)
FORM = re.compile(r'^f\.toml:\d+:\d+: (?:[\w.-]|"(?:[^"\\]|\\.)*")+: got [^\n]+, expected [^\n]+$')
WRONG = ["nan", "-inf", "{}", "1979-05-27", "[[]]", '["x", 1]', "{ a = 1 }", "07:32:00", "-1e300", "[{}]"]
N_STRIKES = 600
N_DAMAGED = 1500


def places(text):
    """Return (line, column) of every fault of a text, and check the form of each."""
    problems = ()
    try:
        loads(text, "f.toml")
    except InputError as error:
        problems = error.problems
    assert [str(problem) for problem in problems if not FORM.match(str(problem))] == []
    return [(problem.line, problem.column) for problem in problems]


@pytest.mark.parametrize(("full", "n_values"), [(FULL, 70), (TRANSPLANT, 30)], ids=["tissue", "transplant"])
def test_a_wrong_value_is_reported_where_it_stands(full, n_values):
    """600 strikes at the values of a scenario that states every field; a place off by one in any of them turns this red."""
    order = random.Random(1)
    values = [match for match in SCALAR.finditer(full) if match["key"].strip() != "description"]
    assert len(values) > n_values
    missed = []
    for _ in range(N_STRIKES):
        match = order.choice(values)
        indent = " " * order.randrange(5)
        wrong = order.choice(WRONG)
        text = full[: match.start("value")] + indent + wrong + full[match.end("value") :]
        struck = (text.count("\n", 0, match.start("value")) + 1, len(match["key"]) + 4 + len(indent))
        found = places(text)
        inside = [place for place in found if place[0] == struck[0] and place[1] >= struck[1]]
        if not inside:
            missed.append((match["key"], wrong, struck, found))
    assert missed == []


def test_an_extra_key_is_reported_where_it_stands():
    order = random.Random(2)
    lines = FULL.split("\n")
    free = ("[mechanisms]", "[parameters]", "[population.traits]")
    headers = [i for i, line in enumerate(lines) if line.startswith("[") and line not in free]
    for _ in range(200):
        i = order.choice(headers)
        indent = " " * order.randrange(5)
        text = "\n".join([*lines[: i + 1], f"{indent}surplus_{order.randrange(99)} = 1", *lines[i + 1 :]])
        assert places(text) == [(i + 2, len(indent) + 1)]


def damaged(text, order):
    """Return a text with a few characters or lines dropped, doubled, swapped or replaced."""
    for _ in range(order.randrange(1, 4)):
        lines = text.split("\n")
        i, j = order.randrange(len(lines)), order.randrange(len(lines))
        start = order.randrange(len(text) + 1)
        text = order.choice(
            [
                "\n".join(lines[:i] + lines[i + 1 :]),
                "\n".join([*lines[:i], lines[j], *lines[i:]]),
                "\n".join([*lines[:i], lines[i][::-1], *lines[i + 1 :]]),
                text[:start] + text[start + order.randrange(1, 4) :],
                text[:start] + order.choice("[]{}=\".'#\n\\-0e\x00é\ufeff ") + text[start:],
                re.sub(r"\d+", lambda m: m[0] + order.choice(["", "0", "000"]), text, count=order.randrange(1, 5)),
                text.replace(
                    order.choice(["true", "8/8", "intravenous", "human", "male", "name"]), order.choice(["x", "1", ""])
                ),
            ]
        )
    return text


def test_no_damage_makes_the_gate_fall_over():
    """1500 damaged files end in a study or in placed faults; at least a fifth pass and two fifths are read for meaning."""
    order = random.Random(3)
    texts = [path.read_text("utf-8-sig") for path in sorted(CORPUS.glob("valid/*.toml")) if path.stem != "inherits"]
    ends: Counter[str] = Counter()
    for _ in range(N_DAMAGED):
        text = damaged(order.choice(texts), order)
        try:
            document = parse_toml(text, "f.toml")
        except InputError:
            ends["text"] += 1
            assert places(text)
            continue
        found = places(text)
        ends["meaning" if found else "sound"] += 1
        n_lines = document.text.count("\n") + 1
        assert all(1 <= line <= n_lines and column >= 1 for line, column in found)
    assert ends["sound"] >= 0.2 * N_DAMAGED, ends
    assert ends["sound"] + ends["meaning"] >= 0.4 * N_DAMAGED, ends


@pytest.mark.slow
def test_no_damage_makes_the_gate_fall_over_on_any_seed():
    for seed in range(20_000):
        order = random.Random(f"gate {seed}")
        text = damaged(FULL, order)
        assert isinstance(places(text), list)
