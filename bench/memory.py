"""Peak memory of one large job, each in a process of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from report import Section

SIDE = 4096


def measure() -> Section:
    section = Section(
        f"Memory: one job of {SIDE}x{SIDE}, half of each side kept, to JPG",
        "Peak resident memory of a process that reads the file, paints and encodes once; `nothing` only imports.",
    )
    for painter in ("nothing", "flat", "patch", "migan"):
        run = subprocess.run([sys.executable, __file__, painter], capture_output=True, text=True)
        if run.returncode != 0:
            section.add(painter, "-", run.stderr.strip().splitlines()[-1][:100])
            continue
        figures = json.loads(run.stdout)
        section.add(painter, f"{figures['peak'] / 2**20:.0f} MiB", f"{figures['seconds']:.1f} s")
    return section


def main(painter: str) -> None:
    """One job in this process; prints its peak memory in bytes and its seconds."""
    from outpaint.contracts.masks_and_formats import Format
    from outpaint.contracts.requests import Wish
    from outpaint.painting.canvas import Brief
    from outpaint.painting.finish import outpaint
    from outpaint.painting.inputs.inspection import read_canvas
    from outpaint.painting.painters.painter_table import load_painter

    began = time.perf_counter()
    if painter != "nothing":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "canvas.png"
            # Made elsewhere, so that its making does not count.
            make = f"import uploads, sys; open(sys.argv[1], 'wb').write(uploads.canvas_file({SIDE}, {SIDE // 2}))"
            subprocess.run([sys.executable, "-c", make, str(path)], check=True, cwd=Path(__file__).parent)
            began = time.perf_counter()
            brief = Brief(Wish(prompt="a lake"), seeds=(1,))
            for data in outpaint(read_canvas(path.read_bytes()), brief, load_painter(painter), Format.JPG):
                assert data
    print(json.dumps({"peak": _peak(), "seconds": time.perf_counter() - began}))


def _peak() -> int:
    """The most memory this process has held so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: there a process inherits the peak of the one that started it.
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main(sys.argv[1])
