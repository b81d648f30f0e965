"""What comes from elsewhere: floors that were run, actions named by their commit, and who is told of a hole."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def locked(name: str) -> dict[str, Version]:
    """The versions of a lock by package."""
    text = (ROOT / "locks" / f"{name}.txt").read_text(encoding="utf-8")
    return {found[0]: Version(found[1]) for found in re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", text, re.MULTILINE)}


def floors() -> Iterator[tuple[str, Version]]:
    """Each package that an extra in LOWEST_EXTRAS names, with the lowest version that it allows."""
    extras = re.search(r"^LOWEST_EXTRAS := (.+)$", MAKEFILE, re.MULTILINE)
    assert extras is not None
    wanted = [*PROJECT["dependencies"]]
    for extra in extras[1].split():
        wanted += PROJECT["optional-dependencies"][extra]
    for text in sorted(set(wanted)):
        requirement = Requirement(text)
        if requirement.name != PROJECT["name"]:
            (floor,) = [one.version for one in requirement.specifier if one.operator == ">="]
            yield requirement.name, Version(floor)


def test_every_floor_is_the_version_that_make_test_lowest_runs() -> None:
    """`make lock-lowest` follows a floor; one that does not go with the others has to be raised."""
    run = locked("lowest")
    assert {package: str(run[package]) for package, floor in floors() if run[package] != floor} == {}


def test_no_extra_for_users_is_left_out_of_the_lowest_run() -> None:
    left_out = set(PROJECT["optional-dependencies"]) - set(re.findall(r"LOWEST_EXTRAS := (.+)", MAKEFILE)[0].split())
    # What draws plots and tests are ours; painters on a GPU need a machine with torch. `server` brings `paint`.
    assert left_out == {"bench", "dev", "gpu", "paint"}


def test_a_form_reader_with_a_known_hole_is_not_allowed() -> None:
    """CVE-2026-42561 stands below 0.0.27."""
    assert dict(floors())["python-multipart"] >= Version("0.0.27")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_code_by_its_commit_and_may_write_nothing(workflow: Path) -> None:
    read: dict[str, Any] = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    assert read["permissions"] == {"contents": "read"}
    steps = [step for job in read["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", one)] == []
    assert {"make test", "make test-lowest", "make audit"} <= {step.get("run") for step in steps}
