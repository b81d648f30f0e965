"""`outpaint contract diff`: where documents come from, what is printed, and how it ends."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from outpaint.conformance.diff.diff_command import diff
from outpaint.conformance.export.openapi_3_0 import downgraded
from outpaint.contracts import openapi, paths_and_headers


def written(folder: Path, name: str, document: dict[str, Any]) -> str:
    (folder / name).write_text(json.dumps(document), encoding="utf-8")
    return name


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with our document, one that breaks and one that may break."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "ours.json", json.loads(openapi.text()))
    breaking, risky = json.loads(openapi.text()), json.loads(openapi.text())
    breaking["components"]["schemas"]["Accepted"]["required"].remove("data")
    written(tmp_path, "breaking.json", breaking)
    risky["components"]["schemas"]["ErrorCode"]["enum"].append("too_ugly")
    written(tmp_path, "risky.json", risky)
    return tmp_path


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(diff, arguments, input=stdin)


def test_breaking_ends_with_1_and_says_what_breaks_where() -> None:
    done = run("ours.json", "breaking.json")
    assert done.exit_code == 1
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[:4] == [
        "breaking    response.property.became-optional",
        "POST /v1/painting/outpaint: 202 application/json; GET /v1/painting/{inference_id}: 202 application/json",
        "data: required → optional",
        "A client that counts on it may find nothing.",
    ]
    assert lines[-1] == "breaking: 1 breaking"


def test_risky_ends_with_0_and_with_1_where_it_is_taken_strictly() -> None:
    assert run("ours.json", "risky.json").exit_code == 0
    strict = run("ours.json", "risky.json", "--strict")
    assert strict.exit_code == 1
    # In every error of every operation, and still one thing to read about.
    assert strict.stdout.count("response.enum.value-added") == 1
    assert "places more" in strict.stdout


def test_what_does_not_change_ends_with_0() -> None:
    done = run("ours.json", "ours.json", "--strict")
    assert (done.exit_code, done.stdout) == (0, "compatible: nothing changed\n")


def test_json_has_every_change_at_every_place() -> None:
    done = run("ours.json", "breaking.json", "--format", "json")
    told = json.loads(done.stdout)
    assert told["verdict"] == "breaking"
    assert [change["operation"] for change in told["changes"]] == [
        "POST /v1/painting/outpaint",
        "GET /v1/painting/{inference_id}",
    ]
    assert told["changes"][0] | {"why": ""} == {
        "code": "response.property.became-optional",
        "verdict": "breaking",
        "operation": "POST /v1/painting/outpaint",
        "place": "202 application/json",
        "field": "data",
        "was": "required",
        "is": "optional",
        "why": "",
    }


def test_markdown_folds_away_what_is_compatible(folder: Path) -> None:
    document = json.loads(openapi.text())
    document["components"]["schemas"]["Accepted"]["required"].remove("data")
    document["components"]["schemas"]["Result"]["properties"]["a|b"] = {"type": "string"}
    written(folder, "both.json", document)
    lines = run("ours.json", "both.json", "--format", "markdown").stdout.splitlines()
    assert lines[0] == "**API changes: breaking: 1 breaking, 1 compatible**"
    assert any(line.startswith("| breaking | `response.property.became-optional` |") for line in lines)
    assert "<details><summary>Compatible changes</summary>" in lines
    assert any("a\\|b" in line for line in lines)


@pytest.mark.parametrize("made", [lambda document: document, downgraded])
def test_yaml_is_read_as_json_is(folder: Path, made: Any) -> None:
    yaml = pytest.importorskip("yaml")
    document = made(json.loads(openapi.text()))
    # Statuses as numbers and a country's code as a word, as people write YAML.
    for operation in (verb for path in document["paths"].values() for verb in path.values()):
        operation["responses"] = {int(status): one for status, one in operation["responses"].items()}
    text = yaml.safe_dump(document, sort_keys=False).replace("- JPG", "- NO")
    assert "- NO" in text
    (folder / "ours.yaml").write_text(text, encoding="utf-8")
    done = run("ours.json", "ours.yaml", "--format", "json")
    changes = json.loads(done.stdout)["changes"]
    assert {(change["code"], change["was"], change["is"]) for change in changes} == {
        ("request.enum.value-removed", '"JPG"', ""),
        ("request.enum.value-added", "", '"NO"'),
    }


def test_one_document_may_come_from_standard_input() -> None:
    assert run("ours.json", "-", stdin=openapi.text()).stdout == "compatible: nothing changed\n"


@pytest.fixture
def repository(folder: Path) -> Path:
    """The folder as a git repository whose first revision has our document and whose second breaks it."""

    def git(*words: str) -> None:
        config = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
        subprocess.run(["git", *config, *words], cwd=folder, check=True, capture_output=True)

    (folder / "api").mkdir()
    git("init")
    written(folder, "api/openapi.json", json.loads(openapi.text()))
    git("add", "api")
    git("commit", "-m", "first")
    git("tag", "v1")
    (folder / "api" / "openapi.json").write_bytes((folder / "breaking.json").read_bytes())
    git("commit", "-am", "second")
    return folder


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("v1:api/openapi.json", "HEAD:api/openapi.json"), 1),
        (("HEAD:api/openapi.json", "v1:api/openapi.json"), 0),
        (("v1:api/openapi.json", "api/openapi.json"), 1),
        (("v1", "HEAD"), 1),
        (("HEAD", "v1"), 0),
        (("v1", "api/openapi.json"), 1),
        (("--rev", "v1", "api/openapi.json"), 1),
        (("--rev", "HEAD", "api/openapi.json"), 0),
    ],
)
def test_revisions_of_git_are_compared(
    repository: Path, arguments: tuple[str, ...], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(*arguments).exit_code == status
    if "--rev" in arguments:
        monkeypatch.chdir(repository / "api")
        assert run(*arguments[:2], "openapi.json").exit_code == status


def test_a_revision_alone_has_to_hold_one_document(repository: Path) -> None:
    def commit(name: str) -> None:
        (repository / "api" / "openapi.json").rename(repository / name)
        config = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        for words in (("add", "-A", "."), ("commit", "-m", "another")):
            subprocess.run(["git", *config, *words], cwd=repository, check=True, capture_output=True)
        written(repository, "api/openapi.json", json.loads(openapi.text()))

    commit("openapi.yaml")
    assert run("v1", "HEAD").exit_code == 1
    commit("api/openapi.yml")
    assert "HEAD has api/openapi.yml and openapi.yaml: name one as HEAD:api/openapi.yml" in run("v1", "HEAD").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ours.json",), "name two"),
        (("--rev", "v1", "ours.json", "breaking.json"), "name one file"),
        (("-", "-"), "standard input holds one document"),
        (("nowhere.json", "ours.json"), "nowhere.json: there is no such file, and no such revision"),
        (("--output=x", "ours.json"), "No such option"),
        (("nowhere:ours.json", "ours.json"), "nowhere:ours.json: "),
        (("--rev", "nowhere", "ours.json"), "nowhere:./ours.json: "),
        (("--rev", "--output=x", "ours.json"), "--output=x:./ours.json: "),
        (("broken.json", "ours.json"), "broken.json is no JSON"),
        (("list.json", "ours.json"), "list.json is no OpenAPI document"),
        (("swagger.json", "ours.json"), "is Swagger 2.0, which is not read: npx swagger2openapi"),
        (("other.json", "ours.json"), "has no member `openapi`"),
        (("old.json", "ours.json"), "is OpenAPI 2.9.0"),
        (("binary.json", "ours.json"), "is no text in UTF-8"),
        (("outside.json", "ours.json"), "common.json#/X leads out of the document"),
        (("dangling.json", "ours.json"), "#/components/schemas/X leads nowhere"),
    ],
)
def test_what_cannot_be_compared_ends_with_2_and_one_line(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    (folder / "broken.json").write_text("{'a': 1}", encoding="utf-8")
    (folder / "list.json").write_text("[]", encoding="utf-8")
    (folder / "binary.json").write_bytes(b"\xff\xfe\x00")
    written(folder, "swagger.json", {"swagger": "2.0"})
    written(folder, "other.json", {"asyncapi": "3.0.0"})
    written(folder, "old.json", {"openapi": "2.9.0"})
    for name, reference in (("outside.json", "common.json#/X"), ("dangling.json", "#/components/schemas/X")):
        document = json.loads(openapi.text())
        document["paths"][paths_and_headers.BALANCE_PATH]["get"]["responses"]["200"]["content"] = {
            "application/json": {"schema": {"$ref": reference}}
        }
        written(folder, name, document)
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()[-1]) < 300


def test_a_schema_that_holds_itself_is_compared(folder: Path) -> None:
    def tree(kind: str) -> dict[str, Any]:
        node = {
            "type": "object",
            "properties": {
                "name": {"type": kind},
                "below": {"type": "array", "items": {"$ref": "#/components/schemas/N"}},
            },
        }
        media = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/N"}}}}
        return {
            "openapi": "3.1.0",
            "info": {"title": "t", "version": "1"},
            "paths": {"/n": {"get": {"responses": {"200": {"description": "d", **media}}}}},
            "components": {"schemas": {"N": node}},
        }

    written(folder, "texts.json", tree("string"))
    written(folder, "numbers.json", tree("number"))
    assert run("texts.json", "texts.json").stdout == "compatible: nothing changed\n"
    changes = json.loads(run("texts.json", "numbers.json", "--format", "json").stdout)["changes"]
    assert [(change["code"], change["field"]) for change in changes] == [("response.type.changed", "name")]
