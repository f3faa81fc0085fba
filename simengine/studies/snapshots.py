"""The patch at chosen days: NumPy archives as saved with the results, and files that ParaView opens.

`.vti` holds the fields and the tissue on the voxel grid, `.vtp` the cells as points, `.pvd` the days of one patch as a
series. Each patch has files of its own, since patches are different places.
"""

from __future__ import annotations

import base64
import io
import re
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from simengine.studies.files import write_file

__all__ = ["file_label", "load_snapshot", "npz_bytes", "write_paraview"]

_TYPES = {"float64": "Float64", "int64": "Int64"}


def npz_bytes(arrays: Mapping[str, Any]) -> bytes:
    """Return named arrays as a compressed NumPy archive; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{name: np.asarray(value) for name, value in arrays.items()})
    return buffer.getvalue()


def file_label(text: str) -> str:
    """Return a text as a part of a file name: what comes from data names no folder."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text)


def load_snapshot(path: Path) -> dict[str, NDArray[Any]]:
    """Read a snapshot: cells as columns, fields and tissue with shape (patch, z, y, x)."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def write_paraview(snapshots: Sequence[Path], folder: Path) -> list[Path]:
    """Write the snapshots of one run for ParaView.

    Parameters
    ----------
    snapshots
        The `.npz` files of one run.
    folder
        Where the files go; made if it does not exist.

    Returns
    -------
    list[Path]
        One `.pvd` for the grid and one for the cells of each patch: the files to open.
    """
    folder.mkdir(parents=True, exist_ok=True)
    series: dict[str, list[tuple[float, str]]] = {}
    for path in snapshots:
        arrays = load_snapshot(path)
        for patch, name in enumerate(file_label(str(name)) for name in arrays["patch_names"]):
            for kind, suffix, data in (("grid", "vti", _grid(arrays, patch)), ("cells", "vtp", _cells(arrays, patch))):
                file = folder / f"{path.stem}-{name}.{suffix}"
                write_file(file, data.encode())
                series.setdefault(f"{name}-{kind}", []).append((float(arrays["time_h"]), file.name))
    return [_write_series(folder / f"{name}.pvd", files) for name, files in series.items()]


def _write_series(path: Path, files: Sequence[tuple[float, str]]) -> Path:
    rows = "".join(f"<DataSet timestep={quoteattr(repr(t))} file={quoteattr(name)}/>" for t, name in sorted(files))
    write_file(path, _document("Collection", rows).encode())
    return path


def _grid(arrays: Mapping[str, NDArray[Any]], patch: int) -> str:
    """Voxel data; x runs fastest in both NumPy's (z, y, x) order and VTK's."""
    names = [name for name, array in arrays.items() if array.ndim == 4]
    nx, ny, nz = (int(n) for n in arrays["shape"])
    spacing = " ".join(repr(float(h)) for h in np.broadcast_to(arrays["spacing_um"], 3))
    data = "".join(_array(name, arrays[name][patch].ravel()) for name in names)
    extent = f"0 {nx} 0 {ny} 0 {nz}"
    piece = f'<Piece Extent="{extent}"><CellData>{data}</CellData></Piece>'
    return _document("ImageData", piece, f'WholeExtent="{extent}" Origin="0 0 0" Spacing="{spacing}"')


def _cells(arrays: Mapping[str, NDArray[Any]], patch: int) -> str:
    here = arrays["patch"] == patch
    n = int(here.sum())
    points = np.column_stack([arrays[f"{axis}_um"][here] for axis in "xyz"]).ravel()
    data = "".join(_array(name, arrays[name][here]) for name in ("type", "radius_um", "weight"))
    places = f"<Points>{_array('position', points, '3')}</Points>"
    order = np.arange(n, dtype=np.int64)
    verts = f"<Verts>{_array('connectivity', order)}{_array('offsets', order + 1)}</Verts>"
    counts = f'NumberOfPoints="{n}" NumberOfVerts="{n}" NumberOfLines="0" NumberOfStrips="0" NumberOfPolys="0"'
    return _document("PolyData", f"<Piece {counts}><PointData>{data}</PointData>{places}{verts}</Piece>")


def _array(name: str, values: NDArray[Any], components: str = "1") -> str:
    raw = np.ascontiguousarray(values).tobytes()
    text = base64.b64encode(struct.pack("<Q", len(raw)) + raw).decode()
    kind = _TYPES[values.dtype.name]
    head = f'type="{kind}" Name={quoteattr(name)} NumberOfComponents="{components}" format="binary"'
    return f"<DataArray {head}>{text}</DataArray>"


def _document(kind: str, body: str, attributes: str = "") -> str:
    head = f'<VTKFile type="{kind}" version="1.0" byte_order="LittleEndian" header_type="UInt64">'
    return f'<?xml version="1.0"?>\n{head}<{kind} {attributes}>{body}</{kind}></VTKFile>\n'
