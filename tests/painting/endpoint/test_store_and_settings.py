"""The store's two kinds, the settings, and what is written into files of their making."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.masks_and_formats import Format
from outpaint.painting.endpoint.endpoint_settings import EndpointSettings
from outpaint.painting.endpoint.object_store import FolderStore, ObjectStore, S3Store
from outpaint.painting.finish import COMPOSITE, SOURCE_TYPE_XMP, encode
from outpaint.painting.painters.diffusion import model_folder
from outpaint.painting.pipeline import load_check, nothing_checked


class RefusalError(Exception):
    """As botocore's ClientError tells what S3 said."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


class FakeS3:
    """As much of boto3's client as the store uses."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.refusal: Exception | None = None

    def _check(self) -> None:
        if self.refusal is not None:
            raise self.refusal

    def get_object(self, **given: Any) -> dict[str, Any]:
        self._check()
        if given["Key"] not in self.objects:
            raise RefusalError("NoSuchKey")
        return {"Body": BytesIO(self.objects[given["Key"]])}

    def put_object(self, **given: Any) -> None:
        self._check()
        assert given["Bucket"] == "pictures"
        assert given["ContentType"]
        self.objects[given["Key"]] = given["Body"]

    def delete_object(self, **given: Any) -> None:
        self._check()
        self.objects.pop(given["Key"], None)


@pytest.fixture
def s3() -> FakeS3:
    return FakeS3()


@pytest.fixture(params=["folder", "s3", "moto"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, s3: FakeS3, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ObjectStore]:
    """A folder, the adapter on as much of S3 as it uses, and boto3 itself on moto's S3."""
    if request.param == "folder":
        yield FolderStore(tmp_path / "store")
    elif request.param == "s3":
        yield S3Store("pictures", "live/", s3)
    else:
        boto3 = pytest.importorskip("boto3", reason="boto3 isn't installed")
        moto = pytest.importorskip("moto", reason="moto isn't installed")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with moto.mock_aws():
            boto3.client("s3").create_bucket(Bucket="pictures")
            yield S3Store("pictures", "live/")


def test_files_come_back_as_they_went(store: ObjectStore) -> None:
    assert store.get("inputs/1/image") is None
    store.put("inputs/1/image", b"one", "image/png")
    store.put("inputs/1/image", b"two", "image/png")
    assert store.get("inputs/1/image") == b"two"
    store.delete("inputs/1/image")
    store.delete("inputs/1/image")
    assert store.get("inputs/1/image") is None


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../up", "a/../b", "a//b", "a/./b", "a\\b", "a\x00b", "a" * 901, "é"]
)
def test_no_name_leads_out_of_the_store(store: ObjectStore, name: str) -> None:
    for attempt in (lambda: store.get(name), lambda: store.put(name, b"", "x/y"), lambda: store.delete(name)):
        with pytest.raises(OutpaintError) as caught:
            attempt()
        assert caught.value.code is ErrorCode.SOURCE_REFUSED


def test_an_address_in_the_own_bucket_is_a_name_and_in_another_is_refused(s3: FakeS3) -> None:
    store = S3Store("pictures", "live/", s3)
    store.put("a.png", b"1", "image/png")
    assert s3.objects == {"live/a.png": b"1"}
    assert store.get("s3://pictures/live/a.png") == b"1"
    for foreign in ("s3://pictures/other/a.png", "s3://others/live/a.png"):
        with pytest.raises(OutpaintError):
            store.get(foreign)


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (RefusalError("AccessDenied"), ErrorCode.PAINTING_FAILED),
        (RefusalError("NoSuchBucket"), ErrorCode.PAINTING_FAILED),
        (RefusalError("SlowDown"), ErrorCode.UNAVAILABLE),
        (ConnectionError("refused"), ErrorCode.UNAVAILABLE),
    ],
)
def test_what_s3_refuses_is_typed(s3: FakeS3, refusal: Exception, code: ErrorCode) -> None:
    s3.refusal = refusal
    store = S3Store("pictures", "", s3)
    for attempt in (lambda: store.get("a"), lambda: store.put("a", b"", "x/y"), lambda: store.delete("a")):
        with pytest.raises(OutpaintError) as caught:
            attempt()
        assert caught.value.code is code


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderStore(tmp_path / "store")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutpaintError) as caught:
        store.put("a/b.png", b"data", "image/png")
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert "full" in caught.value.detail
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []


def test_settings_come_from_the_environment() -> None:
    settings = EndpointSettings.from_environment(
        {
            "OUTPAINT_STORE": "s3://b/p/",
            "OUTPAINT_PAINTER": "sdxl",
            "OUTPAINT_OTHERS": "migan, patch",
            "OUTPAINT_BATCH": "4",
            "OUTPAINT_FP8": "true",
            "OUTPAINT_STEPS": "",
            "PATH": "/bin",
        }
    )
    assert (settings.painter, settings.others, settings.batch, settings.fp8) == ("sdxl", ("migan", "patch"), 4, True)
    assert settings.steps is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("PAINTER", "dalle"), ("BATCH", "0"), ("WINDOW", "100"), ("OTHERS", "klein,what"), ("STORE", "")],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(OutpaintError) as caught:
        EndpointSettings.from_environment({"OUTPAINT_STORE": "x", f"OUTPAINT_{name}": value})
    assert f"OUTPAINT_{name}" in caught.value.detail


@pytest.mark.parametrize("kind", list(Format))
def test_the_digital_source_type_is_in_every_format(kind: Format) -> None:
    picture = Image.new("RGB", (16, 16), (9, 8, 7))
    data = encode(picture, kind, xmp=SOURCE_TYPE_XMP)
    with Image.open(BytesIO(data)) as opened:
        xmp = opened.info["xmp"]
        assert COMPOSITE in (xmp if isinstance(xmp, str) else xmp.decode())
    plain = encode(picture, kind)
    assert COMPOSITE.encode() not in plain
    if kind is Format.PNG:
        with Image.open(BytesIO(data)) as opened:
            assert opened.tobytes() == picture.tobytes()


def test_checks_are_found_by_address() -> None:
    assert load_check("none") is nothing_checked
    assert load_check("outpaint.painting.pipeline:nothing_checked") is nothing_checked
    for wrong in ("nowhere.at.all:f", "outpaint.painting.pipeline:missing", "outpaint.painting.pipeline", "os:sep"):
        with pytest.raises(OutpaintError) as caught:
            load_check(wrong)
        assert caught.value.field == "check"


def test_a_folder_of_weights_is_what_its_manifest_says(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "weights.bin").write_bytes(b"abc")
    (tmp_path / "model_index.json").write_text("{}")
    with pytest.raises(OutpaintError, match=r"has no outpaint-model\.json"):
        model_folder.verified_manifest(tmp_path)
    manifest = model_folder.write_manifest(tmp_path, name="tiny", licence="MIT")
    assert model_folder.verified_manifest(tmp_path).digest == manifest.digest
    (tmp_path / "unet" / "weights.bin").write_bytes(b"abd")
    with pytest.raises(OutpaintError, match="SHA-256 differs"):
        model_folder.verified_manifest(tmp_path)
    (tmp_path / "unet" / "weights.bin").write_bytes(b"abcd")
    with pytest.raises(OutpaintError, match="instead of 3"):
        model_folder.verified_manifest(tmp_path)
    (tmp_path / "unet" / "weights.bin").unlink()
    with pytest.raises(OutpaintError, match=r"weights\.bin cannot be read"):
        model_folder.verified_manifest(tmp_path)
    (tmp_path / "unet" / "weights.bin").write_bytes(b"abc")
    (tmp_path / "extra.py").write_text("")
    with pytest.raises(OutpaintError, match=r"extra\.py is not in"):
        model_folder.verified_manifest(tmp_path)
