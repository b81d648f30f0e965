"""Files of every layout are read right or refused by name; `make sweep-files` runs more, beside a second decoder."""

from __future__ import annotations

from itertools import islice

from painting.sweep.bmp_and_png_files import bmp_files, png_files
from painting.sweep.sweep_file import is_read, judged
from painting.sweep.tiff_files import tiff_files

from outpaint.painting.inputs import tiff_layout
from outpaint.painting.inputs.intake import take
from outpaint.painting.inputs.tiff_layout import TiffAlpha, TiffColours, TiffLayout


def test_every_tiff_of_the_listed_layouts_is_read_and_no_other():
    seen = set()
    wrong = []
    for file in tiff_files(2):
        verdict = judged(file)
        wrong += [verdict] if verdict else []
        if file.pixels is not None and is_read(file):
            layout = take(file.data, "image").header.layout
            assert isinstance(layout, TiffLayout)
            seen.add((layout.colours, layout.bits, layout.alpha))
    assert not wrong
    listed = {
        (colours, bits, alpha)
        for colours, depths in tiff_layout.BITS.items()
        for bits in depths
        for alpha in (None, *TiffAlpha)
        if alpha is None or (colours in tiff_layout.WITH_ALPHA and bits in (8, 16))
    }
    assert {row for row in listed if row[0] is not TiffColours.YCBCR} - seen == set()


def test_every_bmp_is_read_right_or_refused_by_name():
    assert [verdict for file in islice(bmp_files(), 0, None, 7) if (verdict := judged(file))] == []


def test_every_png_is_read_right():
    assert [verdict for file in png_files() if (verdict := judged(file))] == []
