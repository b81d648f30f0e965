"""Cut-outs get a ground to stand on, photos go on as they are, and the result says which of the two was chosen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceRequest
from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskSource
from outpaint.contracts.requests import Wish
from outpaint.painting.canvas import Brief, Canvas, painter_for
from outpaint.painting.painters.backdrop import BackdropPainter, is_cutout
from outpaint.painting.painters.painter_table import PainterOptions, load_painter
from outpaint.painting.pipeline import Files, carry_out

SIZE = (200, 160)


def cutout(colour: tuple[int, int, int] = (60, 70, 160), edge: int = 255) -> Image.Image:
    """A bottle on transparency: a round body that stands at row 130; `edge` is its border's alpha."""
    picture = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((69, 39, 131, 131), fill=(*colour, edge))
    draw.ellipse((70, 40, 130, 130), fill=(*colour, 255))
    return picture


def photo() -> Image.Image:
    """A rectangle of noise on transparency."""
    picture = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    values = np.random.default_rng(1).integers(80, 160, (80, 100, 3), dtype=np.uint8)
    picture.paste(Image.fromarray(values), (50, 40))
    return picture


def canvas_of(picture: Image.Image) -> Canvas:
    interpretation = MaskInterpretation(source=MaskSource.IMAGE_ALPHA, painted_share=0.5)
    return Canvas.of(picture.convert("RGB"), picture.getchannel("A"), None, interpretation)


def painted(canvas: Canvas, *seeds: int, **options: object) -> list[np.ndarray]:
    brief = Brief(Wish(prompt="a bottle"), seeds or (1,))
    return [np.asarray(each).astype(int) for each in BackdropPainter(**options).paint(canvas, brief)]


class TestBackdrop:
    def test_is_a_plain_neutral_ground(self) -> None:
        (ground,) = painted(canvas_of(cutout()))
        assert (ground.max(axis=2) - ground.min(axis=2)).max() < 40
        assert np.abs(np.diff(ground, axis=1)).mean() < 3

    def test_lies_in_shadow_where_the_object_stands(self) -> None:
        (ground,) = painted(canvas_of(cutout()))
        light = ground.mean(axis=2)
        under, beside = light[131:136, 95:105].mean(), light[131:136, 5:25].mean()
        assert under < beside - 20

    @pytest.mark.parametrize(("colour", "darker"), [((240, 240, 240), True), ((30, 30, 30), False)])
    def test_differs_from_the_object(self, colour: tuple[int, int, int], darker: bool) -> None:
        (ground,) = painted(canvas_of(cutout(colour)))
        wall = ground[:30].mean()
        assert bool(wall < 150) == darker
        assert abs(wall - colour[0]) > 60

    def test_changes_no_more_than_its_grain_with_the_seed(self) -> None:
        canvas = canvas_of(cutout())
        one, two = painted(canvas, 1, 2)
        assert (painted(canvas, 2)[0] == two).all()
        assert 0 < np.abs(one - two).max() < 12

    def test_takes_a_colour_and_how_dark_its_shadows_are(self) -> None:
        (ground,) = painted(canvas_of(cutout()), colour="#c02020", shadow=0.0)
        red, green, _ = ground[5:30].mean(axis=(0, 1))
        assert red > green + 80
        light = ground.mean(axis=2)
        assert abs(light[131:136, 95:105].mean() - light[131:136, 5:25].mean()) < 15

    @pytest.mark.parametrize(
        ("options", "field"),
        [
            (PainterOptions(backdrop_colour="red"), "backdrop_colour"),
            (PainterOptions(backdrop_shadow=1.5), "backdrop_shadow"),
        ],
    )
    @pytest.mark.parametrize("name", ["backdrop", "auto"])
    def test_refuses_other_options_by_name(self, name: str, options: PainterOptions, field: str) -> None:
        with pytest.raises(OutpaintError) as caught:
            load_painter(name, options)
        assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_PARAMETER, field)

    def test_reaches_every_size(self) -> None:
        for size in ((16, 16), (1000, 20), (20, 1000)):
            picture = Image.new("RGBA", size, (0, 0, 0, 0))
            ImageDraw.Draw(picture).ellipse((4, 4, 12, 12), fill=(200, 30, 30, 255))
            assert painted(canvas_of(picture))[0].shape == (size[1], size[0], 3)


class TestChoice:
    def test_a_free_shape_is_a_cutout(self) -> None:
        assert is_cutout(canvas_of(cutout()))

    def test_a_rectangle_is_none(self) -> None:
        assert not is_cutout(canvas_of(photo()))

    def test_a_hole_in_a_picture_makes_no_cutout(self) -> None:
        picture = Image.new("RGBA", SIZE, (90, 120, 60, 255))
        ImageDraw.Draw(picture).ellipse((70, 40, 130, 130), fill=(0, 0, 0, 0))
        assert not is_cutout(canvas_of(picture))

    def test_a_picture_erased_by_hand_is_none(self) -> None:
        picture = Image.new("RGBA", SIZE, (90, 120, 60, 255))
        ImageDraw.Draw(picture).polygon(
            [(90, 0), (120, 60), (80, 110), (110, 160), (200, 160), (200, 0)], fill=(0, 0, 0, 0)
        )
        assert not is_cutout(canvas_of(picture))

    @pytest.mark.parametrize("degrees", [1, 4, 10, 30])
    def test_a_straightened_picture_is_none(self, degrees: int) -> None:
        turned = Image.new("RGBA", (300, 200), (90, 120, 60, 255)).rotate(
            degrees, Image.Resampling.BICUBIC, expand=True
        )
        assert not is_cutout(canvas_of(turned))

    def test_two_pictures_beside_each_other_are_none(self) -> None:
        picture = Image.new("RGBA", SIZE, (0, 0, 0, 0))
        picture.paste((90, 120, 60, 255), (0, 0, 110, 120))
        picture.paste((80, 110, 70, 255), (90, 40, 200, 160))
        assert not is_cutout(canvas_of(picture))

    def test_a_tilted_box_and_a_trimmed_object_are_cutouts(self) -> None:
        picture = Image.new("RGBA", SIZE, (0, 0, 0, 0))
        box = Image.new("RGBA", (80, 50), (160, 30, 30, 255)).rotate(20, expand=True)
        picture.paste(box, (50, 40), box)
        assert is_cutout(canvas_of(picture))
        trimmed = Image.new("RGBA", SIZE, (0, 0, 0, 0))
        ImageDraw.Draw(trimmed).ellipse((0, 0, SIZE[0] - 1, SIZE[1] - 1), fill=(160, 30, 30, 255))
        assert is_cutout(canvas_of(trimmed))

    def test_a_box_with_round_corners_is_a_cutout(self) -> None:
        picture = Image.new("RGBA", SIZE, (0, 0, 0, 0))
        ImageDraw.Draw(picture).rounded_rectangle((70, 20, 120, 140), 6, fill=(20, 20, 30, 255))
        assert is_cutout(canvas_of(picture))

    def test_who_is_cut_off_by_the_lower_edge_is_a_cutout(self) -> None:
        picture = Image.new("RGBA", SIZE, (0, 0, 0, 0))
        ImageDraw.Draw(picture).ellipse((60, 60, 140, 260), fill=(120, 80, 70, 255))
        assert is_cutout(canvas_of(picture))

    @pytest.mark.parametrize(("picture", "name"), [(cutout(), "backdrop"), (photo(), "layers")])
    def test_the_card_says_which_and_why(self, picture: Image.Image, name: str) -> None:
        card = painter_for(load_painter("auto"), canvas_of(picture)).card
        assert card.name == name
        assert card.reason

    def test_a_painter_that_does_not_choose_paints_itself(self) -> None:
        flat = load_painter("flat")
        assert painter_for(flat, canvas_of(photo())) is flat
        assert flat.card.reason is None

    def test_a_manifest_names_the_chosen_painter(self) -> None:
        stream = BytesIO()
        cutout().save(stream, "PNG")
        written: dict[str, bytes] = {}
        request = InferenceRequest(
            inference_id="0b9ce1a4-6a1d-4c1e-b7a5-3f0d8a1c5e77",
            image="image",
            wish=Wish(prompt="a bottle", count=1, seed=1),
            output_ids=("one.jpg",),
        )
        files = Files(lambda _: stream.getvalue(), lambda name, data, _: written.update({name: data}))
        with ThreadPoolExecutor(1) as finishers:
            manifest = carry_out(request, files, load_painter("auto"), finishers=finishers)
        assert (manifest.painter.name, bool(manifest.painter.reason)) == ("backdrop", True)
        assert list(written) == ["one.jpg"]
