"""The wire-behaviour suite against a deployed stack. What it leaves out, and why, is written here and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from local_cloud.processes import ROOT, say

FRONT_DOOR: Final = "bytes that are not HTTP, and verbs of nobody's, end at AWS's front door: here, at a stand-in's"
SIGNATURES: Final = "files lie in S3, and the stand-ins check no signature and have URLs and headers of their own"
POLICIES: Final = "the stand-in's S3 does not look at the policy of a form"
LIFETIMES: Final = "a URL that a role has signed ends with its credentials, so it is signed for an hour at a time"
WAITS: Final = "a REST API hangs up after 29 s, so no longer waits are granted behind it"
LEFT_OUT: Final[Mapping[str, tuple[str, ...]]] = {
    FRONT_DOOR: ("test_raw_http", "test_an_invented_verb_is_405"),
    SIGNATURES: (
        "test_a_url_is_fetched_without_a_key_and_says_what_it_is",
        "test_a_url_whose_signature_was_changed",
        "test_a_url_whose_end_was_put_off",
        "test_a_url_with_nonsense_in_it",
        "test_a_url_without_its_query",
        "test_a_signature_opens_no_other_file",
        "test_urls_lead_to_the_host_the_client_spoke_to",
        "test_head_on_a_url",
    ),
    POLICIES: ("test_a_file_of_another_type_is_not_taken",),
    LIFETIMES: ("test_an_item_has_an_id_a_url_an_end_and_a_seed",),
}
"""Names of cases, or parts of names, by the reason why they are not asked of a stack on AWS, or of a stand-in."""
SHORT_WAITS: Final = (
    "test_prefer_wait_beats_mode_async",
    "test_both_preferences_together_wait",
    "test_a_wait_beyond_the_maximum",
    "test_the_preference_of_two_header_lines",
)


def run(base_url: str, key: str, second_key: str, *, long_waits: bool, arguments: Sequence[str] = ()) -> int:
    """The suite's exit status, 0 where everything passed; the keys are of two accounts that nobody else uses.

    `long_waits`: whether the stack grants waits of ten minutes.
    """
    left_out = dict(LEFT_OUT) if long_waits else {**LEFT_OUT, WAITS: SHORT_WAITS}
    for reason, names in left_out.items():
        say(f"left out, for {reason}: {', '.join(names)}")
    command = [sys.executable, "-m", "pytest", "tests/wire", f"--base-url={base_url}"]
    command += [f"--api-key={key}", f"--second-api-key={second_key}", "-p", "no:cacheprovider"]
    chosen = " or ".join(name for names in left_out.values() for name in names)
    return subprocess.run(  # noqa: S603 - pytest, with our arguments
        [*command, "-k", f"not ({chosen})", *arguments], cwd=ROOT, check=False
    ).returncode
