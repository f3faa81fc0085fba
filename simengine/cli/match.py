"""`simengine match`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

LEVELS = ("antigen", "first_field", "two_field")
_CAPTION = (
    "matched: alleles of two, one to one, ? a name is too coarse to tell; HvG: donor antigens that the\n"
    "patient lacks (rejection); GvH: patient antigens that the donor lacks (GVHD); a homozygote counts once."
)


@click.command("match")
@click.argument("patient")
@click.argument("donors", nargs=-1, required=True, metavar="DONOR...")
@click.option("--level", type=click.Choice(LEVELS), default="two_field", show_default=True, help="How finely to compare.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(patient: str, donors: tuple[str, ...], level: Any, as_json: bool) -> None:
    """Compare each DONOR with PATIENT, locus by locus and in both directions; several donors are put in order.

    PATIENT and DONOR are files ending in .toml with hla = ["A*02:01", ...] and, if known, name, sex, blood_group, cmv
    and ancestry; or HLA names separated by commas.

    \b
    Example:
      simengine match patient.toml donor_1.toml donor_2.toml
      simengine match "A*01:01,A*02:01,B*08:01,DRB1*03:01" "A*02:01,B*08:01,DRB1*03:01" --level antigen
    """
    from simengine.patients.assessment import match
    from simengine.studies.manifest import DISCLAIMER

    reports = match(patient, donors, level)
    if as_json:
        click.echo(json.dumps({"level": level, "donors": reports, "disclaimer": DISCLAIMER}, indent=1, ensure_ascii=False))
        return
    if len(reports) > 1:
        _print_order(reports)
    for report in reports:
        _print_pair(report)
    click.echo(DISCLAIMER)


def _print_order(reports: Sequence[Mapping[str, Any]]) -> None:
    from simengine.cli.tables import print_table

    columns = ["", "donor", *(f"of {of}" for of in reports[0]["counts"]), "DPB1", "blood group"]
    rows = [
        [
            str(i),
            report["donor"],
            *(count or "–" for count in report["counts"].values()),
            report["dpb1"],
            report["blood_group"]["mismatch"] or "–",
        ]
        for i, report in enumerate(reports, 1)
    ]
    print_table(columns, rows, title=f"Donors for {reports[0]['patient']} in order of match (an order of display, no advice)")


def _print_pair(report: Mapping[str, Any]) -> None:
    from simengine.cli.tables import print_table

    rows = []
    for locus, found in report["loci"].items():
        if not found["patient"] and not found["donor"]:
            continue
        names = [", ".join(found[who]) or "not typed" for who in ("patient", "donor")]
        verdict = [str(found[way]) for way in ("hvg", "gvh")] if "matched" in found else ["–", "–"]
        matched = f"{found['matched']}{'+?' * bool(found['undecided'])}" if "matched" in found else "–"
        rows.append([locus, *names, matched, *verdict])
    counts = ", ".join(count for count in report["counts"].values() if count) or "no count: a locus is not typed"
    title = f"{report['patient']} and {report['donor']}: {counts} at level {report['level']}"
    print_table(["locus", "patient", "donor", "matched", "HvG", "GvH"], rows, title=title, caption=_CAPTION)
    for line in _remarks(report):
        click.echo(f"  {line}")
    click.echo()


def _remarks(report: Mapping[str, Any]) -> list[str]:
    """Return what else a laboratory reports, one line each."""
    kir, h_y, blood, cmv = (report[name] for name in ("kir_ligands", "h_y", "blood_group", "cmv"))
    shown = {who: "not told" if kir[who] is None else " ".join(kir[who]) or "none" for who in kir}
    unlike = {None: "not told", True: "yes", False: "no"}
    return [
        f"DPB1: {report['dpb1']} (T-cell-epitope groups)",
        f"KIR ligands: patient {shown['patient']}; donor {shown['donor']}; "
        f"missing in donor (HvG): {shown['donor lacks']}; in patient (GvH): {shown['patient lacks']}",
        f"H-Y: HvG {unlike[h_y['hvg']]}, GvH {unlike[h_y['gvh']]}",
        f"Blood group: patient {blood['patient'] or '–'}, donor {blood['donor'] or '–'}; "
        f"mismatch {blood['mismatch'] or 'not told'}",
        f"CMV: patient {cmv['patient'] or '–'}, donor {cmv['donor'] or '–'}",
    ]
