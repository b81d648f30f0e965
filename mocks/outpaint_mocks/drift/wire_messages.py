"""What a client asked of the proxy and what it is told, as they are on the wire."""

from __future__ import annotations

from dataclasses import dataclass

from outpaint_contracts.errors import ErrorBody, ErrorCode, OutpaintError

from outpaint_mocks.drift.recording import Mark


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the client sent it; `target` is path and query."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header, by its name in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Told:
    """An answer as it came, its body whole and decoded."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header, by its name in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def refusal(status: int, mark: Mark) -> Told:
    """What the proxy itself answers where the provider's answer is not to be had."""
    code = ErrorCode.INSUFFICIENT_CREDITS if status == 402 else ErrorCode.UNAVAILABLE
    told = ErrorBody.of(OutpaintError(code, mark.says)).model_copy(update={"code": status})
    headers = [("Content-Type", "application/json"), ("X-Outpaint-Recorder", mark.trouble.value)]
    return Told(status, headers, told.model_dump_json().encode())
