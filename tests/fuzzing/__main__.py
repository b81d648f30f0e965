"""`python -m fuzzing`: Schemathesis with every check and phase, against our server or any base URL.

Runs in the tests' environment and starts Schemathesis in its own (`--tool`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
HERE: Final = Path(__file__).parent
CREDITS: Final = 10_000_000
"""More than a run can spend: being out of credits has cases of its own."""
PATIENCE_S: Final = 30


def main() -> int:
    """Schemathesis's exit status: 0 where nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzzing", description=__doc__)
    parser.add_argument("--url", help="a provider that runs already; without it, our server is started")
    parser.add_argument("--key", default=os.environ.get("OUTPAINT_KEY", ""), help="its key [OUTPAINT_KEY]")
    parser.add_argument(
        "--second-key",
        default=os.environ.get("OUTPAINT_SECOND_KEY", ""),
        help="another account's key, for the check that it sees nothing of the first's [OUTPAINT_SECOND_KEY]",
    )
    parser.add_argument("--seed", default="1")
    parser.add_argument("--examples", default="150", help="of each operation in each phase")
    parser.add_argument("--tool", default=str(ROOT / ".venv" / "fuzz" / "bin" / "schemathesis"))
    parser.add_argument("rest", nargs="*", help="goes to `schemathesis run`, after --")
    options = parser.parse_args()
    if options.url and not options.key:
        parser.error("--url needs --key, or OUTPAINT_KEY in the environment")
    with tempfile.TemporaryDirectory(prefix="outpaint-fuzz-") as folder:
        if options.url:
            return _run(Path(folder), options.url.rstrip("/"), options.key, options.second_key, options)
        data = Path(folder) / "data"
        key, second_key = _new_key(data, "owner"), _new_key(data, "stranger")
        with _server(data) as url:
            return _run(Path(folder), url, key, second_key, options)


def _run(folder: Path, url: str, key: str, second_key: str, options: argparse.Namespace) -> int:
    # Keys go by file and environment: arguments are for everybody on the machine to read.
    keys = {"owner": key, **({"stranger": second_key} if second_key else {})}
    entries = [
        {"name": name, "fixedHeaders": [{"name": "X-Picsart-API-Key", "value": value}]} for name, value in keys.items()
    ]
    auth = folder / "auth.json"
    auth.write_text(json.dumps({"auth": entries}))
    auth.chmod(0o600)
    peers = f"peers = {json.dumps(list(keys))}\n" if second_key else ""
    config = folder / "schemathesis.toml"
    config.write_text(
        f"{(HERE / 'schemathesis.toml').read_text()}\n[auth.wfc]\npath = {json.dumps(str(auth))}\n{peers}"
    )
    command = [options.tool, "--config-file", str(config), "run", str(ROOT / "openapi.json"), "--url", url]
    command += ["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"]
    command += ["--seed", options.seed, "--max-examples", options.examples, *options.rest]
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE.parent),
        "OUTPAINT_FUZZ_URL": url,
        "OUTPAINT_FUZZ_KEY": key,
    }
    # Its database of found failures would make the next run another one; a folder that goes keeps it the same.
    return subprocess.run(command, cwd=folder, env=environment, check=False).returncode


def _new_key(data: Path, account: str) -> str:
    made = subprocess.run(
        [_outpaint(), "keys", "create", account, "--credits", str(CREDITS), "--data", str(data)],
        check=True,
        capture_output=True,
        text=True,
    )
    return made.stdout.split()[0]


@contextmanager
def _server(data: Path) -> Iterator[str]:
    """Our server in a process of its own, with the painter that takes no time; yields its base URL."""
    command = [_outpaint(), "serve", "--port", "0", "--data", str(data), "--painter", "flat"]
    command += ["--rate-limit", str(CREDITS), "--sync-wait", "10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            first = server.stdout.readline()
            if "http://" not in first:
                raise SystemExit(f"error: the server did not start: {first.strip() or 'see above'}")
            yield first.split()[-1]
        finally:
            server.terminate()
            server.communicate(timeout=PATIENCE_S)


def _outpaint() -> str:
    return str(Path(sys.executable).with_name("outpaint"))


if __name__ == "__main__":
    sys.exit(main())
