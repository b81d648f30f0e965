"""What holds for every folder of tests: options that more than one knows, what `--quick` leaves out, and that no
example is timed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

# Hypothesis fails an example that takes longer than 200 ms, and a test whose examples are long in the making. On a busy
# machine any may; no test of ours is about speed.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

TESTS: Final = Path(__file__).parent

# Every client of httpx reads all certificates that it may trust, for 40 ms, and tests make hundreds of clients. No test
# has a use for one. Pact's engine refuses to begin with none at all, so this is one, whose key was never kept.
os.environ["SSL_CERT_FILE"] = str(TESTS / "nobodys_authority.pem")

LEFT_OUT_OF_QUICK: Final = {
    "bench": "simulates hours of traffic",
    "conformance/diff/test_edits.py": "compares the whole API description 320 times",
    "conformance/diff/test_laws.py": "generates schemas",
    "conformance/diff/test_document_laws.py": "generates documents",
    "conformance/diff/test_diff_command.py": "starts git and processes",
    "conformance/drift": "records and replays over sockets",
    "conformance/export": "converts the whole API description and generates schemas",
    "conformance/pact_check": "runs pytest and Pact's engine in processes",
    "conformance/verify/test_bad_addresses.py": "waits for addresses that do not answer",
    "conformance/verify/test_honest_providers.py": "proves servers that differ from ours",
    "conformance/verify/test_redaction.py": "generates reports",
    "conformance/verify/test_vendor_profile.py": "proves a server of the vendor's shape",
    "functions/aws": "AWS, played by moto",
    "functions/local_cloud": "AWS, played by moto, and processes",
    "functions/folders": "migrates databases",
    "functions/operations": "AWS, played by moto",
    "functions/test_body_costs.py": "starts servers and sends them bodies of many megabytes",
    "functions/test_command_line_entry.py": "starts processes",
    "functions/test_embedded_cli.py": "starts servers",
    "functions/test_embedded_host.py": "starts servers",
    "functions/test_embedded_restart.py": "starts and kills processes",
    "functions/test_connection_limits.py": "starts servers",
    "functions/test_embedded_server.py": "starts servers",
    "functions/test_fetch.py": "starts servers that answer slowly",
    "functions/test_local_requests.py": "starts servers",
    "functions/test_slow_sources.py": "starts servers",
    "functions/test_operating.py": "starts servers",
    "functions/test_stores.py": "AWS, played by moto, and state machines",
    "fuzzing": "generates requests",
    "mocks/admin": "starts servers",
    "mocks/page": "starts a browser",
    "mocks/report": "runs pytest inside pytest",
    "mocks/sagemaker": "AWS, played by moto, and servers",
    "mocks/test_moto_stack.py": "AWS, played by moto",
    "mocks/test_bad_base_urls.py": "starts processes",
    "mocks/test_mocking_page.py": "runs the documents' examples",
    "mocks/transports": "starts servers, and pytest inside pytest",
    "mocks/world/test_independence.py": "runs hundreds of jobs in eight threads",
    "mocks/world/test_worlds.py": "runs a thousand jobs",
    "painting/endpoint": "starts servers and processes",
    "painting/gpu": "needs torch",
    "painting/test_choice.py": "starts processes",
    "painting/test_colours.py": "starts a browser",
    "painting/test_decoding.py": "decodes pictures of many megabytes",
    "painting/test_growth.py": "paints large pictures",
    "painting/test_half_transparency.py": "paints pictures",
    "painting/test_jpeg_damage.py": "generates damaged files",
    "painting/test_masks.py": "generates masks",
    "painting/test_migan.py": "paints with a network",
    "painting/test_nsfw.py": "looks at pictures with a network",
    "painting/test_patch.py": "paints large pictures",
    "painting/test_start_up.py": "starts processes",
    "painting/test_truncation.py": "generates damaged files",
    "painting/test_sweep.py": "decodes some 1,300 files",
    "painting/test_uploads.py": "generates damaged files",
    "painting/test_weights.py": "starts processes",
    "test_documentation.py": "reads every page of docs/",
    "test_public_api.py": "imports every public name, each floor in a process",
    "test_references.py": "reads every tracked file",
    "test_snippets.py": "runs the documents' examples",
    "wire/test_declarations.py": "every case once more, over a socket",
}
"""Files and folders that `--quick` does not collect, and why. All others are in it, and of the wire's hosts the first.

What stays decides most: the contract's cases on the core, every mutant of the service, and the rules of contracts,
service, painting and mocks. A new file of tests belongs to it; one that takes longer than a second gets a line here.
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("wire", "wire behaviour against a running provider")
    group.addoption("--base-url", help="run the wire suite against this provider instead of our own two")
    group.addoption("--api-key", default="dev", help="the key to use there")
    group.addoption("--second-api-key", help="a key of another account there")
    parser.addoption("--quick", action="store_true", help="leave out what takes long: see LEFT_OUT_OF_QUICK")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.getoption("--quick"):
        terminalreporter.write_line(f"left out: {', '.join(LEFT_OUT_OF_QUICK)}, and all hosts of the wire's but one")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if config.getoption("--quick") and collection_path.is_relative_to(TESTS):
        # None leaves it to whoever else has something to say.
        return collection_path.relative_to(TESTS).as_posix() in LEFT_OUT_OF_QUICK or None
    return None
