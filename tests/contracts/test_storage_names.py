"""Names in the picture store fit each other, SageMaker's rules, and what the docs tell operators."""

from __future__ import annotations

from pathlib import Path

import pytest

from outpaint.contracts import storage_names as names
from outpaint.contracts.masks_and_formats import Format

ROOT = Path(__file__).parents[2]
ID = "5d1c1f0e-8a52-4a0e-9a0b-3f6f0d7c2b11"


@pytest.mark.parametrize("name", [names.input_name(ID, "image"), names.input_name(ID, "mask")])
def test_an_input_is_a_picture_of_one_job(name: str) -> None:
    assert name.startswith(names.INPUTS_PREFIX)
    assert names.is_picture_name(name)
    assert not names.is_file_id(name)


@pytest.mark.parametrize("extension", [format_.extension for format_ in Format])
def test_a_result_is_known_by_its_id(extension: str) -> None:
    name = names.file_id(ID, extension)
    assert names.is_file_id(name)
    assert names.is_picture_name(name)


def test_what_tells_of_an_end_is_nobodys_picture() -> None:
    told = [names.outcome_name(ID), names.answer_prefix(ID), names.failure_prefix(ID)]
    assert all(name.startswith(names.OUTCOMES_PREFIX) and not names.is_picture_name(name) for name in told)


def test_sagemaker_takes_the_name_of_an_answer() -> None:
    # The service model: Filename has 1 to 32 characters.
    assert 1 <= len(names.answer_file_name(ID)) <= 32


def test_the_docs_say_where_an_outcome_lies() -> None:
    assert f"`{names.outcome_name('<inference id>')}`" in (ROOT / "docs" / "endpoint.md").read_text(encoding="utf-8")
