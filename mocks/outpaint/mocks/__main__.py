"""`python -m outpaint.mocks`: as `outpaint mock`, without the rest of the command line."""

from __future__ import annotations

import os
import sys

# Searching every installed package for pydantic's plugins takes a tenth of the start.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

import click

from outpaint.contracts.errors import OutpaintError
from outpaint.mocks.mock_command import mock

try:
    mock.main(prog_name="python -m outpaint.mocks")
except OutpaintError as error:
    click.echo(f"error: {error.detail}", err=True)
    sys.exit(1)
