"""`python tests/wire/no_drift.py BASE_URL`: whether a provider, our server and the mock still answer the same.

A consumer that does everything is recorded at the provider and at our server. The first recording is asked again of the
mock, the second of the mock and of the provider. Costs some 40 credits.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys

from rich.console import Console
from rich.table import Table
from wire_kit.consumer import drift_at, recorded
from wire_kit.hosts import tcp_provider

OUT = Console(highlight=False, soft_wrap=True)


def main() -> int:
    """0 where nothing drifts, 1 otherwise."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("base_url", metavar="BASE_URL", help="without /v1")
    parser.add_argument("--api-key", default=os.environ.get("OUTPAINT_KEY"), help="[OUTPAINT_KEY]")
    asked = parser.parse_args()
    if not asked.api_key:
        parser.error("it needs --api-key, or OUTPAINT_KEY in the environment")
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    table = Table("recorded at", "asked again of", "exchanges", "differences", box=None, header_style="bold")
    drifted = 0
    with tcp_provider() as server:
        host, port = server.address()
        ours = recorded(f"http://{host}:{port}", server.key(1000))
        theirs = recorded(asked.base_url, asked.api_key, pause_s=0.2)
        for place, recording, against, keys in (
            ("the provider", theirs, None, ()),
            ("our server", ours, None, ()),
            ("our server", ours, asked.base_url, (asked.api_key,)),
        ):
            drift = drift_at(recording, against, keys)
            drifted += len(drift.differences)
            other = "the mock" if against is None else "the provider"
            table.add_row(place, other, str(len(recording.exchanges)), str(len(drift.differences)))
            for difference in drift.differences:
                OUT.print(difference)
    OUT.print(table)
    return int(drifted > 0)


if __name__ == "__main__":
    sys.exit(main())
