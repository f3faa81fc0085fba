"""Names and numbers as people read them: titles from column names, wrapped labels, figures with a proper minus."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import lru_cache

POINTS_PER_INCH = 72.0
THIN_SPACE = "\N{THIN SPACE}"
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
MOST_DECIMALS = 6
HINTING = 1.03  # letters drawn at few pixels are rounded up to whole ones
UNIT_SUFFIXES = (
    ("_ng_per_ml", "ng/mL"),
    ("_per_mm3", "per mm³"),
    ("_per_ul", "per µL"),
    ("_percent", "%"),
    ("_points", "percentage points"),
    ("_cells", "cells"),
    ("_mmhg", "mmHg"),
    ("_fraction", "fraction"),
    ("_day", "days"),
)
UNIT_SIGNS = {
    "percent": "%",
    "mm3": "mm³",
    "uL": "µL",
    "um": "µm",
    "0/1": "",
}
ACRONYMS = {
    "lvef": "LVEF",
    "cd4": "CD4",
    "cd8": "CD8",
    "nk": "NK",
    "dna": "DNA",
    "msc": "MSC",
    "mnc": "MNC",
    "cm": "CM",
    "cd34": "CD34",
    "ipsc": "iPSC",
    "tnf": "TNF",
    "vegf": "VEGF",
    "pge2": "PGE2",
    "cxcl12": "CXCL12",
    "il10": "IL-10",
    "ifng": "IFN-γ",
    "tgfb": "TGF-β",
    "hla": "HLA",
    "m1": "M1",
    "m2": "M2",
    "sd": "SD",
    "ae": "adverse event:",
    "bm": "BM",
    "pb": "PB",
    "gvhd": "GVHD",
    "esc": "ESC",
}
GROUPS = {  # how a course of a group is called
    "immune": "{} cells in the patch",
    "living": "living: {}",
    "fate": "{}",
    "observed": "observed: {}",
    "tissue": "{} tissue",
    "field": "{}",
    "drug": "{}",
    "body": "{} in the body",
    "blood": "{} in blood",
    "chimerism": "donor share, {}",
    "malignancy": "malignancy: {}",
}
PHRASES = {  # where words alone would mislead
    "lodged_died_lung": "lodged and died in the lung",
    "died_elsewhere": "died elsewhere in the body",
    "died_in_target": "died in the target organ",
    "egress": "left the target",
    "washed_out": "washed out of the target",
    "fragile": "died early (fragile)",
    "target_vessels": "vessels of the target",
    "depot_intramyocardial": "at the injection sites",
    "pending": "arriving in the patch",
    "rest": "rest of the body",
}
GROUP_SUMS = {"living": "living product cells", "fate": "product cells lost"}
BREAKS = re.compile(r"(?<=[\s=_,;:+×])|(?<=[^\W\d][/.-])")  # not within 8/8, 0.5 or 10-20


def words(text: str) -> str:
    """Underscores as spaces and known abbreviations as they are written: ``bm_msc`` becomes ``BM MSC``."""
    return " ".join(ACRONYMS.get(word, word) for word in text.split("_") if word)


def readable(name: str) -> str:
    """A title from an identifier: ``immune.cd8`` becomes ``CD8 cells in the patch``, ``donor.match`` ``Donor match``."""
    group, dot, rest = name.removesuffix(".*").rpartition(".")
    text = PHRASES.get(rest) or re.sub(
        r"(?<=[^\d])(\d+)([hd])$", lambda m: f"at {m[1]} {'h' if m[2] == 'h' else 'days'}", words(rest)
    )
    if name.endswith(".*"):
        text = GROUP_SUMS.get(rest, text)
    elif dot:
        text = GROUPS.get(group, f"{words(group)} {{}}").format(text)
    return text[:1].upper() + text[1:] if text[:1].islower() and not text.startswith("iPSC") else text


def split_unit(name: str) -> tuple[str, str]:
    """The name without its unit suffix, and the unit: ``lvef_change_points`` gives ``lvef_change``, percentage points."""
    for suffix, unit in UNIT_SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)], unit
    if name.startswith(("retained_", "lung_", "observed.")):
        return name, "fraction of dose"
    if name.startswith(("fate.", "living.", "births")):
        return name, "cells"
    return name, ""


def print_unit(unit: str) -> str:
    """A unit as it is printed: ``per mm3`` becomes ``per mm³``, ``percent`` becomes ``%``; a 0/1 outcome has none."""
    if unit == "points":
        return "percentage points"
    return " ".join(filter(None, (UNIT_SIGNS.get(word, word) for word in unit.split(" "))))


def text_width(text: str, size_pt: float, *, bold: bool = False) -> float:
    """Width of one line of text in inches, in the font of the figures: its letters' advances and a little for hinting."""
    return HINTING * sum(_advance_em(letter, bold) for letter in text) * size_pt / POINTS_PER_INCH


@lru_cache(maxsize=4096)
def _advance_em(letter: str, bold: bool) -> float:
    """Advance of one letter as a share of the type size."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    size_pt = 100.0
    font = get_font(findfont(FontProperties(weight="bold" if bold else "normal")))
    font.set_size(size_pt, POINTS_PER_INCH)
    return float(font.load_char(ord(letter)).linearHoriAdvance / 65536.0 / size_pt)


def wrap(text: str, width_in: float, size_pt: float, *, bold: bool = False) -> str:
    """Break a text into lines no wider than ``width_in`` inches, after spaces and separators, inside a word if it must."""
    lines: list[str] = []
    for paragraph in str(text).split("\n"):
        line = ""
        for piece in BREAKS.split(paragraph):
            if line and text_width((line + piece).rstrip(), size_pt, bold=bold) > width_in:
                lines.append(line.rstrip())
                line = ""
            while text_width(piece.rstrip(), size_pt, bold=bold) > width_in and len(piece) > 1:
                cut = next(
                    n for n in range(len(piece) - 1, 0, -1) if n == 1 or text_width(piece[:n], size_pt, bold=bold) <= width_in
                )
                lines.append(piece[:cut])
                piece = piece[cut:]
            line += piece
        lines.append(line.rstrip())
    return escape("\n".join(lines))


def escape(text: str) -> str:
    """Text with dollar signs made literal, so that no label of a user is taken for a formula."""
    return text.replace("$", r"\$")


def n_lines(texts: Iterable[str]) -> int:
    """The largest number of lines among some wrapped texts (at least one)."""
    return max((text.count("\n") + 1 for text in texts), default=1)


def decimals_for(values: Iterable[float], significant: int = 3) -> int:
    """Decimals that show the largest of some values with ``significant`` digits; the same for a whole column."""
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    if largest == 0.0:
        return 1
    return int(min(MOST_DECIMALS, max(0, significant - 1 - math.floor(math.log10(largest)))))


def number(value: float, decimals: int = 2) -> str:
    """A number for print: thousands apart, true minus, powers of ten for the huge and the tiny, a dash when not known."""
    if not math.isfinite(value):
        return "–"
    if abs(value) >= 1e6 or (decimals >= MOST_DECIMALS and 0.0 < abs(value) < 1e-4):
        exponent = math.floor(math.log10(abs(value)))
        return _signs(f"{value / 10.0**exponent:.2f}×{_power(exponent)}")
    text = f"{value:,.{decimals}f}"
    return _signs(text.lstrip("-") if float(text.replace(",", "")) == 0.0 else text)


def decade_number(value: float, _position: int | None = None) -> str:
    """A tick label on a logarithmic axis: plain from 0.01 to 1000, a power of ten beyond."""
    if value == 0.0 or 0.0099 <= abs(value) <= 1000.1:
        return _signs(f"{value:g}")
    return _with_power(value)


def tick_number(value: float, _position: int | None = None) -> str:
    """A tick label: as few digits as tell the ticks apart, powers of ten for the very large and the very small."""
    if abs(value) < 1e-300:
        return "0"
    if 1e-3 <= abs(value) < 1e7:
        return _signs(f"{float(f'{value:.6g}'):,.10g}")
    return _with_power(value)


def _with_power(value: float) -> str:
    exponent = math.floor(math.log10(abs(value)) + 1e-9)
    mantissa = f"{abs(value) / 10.0**exponent:.3g}"
    return _signs(("-" if value < 0 else "") + ("" if mantissa == "1" else f"{mantissa}×") + _power(exponent))


def _power(exponent: int) -> str:
    return "10" + str(exponent).translate(SUPERSCRIPTS)


def _signs(text: str) -> str:
    return text.replace("-", "−").replace(",", THIN_SPACE)
