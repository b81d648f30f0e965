"""Faults in finished pictures' ids and URLs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from mutants.mutant import Patch, mutant
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.embedded.memory_ledger import MemoryPictures
from outpaint.functions.http.application import Exchange
from outpaint.functions.http.messages import Response
from outpaint.functions.service import picture_sources
from outpaint.functions.service.file_urls import FileUrls


def change_result(patch: Patch, change: Callable[[dict[str, Any]], object]) -> None:
    """The body of a 200 with pictures passes through `change`."""

    def edit(response: Response, document: dict[str, Any]) -> None:
        if response.status == 200 and isinstance(document.get("data"), list):
            change(document)

    patch.bodies(edit)


def change_items(patch: Patch, change: Callable[[dict[str, Any]], object]) -> None:
    """Each finished picture that an answer names passes through `change`."""
    change_result(patch, lambda document: [change(item) for item in document["data"]])


@mutant("finished pictures have no URL", "synchronous.as-many-as-asked")
def url_missing(patch: Patch) -> None:
    change_items(patch, lambda item: item.pop("url"))


@mutant("a picture's id has no extension", "synchronous.ids-end-in-the-extension")
def ids_without_extension(patch: Patch) -> None:
    change_items(patch, lambda item: item.update(id=item["id"].partition(".")[0]))


@mutant("a picture has another id at every poll", "asynchronous.result-keeps-its-ids")
def ids_change(patch: Patch) -> None:
    change_items(patch, lambda item: item.update(id=f"{uuid4()}.{item['id'].partition('.')[2]}"))


@mutant("when a URL ends is not said", "synchronous.result-has-our-members")
def expires_at_missing(patch: Patch) -> None:
    change_items(patch, lambda item: item.pop("expires_at"))


@mutant("when a URL ends is said an hour too late", "result-files.expires-at-is-what-the-url-says")
def expires_at_is_too_late(patch: Patch) -> None:
    def later(item: dict[str, Any]) -> None:
        until = datetime.fromisoformat(item["expires_at"])
        item["expires_at"] = datetime.fromtimestamp(until.timestamp() + 3600, UTC).isoformat().replace("+00:00", "Z")

    change_items(patch, later)


@mutant("the pictures' seeds are all the request's", "seeds.picture-i-is-made-from-seed-plus-i")
def seeds_are_the_same(patch: Patch) -> None:
    def change(document: dict[str, Any]) -> None:
        for item in document["data"]:
            item["seed"] = document.get("seed", 0)

    change_result(patch, change)


@mutant("the finished pictures come in another order", "seeds.picture-i-is-made-from-seed-plus-i")
def order_is_reversed(patch: Patch) -> None:
    change_result(patch, lambda document: document["data"].reverse())


@mutant("one finished picture is missing", "synchronous.as-many-as-asked")
def one_picture_is_missing(patch: Patch) -> None:
    change_result(patch, lambda document: document["data"].pop() if len(document["data"]) > 1 else None)


@mutant("a file is read without a signature", "result-files.a-changed-signature-is-403")
def signature_not_checked(patch: Patch) -> None:
    def check(_: Any, __: FileUrls, ___: str, *, expires: str, signature: str, now: float) -> None:
        return None

    patch.around(FileUrls, "check", check)


@mutant("a signature does not cover the end of its URL", "result-files.an-end-that-was-put-off-is-403")
def end_is_not_signed(patch: Patch) -> None:
    patch.around(FileUrls, "_signature", lambda original, self, file_id, *_: original(self, file_id, "0"))


@mutant("a signature opens every file", "result-files.a-signature-opens-no-other-file")
def signature_opens_every_file(patch: Patch) -> None:
    patch.around(FileUrls, "_signature", lambda original, self, _, *rest: original(self, "any", *rest))


@mutant("a URL works for ever", "result-files.a-url-ends-after-24-hours")
def url_never_ends(patch: Patch) -> None:
    def check(original: Any, self: FileUrls, file_id: str, *, expires: str, signature: str, now: float) -> None:
        original(self, file_id, expires=expires, signature=signature, now=0.0)

    patch.around(FileUrls, "check", check)
    patch.around(MemoryPictures, "get", lambda original, self, name, _: original(self, name, 0.0))


@mutant("a URL works for an hour", "result-files.a-url-works-for-24-hours")
def url_ends_early(patch: Patch) -> None:
    def check(original: Any, self: FileUrls, file_id: str, *, expires: str, signature: str, now: float) -> None:
        original(self, file_id, expires=expires, signature=signature, now=now + 23 * 3600)

    patch.around(FileUrls, "check", check)


@mutant(
    "a result's id works while its store holds the file, up to a job's lifetime too long",
    "result-files.a-result-cannot-be-sent-on-after-24-hours",
)
def ids_outlive_their_jobs(patch: Patch) -> None:
    patch.set(picture_sources, "_lives", lambda *_: True)


@mutant("a result's id works for a minute", "result-files.a-result-can-be-sent-on-for-24-hours")
def ids_end_early(patch: Patch) -> None:
    patch.around(
        picture_sources, "_lives", lambda original, service, file, now: original(service, file, now + 86_400 - 60)
    )


@mutant("a file can be fetched once", "result-files.a-url-works-as-often-as-it-is-fetched")
def file_goes_when_fetched(patch: Patch) -> None:
    fetched: Counter[str] = Counter()

    def file(original: Any, self: Exchange, file_id: str) -> Response:
        fetched[file_id] += 1
        if fetched[file_id] > 1:
            raise self._unknown_file()
        return original(self, file_id)

    patch.around(Exchange, "_file", file)


@mutant("every file is said to be a PNG", "result-files.a-file-says-what-it-is")
def files_have_one_type(patch: Patch) -> None:
    patch.header("Content-Type", lambda _, value: "image/png" if value.startswith("image/") else value)


@mutant("a file needs a key", "result-files.a-url-needs-no-key")
def file_needs_a_key(patch: Patch) -> None:
    def file(original: Any, self: Exchange, file_id: str) -> Response:
        if self._head.header("X-Picsart-API-Key") is None:
            raise OutpaintError(ErrorCode.MISSING_KEY, "no API key was sent")
        return original(self, file_id)

    patch.around(Exchange, "_file", file)


@mutant("URLs lead to another host", "result-files.urls-lead-to-the-host-that-was-asked")
def urls_lead_elsewhere(patch: Patch) -> None:
    change_items(
        patch, lambda item: item.update(url=urlsplit(item["url"])._replace(netloc="elsewhere.invalid").geturl())
    )
