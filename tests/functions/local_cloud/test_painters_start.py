"""Every painter that the template offers, in the container's own process with what the template and the image give it.

What runs is `python -m outpaint.painting.endpoint`, the image's entry point, with the Environment that template.yaml
gives the model and the variables that the Containerfile sets, before an S3 of moto's server.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.session import get_session
from local_cloud.processes import LOOPBACK, free_ports
from local_cloud.transformed_template import TransformedTemplate, source
from moto.server import ThreadedMotoServer
from PIL import Image

from outpaint.contracts.inference import InferenceRequest, Manifest
from outpaint.contracts.masks_and_formats import Format
from outpaint.contracts.requests import Wish
from outpaint.painting import weights
from outpaint.painting.painters.painter_table import PAINTERS

ROOT = Path(__file__).parents[3]
CONTAINERFILE = ROOT / "painting" / "outpaint" / "painting" / "endpoint" / "Containerfile"
BUCKET = "pictures"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
OFFERED = source()["Parameters"]["Painter"]["AllowedValues"]


def image_environment() -> dict[str, str]:
    """The OUTPAINT_ variables that the image sets."""
    return dict(
        re.findall(r"^(?:ENV|   ) (OUTPAINT_\w+)=(\S+)", CONTAINERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    )


def template_environment(painter: str) -> dict[str, str]:
    """The Environment of the template's model when this painter was chosen."""
    template = TransformedTemplate({"Painter": painter}, {"Bucket": BUCKET})
    return {name: str(value) for name, value in template.properties("Model")["PrimaryContainer"]["Environment"].items()}


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    server = ThreadedMotoServer(LOOPBACK, 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    session = get_session()
    session.set_credentials("test", "test")
    client = session.create_client("s3", region_name="us-east-1", endpoint_url=f"http://{host}:{port}")
    client.create_bucket(Bucket=BUCKET)
    picture = Image.new("RGBA", (48, 40), (0, 0, 0, 0))
    picture.paste((200, 120, 40, 255), (8, 8, 40, 32))
    stream = BytesIO()
    picture.save(stream, "PNG")
    client.put_object(Bucket=BUCKET, Key="inputs/job/image", Body=stream.getvalue())
    yield client
    server.stop()


@pytest.fixture(scope="module")
def image_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights as they lie in the image: `nsfw` and `migan`."""
    if weights.find("migan") is None and shutil.which("npm") is None:
        pytest.skip("npm is not on the PATH, so the MI-GAN weights cannot be pulled: THE PAINTERS' START IS NOT TESTED")
    folder = tmp_path_factory.mktemp("weights")
    for name in ("nsfw", "migan"):
        source = weights.pull(name)
        (folder / source.name).symlink_to(source)
    return folder


def variables(s3: Any, painter: str, folder: Path, port: int, **more: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("OUTPAINT_", "AWS_"))}
    here = {"OUTPAINT_HOST": LOOPBACK, "OUTPAINT_PORT": str(port), "OUTPAINT_WEIGHTS": str(folder)}
    aws = {**CREDENTIALS, "AWS_ENDPOINT_URL": s3.meta.endpoint_url, "AWS_EC2_METADATA_DISABLED": "true"}
    return {**ours, **aws, **image_environment(), **template_environment(painter), **here, **more}


@contextmanager
def container(environment: dict[str, str]) -> Iterator[httpx.Client]:
    """The process, from its first 200 of /ping; at the end SIGTERM must make it end with 0."""
    process = subprocess.Popen(
        # As SageMaker starts it, with the argument `serve`.
        [sys.executable, "-m", "outpaint.painting.endpoint", "serve"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    if hasattr(os, "sched_setaffinity"):
        # Two threads of the network spin for each other, and take a third more of the processor.
        os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
    try:
        with httpx.Client(base_url=f"http://{LOOPBACK}:{environment['OUTPAINT_PORT']}", timeout=60) as client:
            while True:
                assert process.poll() is None, process.stderr and process.stderr.read()
                try:
                    if client.get("/ping").status_code == 200:
                        break
                except httpx.ConnectError:
                    pass
                threading.Event().wait(0.05)
            yield client
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def paint(s3: Any, client: httpx.Client, name: str) -> Manifest:
    """One job through /invocations; its file lies in the bucket, with the kept pixels as they were."""
    job = InferenceRequest(
        inference_id=name,
        image="inputs/job/image",
        wish=Wish(prompt="a field", seed=7, format=Format.PNG, count=1),
        output_ids=(f"{name}.png",),
    )
    answer = client.post("/invocations", content=job.model_dump_json())
    assert answer.status_code == 200, answer.text
    with Image.open(s3.get_object(Bucket=BUCKET, Key=f"{name}.png")["Body"]) as painted:
        assert painted.size == (48, 40)
        assert painted.convert("RGB").getpixel((20, 20)) == (200, 120, 40)
    return Manifest.model_validate_json(answer.content)


@pytest.mark.parametrize("painter", [name for name in OFFERED if not PAINTERS[name].needs_cuda])
def test_a_painter_that_needs_no_cuda_starts_and_paints(s3: Any, image_weights: Path, painter: str) -> None:
    (port,) = free_ports(1)
    with container(variables(s3, painter, image_weights, port)) as client:
        manifest = paint(s3, client, f"in-image-{painter}")
    assert manifest.painter.name == painter
    file = PAINTERS[painter].weights
    assert manifest.model_digest == (None if file is None else weights.REGISTRY[file].sha256)


@pytest.mark.parametrize("painter", [name for name in OFFERED if PAINTERS[name].needs_cuda])
def test_a_painter_that_needs_cuda_refuses_by_name_to_start_without(s3: Any, image_weights: Path, painter: str) -> None:
    (port,) = free_ports(1)
    # No driver here, whatever this machine has: CUDA shows no device where it is told to hide them all.
    said = refused(variables(s3, painter, image_weights, port, CUDA_VISIBLE_DEVICES=""))
    assert f"the painter {painter} needs CUDA" in said


def test_migan_takes_its_weights_from_the_model_data_before_the_image(
    s3: Any, image_weights: Path, tmp_path: Path
) -> None:
    """ModelData is what SageMaker puts into /opt/ml/model; what lies there and is wrong is not passed over."""
    (tmp_path / weights.REGISTRY["migan"].filename).write_bytes(b"other")
    (port,) = free_ports(1)
    assert "is not the migan weights" in refused(
        variables(s3, "migan", image_weights, port, OUTPAINT_MODEL=str(tmp_path))
    )


def refused(environment: dict[str, str]) -> str:
    """The line with which the process ends by status 1."""
    done = subprocess.run(
        [sys.executable, "-m", "outpaint.painting.endpoint"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr
