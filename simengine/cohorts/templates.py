"""The mappings and the made table that come with the project, to be copied and changed."""

from __future__ import annotations

from pathlib import Path

__all__ = ["TEMPLATES", "template_files"]

EXAMPLE = Path(__file__).resolve().parent / "example"
TEMPLATES = {
    "made_cohort": "Sixty made adults: a table with gaps and its mapping, to try the commands.",
    "bone_marrow_children": "Mapping of the public table `Bone marrow transplant: children` (UCI 565); without the table.",
}


def template_files(name: str) -> list[Path]:
    """Return the files of a template: its mapping and, where it has one, its table."""
    return [path for suffix in (".toml", ".csv") if (path := EXAMPLE / f"{name}{suffix}").is_file()]
