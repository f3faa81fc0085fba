"""`simengine scenarios list` and `simengine scenarios copy`."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group("scenarios")
def command() -> None:
    """List the packaged studies, or copy one to change it.

    \b
    Example:
      simengine scenarios list
      simengine scenarios copy heart_infarct_demo my_study.toml
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_all(as_json: bool) -> None:
    """Say what each packaged study is for, as the first line of its file does.

    \b
    Example:
      simengine scenarios list
    """
    from simengine.cli.tables import print_table

    columns, rows = ["name", "what it is for"], [[path.stem, purpose(path)] for path in packaged()]
    if as_json:
        click.echo(json.dumps([dict(zip(columns, row)) for row in rows], indent=1, ensure_ascii=False))
    else:
        print_table(columns, rows)


@command.command("copy")
@click.argument("name")
@click.argument("to", required=False, type=click.Path(path_type=Path))
def copy(name: str, to: Path | None) -> None:
    """Copy the packaged study NAME to the file or folder TO, by default to NAME.toml here. Nothing is overwritten.

    \b
    Example:
      simengine scenarios copy heart_infarct_demo
      simengine scenarios copy heart_infarct_demo my_study.toml
    """
    from simengine.foundation.errors import listed, nearest

    found = {path.stem: path for path in packaged()}
    if name not in found:
        hint = nearest(name, found)
        message = f'"{name}"; expected {listed(sorted(found))}' + (f"; {hint}" if hint else "")
        raise click.BadParameter(message, param_hint="NAME")
    target = to or Path()
    target = target / f"{name}.toml" if target.is_dir() else target
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(found[name].read_text(encoding="utf-8"))
    except FileExistsError:
        raise click.BadParameter(f"{target} exists already; name another file", param_hint="TO") from None
    click.echo(f"{target}: change it, then simengine run {target}")


def packaged() -> list[Path]:
    """Return the files of the project's own studies, by name."""
    from simengine.scenario import scenarios_folder

    return sorted(scenarios_folder().glob("*.toml"))


def purpose(path: Path) -> str:
    """Return what a study is for: the comment in the first line of its file."""
    return path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ").strip()
