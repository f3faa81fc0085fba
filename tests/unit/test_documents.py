"""TOML documents: what they mean, where each value stands, and what is refused before it can do harm."""

from __future__ import annotations

import os
import re
import time

import pytest

from simengine.foundation.documents import LONGEST_BYTES, parse_toml, read_toml
from simengine.foundation.errors import InputError, Problem, nearest, one_line, shown

EVERY_FORM = '''\
# a comment
title = "µm before" # é
plain.dotted."quoted key" = [1, # one
  {inner = 2, far.away = [3]}]
[table]
number = 0.5e3
  indented = true
[table.sub]
text = """
two lines"""
[[row]]
n = 1
[[row]]
n = 2
[row.set]
"donor.match" = "0/8"
[[row.set.deep]]
day = 1979-05-27
[implied.only]
x = 0x1F
'''


def refusal(text: str) -> Problem:
    """Return the one problem for which a text is refused."""
    with pytest.raises(InputError) as caught:
        parse_toml(text, "f")
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("title",), (2, 1), (2, 9)),
        (("plain",), (3, 1), (3, 1)),
        (("plain", "dotted", "quoted key"), (3, 14), (3, 29)),
        (("plain", "dotted", "quoted key", 0), (3, 30), (3, 30)),
        (("plain", "dotted", "quoted key", 1), (4, 3), (4, 3)),
        (("plain", "dotted", "quoted key", 1, "inner"), (4, 4), (4, 12)),
        (("plain", "dotted", "quoted key", 1, "far", "away", 0), (4, 27), (4, 27)),
        (("table",), (5, 2), (5, 1)),
        (("table", "number"), (6, 1), (6, 10)),
        (("table", "indented"), (7, 3), (7, 14)),
        (("table", "sub"), (8, 8), (8, 1)),
        (("table", "sub", "text"), (9, 1), (9, 8)),
        (("row",), (11, 3), (11, 1)),
        (("row", 0), (11, 1), (11, 1)),
        (("row", 1, "n"), (14, 1), (14, 5)),
        (("row", 1, "set"), (15, 6), (15, 1)),
        (("row", 1, "set", "donor.match"), (16, 1), (16, 17)),
        (("row", 1, "set", "deep", 0, "day"), (18, 1), (18, 7)),
        (("implied",), (19, 2), (19, 1)),
        (("implied", "only", "x"), (20, 1), (20, 5)),
        (("table", "absent"), (5, 1), (5, 1)),
        (("row", 1, "absent"), (13, 1), (13, 1)),
        (("absent",), (1, 1), (1, 1)),
        ((), (1, 1), (1, 1)),
    ],
)
def test_every_key_and_value_has_its_true_place(path, key, value):
    document = parse_toml(EVERY_FORM, "f")
    assert document.key_position(path) == key
    assert document.position(path) == value


def test_columns_count_characters_and_not_bytes():
    document = parse_toml('"ü" = {"é" = "àé", b = 1}\n', "f")
    assert document.position(("ü", "b")) == (1, 24)


def test_windows_line_ends_change_neither_meaning_nor_places():
    unix, windows = parse_toml(EVERY_FORM, "f"), parse_toml(EVERY_FORM.replace("\n", "\r\n"), "f")
    assert windows.data == unix.data
    assert windows.position(("row", 1, "set", "donor.match")) == (16, 17)


def test_a_byte_order_mark_is_ignored(tmp_path):
    path = tmp_path / "bom.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\n")
    document = read_toml(path)
    assert document.data == {"a": 1}
    assert document.position(("a",)) == (1, 5)


def test_an_empty_file_is_an_empty_document(tmp_path):
    path = tmp_path / "empty.toml"
    path.write_bytes(b"")
    assert read_toml(path).data == {}


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a = 1e-3", 1e-3),
        ("a = 1_000", 1000),
        ("a = 0x1F", 31),
        ("\ta = 0o17", 15),
        ("a = 9223372036854775807", 2**63 - 1),
    ],
)
def test_numbers_are_read_as_numbers(text, meaning):
    document = parse_toml(text, "f")
    assert document.data == {"a": meaning}
    assert document.faults == ()


@pytest.mark.parametrize(
    ("text", "place", "found", "hint"),
    [
        ("a = 012", (1, 5), "012", ""),
        ("a = 12:30", (1, 5), "12:30", ""),
        ("a = 1e-", (1, 5), "1e-", ""),
        ("a = 2020-13-40", (1, 5), "2020-13-40", ""),
        ("ok = 1\na = no", (2, 5), "no", "false"),
        ("a = on", (1, 5), "on", "true"),
        ("a = True # yes", (1, 5), "True", "true"),
        ("a = [1, False]", (1, 9), "False", "false"),
        ("a = null", (1, 5), "null", "leave the field out"),
        ("a = ~", (1, 5), "~", "leave the field out"),
        ("a = 1 b = 2", (1, 5), "1 b = 2", ""),
        ("a = [1,,2]", (1, 8), ",2]", ""),
        ("a = 'open", (1, 10), "end of the line", ""),
        ("[open\na = 1", (1, 6), "end of the line", ""),
        ("a: 1", (1, 2), ": 1", ""),
        ("= 1", (1, 1), "= 1", ""),
        ("a = 1\rb = 2", (1, 5), "\\r", ""),
        ("a = 1\x00", (1, 5), "\\u0000", ""),
        ("a = {b = 1,\nc = 2}", (1, 12), "end of the line", ""),
        ("--- \na = 1", (1, 5), "end of the line", ""),
        ("a = " + "9" * 5000, (1, 5), "thousands of digits", ""),
    ],
)
def test_what_is_not_toml_is_refused_where_it_stands(text, place, found, hint):
    problem = refusal(text)
    assert (problem.line, problem.column) == place
    assert found in problem.found
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("text", "place", "path"),
    [
        ("a = 1\na = 2", (2, 1), "a"),
        ("a = 1\n\n'a' = [\n1]\nb = 2", (3, 1), "a"),
        ("[a]\nb = 1\n[a]", (3, 2), "a"),
        ("[a.b]\n[c]\n[a.b]", (3, 4), "a.b"),
        ("a.b = 1\n[a]\nc = 2", (2, 2), "a"),
        ("a = 1\na.b = 2", (2, 1), "a"),
        ("x = {a = 1}\nx.b = 2", (2, 1), "x"),
        ("x = {a = 1}\n[x.b]", (2, 2), "x"),
        ("[[a]]\n[a]", (2, 2), "a"),
        ("a = []\n[[a]]", (2, 3), "a"),
        ("x = {b = 1, b = {c = 2}}", (1, 13), "x.b"),
        ("[[r]]\nk = 1\n[[r]]\nk = 1\nk = 2", (5, 1), "r.1.k"),
    ],
)
def test_a_key_defined_twice_is_refused_at_the_second(text, place, path):
    problem = refusal(text)
    assert (problem.line, problem.column, problem.path) == (*place, path)
    assert "second definition" in problem.found


def test_every_number_beyond_the_finite_and_64_bits_is_a_fault_at_its_place():
    document = parse_toml("a = [1, nan, {x = -inf}]\nb = 9223372036854775808\nc = 1e999\nd = -9223372036854775808", "f")
    assert [(f.line, f.column, f.path) for f in document.faults] == [
        (1, 9, "a.1"),
        (1, 19, "a.2.x"),
        (2, 5, "b"),
        (3, 5, "c"),
    ]


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("a = " + "[" * 70 + "]" * 70, 69),
        ("a = " + "[" * 5000 + "]" * 5000, 69),
        ("a = " + "[" * 5000, 69),
        ("a = " + "{a = " * 300 + "1" + "}" * 300, 321),
        (".".join("a" * 65) + " = 1", 129),
        ("[" + ".".join("a" * 70) + "]", 1),
        (".".join("a" * 200_000) + " = 1", 1),
    ],
)
def test_nesting_beyond_the_limit_is_refused_at_once(text, column):
    start = time.perf_counter()
    problem = refusal(text)
    assert (problem.line, problem.column) == (1, column)
    assert "64 levels" in problem.expected
    assert time.perf_counter() - start < 20


def test_long_texts_with_many_dots_are_not_taken_for_nesting():
    assert parse_toml('a = "' + "e.g. " * 100 + '"', "f").data["a"].count(".") == 200


@pytest.mark.parametrize(
    ("content", "place", "found"),
    [
        ("a = 1".encode("utf-16"), (1, 1), "UTF-16"),
        ("a = 1".encode("utf-16-be"), (1, 1), "\\u0000a"),
        (b"a = 1\nb = '\xe9'\n", (2, 6), "0xe9"),
    ],
)
def test_other_encodings_are_refused_where_they_show(tmp_path, content, place, found):
    path = tmp_path / "f.toml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_toml(path)
    problem = caught.value.problems[0]
    assert (problem.line, problem.column) == place
    assert found in problem.found


def test_only_regular_files_of_bounded_size_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "large.toml").write_bytes(b"#" * (LONGEST_BYTES + 1))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "to_pipe").symlink_to(tmp_path / "pipe")
    expected = {
        "pipe": "a pipe",
        "to_pipe": "a pipe",
        "folder": "a folder",
        "large.toml": "1048577 bytes",
        "absent": "no such file",
        "loop": "ELOOP",
        "a\0b": "NUL",
    }
    found = {}
    for name in expected:
        with pytest.raises(InputError) as caught:
            read_toml(tmp_path / name)
        found[name] = caught.value.problems[0].found
    with pytest.raises(InputError, match="a device"):
        read_toml("/dev/zero")
    assert all(expected[name] in found[name] for name in expected), found


def test_the_largest_file_allowed_is_read(tmp_path):
    path = tmp_path / "f.toml"
    path.write_bytes(b"a = 1\n" + b"#" * (LONGEST_BYTES - 6))
    assert read_toml(path).data == {"a": 1}


def test_a_problem_is_one_line_in_the_stated_form():
    problem = Problem("a\nb.toml", 3, 7, "patient.sex", '"m\x1b[31m"', "one of male, female", "did you mean\r male?")
    text = str(problem)
    assert re.fullmatch(r"a\\nb\.toml:3:7: patient\.sex: got .*, expected one of male, female; did you mean\\r male\?", text)
    assert "\x1b" not in text
    assert one_line("é → ü") == "é → ü"


def test_an_input_error_holds_each_problem_once_and_in_order():
    late, early = Problem("f", 10, 1, "b", "x", "y"), Problem("f", 9, 1, "a", "x", "y")
    error = InputError([late, early, late])
    assert error.problems == (early, late)
    assert str(error) == f"{early}\n{late}"
    assert error.exit_code == 2


def test_values_are_shown_as_in_toml_and_cut_short():
    assert [shown(v) for v in (True, 1, 1.5, "a", [1, "b"], {}, {"a": 1})] == [
        "true",
        "1",
        "1.5",
        '"a"',
        '[1, "b"]',
        "an empty table",
        "a table",
    ]
    assert len(shown("x" * 10_000)) <= 60
    assert len(shown(10**400)) < 60
    assert len(shown(list(range(10_000)))) <= 60


def test_the_nearest_name_prefers_completions():
    names = ["sex", "age_years", "smoking"]
    assert nearest("age", names) == 'did you mean "age_years"?'
    assert nearest("SEXX", names) == 'did you mean "sex"?'
    assert nearest("zzz", names) == ""
    assert nearest(3, names) == ""
    assert nearest(" ", names) == ""


def test_places_can_be_asked_of_any_path():
    assert parse_toml("\n\n", "f").position(("a", 3, "b")) == (1, 1)
