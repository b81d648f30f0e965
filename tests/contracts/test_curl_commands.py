"""Forms taken apart as they were put together, and commands that a shell reads as they were meant."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outpaint.contracts.curl_commands import SentPart, curl_options, form_parts

BOUNDARY = "b0undary"
HEADERS = (("content-type", f"multipart/form-data; boundary={BOUNDARY}"),)
NAMES = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
PARTS = st.lists(
    st.builds(
        SentPart,
        NAMES,
        st.binary(max_size=60).filter(lambda data: BOUNDARY.encode() not in data),
        st.none() | NAMES,
        st.none() | st.sampled_from(["image/png", "text/plain"]),
    ),
    min_size=1,
    max_size=5,
)


def form_of(parts: list[SentPart]) -> bytes:
    pieces = []
    for part in parts:
        head = f'Content-Disposition: form-data; name="{part.name}"'
        head += "" if part.filename is None else f'; filename="{part.filename}"'
        head += "" if part.media_type is None else f"\r\nContent-Type: {part.media_type}"
        pieces.append(f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + part.data + b"\r\n")
    return b"".join(pieces) + f"--{BOUNDARY}--\r\n".encode()


@settings(max_examples=50)
@given(PARTS)
def test_the_parts_of_a_form_are_those_it_was_made_of(parts: list[SentPart]) -> None:
    assert form_parts(HEADERS, form_of(parts)) == tuple(parts)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"prompt=x",
        form_of([SentPart("a", b"x")])[:-6],
        b"junk " + form_of([SentPart("a", b"x")]),
        b"--b0undary\r\n\r\nx\r\n--b0undary--",
    ],
)
def test_what_is_no_whole_form_has_no_parts(body: bytes) -> None:
    assert form_parts(HEADERS, body) == ()
    assert form_parts((("content-type", "text/plain"),), form_of([SentPart("a", b"x")])) == ()


@settings(max_examples=50)
@given(st.dictionaries(NAMES, st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"])), min_size=1, max_size=4))
def test_a_shell_reads_each_field_as_it_was(fields: dict[str, str]) -> None:
    body = form_of([SentPart(name, text.encode()) for name, text in fields.items()])
    if form_parts(HEADERS, body) == ():
        return
    (*words,) = shlex.split(" ".join(curl_options("POST", HEADERS, body, saved=lambda part: part.file_name)))
    assert words == [word for name, text in fields.items() for word in ("--form-string", f"{name}={text}")]


def test_what_options_cannot_say_is_read_from_a_file() -> None:
    for part in (SentPart("a=b", b"x"), SentPart("a", b"\xff"), SentPart("a", b"\0")):
        options = curl_options("POST", HEADERS, form_of([part]), saved=lambda part: part.file_name)
        assert options[-1] == "--data-binary @body.bin"
        assert options[0].startswith("-H 'content-type: multipart/form-data")


@pytest.mark.parametrize(
    ("method", "body", "first"),
    [
        ("GET", b"", None),
        ("GET", b"x", "-X GET"),
        ("POST", b"", "-X POST"),
        ("POST", b"x", "--data-binary x"),
        ("HEAD", b"", "-I"),
        ("PUT", b"", "-X PUT"),
        ("POST", b"@x", "--data-raw @x"),
    ],
)
def test_a_verb_that_curl_would_not_choose_is_said(method: str, body: bytes, first: str | None) -> None:
    options = curl_options(method, (), body, saved=lambda part: part.file_name)
    assert (options[0] if options else None) == first


def test_the_key_is_a_variable_unless_it_is_to_be_shown() -> None:
    headers = (("x-picsart-api-key", "se'cret"), ("accept", "*/*"), ("x-empty", ""))
    hidden = curl_options("GET", headers, b"", saved=str)
    assert hidden == ['-H "X-Picsart-API-Key: $OUTPAINT_KEY"', "-H 'x-empty;'"]
    shown = curl_options("GET", headers, b"", saved=str, key=None)
    assert shlex.split(shown[0]) == ["-H", "x-picsart-api-key: se'cret"]
