"""Peak memory of large jobs, each in a process of its own: of the painting alone, and of a whole server."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uploads
from report import Section
from servers import KEY, NoAnswerError, free_port, start, stop

SIDES = (4096, 8000)
"""Pixels of a side; the second is the largest picture that a server takes by default."""
PAINTERS = ("flat", "layers", "backdrop", "patch", "migan")
_MIB = 2**20
_SERVE = [sys.executable, "-c", "from outpaint.functions.command_line.entry import main; main()", "serve"]
_OPTIONS = ["--dev-key", "--in-memory", "--credits-per-image", "0", "--sync-wait", "600"]


def measure() -> Section:
    section = Section(
        "Memory: one job, half of each side kept",
        "Peak resident memory of a process that reads a JPEG and its mask, paints and encodes once, to JPG; `nothing` "
        "only imports. Of `serve` it is the server's, from a sync POST of both files to the last picture's download.",
    )
    section.add("nothing", *_alone("nothing"))
    with tempfile.TemporaryDirectory() as folder:
        for side in SIDES:
            files = _made(folder, side)
            for painter in PAINTERS:
                section.add(f"{painter}, {side}x{side}", *_alone(painter, *files))
        size = f"{side}x{side}"
        for painter in PAINTERS:
            section.add(f"serve, {painter}, {size}", *_served(painter, *files, count=1, format="JPG"))
        for kind in ("PNG", "WEBP"):
            section.add(f"serve, flat, {size}, three to {kind}", *_served("flat", *files, count=3, format=kind))
    return section


def _alone(painter: str, *files: str) -> tuple[str, str]:
    run = subprocess.run([sys.executable, __file__, painter, *files], capture_output=True, text=True)
    if run.returncode != 0:
        return "-", run.stderr.strip().splitlines()[-1][:100]
    figures = json.loads(run.stdout)
    return f"{figures['peak'] / _MIB:.0f} MiB", f"{figures['seconds']:.1f} s"


def _served(painter: str, image: str, mask: str, **fields: Any) -> tuple[str, str]:
    files = {"image": Path(image).read_bytes(), "mask_image": Path(mask).read_bytes()}
    body = uploads.form(
        {"prompt": "a lake", "seed": "1", **{name: str(value) for name, value in fields.items()}}, files
    )
    port = free_port()
    try:
        process, _ = start([*_SERVE, *_OPTIONS, "--painter", painter, "--port", str(port)], port, path="/health")
    except NoAnswerError as error:
        return "-", str(error)
    try:
        before, began = _memory(process.pid, "VmRSS"), time.perf_counter()
        status, answer = _asked(port, "POST", "/v1/painting/outpaint", body)
        if status != 200:
            return "-", f"{status}: {answer[:80].decode(errors='replace')}"
        sizes = []
        for picture in json.loads(answer)["data"]:
            url = urlsplit(picture["url"])
            sizes.append(len(_asked(port, "GET", f"{url.path}?{url.query}")[1]))
        peak = _memory(process.pid, "VmHWM")
    finally:
        stop(process)
    seconds = time.perf_counter() - began
    remark = f"{seconds:.1f} s; {before / _MIB:.0f} MiB before, results of {max(sizes) / _MIB:.0f} MiB"
    return f"{peak / _MIB:.0f} MiB", remark


def _asked(port: int, verb: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=900)
    try:
        connection.request(verb, path, body, {**KEY, **({"Content-Type": uploads.CONTENT_TYPE} if body else {})})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _made(folder: str, side: int) -> tuple[str, str]:
    """A square photo and its mask as files, made in a process of their own, which takes several times their memory."""
    image, mask = f"{folder}/{side}.jpg", f"{folder}/{side}.png"
    program = (
        f"import pathlib, uploads; pathlib.Path({image!r}).write_bytes(uploads.photo_file({side})); "
        f"pathlib.Path({mask!r}).write_bytes(uploads.mask_file({side}, {side // 2}))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parent)
    return image, mask


def main(painter: str, *files: str) -> None:
    """One job in this process; prints its peak memory in bytes and its seconds."""
    from outpaint.contracts.masks_and_formats import Format
    from outpaint.contracts.requests import Wish
    from outpaint.painting.canvas import Brief
    from outpaint.painting.finish import outpaint
    from outpaint.painting.inputs.inspection import read_canvas
    from outpaint.painting.painters.painter_table import load_painter

    began = time.perf_counter()
    if painter != "nothing":
        canvas = read_canvas(*(Path(file).read_bytes() for file in files))
        for data in outpaint(canvas, Brief(Wish(prompt="a lake"), seeds=(1,)), load_painter(painter), Format.JPG):
            assert data
    print(json.dumps({"peak": _memory(None, "VmHWM"), "seconds": time.perf_counter() - began}))


def _memory(pid: int | None, name: str) -> int:
    """A figure of a process in bytes, of this one without `pid`: VmRSS now, VmHWM at most so far."""
    status = Path(f"/proc/{pid or 'self'}/status")
    if status.exists():
        # Not getrusage: there a process inherits the peak of the one that started it.
        return int(re.search(rf"{name}:\s+(\d+) kB", status.read_text())[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main(*sys.argv[1:])
