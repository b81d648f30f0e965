"""The law of `Wish`: each of its fields, also one that a test adds, is in every place where wishes are told.

A field that one place forgets is lost without an error: two requests share a picture, or an idempotency key.
"""

from __future__ import annotations

import ast
import base64
import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from click.testing import CliRunner
from PIL import Image

import outpaint.contracts
from outpaint.contracts import openapi
from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.inference import InferenceRequest
from outpaint.contracts.openapi_components import REQUEST_SCHEMAS
from outpaint.contracts.paths_and_headers import OUTPAINT_PATH
from outpaint.contracts.requests import Wish
from outpaint.functions.command_line.paint_command import paint
from outpaint.functions.http.messages import RequestHead
from outpaint.functions.operations.jobs_command import jobs
from outpaint.functions.operations.place import opened
from outpaint.mocks.admin import admin_application as admin
from outpaint.mocks.pact.pact_file import pact_of
from outpaint.mocks.report import traffic
from outpaint.mocks.transports.httpx_transport import OutpaintTransport
from outpaint.mocks.world.world import Studio, World
from outpaint.mocks.world.worlds import Worlds
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.painters.flat import FlatPainter
from outpaint.painting.pipeline import Files, carry_out

BASE: dict[str, Any] = {"prompt": "a lake", "count": 1, "seed": 7, "format": "PNG"}
PROBES = (
    "    added_strength: Annotated[float, Field(ge=0, le=1, description='Added by a test.')] = 0.5",
    "    added_note: Annotated[str, About('nothing', ours=True, decides_answer=True)] = ''",
)
every_field = pytest.mark.parametrize("name", Wish.model_fields)


def png(picture: Image.Image) -> bytes:
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


PHOTO = png(Image.new("RGB", (48, 32), (200, 30, 30)))
# Dark on the left: kept or painted, whichever way its brightness is read.
MASK = Image.new("L", (48, 32), 255)
MASK.paste(0, (0, 0, 20, 32))


class Watched(FlatPainter):
    """The flat painter, and the briefs that it was given."""

    def __init__(self) -> None:
        self.briefs: list[Brief] = []

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        self.briefs.append(brief)
        return super().paint(canvas, brief)


class Shop:
    """A client of a mock that sends one wish, and the same with one other value."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.painter = Watched()
        self.world = World(studio=Studio(self.painter))
        self._api = httpx.Client(
            transport=OutpaintTransport(self.world),
            base_url="http://mock.test/v1",
            headers={"X-Picsart-API-Key": "anyone"},
        )
        self.usual = Wish.read(BASE)
        self.other = self.usual.model_copy(update={name: another(name)})

    def sends(self, wish: Wish, key: str | None = None) -> httpx.Response:
        fields = wish.model_dump(mode="json", exclude_none=True)
        texts = {name: json.dumps(value) if isinstance(value, bool) else str(value) for name, value in fields.items()}
        return self._api.post(
            "/painting/outpaint",
            files={"image": ("a.png", PHOTO), "mask_image": ("m.png", png(MASK))},
            data=texts,
            headers={} if key is None else {"Idempotency-Key": key},
        )

    def picture(self, wish: Wish) -> bytes:
        answer = self.sends(wish)
        assert answer.status_code == 200, answer.text
        found = self._api.get(answer.json()["data"][0]["url"])
        assert found.status_code == 200
        return found.content

    def value(self, wish: Wish) -> Any:
        """The field's value in JSON."""
        return wish.model_dump(mode="json")[self.name]

    def message(self) -> InferenceRequest:
        """What a painter's host is told of the other wish, after a way over the wire."""
        answer = self.sends(self.other)
        job = self.world.ledger.find(answer.json()["inference_id"], self.world.clock.now())
        assert job is not None
        return InferenceRequest.model_validate_json(job.request.model_dump_json())


def another(name: str) -> Any:
    """A value of the field that is valid, and not the usual one."""
    annotation = Wish.model_fields[name].annotation
    choices = [
        choice
        for kind in (annotation, *get_args(annotation))
        if isinstance(kind, type) and issubclass(kind, Enum)
        for choice in reversed(list(kind))
    ]
    usual = getattr(Wish.read(BASE), name)
    for value in (*choices, True, False, 3, 0.25, "something else"):
        try:
            found = getattr(Wish.read(BASE | {name: value}), name)
        except OutpaintError:
            continue
        if found != usual:
            return found
    raise AssertionError(f"no other value of {name} is known: add one that it takes")


@every_field
def test_another_value_is_another_request_to_an_idempotency_key(name: str) -> None:
    shop = Shop(name)
    first, again = shop.sends(shop.usual, key="one"), shop.sends(shop.usual, key="one")
    assert (first.status_code, again.json()) == (200, first.json())
    refused = shop.sends(shop.other, key="one")
    assert (refused.status_code, refused.json().get("error_code")) == (422, "idempotency_mismatch")


@every_field
def test_another_value_is_another_picture_of_the_mock_unless_declared_otherwise(name: str) -> None:
    shop = Shop(name)
    same = Wish.about(name).changes == "nothing"
    assert (shop.picture(shop.usual) == shop.picture(shop.other)) == same


@every_field
def test_a_painter_is_told_its_value_and_so_is_a_painter_in_a_container(name: str) -> None:
    shop = Shop(name)
    shop.picture(shop.other)
    assert getattr(shop.painter.briefs[-1].wish, name) == getattr(shop.other, name)
    stored = {"image": PHOTO, "mask": png(MASK)}
    message = shop.message().model_copy(update={"image": "image", "mask": "mask"})
    with ThreadPoolExecutor(1) as finishers:
        carry_out(message, Files(stored.get, lambda *_: None), shop.painter, finishers=finishers)
    assert getattr(shop.painter.briefs[-1].wish, name) == getattr(shop.other, name)


@every_field
def test_its_value_can_be_asserted_and_is_in_the_journal(name: str) -> None:
    shop = Shop(name)
    shop.sends(shop.other)
    shop.world.calls.submits.assert_called_with(**{name: getattr(shop.other, name)})
    with pytest.raises(AssertionError, match=f"{name}: expected"):
        shop.world.calls.submits.assert_called_with(**{name: getattr(shop.usual, name)})
    call = shop.world.calls.last
    call.strip()
    assert call.request is not None
    assert getattr(call.request.wish, name) == getattr(shop.other, name)


@every_field
def test_the_admin_api_shows_its_value_and_names_it_among_what_can_be_asserted(name: str) -> None:
    shop = Shop(name)
    shop.sends(shop.other)
    worlds = Worlds(lambda _: shop.world)
    local = {"headers": (("host", "localhost"),), "peer_is_loopback": True}
    answer = admin.answer(worlds, RequestHead("GET", f"/_mock/journal/{shop.world.calls.last.number}", **local), b"")
    assert json.loads(answer.body)["request"][name] == shop.value(shop.other)
    document = admin.answer(worlds, RequestHead("GET", "/_mock/openapi.json", **local), b"")
    assert name in json.loads(document.body)["components"]["schemas"]["Expected"]["properties"]["values"]["description"]


@every_field
def test_the_report_tells_wishes_apart_by_it(name: str) -> None:
    shop = Shop(name)
    for wish in (shop.usual, shop.usual, shop.other):
        shop.sends(wish)
    first, again, other = (traffic.wish(call) for call in shop.world.calls.submits)
    assert first == again
    assert first != other


@every_field
def test_a_pact_has_its_value_exactly_where_it_decides_the_answer(name: str) -> None:
    shop = Shop(name)
    shop.sends(shop.other)
    (interaction,) = pact_of(shop.world, "shop").interactions
    request = interaction.document["request"]
    body = base64.b64decode(request["body"]["content"])
    assert f'name="{name}"\r\n\r\n{shop.value(shop.other)}\r\n'.encode() in body
    rules = request["matchingRules"]["body"]
    assert (f"$.{name}" not in rules) == Wish.about(name).decides_answer


@every_field
def test_the_api_description_and_the_docs_have_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    document = openapi.document()
    about = Wish.about(name)
    for form in REQUEST_SCHEMAS.values():
        field = document["components"]["schemas"][form]["properties"][name]
        assert field.get("deprecated", False) == about.deprecated
        assert ("Our extension." in field.get("description", "")) == about.ours
    multipart = document["paths"][OUTPAINT_PATH]["post"]["requestBody"]["content"]["multipart/form-data"]
    # Text by itself: a type that is said, or a reference, makes some clients send it as a file.
    assert name not in multipart["encoding"]
    assert "$ref" not in document["components"]["schemas"]["OutpaintMultipart"]["properties"][name]
    docs = Path(__file__).parents[1] / "docs"
    monkeypatch.syspath_prepend(docs)
    assert f"| `{name}` |" in importlib.import_module("tables").fields()


@every_field
def test_the_command_line_takes_it_and_shows_it(name: str, tmp_path: Path) -> None:
    assert f"--{name.replace('_', '-')}" in {option for one in paint.params for option in one.opts}
    shop = Shop(name)
    answer = shop.sends(shop.other)
    job = shop.world.ledger.find(answer.json()["inference_id"], shop.world.clock.now())
    assert job is not None
    data = tmp_path / "data"
    data.mkdir()
    with opened(data) as deployment:
        deployment.keys.add_key("Ann", "d" * 64, job.price, job.created_at, job.account_id)
        deployment.service.jobs.create(job, None, shop.world.clock.now())
    shown = CliRunner().invoke(jobs, ["show", job.id, "--data", str(data)])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.output)["request"]["wish"][name] == shop.value(shop.other)


def test_a_field_added_to_the_model_alone_keeps_the_law(tmp_path: Path) -> None:
    """The tests above run again in a process whose `Wish` has two lines more."""
    package = tmp_path / "outpaint" / "contracts"
    shutil.copytree(Path(outpaint.contracts.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    source = package / "requests.py"
    lines = source.read_text(encoding="utf-8").splitlines()
    (wish,) = (one for one in ast.parse("\n".join(lines)).body if isinstance(one, ast.ClassDef) and one.name == "Wish")
    end = max(one.end_lineno or 0 for one in wish.body if isinstance(one, ast.AnnAssign))
    source.write_text("\n".join([*lines[:end], *PROBES, *lines[end:]]), encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    quiet = [f"-pno:{name}" for name in ("cacheprovider", "cov", "hypothesispytest", "xdist")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *quiet, "-k", "added_strength or added_note", __file__],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    laws = sum(1 for name, one in globals().items() if name.startswith("test_") and hasattr(one, "pytestmark"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{laws * len(PROBES)} passed" in done.stdout
