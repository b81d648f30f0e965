"""Faults in what is taken and what is refused."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import Any

from PIL import Image

from mutants.mutant import Patch, mutant
from outpaint.contracts import data_uris, requests
from outpaint.contracts.data_uris import DataUriReader
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.requests import OutpaintRequest, Upload
from outpaint.functions.adapters.fetch import SafeFetch
from outpaint.functions.http import application, bodies, field_values, json_body
from outpaint.functions.service import picture_sources
from outpaint.painting import pipeline
from outpaint.painting.inputs import inspection, intake, jpeg_scans


def change_fields(patch: Patch, change: Any) -> None:
    """A body's fields, name to values, pass through `change`, which gives those that count."""
    original = OutpaintRequest.from_fields
    patch.set(
        OutpaintRequest,
        "from_fields",
        classmethod(lambda _, found, **rest: original(change({name: list(found[name]) for name in found}), **rest)),
    )


def default_to(patch: Patch, name: str, value: str) -> None:
    """A field that is not sent counts as this."""
    change_fields(patch, lambda found: found if name in found else {**found, name: [value]})


def without(found: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: values for name, values in found.items() if name not in names}


@mutant("unknown fields are refused", "fields.unknown-fields-are-accepted")
def unknown_fields_refused(patch: Patch) -> None:
    def change(found: dict[str, Any]) -> dict[str, Any]:
        for name in found:
            if name not in requests.KNOWN_FIELDS:
                raise OutpaintError.wrong_value(name[:50], "", "there is no such field")
        return found

    change_fields(patch, change)


@mutant("the mask under the SDK's spelling is not read", "masks.mask-counts-under-every-name")
def sdk_mask_spelling_ignored(patch: Patch) -> None:
    change_fields(patch, lambda found: without(found, "mask", "mask_url", "mask_id"))


@mutant("the mask under the OpenAPI's spelling is not read", "masks.mask-counts-under-every-name")
def openapi_mask_spelling_ignored(patch: Patch) -> None:
    change_fields(patch, lambda found: without(found, "mask_image", "mask_image_url", "mask_image_id"))


@mutant("of two masks the first counts", "masks.two-masks-are-refused-naming-both")
def two_masks_are_taken(patch: Patch) -> None:
    def change(found: dict[str, Any]) -> dict[str, Any]:
        given = [name for name in requests.MASK_FIELDS if name in found]
        return without(found, *given[1:])

    change_fields(patch, change)


@mutant("of two images the first counts", "fields.two-images-are-refused")
def two_images_are_taken(patch: Patch) -> None:
    def change(found: dict[str, Any]) -> dict[str, Any]:
        given = [name for name in requests.IMAGE_FIELDS if name in found]
        return without(found, *given[1:])

    change_fields(patch, change)


@mutant("of a field that was sent twice the first counts", "fields.field-sent-twice-is-refused")
def repeated_fields_are_taken(patch: Patch) -> None:
    change_fields(patch, lambda found: {name: values[:1] for name, values in found.items()})


@mutant("a blank prompt is taken", "fields.blank-prompt-is-refused")
def blank_prompt_is_taken(patch: Patch) -> None:
    def change(found: dict[str, Any]) -> dict[str, Any]:
        values = found.get("prompt", [])
        blank = values and isinstance(values[0], str) and not values[0].strip()
        return {**found, "prompt": ["anything"]} if blank else found

    change_fields(patch, change)


@mutant("no prompt is needed", "fields.prompt-is-required")
def no_prompt_is_taken(patch: Patch) -> None:
    default_to(patch, "prompt", "anything")


@mutant("an empty negative prompt is refused", "fields.negative-prompt-is-taken")
def empty_negative_prompt_is_refused(patch: Patch) -> None:
    def change(found: dict[str, Any]) -> dict[str, Any]:
        if found.get("negative_prompt") == [""]:
            raise OutpaintError.wrong_value("negative_prompt", "''", "say what to avoid, or leave it out")
        return found

    change_fields(patch, change)


@mutant("a count over 10 is brought down to 10", "fields.count-out-of-range-is-refused")
def count_is_clamped(patch: Patch) -> None:
    def change(found: dict[str, Any]) -> dict[str, Any]:
        values = found.get("count", [])
        if values and str(values[0]).isascii() and str(values[0]).isdigit() and int(str(values[0])) > 10:
            return {**found, "count": ["1"]}
        return found

    change_fields(patch, change)


@mutant("one picture is made whatever the count", "fields.count-is-how-many-pictures-come-back")
def count_is_ignored(patch: Patch) -> None:
    def change(found: dict[str, Any]) -> dict[str, Any]:
        values = found.get("count", [])
        good = len(values) == 1 and str(values[0]) in {str(number) for number in range(1, 11)}
        return {**found, "count": ["1"]} if good else found

    change_fields(patch, change)


@mutant("one picture is made where no count was sent", "fields.count-is-two-where-it-is-left-out")
def default_count_is_one(patch: Patch) -> None:
    default_to(patch, "count", "1")


@mutant("PNG is written where no format was sent", "synchronous.jpg-by-default")
def default_format_is_png(patch: Patch) -> None:
    default_to(patch, "format", "PNG")


@mutant("mode auto is taken", "fields.other-mode-is-refused")
def mode_auto_is_taken(patch: Patch) -> None:
    change_fields(patch, lambda found: {**found, "mode": ["sync"]} if found.get("mode") == ["auto"] else found)


@mutant("a format must be in capitals", "fields.format-may-be-written-in-any-case")
def formats_in_capitals_only(patch: Patch) -> None:
    def change(found: dict[str, Any]) -> dict[str, Any]:
        values = found.get("format", [])
        if values and isinstance(values[0], str) and values[0] != values[0].upper():
            raise OutpaintError.wrong_value("format", values[0], "input should be 'JPG', 'PNG' or 'WEBP'")
        return found

    change_fields(patch, change)


@mutant("any other format is taken for JPG", "fields.other-format-is-refused")
def unknown_formats_become_jpg(patch: Patch) -> None:
    def change(found: dict[str, Any]) -> dict[str, Any]:
        values = found.get("format", [])
        known = values and str(values[0]).strip().upper() in ("JPG", "PNG", "WEBP")
        return {**found, "format": ["JPG"]} if values and not known else found

    change_fields(patch, change)


@mutant("JPEG is no word for JPG", "fields.jpeg-is-read-as-jpg")
def jpeg_is_no_word(patch: Patch) -> None:
    patch.set(application, "read_leniently", lambda fields: (fields, ()))


@mutant("a blank word is a wrong one", "official-clients.blanks-of-the-python-client-mean-nothing")
def blanks_are_values(patch: Patch) -> None:
    patch.set(requests, "_one_text", requests._given)


@mutant("the seed that was sent is not the one that counts", "synchronous.result-tells-the-seed")
def seed_is_ignored(patch: Patch) -> None:
    def change(found: dict[str, Any]) -> dict[str, Any]:
        good = len(found.get("seed", [])) == 1 and str(found["seed"][0]).isascii() and str(found["seed"][0]).isdigit()
        return without(found, "seed") if good and int(str(found["seed"][0])) < 2**32 else found

    change_fields(patch, change)


@mutant("bodies of JSON are not taken", "content-types.json-is-taken")
def json_is_not_taken(patch: Patch) -> None:
    patch.set(bodies, "SUPPORTED", (bodies.MULTIPART, bodies.URLENCODED))


@mutant("urlencoded bodies are not taken", "content-types.urlencoded-is-taken-as-the-sdk-sends-it")
def urlencoded_is_not_taken(patch: Patch) -> None:
    patch.set(bodies, "SUPPORTED", (bodies.MULTIPART, bodies.JSON))


@mutant("any content type is read as JSON", "content-types.another-content-type-is-415")
def any_content_type_is_taken(patch: Patch) -> None:
    patch.set(bodies, "check_content_type", lambda _: None)


@mutant("a multipart body that breaks off is taken as far as it goes", "bad-bodies.multipart-cut-short-is-400")
def truncated_multipart_is_taken(patch: Patch) -> None:
    def reading(original: Any, boundary: bytes, pieces: Iterable[bytes]) -> Any:
        end, body = b"--" + boundary + b"--", b"".join(pieces)
        if end not in body:
            body = body.rstrip(b"\r\n-") + b"\r\n" + end + b"\r\n"
        return original(boundary, (body,))

    patch.around(bodies, "read_multipart", reading)


@mutant("of two names in one part the last counts", "bad-bodies.part-that-is-no-form-field-is-400")
def second_name_is_taken(patch: Patch) -> None:
    patch.set(bodies, "_check_parameters", lambda _: None)


@mutant("text of any length is taken", "bad-bodies.megabyte-of-text-is-refused-in-any-body")
def text_of_any_length_is_taken(patch: Patch) -> None:
    for module in (field_values, json_body):
        patch.set(module, "MAX_TEXT_BYTES", 2**40)


@mutant("a JPEG may have scans without end", "bad-pictures.jpeg-of-thousands-of-scans-is-refused")
def any_number_of_scans_is_taken(patch: Patch) -> None:
    patch.set(jpeg_scans.JpegFrame, "most_scans", 1_000_000)


@mutant("a file's label counts and not its bytes", "client-quirks.file-is-read-whatever-its-label")
def labels_count(patch: Patch) -> None:
    def change(found: dict[str, Any]) -> dict[str, Any]:
        for name, values in found.items():
            for value in values:
                if isinstance(value, Upload) and not (value.content_type or "image/png").startswith("image/"):
                    raise OutpaintError(ErrorCode.UNSUPPORTED_IMAGE_TYPE, f"{name} is {value.content_type}", field=name)
        return found

    change_fields(patch, change)


@mutant("what is no picture breaks the service", "bad-pictures.stranger-is-415")
def no_picture_is_500(patch: Patch) -> None:
    def file_type(original: Any, data: bytes) -> Any:
        found = original(data)
        if found is None:
            raise ValueError("no picture")
        return found

    patch.around(intake, "file_type", file_type)


@mutant("a picture of any size is decoded", "bad-pictures.size-out-of-range-is-refused-from-the-header")
def any_dimensions_are_taken(patch: Patch) -> None:
    patch.set(intake, "check_size", lambda *_, **__: None)


@mutant("a file of any length is taken", "limits.a-file-over-the-limit-is-413")
def any_length_is_taken(patch: Patch) -> None:
    def take(original: Any, data: bytes, field: str, limits: Any) -> Any:
        return original(data, field, limits.model_copy(update={"max_bytes": 2**40}))

    # Whoever takes a file judges its length: the service, and the painter once more.
    for module in (inspection, pipeline):
        patch.around(module, "take", take)


@mutant("the first frame of an animation is taken", "bad-pictures.animation-is-refused")
def animations_are_taken(patch: Patch) -> None:
    def still(data: bytes) -> bytes:
        stream = BytesIO()
        with Image.open(BytesIO(data)) as opened:
            opened.seek(0)
            opened.convert("RGBA").save(stream, "PNG")
        return stream.getvalue()

    def take(original: Any, image: bytes, mask: bytes | None, *rest: Any) -> Any:
        try:
            return original(image, mask, *rest)
        except OutpaintError as error:
            if error.code is not ErrorCode.ANIMATED:
                raise
            return original(still(image), None if mask is None else still(mask), *rest)

    patch.around(inspection, "_take_both", take)


@mutant("addresses inside the network are read", "sources.address-behind-the-fence-is-not-read")
def private_addresses_are_read(patch: Patch) -> None:
    def fetch(original: Any, self: SafeFetch, url: str, **rest: Any) -> bytes:
        if not url.startswith(("http://", "https://")):
            return bytes(original(self, url, **rest))
        stream = BytesIO()
        half = Image.new("RGBA", (64, 48), (0, 0, 0, 0))
        half.paste((200, 10, 10, 255), (0, 0, 32, 48))
        half.save(stream, "PNG")
        return stream.getvalue()

    patch.around(SafeFetch, "fetch", fetch)


@mutant("an address that does not answer breaks the service", "sources.address-that-does-not-answer-is-422")
def dead_address_is_500(patch: Patch) -> None:
    patch.error_status(ErrorCode.SOURCE_UNAVAILABLE, 500)


@mutant("a data: URI is held to the length of an address", "sources.data-uri-counts-as-an-upload-however-long")
def long_data_uri_is_refused(patch: Patch) -> None:
    def change(found: dict[str, Any]) -> dict[str, Any]:
        for name in ("image_url", "mask_url", "mask_image_url"):
            for value in found.get(name, []):
                if len(str(getattr(value, "text", value))) > requests.MAX_URL_LENGTH:
                    raise OutpaintError.wrong_value(name, f"<{len(value)} characters>", "too long")
        return found

    change_fields(patch, change)


@mutant("base64 in lines is refused", "sources.data-uri-is-read-however-it-is-spelled")
def base64_in_lines_is_refused(patch: Patch) -> None:
    def feed(original: Any, self: DataUriReader, text: bytes) -> None:
        original(self, text)
        if b"\n" in text.strip():
            self._fail("damaged")

    patch.around(DataUriReader, "feed", feed)


@mutant("base64 without its padding is refused", "sources.data-uri-is-read-however-it-is-spelled")
def base64_without_padding_is_refused(patch: Patch) -> None:
    def end(original: Any, self: DataUriReader) -> tuple[bytes, str | None]:
        if self._rest and not self._ended:
            self._fail("damaged")
        data, fault = original(self)
        return data, fault

    patch.around(DataUriReader, "end", end)


@mutant("base64url is refused", "sources.data-uri-is-read-however-it-is-spelled")
def base64url_is_refused(patch: Patch) -> None:
    patch.set(data_uris, "_LETTERS", bytes(range(256)))


@mutant("an address is read with the blanks around it", "sources.address-is-read-without-what-stands-around-it")
def address_with_blanks_is_read(patch: Patch) -> None:
    patch.set(requests, "without_surroundings", lambda address: address)


@mutant("an address of any length is taken", "sources.address-that-is-too-long-is-named")
def long_address_is_taken(patch: Patch) -> None:
    patch.set(requests, "MAX_URL_LENGTH", 10**6)


@mutant("base64 that is damaged is read as far as it goes", "sources.data-uri-without-base64-is-refused")
def damaged_base64_is_read(patch: Patch) -> None:
    def end(original: Any, self: DataUriReader) -> tuple[bytes, str | None]:
        data, fault = original(self)
        return (data, fault) if fault is None else (b"as far as it goes", None)

    patch.around(DataUriReader, "end", end)


@mutant("another account's result can be sent on", "result-files.another-accounts-result-cannot-be-sent-on")
def foreign_file_is_read(patch: Patch) -> None:
    def read(original: Any, service: Any, caller: Any, source: Any, *rest: Any) -> Any:
        stored = service.pictures.get(source.id, service.clock.now()) if hasattr(source, "id") else None
        if stored is not None:
            return picture_sources.SourcePicture(stored.data, source.id, stored.expires_at)
        return original(service, caller, source, *rest)

    patch.around(picture_sources, "read_picture", read)


@mutant("an id is not taken for a picture", "result-files.a-result-can-be-sent-on")
def ids_are_not_taken(patch: Patch) -> None:
    patch.set(picture_sources, "is_file_id", lambda _: False)
