"""Provider states by the public API alone: what anybody with a key can put a provider into."""

from __future__ import annotations

import time
from io import BytesIO
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
from outpaint_contracts.headers import API_KEY, PREFER

from outpaint_mocks.pact.provider_states import StateName
from outpaint_mocks.pact.staging import StateError, Values, state_named

SUPPORTED: Final = frozenset({StateName.ACCOUNT, StateName.NO_ACCOUNT, StateName.SUCCEEDED})
_SIDE: Final = 64
_FIRST_PAUSE_S: Final = 0.1


class PublicProvider:
    """A provider that is reached at `root` (a base URL without /v1) with one key.

    A job that succeeded is a job that is paid for: one credit an image. `patience` is how many seconds it may take.
    """

    def __init__(self, root: str, api_key: str, *, patience: float = 120.0) -> None:
        self._root = root
        self._key = api_key
        self._patience = patience

    def stage(self, name: str, params: dict[str, Any]) -> Values:
        """Put the provider into a state; raises `StateError` for one that takes more than a key."""
        state = state_named(name) if name.strip() else StateName.ACCOUNT
        if state is StateName.ACCOUNT:
            return {"api_key": self._key}
        if state is StateName.NO_ACCOUNT:
            return {"api_key": "no-account-has-this-key"}
        if state is StateName.SUCCEEDED:
            return self._succeeded(int(params.get("count", 1)), str(params.get("format", "JPG")))
        raise StateError(f"{state.value!r} takes more than an API key: a mock can be put into it")

    def _succeeded(self, count: int, format_: str) -> Values:
        answer = self._ask(
            "POST",
            "/v1/painting/outpaint",
            headers={PREFER: "respond-async"},
            files={"image": ("canvas.png", _canvas(), "image/png")},
            data={"prompt": "a wide beach", "count": str(count), "format": format_},
        )
        inference_id = answer.json()["inference_id"]
        until = time.monotonic() + self._patience
        pause = _FIRST_PAUSE_S
        while (told := self._ask("GET", f"/v1/painting/{inference_id}")).status_code == 202:
            if time.monotonic() > until:
                raise StateError(f"job {inference_id} did not end within {self._patience:.0f} s")
            time.sleep(pause)
            pause = min(2 * pause, float(told.headers.get("Retry-After", "1")))
        body = told.json()
        if not body.get("data"):
            raise StateError(f"job {inference_id} ended without pictures: {body.get('detail', 'no reason given')}")
        values = {"api_key": self._key, "inference_id": inference_id}
        url = urlsplit(body["data"][0]["url"])
        query = parse_qs(url.query)
        if {"expires", "signature"} <= query.keys():
            values |= {
                "file_id": url.path.rpartition("/")[2],
                "expires": query["expires"][0],
                "signature": query["signature"][0],
            }
        return values

    def _ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **sent: Any) -> httpx.Response:
        try:
            # States are few and come from several threads: a connection each.
            with httpx.Client(timeout=self._patience, trust_env=False) as client:
                answer = client.request(
                    method, f"{self._root}{path}", headers={API_KEY: self._key, **(headers or {})}, **sent
                )
        except httpx.HTTPError as error:
            raise StateError(f"{method} {path} got no answer ({type(error).__name__})") from None
        if answer.status_code >= 400:
            raise StateError(f"{method} {path} was answered {answer.status_code}: {answer.text[:200]}")
        return answer


def _canvas() -> bytes:
    """The plainest picture that can grow: a square on a transparent canvas."""
    from PIL import Image

    picture = Image.new("RGBA", (_SIDE, _SIDE), (0, 0, 0, 0))
    picture.paste((200, 120, 40, 255), (_SIDE // 4, _SIDE // 4, 3 * _SIDE // 4, 3 * _SIDE // 4))
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
