"""The pixel core starts light: a mock imports it and must be there at once."""

from __future__ import annotations

import subprocess
import sys


def test_the_core_and_the_flat_painter_import_no_numpy():
    code = (
        "import sys; import outpaint.painting.inputs.inspection, outpaint.painting.finish; "
        "import outpaint.painting.inputs.extension, outpaint.painting.painters.flat; "
        "print(sorted(m for m in ('numpy', 'onnxruntime') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
