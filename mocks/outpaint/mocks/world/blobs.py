"""Pictures by their content, in memory and on disk, and the results of inspecting them."""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.service.service import inspect

if TYPE_CHECKING:
    from outpaint.painting.inputs.inspection import Inspection

_MEMORY_BYTES: Final = 16 * 1024 * 1024
_FOLDER_BYTES: Final = 512 * 1024 * 1024
_SAMPLE: Final = 48
"""Bytes of each part of a sample."""
_LARGE: Final = 64 * 1024
"""Bytes from which on a file is written on another thread."""
_MOST_BEING_WRITTEN: Final = 16 * 1024 * 1024
"""Bytes that may wait for that thread."""
_MOST_INSPECTIONS: Final = 4096
_QUICK_AREA: Final = 512 * 512
"""Pixels of a picture that is decoded in a few milliseconds."""


class Blobs:
    """Bytes by their SHA-256; worlds and threads may share one.

    At most `memory_bytes` are in memory (the newest at least), and at most `folder_bytes` in a temporary folder, which
    is made when it is first needed and removed at the end of the process. The least recently used are dropped first.
    """

    def __init__(self, memory_bytes: int = _MEMORY_BYTES, folder_bytes: int = _FOLDER_BYTES) -> None:
        self._memory_bytes = memory_bytes
        self._folder_bytes = folder_bytes
        self._lock = threading.Lock()
        self._memory: OrderedDict[str, bytes] = OrderedDict()
        self._in_memory = 0
        self._by_sample: dict[tuple[int, bytes, bytes, bytes], str] = {}
        self._files: OrderedDict[str, int] = OrderedDict()
        self._in_files = 0
        self._folder: Path | None = None
        self._being_written: dict[str, bytes] = {}
        self._writer: ThreadPoolExecutor | None = None

    def keep(self, data: bytes) -> str:
        """Keep bytes and return their SHA-256 (hex). Bytes kept before cost one comparison and no hash."""
        sample = _sample(data)
        with self._lock:
            digest = self._by_sample.get(sample)
            if digest is not None and self._memory[digest] == data:
                self._memory.move_to_end(digest)
                return digest
        digest = sha256(data).hexdigest()
        with self._lock:
            if digest not in self._memory:
                self._memory[digest] = data
                self._in_memory += len(data)
                self._by_sample[sample] = digest
                self._shrink_memory()
        return digest

    def get(self, digest: str) -> bytes | None:
        """The bytes with this SHA-256, or None where they were never kept or were dropped."""
        with self._lock:
            data = self._memory.get(digest)
            if data is not None:
                self._memory.move_to_end(digest)
                return data
            data = self._being_written.get(digest)
            if data is not None:
                return data
            if digest not in self._files or self._folder is None:
                return None
            self._files.move_to_end(digest)
            path = self._folder / digest
        try:
            data = path.read_bytes()
        except OSError:  # dropped meanwhile, or the temporary folder was swept
            with self._lock:
                self._in_files -= self._files.pop(digest, 0)
            return None
        if len(data) <= self._memory_bytes // 4:  # a larger one would push out what is asked for more often
            self.keep(data)
        return data

    @property
    def held(self) -> tuple[int, int]:
        """Bytes held in memory and in the folder."""
        with self._lock:
            return self._in_memory, self._in_files

    def _shrink_memory(self) -> None:
        while self._in_memory > self._memory_bytes and len(self._memory) > 1:
            digest, data = self._memory.popitem(last=False)
            self._in_memory -= len(data)
            sample = _sample(data)
            if self._by_sample.get(sample) == digest:
                del self._by_sample[sample]
            self._spill(digest, data)

    def _spill(self, digest: str, data: bytes) -> None:
        if digest in self._files or len(data) > self._folder_bytes:
            return
        if self._folder is None:
            try:
                self._folder = Path(tempfile.mkdtemp(prefix="outpaint-mock-"))
            except OSError:
                return  # as where a file cannot be written
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        if len(data) >= _LARGE and sum(map(len, self._being_written.values())) < _MOST_BEING_WRITTEN:
            # The call that brings another picture does not wait for the disk.
            self._being_written[digest] = data
            self._writer = self._writer or ThreadPoolExecutor(1, thread_name_prefix="blobs")
            self._writer.submit(_write, weakref.ref(self), self._folder / digest, data)
        elif not _written(self._folder / digest, data):
            return
        self._files[digest] = len(data)
        self._in_files += len(data)
        while self._in_files > self._folder_bytes:
            oldest, size = self._files.popitem(last=False)
            self._in_files -= size
            (self._folder / oldest).unlink(missing_ok=True)

    def _file_done(self, digest: str, *, written: bool) -> bool:
        """Take note that a file was written, or could not be; whether it is still wanted."""
        with self._lock:
            self._being_written.pop(digest, None)
            if not written:
                self._in_files -= self._files.pop(digest, 0)
            return digest in self._files


def _write(owner: weakref.ref[Blobs], path: Path, data: bytes) -> None:
    """Write a file on another thread, and remove it if it is not wanted any more."""
    written = _written(path, data)
    blobs = owner()
    if blobs is None or not blobs._file_done(path.name, written=written):
        path.unlink(missing_ok=True)


def _written(path: Path, data: bytes) -> bool:
    try:
        path.write_bytes(data)
    except OSError:
        return False  # a full disk loses an old picture, and the call goes on
    return True


def _sample(data: bytes) -> tuple[int, bytes, bytes, bytes]:
    """Length and three parts: most pictures differ in these, and those that do not are compared in full."""
    middle = len(data) // 2
    return len(data), data[:_SAMPLE], data[middle : middle + _SAMPLE], data[-_SAMPLE:]


class Inspections:
    """Inspects uploads and remembers the results, errors included: the same pictures are decoded once."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[object, ...], Inspection | OutpaintError] = OrderedDict()
        self._sizes: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def __call__(self, image: bytes, mask: bytes | None = None, **options: Any) -> Inspection:
        """What the service's `inspect` finds with these options; raises what it raises."""
        digest = self._blobs.keep(image)
        key = (digest, None if mask is None else self._blobs.keep(mask), *sorted(options.items()))
        with self._lock:
            found = self._known.get(key)
        if found is None:
            try:
                found = inspect(image, mask, **options)
            except OutpaintError as error:
                # Not the one that was raised: its traceback holds the pictures for as long as it is remembered.
                found = OutpaintError(error.code, error.detail, field=error.field, limit=error.limit)
            with self._lock:
                self._known[key] = found
                if len(self._known) > _MOST_INSPECTIONS:
                    self._known.popitem(last=False)
                if not isinstance(found, OutpaintError):
                    self._sizes[digest] = (found.width, found.height)
                    if len(self._sizes) > _MOST_INSPECTIONS:
                        self._sizes.popitem(last=False)
        if isinstance(found, OutpaintError):
            # A new one each time: an error that is raised again would collect tracebacks.
            raise OutpaintError(found.code, found.detail, field=found.field, limit=found.limit)
        return found

    def are_quick(self, *pictures: bytes | None) -> bool:
        """Whether each was found to be sound before, or is too small to take long; None counts as that."""
        return all(one is None or self._blobs.keep(one) in self._sizes or _area(one) <= _QUICK_AREA for one in pictures)

    def size(self, digest: str) -> tuple[int, int]:
        """Width and height in pixels, as shown, of a picture that was accepted; (1, 1) where that is forgotten."""
        return self._sizes.get(digest, (1, 1))


def _area(data: bytes) -> int:
    """Pixels that a picture's header gives it; 0 for what is none."""
    from outpaint.painting.inputs.intake import stored_size  # brings the image library

    width, height = stored_size(data) or (0, 0)
    return width * height
