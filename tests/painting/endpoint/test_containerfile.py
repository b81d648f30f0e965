"""The image needs no guess: an exact base, locks that fit each other, and nothing that its variant does not need."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "painting" / "outpaint" / "painting" / "endpoint" / "Containerfile").read_text(encoding="utf-8")
ARGUMENTS = dict(re.findall(r"^ARG (\w+)=(\S+)$", TEXT, re.MULTILINE))


def locked(name: str) -> dict[str, set[str]]:
    """The versions of each package in a lock; several where they differ by Python."""
    found: dict[str, set[str]] = {}
    lines = (ROOT / "locks" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    for package, version in re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", "\n".join(lines), re.MULTILINE):
        found.setdefault(package, set()).add(version)
    assert "--hash=sha256:" in "".join(lines)
    return found


def test_the_base_is_an_exact_tag_and_every_argument_has_a_default() -> None:
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+\.\d+-slim-\w+", ARGUMENTS["BASE"])
    # Those without are repeated in a stage, where the default of before counts.
    assert set(re.findall(r"^ARG (\w+)$", TEXT, re.MULTILINE)) <= set(ARGUMENTS)
    assert set(re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE)) == {"${BASE}", "${VARIANT}", "installed"}
    assert set(re.findall(r"^FROM \${BASE} AS (\w+)$", TEXT, re.MULTILINE)) == {"cpu", "cuda"}


def test_the_locks_agree_and_the_cpu_one_has_no_torch() -> None:
    cpu, cuda, gpu = locked("endpoint-cpu"), locked("endpoint-cuda"), locked("gpu")
    for other in (cpu, gpu):
        assert {name: versions for name, versions in other.items() if cuda.get(name) != versions} == {}
    assert not {name for name in cpu if name.startswith(("torch", "nvidia", "cuda", "triton", "diffusers"))}
    (torch,) = cuda["torch"]
    assert f"TORCH := torch=={torch}\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    # Beside a torch of another build it breaks every import of transformers.
    assert "torchvision" not in cuda


@pytest.mark.parametrize(("lock", "extra"), [("endpoint-cpu", "endpoint"), ("endpoint-cuda", "gpu")])
def test_each_lock_has_what_its_extra_asks_for(lock: str, extra: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    wanted, found = list(extras[extra]), locked(lock)
    for requirement in wanted:
        name = re.match(r"[\w.-]+(?:\[(\w+)\])?", requirement)
        assert name is not None
        if name[1]:
            wanted += extras[name[1]]
        else:
            assert name[0].lower() in found, requirement
    # The store in S3, whichever painter.
    assert "boto3" in found
