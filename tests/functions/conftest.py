"""What the tests of the service and its hosts share: jobs to store, and pictures to send."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from PIL import Image

from outpaint.contracts.inference import InferenceRequest
from outpaint.contracts.job_states import JobState
from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskSource
from outpaint.contracts.requests import Wish
from outpaint.functions.command_line.entry import main
from outpaint.functions.service.records import Job


@pytest.fixture(scope="session")
def a_job() -> Callable[..., Job]:
    """Makes the number-th job of an account, accepted at `at` and forgotten at `until` (seconds)."""

    def make(
        number: int = 1,
        *,
        account: str = "ann",
        price: int = 2,
        key: str | None = None,
        at: float = 100.0,
        until: float = 1000.0,
    ) -> Job:
        inference_id = str(UUID(int=number))
        return Job(
            id=inference_id,
            account_id=account,
            state=JobState.ACCEPTED,
            created_at=at,
            deadline_at=at + 60,
            expires_at=until,
            price=price,
            request=InferenceRequest(
                inference_id=inference_id,
                image=f"inputs/{inference_id}/image",
                wish=Wish(prompt="hills ☃", seed=7, count=1),
                output_ids=(f"{UUID(int=number + 10_000)}.jpg",),
            ),
            interpretation=MaskInterpretation(source=MaskSource.IMAGE_ALPHA, painted_share=0.25),
            idempotency_key=key,
        )

    return make


@pytest.fixture(scope="session")
def cut_out() -> bytes:
    """A PNG of 64x48 pixels whose border is transparent: something to keep and something to paint."""
    picture = Image.radial_gradient("L").resize((64, 48)).convert("RGB")
    alpha = Image.new("L", picture.size, 0)
    alpha.paste(255, (16, 12, 48, 36))
    picture.putalpha(alpha)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs `outpaint` with these words in a folder of its own: exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    for variable in ("OUTPAINT_DATA", "OUTPAINT_STACK"):
        monkeypatch.delenv(variable, raising=False)

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["outpaint", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, captured.out, captured.err

    return call
