"""`python -m outpaint.mocks`: as `outpaint mock`, without the rest of the command line."""

from __future__ import annotations

import os
import sys

# Looking for pydantic's plugins goes through every installed package, a tenth of the whole start.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

import click

from outpaint.contracts.errors import OutpaintError
from outpaint.mocks.mock_command import mock

try:
    mock.main(prog_name="python -m outpaint.mocks")
except OutpaintError as error:
    click.echo(f"error: {error.detail}", err=True)
    sys.exit(1)
