"""`python -m outpaint.mocks`: as `outpaint mock`, without the rest of the command line."""

from __future__ import annotations

import os
import sys

# Searching every installed package for pydantic's plugins takes a tenth of the start.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from outpaint.functions.command_line.command_endings import status_of
from outpaint.mocks.mock_command import mock

sys.exit(status_of(lambda: mock.main(prog_name="python -m outpaint.mocks", standalone_mode=False)))
