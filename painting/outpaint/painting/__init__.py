"""Pixels: read an upload, turn alpha or mask into a keep map, paint what is open, composite, encode."""

from __future__ import annotations

from outpaint.contracts import lazy_names

# Not typing's: whatever imports a module of this floor runs this file.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from outpaint.painting import weights as weights
    from outpaint.painting.canvas import Brief as Brief
    from outpaint.painting.canvas import Canvas as Canvas
    from outpaint.painting.canvas import Painter as Painter
    from outpaint.painting.finish import composite as composite
    from outpaint.painting.finish import encode as encode
    from outpaint.painting.finish import outpaint as outpaint
    from outpaint.painting.inputs.extension import Margins as Margins
    from outpaint.painting.inputs.extension import TargetAspect as TargetAspect
    from outpaint.painting.inputs.extension import TargetSize as TargetSize
    from outpaint.painting.inputs.extension import canvas_file as canvas_file
    from outpaint.painting.inputs.extension import extend as extend
    from outpaint.painting.inputs.inspection import Inspection as Inspection
    from outpaint.painting.inputs.inspection import read_canvas as read_canvas
    from outpaint.painting.painters.painter_table import PAINTERS as PAINTERS
    from outpaint.painting.painters.painter_table import PainterEntry as PainterEntry
    from outpaint.painting.painters.painter_table import PainterHost as PainterHost
    from outpaint.painting.painters.painter_table import load_painter as load_painter
    from outpaint.painting.pipeline import OutputCheck as OutputCheck
    from outpaint.painting.sample import sample_photo as sample_photo

# The public names of each module, as seen from here.
PUBLIC = {
    "canvas": ("Brief", "Canvas", "Painter"),
    "finish": ("composite", "encode", "outpaint"),
    "inputs.extension": ("Margins", "TargetAspect", "TargetSize", "canvas_file", "extend"),
    "inputs.inspection": ("Inspection", "read_canvas"),
    "painters.painter_table": ("PAINTERS", "PainterEntry", "PainterHost", "load_painter"),
    "pipeline": ("OutputCheck",),
    "sample": ("sample_photo",),
    "weights": ("weights",),
}
HOMES = {name: module for module, names in PUBLIC.items() for name in names}
__all__ = sorted(HOMES)

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, HOMES)
