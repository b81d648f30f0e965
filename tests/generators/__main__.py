"""`make test-generators`: makes each client of openapi.json and its 3.0.3 form, compiles it, and has it ask the mock.

A client sends a picture in multipart/form-data, polls, sends an address in JSON (and as a form, where its generator
can), has a request refused, and reads its balance. What it was answered it prints; what it sent is looked up in the
mock's journal. Everything generated lies in build/generators.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from outpaint.conformance.diff.api_documents import parsed
from outpaint.conformance.export.openapi_3_0 import downgraded
from outpaint.contracts import openapi
from outpaint.contracts.masks_and_formats import Format
from outpaint.mocks.transports.tcp_server import ThreadServer, thread_server
from outpaint.mocks.world.web_sources import picture_for
from outpaint.mocks.world.world import World

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "generators"
GENERATED = BUILD / "generated"
TOOLS = ROOT / ".venv" / "generators" / "bin"
NODE_FILES = ("package.json", "package-lock.json", "tsconfig.json")
MULTIPART, JSON, FORM = "multipart/form-data", "application/json", "application/x-www-form-urlencoded"
CREDITS = 100


class Failed(Exception):  # noqa: N818 - a client that does not work
    """What went wrong with one client, as its tool said it."""


@dataclass(frozen=True, slots=True)
class Client:
    """One generator: how its code is made and compiled, what runs it, and the content types that it sends."""

    name: str
    generate: Callable[[Path], None]
    command: tuple[str, ...]
    sends: tuple[str, ...]


def run(*words: str | Path, folder: Path = BUILD, **environment: str) -> str:
    """What a command prints; raises `Failed` with the end of it where it ends badly."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env={**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"{Path(words[0]).name} ended with {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


def tool(name: str, *words: str | Path) -> str:
    """A tool of npm's, as package-lock.json has it."""
    return run(BUILD / "node_modules" / ".bin" / name, *words)


def install() -> None:
    """Put npm's packages there as package-lock.json pins them; again only after it has changed."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in NODE_FILES:
        shutil.copy(HERE / name, BUILD / name)
    shutil.copytree(HERE / "clients", BUILD / "clients", dirs_exist_ok=True)
    wanted = sha256((BUILD / "package-lock.json").read_bytes()).hexdigest()
    stamp = BUILD / "node_modules" / ".installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        stamp.write_text(wanted)


def with_openapi_python_client(document: Path) -> None:
    folder = GENERATED / "python" / "outpaint_image_client"
    # It knows no pictures: with these settings it takes them for files.
    settings = BUILD / "openapi-python-client.json"
    pictures = dict.fromkeys((kind.media_type for kind in Format), "application/octet-stream")
    settings.write_text(json.dumps({"content_type_overrides": pictures}), encoding="utf-8")
    run(
        *(TOOLS / "openapi-python-client", "generate", "--path", document, "--meta", "none"),
        *("--output-path", folder, "--overwrite", "--config", settings, "--fail-on-warning"),
    )
    run(TOOLS / "python", "-W", "error", "-m", "compileall", "-q", folder)


def with_datamodel_codegen(document: Path) -> None:
    file = GENERATED / "python" / "outpaint_models.py"
    run(
        *(TOOLS / "datamodel-codegen", "--input", document, "--input-file-type", "openapi", "--output", file),
        *("--output-model-type", "pydantic_v2.BaseModel", "--target-python-version", "3.11"),
    )
    run(TOOLS / "python", "-W", "error", "-m", "compileall", "-q", file)


def with_openapi_typescript(document: Path) -> None:
    # A field with a default is one that a request may leave out.
    tool(
        "openapi-typescript", document, "--default-non-nullable=false", "--output", GENERATED / "openapi-typescript.ts"
    )


def with_hey_api(document: Path) -> None:
    tool("openapi-ts", "--input", document, "--output", GENERATED / "hey-api", "--client", "@hey-api/client-fetch")


def with_orval(document: Path) -> None:
    config = BUILD / "orval.config.mjs"
    # One function for all content types would write JSON whatever it is given.
    override = {"splitByContentType": True}
    output = {"target": str(GENERATED / "orval.ts"), "client": "fetch", "override": override}
    settings = {"outpaint": {"input": str(document), "output": output}}
    config.write_text(f"export default {json.dumps(settings)};\n", encoding="utf-8")
    tool("orval", "--config", config)


def script(name: str) -> tuple[str, ...]:
    return (str(BUILD / "node_modules" / ".bin" / "tsx"), str(BUILD / "clients" / f"{name}.ts"))


CLIENTS = (
    Client(
        "openapi-python-client",
        with_openapi_python_client,
        (str(TOOLS / "python"), str(HERE / "python_client.py")),
        (MULTIPART, JSON, FORM),
    ),
    Client(
        "datamodel-code-generator",
        with_datamodel_codegen,
        (str(TOOLS / "python"), str(HERE / "python_models.py")),
        (MULTIPART, JSON, FORM),
    ),
    Client("openapi-typescript", with_openapi_typescript, script("openapi_typescript"), (MULTIPART, JSON)),
    Client("@hey-api/openapi-ts", with_hey_api, script("hey_api"), (MULTIPART, JSON)),
    Client("orval", with_orval, script("orval"), (MULTIPART, JSON, FORM)),
)
"""Every generator that is tried."""


def asked(client: Client, server: ThreadServer) -> None:
    """Run a client against a world of its own, and hold what it sent and read against what it was to."""
    world = World(credits=CREDITS)
    world.scenarios.next("polls(1)")
    picture = BUILD / "picture.png"
    picture.write_bytes(picture_for("https://example.com/picture.png"))
    with server.serving(world) as served:
        root = served.url.removesuffix("/v1")
        python = str(GENERATED / "python")
        printed = run(*client.command, MOCK_URL=root, PICTURE=str(picture), PYTHONPATH=python, no_proxy="*")
    told: Mapping[str, Any] = json.loads(printed.splitlines()[-1])
    submits = list(world.calls.submits)
    sent = [(call.request_head.header("content-type") or "").partition(";")[0] for call in submits]
    statuses = [call.status for call in submits]
    polled = [call.status for call in world.calls.polls]
    wanted = {
        "content types": (sent, [*client.sends, JSON]),
        "statuses": (statuses, [202, *[200] * (len(client.sends) - 1), 422]),
        "polls": (polled, [202, 200]),
        "picture": (submits[0].image_sha256 if submits else None, sha256(picture.read_bytes()).hexdigest()),
        "pictures": (told.get("pictures"), 1),
        "error code": (told.get("error_code"), "invalid_parameter"),
        "credits": (told.get("credits"), CREDITS - len(client.sends)),
    }
    wrong = [f"{name}: {found} instead of {want}" for name, (found, want) in wanted.items() if found != want]
    if wrong:
        raise Failed("; ".join(wrong))


def converted() -> None:
    """`contract diff` reads no Swagger 2.0, and names the tool that makes OpenAPI 3 of it: that it reads."""
    swagger = BUILD / "swagger.json"
    answer = {"description": "ok", "schema": {"type": "object"}}
    paths = {"/v1/balance": {"get": {"responses": {"200": answer}}}}
    document = {"swagger": "2.0", "info": {"title": "t", "version": "1"}, "host": "a.example", "paths": paths}
    swagger.write_text(json.dumps(document), encoding="utf-8")
    tool("swagger2openapi", "--outfile", BUILD / "from-swagger.json", swagger)
    made = parsed((BUILD / "from-swagger.json").read_text(encoding="utf-8"), "from-swagger.json")
    if set(made["paths"]) != set(paths):
        raise Failed(f"swagger2openapi made other paths: {sorted(made['paths'])}")


def report(version: str, name: str, said: str, well: str) -> bool:
    """Print one row; whether it is a failure."""
    sys.stdout.write(f"{version:<6} {name:<26} {f'failed: {said}' if said else well}\n")
    return bool(said)


def main() -> None:
    install()
    documents = {"3.1": openapi.document(), "3.0.3": downgraded(openapi.document())}
    failures = 0
    for version, document in documents.items():
        file = BUILD / f"openapi-{version}.json"
        file.write_text(json.dumps(document), encoding="utf-8")
        shutil.rmtree(GENERATED, ignore_errors=True)
        (GENERATED / "python").mkdir(parents=True)
        made: dict[str, str] = {}
        for client in CLIENTS:
            made[client.name] = _tried(partial(client.generate, file))
        compiled = _tried(partial(tool, "tsc", "--project", "tsconfig.json"))
        with thread_server() as server:
            for client in CLIENTS:
                said = made[client.name] or (compiled if client.command[-1].endswith(".ts") else "")
                said = said or _tried(partial(asked, client, server))
                failures += report(version, client.name, said, "compiles, and is answered")
    failures += report("2.0", "swagger2openapi", _tried(converted), "is read by contract diff")
    sys.exit(1 if failures else 0)


def _tried(action: Callable[[], object]) -> str:
    """Why an action failed; empty where it did not."""
    try:
        action()
    except Failed as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main()
