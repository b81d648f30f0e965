"""What the provider under test has given out so far: ids of pictures and jobs, and the URLs of files."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import requests
from PIL import Image

from fuzzing.picture_files import TYPES, Layout, PictureFile

Size = tuple[int, int]
ID_SIZE: Final[Size] = (32, 24)
"""The size of the pictures that are sent ahead, so that images and masks by id fit each other."""
_KEPT: Final = 50


@dataclass
class Known:
    """Filled by what is answered; `base_url` and `key` are the provider's, for what has to be sent ahead."""

    base_url: str
    key: str
    sizes: dict[str, Size] = field(default_factory=dict)
    """Of each picture that can be named by an id."""
    jobs: dict[str, Size] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    """URLs of finished pictures, the latest last."""
    _masks: dict[Size, str] = field(default_factory=dict)

    def image_id(self) -> str:
        """A picture to name as `image_id`: what was finished last, or else one that is sent now."""
        if not self.sizes:
            self.send(PictureFile("PNG", *ID_SIZE).encoded(), "image/png")
        return next(reversed(self.sizes))

    def mask_id(self, size: Size) -> str:
        """A mask of this size to name as `mask_id`, sent now where there is none."""
        if size not in self._masks:
            mask = PictureFile("PNG", *size).mask(Layout.RIGHT)
            self._masks[size] = self.send(mask, "image/png", remember=False)
        return self._masks[size]

    def send(self, data: bytes, media_type: str, *, remember: bool = True) -> str:
        """Send a picture ahead; its id."""
        answer = requests.post(
            f"{self.base_url}/v1/uploads",
            json={"content_type": media_type},
            headers={"X-Picsart-API-Key": self.key},
            timeout=30,
        )
        answer.raise_for_status()
        ticket = answer.json()
        self.fill(ticket, data, media_type, remember=remember)
        return str(ticket["id"])

    def fill(self, ticket: dict[str, Any], data: bytes, media_type: str, *, remember: bool = True) -> None:
        """Send a picture by the form that the provider answered with."""
        sent = requests.post(
            ticket["url"], data=ticket["fields"], files={"file": ("picture", data, media_type)}, timeout=30
        )
        sent.raise_for_status()
        if remember:
            self.sizes[ticket["id"]] = size_of(data)

    def granted(self, ticket: dict[str, Any], media_type: str) -> None:
        """An upload was granted to a generated request: send what it is for, so that its id leads somewhere."""
        self.fill(ticket, PictureFile(TYPES[media_type], *ID_SIZE).encoded(), media_type)

    def answered(self, document: dict[str, Any], size: Size | None) -> None:
        """A job was taken, or has its pictures; `size` where the request tells it."""
        # What is missing in an answer is for the checks to say.
        inference_id = document.get("inference_id", "")
        size = self.jobs.get(inference_id, size)
        if size is None:
            return
        self.jobs[inference_id] = size
        for picture in document.get("data") or []:
            self.sizes[picture["id"]] = size
            if picture.get("url", "").startswith(self.base_url):
                self.files.append(picture["url"])
        # The oldest go, so that a long run stays small.
        for kept in (self.sizes, self.jobs):
            while len(kept) > _KEPT:
                del kept[next(iter(kept))]
        del self.files[:-_KEPT]


def file_address(url: str) -> tuple[str, dict[str, str]]:
    """The id and the query in a finished picture's URL."""
    parts = urlsplit(url)
    return parts.path.rpartition("/")[2], {name: values[0] for name, values in parse_qs(parts.query).items()}


def data_uri(data: bytes) -> str:
    """A picture inside an address."""
    return "data:image/png;base64," + base64.b64encode(data).decode()


def size_of(data: bytes) -> Size:
    """Width and height of a picture file."""
    with Image.open(io.BytesIO(data)) as picture:
        return picture.size


def data_of(uri: str) -> bytes:
    """The picture inside an address."""
    return base64.b64decode(uri.partition(",")[2])
