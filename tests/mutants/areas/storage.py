"""Faults in what an account may store, and in the forms that store it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from mutants.mutant import Patch, mutant
from outpaint.functions.embedded.memory_ledger import MemoryPictures
from outpaint.functions.service import upload_forms
from outpaint.functions.service.stored_bytes import Reservations, storage_full


@mutant(
    "a form stores whatever comes last",
    "uploads.form-stores-one-file",
    "uploads.race-for-a-form-stores-one-file",
)
def form_stores_the_last_file(patch: Patch) -> None:
    def put_new(_: Any, self: MemoryPictures, name: str, picture: Any) -> bool:
        self.put(name, picture)
        return True

    patch.set(upload_forms, "_stored_before", lambda *_: False)
    patch.around(MemoryPictures, "put_new", put_new)


@mutant("a form takes no file twice, not even the same", "uploads.same-file-may-be-sent-again")
def same_file_is_refused(patch: Patch) -> None:
    def stored_before(original: Any, service: Any, id_: str, file: Any) -> bool:
        if original(service, id_, file):
            raise upload_forms._used()
        return False

    patch.around(upload_forms, "_stored_before", stored_before)


@mutant(
    "an account may store without end",
    "uploads.uploads-stay-within-what-an-account-may-store",
    "limits.a-picture-over-what-may-be-stored-is-429",
)
def accounts_store_without_end(patch: Patch) -> None:
    def room(*_: Any) -> AbstractContextManager[None]:
        return nullcontext()

    patch.set(Reservations, "room", room)


@mutant("a second result of an account is refused", "limits.results-are-stored-whatever-is")
def results_are_refused(patch: Patch) -> None:
    def put(original: Any, self: MemoryPictures, name: str, picture: Any) -> None:
        if picture.inference_id is not None and self.stored_bytes(picture.account_id):
            raise storage_full(0)
        original(self, name, picture)

    patch.around(MemoryPictures, "put", put)


@mutant("a form takes a file of any length", "uploads.file-over-the-limit-is-not-taken")
def form_takes_any_length(patch: Patch) -> None:
    def store_upload(original: Any, service: Any, id_: str, granted: Any, file: Any) -> None:
        original(service, id_, replace(granted, max_bytes=2**40), file)

    patch.around(upload_forms, "store_upload", store_upload)
