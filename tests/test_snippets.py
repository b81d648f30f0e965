"""Every block of code in README and docs: run where this machine can run it, else read by what reads it there.

| language | |
|---|---|
| `python` | run, all of them; `RUN_BY` says where |
| `sh` | its syntax by a shell, each `outpaint` and `aws` by what parses it; exports, comparisons and a curl run |
| `yaml` | parsed, and the `outpaint` commands of its steps as in `sh`: a workflow runs at a code host |
| `ini`, `dockerfile` | parsed, and their `outpaint` commands: a unit needs systemd, an image its base from a registry |
| `json` | read by the mock whose file it is (tests/mocks/sagemaker/test_page.py) |
| `mermaid` | its kind alone: what draws it is a program for browsers |
| `text`, `markdown` | output and forms, which nobody runs |

The pages of docs/cases are left out: their code is the cases' own, copied by docs/generate.py.
"""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any

import botocore.session
import click
import httpx
import pytest
import yaml
from botocore import xform_name
from click.testing import CliRunner
from PIL import Image

from outpaint.contracts import openapi
from outpaint.contracts.examples import URL_REQUEST
from outpaint.functions.command_line.command_group import outpaint
from outpaint.functions.embedded.host import Host, open_host
from outpaint.functions.embedded.server import serving
from outpaint.painting.painters.flat import FlatPainter
from outpaint.painting.pipeline import load_check

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")] if path.parent.name != "cases")
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
LANGUAGES = {"python", "sh", "yaml", "json", "ini", "dockerfile", "mermaid", "text", "markdown"}
RUN_BY = {
    "README.md": (2, "tests/test_snippets.py"),
    "docs/contract-testing.md": (3, "tests/test_snippets.py tests/conformance/pact_check/test_page.py"),
    "docs/endpoint.md": (1, "tests/test_snippets.py"),
    "docs/mocking.md": (8, "tests/mocks/test_mocking_page.py"),
    "docs/python-api.md": (6, "tests/test_snippets.py tests/test_public_api.py"),
    "docs/sagemaker-mock.md": (1, "tests/mocks/sagemaker/test_page.py"),
}
"""How many blocks of Python a page has, and the files whose tests run them."""
PLAIN_AWS = {"--output", "--query", "--region", "--endpoint-url", "--profile"}
S3 = {"cp": {"--recursive"}, "rm": {"--recursive"}}
"""The commands of `aws s3` that are shown, which botocore does not know."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code."""

    page: str
    language: str
    text: str


def blocks(language: str = "", page: str = "") -> list[Block]:
    found = []
    for path in PAGES:
        name = path.relative_to(ROOT).as_posix()
        for _, of, text in BLOCK.findall(path.read_text(encoding="utf-8")):
            if language in ("", of) and page in ("", name):
                found.append(Block(name, of, textwrap.dedent(text)))
    return found


def one_block(language: str, page: str, word: str) -> str:
    """The one block of a page that has a word in it."""
    (found,) = [block.text for block in blocks(language, page) if word in block.text]
    return found


def run(code: str, page: str) -> dict[str, Any]:
    """The names that a block of Python leaves behind."""
    names: dict[str, Any] = {}
    exec(compile(code, page, "exec"), names)
    return names


def commands(script: str) -> Iterator[list[str]]:
    """The words of every simple command of a shell script, without redirections."""
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for is_end, part in groupby(lexer, key=lambda word: bool(re.fullmatch(r"[;&|()]+", word))):
            if is_end:
                yield words
                words = []
            else:
                words = list(part)
        yield words


def without_redirections(words: list[str]) -> list[str]:
    kept: list[str] = []
    for before, word in zip(["", *words], words, strict=False):
        if not re.fullmatch(r"\d?[<>]+", word) and not re.fullmatch(r"\d?[<>]+", before):
            kept.append(word)
    return kept


def calls_of(program: str, script: str) -> list[list[str]]:
    """The arguments of every call of a program, behind `sudo`, variables and a folder."""
    found = []
    for words in commands(script):
        left = without_redirections(words)
        while left and (left[0] in ("sudo", "do") or re.fullmatch(r"[A-Z_]+=.*", left[0])):
            left.pop(0)
        if left and Path(left[0]).name == program:
            found.append(left[1:])
    return found


def scripts() -> list[tuple[str, str]]:
    """Everything that a shell runs, with its page: blocks, steps of workflows, a unit's and an image's command."""
    found = [(block.page, block.text) for block in blocks("sh")]
    examples = [Block(path.name, "yaml", path.read_text()) for path in (ROOT / "docs" / "examples").glob("*.yml")]
    workflows = [*blocks("yaml"), *examples]
    found += [(block.page, step) for block in workflows for step in steps_of(yaml.safe_load(block.text))]
    started = re.compile(r"^ExecStart=((?:.*\\\n)*.*)$", re.MULTILINE)
    found += [(block.page, line) for block in blocks("ini") for line in started.findall(block.text)]
    for block in blocks("dockerfile"):
        lines = re.findall(r"^CMD (\[.*\])$", block.text, re.MULTILINE)
        found += [(block.page, shlex.join(json.loads(line))) for line in lines]
    return found


def steps_of(value: Any) -> Iterator[str]:
    """The commands of every step in a workflow, at whatever depth."""
    if isinstance(value, list):
        for one in value:
            yield from steps_of(one)
    elif isinstance(value, dict):
        if isinstance(value.get("run"), str):
            yield value["run"]
        for one in value.values():
            yield from steps_of(one)


def test_every_block_says_its_language() -> None:
    found = Counter(block.language for block in blocks())
    assert set(found) == LANGUAGES, found
    assert found.total() > 70


def test_every_block_of_python_is_run_by_a_test() -> None:
    assert Counter(block.page for block in blocks("python")) == {page: count for page, (count, _) in RUN_BY.items()}
    for page, (_, files) in RUN_BY.items():
        assert all(Path(page).name in (ROOT / file).read_text(encoding="utf-8") for file in files.split()), page


@pytest.fixture
def host() -> Iterator[Host]:
    with open_host([FlatPainter()]) as opened:
        yield opened


@pytest.fixture
def url(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server, and a folder with the pictures that the blocks send."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("no_proxy", "*")
    picture = Image.new("RGBA", (32, 32), (40, 90, 60, 255))
    picture.paste((0, 0, 0, 0), (20, 0, 32, 32))
    (tmp_path / "run").mkdir()
    picture.save(tmp_path / "run" / "sample-to-grow.png")
    picture.convert("RGB").save(tmp_path / "photo.jpg")
    mask = Image.new("L", (32, 32), 0)
    mask.paste(255, (20, 0, 32, 32))
    mask.save(tmp_path / "mask.png")
    with serving(host.asgi) as served:
        yield served


def at(host: Host, url: str, text: str) -> str:
    """A block that asks this server, by its key, where it names another's."""
    assert host.keys.made is not None
    moved = text.replace("http://127.0.0.1:8080", url)
    assert moved != text
    return re.sub(r"\bdev\b", host.keys.made, moved)


def test_the_client_of_the_readme_gets_its_pictures(host: Host, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    names = run(at(host, url, one_block("python", "README.md", "Idempotency-Key")), "README.md")
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2
    for line in printed:
        address, word, _ = line.split()
        assert word == "until"
        assert httpx.get(address, trust_env=False).content.startswith(b"\x89PNG")
    names["api"].close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_the_curl_of_the_readme_gets_its_picture(host: Host, url: str) -> None:
    script = at(host, url, one_block("sh", "README.md", "curl "))
    done = subprocess.run(["sh", "-e", "-c", f"{script.strip()} -fsS"], check=True, capture_output=True, timeout=60)
    assert json.loads(done.stdout)["status"] == "success"


def test_the_test_of_the_readme_passes_and_notices(outpaint_api: Any) -> None:
    code = one_block("python", "README.md", "def test_my_client")
    client = (
        "    import httpx\n"
        "    httpx.post('https://genai-api.picsart.io/v1/painting/outpaint', headers={'X-Picsart-API-Key': 'any'},\n"
        "               data={'image_url': 'https://example.com/a.png', 'prompt': PROMPT})\n"
    )
    called = re.sub(r"^    \.\.\..*\n", client, code, flags=re.MULTILINE)
    assert called != code
    run(called.replace("PROMPT", "'a wide beach'"), "README.md")["test_my_client"](outpaint_api)
    with pytest.raises(AssertionError):
        outpaint_api.calls.assert_called_with(prompt="a steep hill")


def test_cases_run_as_tests_of_ones_own(host: Host, url: str) -> None:
    code = at(host, url, one_block("python", "docs/contract-testing.md", "every_case"))
    test = run(code, "docs/contract-testing.md")["test_contract"]
    (mark,) = test.pytestmark
    cases = {case.id: case for case in mark.args[1]}
    assert not any(name.startswith("uploads.") for name in cases)
    asked = [case for name, case in cases.items() if name.startswith("credits.balance")]
    assert asked
    for case in asked:
        test(case)


def test_a_fixture_of_a_recording_is_loaded(outpaint_api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "tests" / "fixtures" / "vendor"
    folder.mkdir(parents=True)
    scenarios = {"006-post-v1-painting-outpaint": "error(rate_limited)"}
    (folder / "scenarios.json").write_text(json.dumps(scenarios), encoding="utf-8")
    code = one_block("python", "docs/contract-testing.md", "scenarios.json")
    run(code, "docs/contract-testing.md")["test_my_client"](outpaint_api)
    answer = httpx.post(
        "https://genai-api.picsart.io/v1/painting/outpaint", headers={"X-Picsart-API-Key": "any"}, json=URL_REQUEST
    )
    assert answer.status_code == 429


def test_an_output_check_of_ones_own_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for transformers, which would load a model: it tells a picture by how bright it is."""

    def pipeline(task: str, model: str) -> Any:
        assert (task, model) == ("image-classification", "/opt/ml/model/check")
        return lambda picture: [{"label": "nsfw", "score": picture.convert("L").getpixel((0, 0)) / 255}]

    stand_in = ModuleType("transformers")
    vars(stand_in)["pipeline"] = pipeline
    monkeypatch.setitem(sys.modules, "transformers", stand_in)
    (tmp_path / "own_output_check.py").write_text(one_block("python", "docs/endpoint.md", "transformers"))
    monkeypatch.syspath_prepend(tmp_path)
    check = load_check("own_output_check:check", 0.5)
    assert check is not None
    assert check(Image.new("RGB", (4, 4), "black")) is None
    assert check(Image.new("RGB", (4, 4), "white")) == "not safe for work"


def test_a_floor_is_imported_as_its_page_says() -> None:
    first = blocks("python", "docs/python-api.md")[0].text
    assert len(first.splitlines()) == 1
    assert "World" in run(first, "docs/python-api.md")


def test_every_script_is_one_of_a_shell() -> None:
    assert len(blocks("sh")) > 25
    for block in blocks("sh"):
        # A name in angle brackets would be read as a file's.
        assert not re.search(r"<\w+>", block.text), block
    whole = "\n".join(f"f{number}() {{\n{block.text}\n}}" for number, block in enumerate(blocks("sh")))
    done = subprocess.run(["sh", "-n"], input=whole, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_outpaint_command_that_is_shown_is_understood() -> None:
    shown = [(page, words) for page, script in scripts() for words in calls_of("outpaint", script)]
    assert len(shown) > 50
    named = {"README.md", "docs/operating.md", "docs/deploy.md", "github-actions-mock.yml"}
    assert named <= {page for page, _ in shown}
    for page, words in shown:
        if words in (["--help"], ["--version"]):
            continue  # the entry's own, before any command
        left = list(words)
        command: click.Command = outpaint
        context = click.Context(outpaint)
        while left and isinstance(command, click.Group) and not left[0].startswith("-"):
            found = command.get_command(context, left[0])
            if found is None and command.invoke_without_command:
                break
            assert found is not None, (page, words)
            left.pop(0)
            command = found
            context = click.Context(command, parent=context, info_name=command.name)
        try:
            command.make_parser(context).parse_args(left)
        except click.UsageError as error:
            pytest.fail(f"{page}: outpaint {shlex.join(words)}: {error.format_message()}")


def test_every_aws_command_that_is_shown_is_one() -> None:
    shown = [words for _, script in scripts() for words in calls_of("aws", script)]
    assert len(shown) >= 8
    session = botocore.session.get_session()
    for words in shown:
        service, operation, *rest = words
        options = {word.partition("=")[0] for word in rest if word.startswith("--")}
        if service == "s3":
            assert options <= S3[operation], words
            continue
        model = session.get_service_model("s3" if service == "s3api" else service)
        by_name = {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}
        shape = by_name[operation].input_shape
        members = {f"--{xform_name(name, '-')}": shape.members[name] for name in shape.members}
        assert options - PLAIN_AWS <= set(members) | {"--overwrite"}, words
        assert {f"--{xform_name(name, '-')}" for name in shape.required_members} <= options, words


def test_the_exports_and_comparisons_that_are_shown_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exports = one_block("sh", "docs/contract-testing.md", "outpaint contract export >")
    for line in exports.splitlines():
        assert ran(line).exit_code == 0, line
    assert (tmp_path / "openapi.json").read_text(encoding="utf-8") == openapi.text()
    assert json.loads((tmp_path / "asyncapi.json").read_text(encoding="utf-8"))["asyncapi"].startswith("3.")
    for name in ("old.json", "new.yaml", "theirs.yaml"):
        shutil.copy("openapi.json", name)
    git = "git -c user.name=a -c user.email=a@example.com -c init.defaultBranch=main"
    made = "init -q && GIT add openapi.json && GIT commit -qm first && GIT tag v1.0.0"
    script = f"{git} {made} && GIT update-ref refs/remotes/origin/main HEAD".replace("GIT", git)
    subprocess.run(["sh", "-e", "-c", script], check=True, capture_output=True)
    compared = one_block("sh", "docs/contract-testing.md", "outpaint contract diff old.json")
    for line in compared.splitlines():
        done = ran(line)
        assert done.exit_code == 0, (line, done.output)
        assert "compatible" in done.stdout


def ran(line: str) -> Any:
    """A line of `outpaint` commands, as a shell would run it: pipes, and one redirection into a file."""
    done: Any = None
    for part in line.partition(" #")[0].split("|"):
        command, _, file = part.partition(">")
        program, *words = shlex.split(command)
        assert program == "outpaint"
        done = CliRunner().invoke(outpaint, words, input=done.stdout if done is not None else None)
        if file:
            Path(file.strip()).write_text(done.stdout, encoding="utf-8")
    return done


def test_every_workflow_unit_and_image_is_one() -> None:
    for block in blocks("yaml"):
        assert isinstance(yaml.safe_load(block.text), dict | list), block
    assert sum(1 for block in blocks("yaml") for _ in steps_of(yaml.safe_load(block.text))) > 10
    for block in blocks("ini"):
        unit = configparser.RawConfigParser(strict=False, interpolation=None)
        unit.optionxform = str  # type: ignore[method-assign, assignment]
        unit.read_string(block.text)
        assert unit.sections() == ["Unit", "Service", "Install"]
    known = {"FROM", "COPY", "RUN", "USER", "ENV", "VOLUME", "EXPOSE", "CMD", "HEALTHCHECK"}
    for block in blocks("dockerfile"):
        lines = block.text.replace("\\\n", " ").splitlines()
        assert lines[0].startswith("FROM ")
        assert {line.split(" ")[0] for line in lines} <= known


def test_every_drawing_says_its_kind() -> None:
    kinds = {"flowchart", "sequenceDiagram", "stateDiagram-v2"}
    for block in blocks("mermaid"):
        lines = [line for line in block.text.splitlines() if not line.startswith("%%")]
        assert lines[0].split()[0] in kinds
        assert all(block.text.count(opening) == block.text.count(closing) for opening, closing in ("[]", "()", "{}"))
