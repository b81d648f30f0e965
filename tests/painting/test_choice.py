"""Painters by name."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.painting import weights
from outpaint.painting.painters.painter_table import PAINTERS, PainterHost, load_painter, names_on
from outpaint.painting.weights import WeightsUnavailable

ROOT = Path(__file__).parents[2]


def test_every_name_loads_the_painter_of_that_name(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(weights, "find", lambda name, beside=None: tmp_path / name)
    for name in names_on(PainterHost.LOCAL):
        card = load_painter(name).card
        assert (card.name, card.reads_prompt) == (name, PAINTERS[name].reads_prompt)


def test_an_unknown_name_is_told_the_choices() -> None:
    with pytest.raises(
        OutpaintError, match=r"no painter named oil; the choices are: auto, layers, backdrop, migan, patch, flat\."
    ) as caught:
        load_painter("oil")
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_PARAMETER, "painter")


def test_migan_without_weights_says_how_to_get_them(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(WeightsUnavailable, match="outpaint weights pull"):
        load_painter("migan")


def test_the_default_is_auto_and_needs_no_weights(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path))
    assert load_painter().card.name == "auto"


def test_the_table_names_weights_and_extras_that_there_are() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for entry in PAINTERS.values():
        assert entry.weights is None or entry.weights in weights.REGISTRY
        assert entry.extra is None or entry.extra in extras
        # It is loaded in one way or the other, and what it has learned comes under a licence.
        assert (entry.load is None) != (entry.pipeline is None)
        assert bool(entry.licence) == (entry.weights is not None or entry.pipeline is not None)
        assert entry.load is not None or entry.hosts is PainterHost.ENDPOINT


def test_the_flat_painter_costs_no_heavy_import() -> None:
    code = (
        "import sys; from outpaint.painting.painters.painter_table import load_painter; load_painter('flat'); "
        "print([name for name in ('numpy', 'onnxruntime', 'patchmatch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_table_costs_no_import_of_note() -> None:
    """Every command reads it for its help."""
    code = (
        "import sys; import outpaint.painting.painters.painter_table; "
        "print([name for name in ('numpy', 'PIL', 'torch', 'onnxruntime', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
