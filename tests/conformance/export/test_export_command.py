"""`outpaint contract export`: what is written where, and how a check ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator
from pydantic import BaseModel
from referencing import Registry, Resource

from outpaint.conformance.export import asyncapi
from outpaint.conformance.export.export_command import export
from outpaint.contracts import examples, openapi

ROOT = Path(__file__).parents[3]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(export, arguments)


def test_without_options_it_is_the_committed_file() -> None:
    assert run().stdout == (ROOT / "openapi.json").read_text(encoding="utf-8")


def test_the_committed_file_passes_the_check() -> None:
    assert run("--check", str(ROOT / "openapi.json")).exit_code == 0


@pytest.mark.parametrize(
    ("options", "member"), [((), "openapi"), (("--version", "3.0.3"), "openapi"), (("--events",), "asyncapi")]
)
def test_what_is_written_passes_the_check_until_it_is_changed(
    tmp_path: Path, options: tuple[str, ...], member: str
) -> None:
    file = tmp_path / "document.json"
    assert run(*options, "-o", str(file)).exit_code == 0
    text = file.read_bytes().decode()
    assert text == run(*options).stdout
    assert member in json.loads(text)
    assert run(*options, "--check", str(file)).exit_code == 0
    # A checkout on Windows may have other line ends.
    file.write_bytes(text.replace("\n", "\r\n").encode())
    assert run(*options, "--check", str(file)).exit_code == 0
    file.write_text(text.replace('"1.0.0"', '"1.0.1"'), encoding="utf-8")
    found = run(*options, "--check", str(file))
    assert found.exit_code == 1
    assert '-    "version": "1.0.1"' in found.stdout
    assert "is not what the contract says" in found.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--version", "2.0"), ("--schemas", "x", "-o", "y"), ("--check", "nowhere.json"), ("--schemas", "x", "--events")],
)
def test_what_does_not_go_together_ends_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*arguments).exit_code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The written schemas by file name."""
    folder = tmp_path_factory.mktemp("schemas") / "deep"
    assert run("--schemas", str(folder)).exit_code == 0
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.iterdir()}


def validator(schemas: dict[str, Any], name: str) -> Draft202012Validator:
    registry = Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in schemas.values())
    return Draft202012Validator(schemas[f"{name}.schema.json"], registry=registry)


def test_every_model_has_a_valid_schema_and_an_id_of_its_own(schemas: dict[str, Any]) -> None:
    wanted = {"Result", "Accepted", "FailedJob", "Balance", "UploadTicket", "ErrorBody", "OutpaintForm", "Manifest"}
    assert {f"{name}.schema.json" for name in wanted} <= set(schemas)
    assert set(openapi.document()["components"]["schemas"]) <= {name.removesuffix(".schema.json") for name in schemas}
    for name, schema in schemas.items():
        Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["$id"].endswith(f"/{name}")
    assert len({schema["$id"] for schema in schemas.values()}) == len(schemas)


def test_every_reference_leads_to_a_file_beside(schemas: dict[str, Any]) -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, list):
            return [found for one in value for found in references(one)]
        if not isinstance(value, dict):
            return []
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for one in value.values() for found in references(one)]

    found = {reference for schema in schemas.values() for reference in references(schema)}
    assert found
    assert found <= set(schemas)


@pytest.mark.parametrize(
    "example",
    [examples.RESULT, examples.ACCEPTED, examples.FAILED, examples.BALANCE, examples.UPLOAD_TICKET],
    ids=lambda example: type(example).__name__,
)
def test_examples_fit_and_broken_ones_do_not(schemas: dict[str, Any], example: BaseModel) -> None:
    checked = validator(schemas, type(example).__name__)
    value = example.model_dump(mode="json")
    checked.validate(value)
    for name in value:
        assert not checked.is_valid({key: one for key, one in value.items() if key != name}), name


def test_the_ids_are_under_the_base_that_is_asked_for(tmp_path: Path) -> None:
    run("--schemas", str(tmp_path), "--base", "https://api.example.com/schemas/")
    schema = json.loads((tmp_path / "Balance.schema.json").read_text(encoding="utf-8"))
    assert schema["$id"] == "https://api.example.com/schemas/Balance.schema.json"


def test_the_events_refer_to_what_is_there() -> None:
    document = asyncapi.document()
    text = json.dumps(document)
    for reference in {part.partition('"')[0] for part in text.split('"$ref": "')[1:]}:
        place: Any = document
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]
    assert {operation["action"] for operation in document["operations"].values()} == {"receive"}
