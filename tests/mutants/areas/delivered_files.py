"""Faults in result files once they are delivered: how they are built, what happens to them later, and their URLs."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from PIL import Image, ImageOps

from mutants.areas.results import change_items, change_result
from mutants.mutant import Patch, mutant, with_body
from outpaint.conformance.proving.drawn_pictures import with_chunk
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.functions.embedded.memory_ledger import MemoryPictures
from outpaint.functions.http import application
from outpaint.functions.http.answers import Answers
from outpaint.functions.http.application import Exchange
from outpaint.functions.http.messages import Response
from outpaint.functions.service import file_urls
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.service import Service

FILES_OF_EACH_FORMAT = ("result-files.a-file-says-what-it-is",)
SEVERAL_PICTURES = ("seeds.picture-i-is-made-from-seed-plus-i",)


def change_files(patch: Patch, extension: str, change: Callable[[bytes], bytes]) -> None:
    """The bytes of each result file with this extension pass through `change` when it is fetched."""

    def file(original: Any, self: Exchange, file_id: str) -> Response:
        answer: Response = original(self, file_id)
        # HEAD has no bytes.
        return with_body(answer, change(answer.body)) if file_id.endswith(extension) and answer.body else answer

    patch.around(Exchange, "_file", file)


def pictures_of(service: Service) -> MemoryPictures:
    assert isinstance(service.pictures, MemoryPictures)
    return service.pictures


# How a file is built


@mutant("a PNG has no end", "always.picture-files-are-whole", seen_in=FILES_OF_EACH_FORMAT)
def png_without_its_end(patch: Patch) -> None:
    change_files(patch, ".png", lambda data: data[:-12])


@mutant("a chunk says that a PNG's values are linear light", "inputs.colours-that-nobody-stated-stay-away")
def png_in_another_light(patch: Patch) -> None:
    change_files(patch, ".png", lambda data: with_chunk(data, b"gAMA", (100_000).to_bytes(4, "big")))


@mutant("a JPEG has a colour profile that nobody sent", "inputs.colours-that-nobody-stated-stay-away")
def jpeg_with_a_strange_profile(patch: Patch) -> None:
    content = b"ICC_PROFILE\0\x01\x01" + bytes(128)
    segment = b"\xff\xe2" + (len(content) + 2).to_bytes(2, "big") + content
    change_files(patch, ".jpg", lambda data: data[:2] + segment + data[2:])


@mutant("the checksum of a PNG's pixels is wrong", "always.picture-files-are-whole", seen_in=FILES_OF_EACH_FORMAT)
def png_with_a_wrong_checksum(patch: Patch) -> None:
    # Behind the checksum of the last pixels are the 12 bytes of IEND.
    change_files(patch, ".png", lambda data: data[:-13] + bytes([data[-13] ^ 1]) + data[-12:])


@mutant("bytes come after a PNG's end", "always.picture-files-are-whole", seen_in=FILES_OF_EACH_FORMAT)
def bytes_behind_a_png(patch: Patch) -> None:
    change_files(patch, ".png", lambda data: data + b"\0\0\0")


@mutant("bytes come after a JPEG's end", "always.picture-files-are-whole", seen_in=FILES_OF_EACH_FORMAT)
def bytes_behind_a_jpeg(patch: Patch) -> None:
    change_files(patch, ".jpg", lambda data: data + b"\n")


@mutant("a WebP is longer than it says", "always.picture-files-are-whole", seen_in=FILES_OF_EACH_FORMAT)
def webp_longer_than_it_says(patch: Patch) -> None:
    change_files(patch, ".webp", lambda data: data + b"\0\0")


@mutant("a JPEG has no end marker", "always.picture-files-are-whole", seen_in=FILES_OF_EACH_FORMAT)
def jpeg_without_its_end(patch: Patch) -> None:
    change_files(patch, ".jpg", lambda data: data[:-2])


@mutant("one colour of a PNG counts as transparent", "pixels.result-is-opaque")
def png_with_a_transparent_colour(patch: Patch) -> None:
    change_files(patch, ".png", lambda data: with_chunk(data, b"tRNS", bytes(6)))


@mutant("a WebP has a second frame", "synchronous.pictures-come-in-the-format")
def webp_that_moves(patch: Patch) -> None:
    def change(data: bytes) -> bytes:
        stream = BytesIO()
        with Image.open(BytesIO(data)) as opened:
            still = opened.convert("RGB")
        still.save(stream, "WEBP", save_all=True, append_images=[ImageOps.invert(still)])
        return stream.getvalue()

    change_files(patch, ".webp", change)


# What is done to a file after it was delivered


@mutant("a file that is fetched a third time lacks its end", "result-files.a-url-works-as-often-as-it-is-fetched")
def file_wears_out(patch: Patch) -> None:
    fetched: Counter[str] = Counter()

    def file(original: Any, self: Exchange, file_id: str) -> Response:
        fetched[file_id] += 1
        answer: Response = original(self, file_id)
        return with_body(answer, answer.body[:-1]) if fetched[file_id] == 3 else answer

    patch.around(Exchange, "_file", file)


@mutant(
    "an account's next job takes the files of the one before away", "result-files.a-url-works-as-often-as-it-is-fetched"
)
def next_job_takes_the_files(patch: Patch) -> None:
    def carry_out(original: Any, service: Service, admitted: Any) -> Any:
        pictures = pictures_of(service)
        for name, picture in list(pictures._pictures.items()):
            if picture.account_id == admitted.caller.id and picture.inference_id is not None:
                pictures.delete(name)
        return original(service, admitted)

    patch.around(application, "carry_out", carry_out)


@mutant("a URL leads to the picture of its account's latest job", "result-files.a-url-works-as-often-as-it-is-fetched")
def latest_job_has_every_url(patch: Patch) -> None:
    def file(original: Any, self: Exchange, file_id: str) -> Response:
        answer: Response = original(self, file_id)
        found = pictures_of(self._service)._pictures
        own = found[file_id]
        latest = [
            picture
            for name, picture in found.items()
            if picture.account_id == own.account_id and picture.inference_id and name.endswith(file_id[-4:])
        ][-1]
        return answer if latest.inference_id == own.inference_id else with_body(answer, latest.data)

    patch.around(Exchange, "_file", file)


@mutant("a poll ends the URLs that were given before it", "result-files.a-poll-gives-urls-that-work")
def poll_ends_earlier_urls(patch: Patch) -> None:
    latest: dict[str, str] = {}
    numbers = itertools.count()

    def sign(original: Any, self: FileUrls, file_id: str, until: float) -> str:
        latest[file_id] = original(self, file_id, until - next(numbers))
        return latest[file_id]

    def check(original: Any, self: FileUrls, file_id: str, *, expires: str, signature: str, now: float) -> None:
        original(self, file_id, expires=expires, signature=signature, now=now)
        if not latest[file_id].endswith(signature):
            raise OutpaintError(ErrorCode.URL_EXPIRED, "there is a newer URL", field="expires")

    patch.around(FileUrls, "sign", sign)
    patch.around(FileUrls, "check", check)


@mutant("a file may be kept in a cache for a day, whenever it is fetched", "result-files.a-url-works-for-24-hours")
def files_cached_after_their_end(patch: Patch) -> None:
    patch.header("Cache-Control", lambda _, value: "private, max-age=86400, immutable" if "max-age" in value else value)


@mutant("caches that many share may keep a file", "always.private-answers-are-not-kept", seen_in=FILES_OF_EACH_FORMAT)
def files_in_shared_caches(patch: Patch) -> None:
    patch.header("Cache-Control", lambda _, value: value.replace("private", "public"))


@mutant("HEAD says another type of a file than GET", "result-files.head-tells-the-length")
def head_of_a_file_differs(patch: Patch) -> None:
    def rewrite(answers: Answers, response: Response) -> Response:
        if answers.head.method != "HEAD" or not (response.header("content-type") or "").startswith("image/"):
            return response
        headers = tuple(
            (name, "application/octet-stream" if name == "Content-Type" else value) for name, value in response.headers
        )
        return replace(response, headers=headers)

    patch.answers(rewrite)


@mutant("a part of a file is answered as if it were the whole", "result-files.a-part-of-a-file-is-told-as-one")
def part_is_a_whole(patch: Patch) -> None:
    def file(original: Any, self: Exchange, file_id: str) -> Response:
        answer: Response = original(self, file_id)
        return with_body(answer, answer.body[:10]) if self._head.header("range") else answer

    patch.around(Exchange, "_file", file)


# URLs


@mutant("half a signature is enough", "result-files.a-changed-signature-is-403")
def half_a_signature_is_enough(patch: Patch) -> None:
    def check(original: Any, signature: str, expected: str, detail: str) -> None:
        original(signature[:16], expected[:16], detail)

    patch.around(file_urls, "_check", check)


@mutant("the pictures' URLs are exchanged", "always.urls-name-their-pictures", seen_in=SEVERAL_PICTURES)
def urls_are_exchanged(patch: Patch) -> None:
    def change(document: dict[str, Any]) -> None:
        urls = [item["url"] for item in document["data"]]
        for item, url in zip(document["data"], urls[1:] + urls[:1], strict=True):
            item["url"] = url

    change_result(patch, change)


@mutant("two pictures have one id", "always.pictures-are-told-apart", seen_in=SEVERAL_PICTURES)
def two_pictures_have_one_id(patch: Patch) -> None:
    change_result(patch, lambda document: document["data"][-1].update(id=document["data"][0]["id"]))


@mutant("a URL carries the API key", "result-files.a-url-needs-no-key")
def key_is_in_the_url(patch: Patch) -> None:
    def rewrite(answers: Answers, response: Response) -> Response:
        if response.status != 200 or b'"expires_at"' not in response.body:
            return response
        document = json.loads(response.body)
        for item in document["data"]:
            item["url"] += f"&key={answers.head.header(API_KEY)}"
        return with_body(response, json.dumps(document).encode())

    patch.answers(rewrite)


@mutant("URLs have another scheme than was asked by", "result-files.urls-lead-to-the-host-that-was-asked")
def urls_have_another_scheme(patch: Patch) -> None:
    def change(item: dict[str, Any]) -> None:
        url = urlsplit(item["url"])
        item["url"] = url._replace(scheme="http" if url.scheme == "https" else "https").geturl()

    change_items(patch, change)


@mutant("expires_at does not say in which zone it is", "synchronous.expires-at-is-a-day-ahead")
def end_without_a_zone(patch: Patch) -> None:
    change_items(patch, lambda item: item.update(expires_at=item["expires_at"].removesuffix("Z")))
