"""What a PNG's colour chunks say, as an ICC profile that every kind of result can carry.

Which chunk counts where several stand in a file: cICP before iCCP before sRGB before gAMA with cHRM (PNG, third
edition, section 4.3). Code points of cICP: ITU-T H.273, tables 2 and 3. Profiles are written as ICC.1:2022 says.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

from outpaint.painting.inputs.file_header import ColourSpace, UnsupportedFileError, colour_space

_Point: TypeAlias = tuple[float, float]
_Vector: TypeAlias = tuple[float, float, float]
_Matrix: TypeAlias = tuple[_Vector, _Vector, _Vector]

_D65: Final = (0.3127, 0.3290)
_C: Final = (0.310, 0.316)
_D50_XYZ: Final = (0.9642, 1.0, 0.8249)
_SRGB: Final = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), _D65)
# Red, green, blue and white, by their code point.
_PRIMARIES: Final[dict[int, tuple[_Point, _Point, _Point, _Point]]] = {
    1: _SRGB,
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
# Parameters g, a, b, c, d of ICC's function type 3, or g alone. Television's transfer functions are shown as BT.1886
# says, as Chromium does.
_SRGB_CURVE: Final = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_BT1886_CURVE: Final = (2.4,)
_CURVES: Final[dict[int, tuple[float, ...]]] = {
    **dict.fromkeys((1, 6, 14, 15), _BT1886_CURVE),
    4: (2.2,),
    5: (2.8,),
    8: (1.0,),
    13: _SRGB_CURVE,
}
HDR: Final = {16: "PQ", 18: "HLG"}
_SRGB_GAMMA: Final = 0.45455
_GAMMA_STEP: Final = 0.0006
_PLACE_STEP: Final = 0.0015
# Bradford's matrix, as ICC.1:2022, annex E, has it, and its inverse.
_BRADFORD: Final = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_FROM_BRADFORD: Final = (
    (0.9869929, -0.1470543, 0.1599627),
    (0.4323053, 0.5183603, 0.0492912),
    (-0.0085287, 0.0400428, 0.9684867),
)


@dataclass(slots=True)
class ColourChunks:
    """The content of a PNG's colour chunks; None where one is missing. `profile` is b"" where iCCP is damaged."""

    cicp: bytes | None = None
    profile: bytes | None = None
    srgb: bool = False
    gamma: bytes | None = None
    chromaticities: bytes | None = None


@dataclass(frozen=True, slots=True)
class StatedColours:
    """The profile of a picture's values, None for sRGB; and a sentence's end on what was made of the chunks."""

    profile: bytes | None
    remark: str | None = None


def stated_colours(chunks: ColourChunks) -> StatedColours:
    """What the chunks say together; raises `UnsupportedFileError` for HDR, which has no place in 8 bits."""
    remark = None
    if chunks.cicp is not None:
        stated = _of_code_points(chunks.cicp)
        if stated is not None:
            return stated
        remark = "has a cICP chunk of unknown colours, which was ignored"
    if chunks.profile is not None:
        if colour_space(chunks.profile) in (ColourSpace.RGB, ColourSpace.GREY):
            return StatedColours(chunks.profile, remark)
        remark = remark or "has a colour profile that is damaged, too large or not one for its colours; it was ignored"
    if chunks.srgb or chunks.gamma is None:
        return StatedColours(None, remark)
    return _of_gamma(chunks.gamma, chunks.chromaticities) or StatedColours(
        None, remark or "has a gAMA or cHRM chunk without a meaning, which was ignored"
    )


def _of_code_points(content: bytes) -> StatedColours | None:
    if len(content) != 4:
        return None
    primaries, transfer, matrix, full_range = content
    if transfer in HDR:
        raise UnsupportedFileError(f"a PNG in HDR (cICP, transfer {HDR[transfer]})")
    if full_range != 1 and primaries in _PRIMARIES and transfer in _CURVES:
        raise UnsupportedFileError("a PNG of the narrow range of video (cICP)")
    if matrix != 0 or primaries not in _PRIMARIES or transfer not in _CURVES:
        return None
    if (primaries, transfer) == (1, 13):
        return StatedColours(None)
    made = rgb_profile(_PRIMARIES[primaries], _CURVES[transfer], f"cICP {primaries}/{transfer}")
    return None if made is None else StatedColours(made, _carried("cICP chunk"))


def _of_gamma(gamma: bytes, chromaticities: bytes | None) -> StatedColours | None:
    if len(gamma) != 4 or (chromaticities is not None and len(chromaticities) != 32):
        return None
    exponent = int.from_bytes(gamma, "big") / 100_000
    if not 0.1 <= exponent <= 10:
        return None
    places = _SRGB
    if chromaticities is not None:
        white, *colours = _points(chromaticities)
        places = (colours[0], colours[1], colours[2], white)
    far = (max(abs(x - a), abs(y - b)) for (x, y), (a, b) in zip(places, _SRGB, strict=True))
    if max(far) <= _PLACE_STEP and abs(exponent - _SRGB_GAMMA) <= _GAMMA_STEP:
        return StatedColours(None)
    made = rgb_profile(places, (1 / exponent,), f"gAMA {exponent:.5f}")
    names = "gAMA chunk" if chromaticities is None else "gAMA and cHRM chunks"
    return None if made is None else StatedColours(made, _carried(names))


def _carried(chunks: str) -> str:
    return f"has colours stated by its {chunks}: values were kept, and results carry the same as an ICC profile"


def _points(content: bytes) -> list[_Point]:
    numbers = [number / 100_000 for number in struct.unpack(">8I", content)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def rgb_profile(places: tuple[_Point, _Point, _Point, _Point], curve: tuple[float, ...], name: str) -> bytes | None:
    """An ICC profile (version 4) of RGB values.

    `places` are the chromaticities x, y of red, green, blue and white. `curve` is the exponent, or the five parameters
    of ICC's function type 3, from value to linear light. None where the places span no colours.
    """
    if any(not 0 < y < 1 or not 0 <= x < 1 for x, y in places):
        return None
    white = _xyz(places[3])
    columns = [_xyz(place) for place in places[:3]]
    matrix: _Matrix = tuple(zip(*columns, strict=True))  # type: ignore[assignment]
    scale = _solved(matrix, white)
    if scale is None or min(scale) <= 0:
        return None
    adaptation = _adaptation(white)
    tags = {
        b"desc": _text(name),
        b"cprt": _text("none"),
        b"wtpt": _xyz_tag(_D50_XYZ),
        b"chad": b"sf32" + bytes(4) + b"".join(_fixed(value) for row in adaptation for value in row),
    }
    for letter, column, factor in zip(b"rgb", columns, scale, strict=True):
        adapted = _times(adaptation, (column[0] * factor, column[1] * factor, column[2] * factor))
        tags[bytes([letter]) + b"XYZ"] = _xyz_tag(adapted)
        tags[bytes([letter]) + b"TRC"] = (
            b"para" + bytes(4) + struct.pack(">HH", 3 if len(curve) == 5 else 0, 0) + b"".join(map(_fixed, curve))
        )
    return _assembled(tags)


def _assembled(tags: dict[bytes, bytes]) -> bytes:
    place = 128 + 4 + 12 * len(tags)
    table, content, places = struct.pack(">I", len(tags)), b"", dict[bytes, int]()
    for name, value in tags.items():
        if value not in places:
            places[value] = place + len(content)
            content += value + bytes(-len(value) % 4)
        table += struct.pack(">4sII", name, places[value], len(value))
    head = struct.pack(
        ">I4xI4s4s4s12x4s24xI", place + len(content), 0x04400000, b"mntr", b"RGB ", b"XYZ ", b"acsp", 0
    ) + b"".join(map(_fixed, _D50_XYZ))
    return head.ljust(128, b"\0") + table + content


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28) + encoded


def _xyz_tag(value: _Vector) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, value))


def _fixed(value: float) -> bytes:
    """An s15Fixed16Number."""
    return struct.pack(">i", round(value * 65_536))


def _xyz(place: _Point) -> _Vector:
    x, y = place
    return x / y, 1.0, (1 - x - y) / y


def _times(matrix: _Matrix, vector: _Vector) -> _Vector:
    first, second, third = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return first, second, third


def _adaptation(white: _Vector) -> _Matrix:
    """Bradford's chromatic adaptation from this white to D50."""
    source, target = _times(_BRADFORD, white), _times(_BRADFORD, _D50_XYZ)
    scaled = [[value * to / of for value in row] for row, of, to in zip(_BRADFORD, source, target, strict=True)]
    columns = [_times(_FROM_BRADFORD, (scaled[0][i], scaled[1][i], scaled[2][i])) for i in range(3)]
    return tuple(zip(*columns, strict=True))  # type: ignore[return-value]


def _solved(matrix: _Matrix, right: _Vector) -> _Vector | None:
    """x of matrix · x = right, by Cramer's rule; None where the columns are not independent."""
    whole = _determinant(matrix)
    if abs(whole) < 1e-6:
        return None
    parts = []
    for column in range(3):
        replaced = [[right[y] if x == column else matrix[y][x] for x in range(3)] for y in range(3)]
        parts.append(_determinant(replaced) / whole)
    return parts[0], parts[1], parts[2]


def _determinant(m: _Matrix | list[list[float]]) -> float:
    return (
        m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
        - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
        + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    )
