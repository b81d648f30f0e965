"""Bodies read piece by piece: what the standard library makes of the whole, and what is refused by a limit."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outpaint.contracts.data_uris import DataUri, DataUriReader, PercentDecoder
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.requests import KNOWN_FIELDS, MAX_TEXT_LENGTH, MAY_BE_DATA_URI, FieldValue, OutpaintRequest
from outpaint.functions.http import bodies
from outpaint.functions.http.bodies import read_multipart
from outpaint.functions.http.field_values import MAX_FIELDS, MAX_TEXT_BYTES, WHOLE_BYTES, whole_body
from outpaint.functions.http.json_body import MAX_BYTES, MAX_DEPTH, MAX_NESTED_BYTES, read_json, read_json_pieces
from outpaint.functions.http.messages import PIECE_BYTES, ReceivedBody
from outpaint.functions.http.urlencoded_body import MAX_NAME_BYTES, read_urlencoded, read_urlencoded_pieces

MANY: Final = settings(max_examples=150, deadline=None)
HEAD: Final = "data:image/png;base64,"


class CutBody:
    """A body in pieces of these lengths, again and again."""

    def __init__(self, data: bytes, lengths: list[int]) -> None:
        self._data = data
        self._lengths = lengths

    def __len__(self) -> int:
        return len(self._data)

    def pieces(self) -> Iterator[bytes]:
        start, turn = 0, 0
        while start < len(self._data):
            length = self._lengths[turn % len(self._lengths)]
            yield self._data[start : start + length]
            start, turn = start + length, turn + 1


CUTS: Final = st.lists(st.integers(1, 40), min_size=1, max_size=5)
_LABELS: Final = (
    HEAD,
    "DATA:;BASE64,",
    "data:;charset=utf-8; base64 ,",
    " \n\0data:image/png;base64, ",
    "data:image/p\tng;bas\ne64,",
    "data:,",
    "data:é;base64,",
    "data:image/png;base64",
    "data:image/png;\xa0base64,",
    "data:image/png;base64;,",
)
_URL_LETTERS: Final = str.maketrans("+/", "-_")
_SIGNS: Final = st.sampled_from([*'"\\/{}[]:,=%& +\n#-_', "é", "☃", "😀", "%2B", "%4", "a", "1"])
_TEXTS: Final = st.lists(_SIGNS, max_size=12).map("".join)
_ESCAPED_LINES: Final = {"\n": "%0A", "\r\n": "%0D%0a", " ": "%20"}


@st.composite
def _data_uris(draw: st.DrawFn) -> str:
    """`data:` URIs in the spellings that clients send, some of them damaged."""
    text = base64.b64encode(draw(st.binary(max_size=40))).decode()
    text = draw(st.sampled_from([text, text.rstrip("="), text + "=", text[:-1], text.translate(_URL_LETTERS)]))
    between = draw(st.sampled_from(["", "\n", "\r\n", "\t", " ", "\f"]))
    text = between.join(text[at : at + 7] for at in range(0, len(text), 7))
    text += draw(st.sampled_from(["", between, "\0"]))
    escaped_lines = text.replace(between, _ESCAPED_LINES.get(between, ""))
    spelled = draw(st.sampled_from([text, quote(text, safe=""), escaped_lines]))
    place, sign = draw(st.integers(0, len(spelled))), draw(st.one_of(st.just(""), _SIGNS))
    label = draw(st.sampled_from(_LABELS))
    return label + spelled[:place] + sign + spelled[place:]


_NAMES: Final = st.sampled_from(["image_url", "mask_url", "image", "prompt", "x", 'a"b', "é"])
_VALUES: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 99),
    _TEXTS,
    _data_uris(),
    st.recursive(
        _TEXTS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_NAMES, inner, max_size=3))
    ),
)


def _plain(fields: dict[str, list[FieldValue]]) -> dict[str, list[Any]]:
    """Fields whose pictures are read, whoever read them."""

    def plain(name: str, value: FieldValue) -> object:
        is_uri = isinstance(value, str) and name in MAY_BE_DATA_URI and DataUri.begins(value)
        return DataUri.of(str(value)) if is_uri else value

    return {name: [plain(name, value) for value in values] for name, values in fields.items()}


def _outcome(read: Callable[[], dict[str, list[FieldValue]]]) -> object:
    try:
        return _plain(read())
    except OutpaintError as error:
        return error.code, error.field


def _by_standard_json(body: bytes) -> object:
    """The fields of a sound body by `json`; None for what is no JSON object."""
    try:
        members = json.loads(body.decode(), object_pairs_hook=list)
    except ValueError:
        return None
    if not body.strip(b" \n").startswith(b"{"):
        return None
    fields: dict[str, list[Any]] = {}
    for name, value in members:
        if isinstance(value, list) and name in KNOWN_FIELDS:
            return ErrorCode.INVALID_PARAMETER, name
        fields.setdefault(name, []).append(None if isinstance(value, list) else value)
    return _plain(fields)


@MANY
@given(
    members=st.lists(st.tuples(_NAMES, _VALUES), max_size=5),
    ascii_only=st.booleans(),
    escaped=st.booleans(),
    damage=st.one_of(st.none(), st.tuples(st.floats(0, 1), st.sampled_from([b"", *b'"\\,:{}\x01'.split(), b"\\u00"]))),
    cuts=CUTS,
)
def test_json_in_pieces_is_what_json_makes_of_it(
    members: list[tuple[str, Any]], ascii_only: bool, escaped: bool, damage: tuple[float, bytes] | None, cuts: list[int]
) -> None:
    text = "{" + ",".join(f"{json.dumps(n)}:{json.dumps(v, ensure_ascii=ascii_only)}" for n, v in members) + "}"
    body = text.encode()
    if escaped:
        body = body.replace(b"/", b"\\/")
    if damage is not None:
        place = int(damage[0] * len(body))
        body = body[:place] + damage[1] + body[place + 1 :]
    expected = _by_standard_json(body)
    for read in (lambda: read_json(body), lambda: read_json_pieces(CutBody(body, cuts))):
        found = _outcome(read)
        assert found == ((ErrorCode.MALFORMED_BODY, None) if expected is None else expected)


@MANY
@given(
    pairs=st.lists(st.tuples(_NAMES, st.one_of(_TEXTS, _data_uris())), max_size=5),
    raw=st.lists(
        st.sampled_from(["a", "%", "%4", "%41", "+", "=", "&", "%C3%A9", "%ff", "image_url=data:,"]), max_size=8
    ),
    cuts=CUTS,
)
def test_a_form_in_pieces_is_what_parse_qsl_makes_of_it(
    pairs: list[tuple[str, str]], raw: list[str], cuts: list[int]
) -> None:
    text = "&".join([*(f"{quote(name)}={quote(value, safe='')}" for name, value in pairs), "".join(raw)])
    expected: dict[str, list[Any]] | None = {}
    try:
        for name, value in parse_qsl(text, keep_blank_values=True, errors="strict"):
            expected.setdefault(name, []).append(value)
    except UnicodeDecodeError:
        expected = None
    for read in (read_urlencoded, read_urlencoded_pieces):
        found = _outcome(lambda read=read: read(CutBody(text.encode(), cuts)))
        if expected is None:
            assert isinstance(found, tuple)
            assert found[0] is ErrorCode.MALFORMED_BODY
        else:
            assert found == _plain(expected)


def _as_browsers_read(text: str) -> bytes | None:
    """The picture of a whole `data:` URI, by the steps of the WHATWG's standards (URL 4.4, Fetch 6, Infra 6).

    Base64url counts too, and whatever padding there is counts for nothing.
    """
    controls = "".join(map(chr, range(0x20)))
    text = re.sub("[\t\n\r]", "", text.strip(controls + " ")).partition("#")[0]
    head, comma, payload = text.partition(",")
    if not comma or not re.search(";[ ]*base64\\Z", head.strip(" \f"), re.IGNORECASE | re.ASCII):
        return None
    letters = re.sub("[\t\n\f\r ]", "", unquote(payload, "latin-1")).replace("-", "+").replace("_", "/")
    letters = letters.rstrip("=" + controls)
    if len(letters) % 4 == 1 or re.search("[^A-Za-z0-9+/]", letters):
        return None
    return base64.b64decode(letters + "=" * (-len(letters) % 4)) or None


@MANY
@given(text=_data_uris(), cuts=CUTS)
def test_a_data_uri_in_pieces_is_what_browsers_make_of_it(text: str, cuts: list[int]) -> None:
    expected = _as_browsers_read(text)
    reader = DataUriReader()
    for piece in CutBody(text.encode(), cuts).pieces():
        reader.feed(piece)
    data, fault = reader.end()
    assert (data or None, fault is None) == (expected, expected is not None)
    assert DataUri.of(text) == DataUri(reader.label, data, fault)
    if expected is not None:
        assert DataUri.of(DataUri.of(text).text) == DataUri.of(text)


@MANY
@given(st.lists(st.sampled_from([b"%", b"2", b"B", b"b", b"3", b"D", b"4", b"1", b"+", b"\xff", b"%2F", b"%25"])), CUTS)
def test_percent_encoding_in_pieces_is_what_unquote_makes_of_it(parts: list[bytes], cuts: list[int]) -> None:
    text, decoder = b"".join(parts), PercentDecoder()
    found = b"".join([*(decoder.feed(piece) for piece in CutBody(text, cuts).pieces()), decoder.end()])
    assert found == unquote(text.decode("latin-1"), "latin-1").encode("latin-1")


@pytest.mark.parametrize("cut", [1, 4, 1000])
@pytest.mark.parametrize(
    "value",
    [
        b"data:image/png;base64,+/+/+w==",
        b"DATA:image/png;base64,+/+/%2Bw==",
        b"data%3Aimage%2Fpng%3Bbase64%2C+%2B%2F%2B%2F%2Bw%3D%3D",
        b"%20data:image/png;base64,%2B/%2B/+%2Bw",
    ],
)
def test_a_plus_in_a_form_is_itself_in_a_bare_uri_and_a_blank_elsewhere(value: bytes, cut: int) -> None:
    body = b"image_url=" + value + b"&prompt=a+b&image=data:a+b"
    for read in (read_urlencoded, read_urlencoded_pieces):
        fields = _plain(read(CutBody(body, [cut])))
        assert fields["image_url"][0].data == base64.b64decode(b"+/+/+w==")
        assert fields["prompt"] == ["a b"]
        assert fields["image"][0].label == "data:a+b"


def _form(*parts: bytes) -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


@given(uri=_data_uris(), file=st.binary(max_size=60), cuts=CUTS)
@settings(max_examples=100, deadline=None)
def test_a_multipart_body_is_the_same_however_it_is_cut(uri: str, file: bytes, cuts: list[int]) -> None:
    uri = uri.replace("\r\n--b", "")
    body = _form(
        b'Content-Disposition: form-data; name="image_url"\r\n\r\n' + uri.encode(),
        b'Content-Disposition: form-data; name="mask"; filename="a.png"\r\n\r\n' + file.replace(b"\r\n--b", b""),
    )
    whole = _outcome(lambda: read_multipart(b"b", [body]))
    assert whole == _outcome(lambda: read_multipart(b"b", CutBody(body, cuts).pieces()))
    assert isinstance(whole, dict)
    assert whole["image_url"] == [DataUri.of(uri)]


@given(st.lists(st.integers(0, 3 * PIECE_BYTES), max_size=12))
@settings(max_examples=25, deadline=None)
def test_a_received_body_gives_the_chunks_it_was_given(sizes: list[int]) -> None:
    received = ReceivedBody()
    chunks = [bytes([number]) * size for number, size in enumerate(sizes)]
    for chunk in chunks:
        received.add(chunk)
    assert len(received) == sum(sizes)
    assert whole_body(received.received) == b"".join(chunks)


# Limits


def _refused(read: Callable[[], object]) -> OutpaintError:
    with pytest.raises(OutpaintError) as caught:
        read()
    return caught.value


JSON_LIMITS: Final = {
    "depth": (b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}", b'{"a":' + b"[" * MAX_DEPTH + b"]}"),
    "members": (b'{"a":0' + b',"a":0' * (MAX_FIELDS - 1) + b"}", b'{"a":0' + b',"a":0' * MAX_FIELDS + b"}"),
    "nested": (
        b'{"a":["' + b"x" * (MAX_NESTED_BYTES - 4) + b'"]}',
        b'{"a":["' + b"x" * MAX_NESTED_BYTES + b'"]}',
    ),
    "bytes": (b'{"a":0}' + b" " * (MAX_BYTES - 7), b'{"a":0}' + b" " * MAX_BYTES),
}


@pytest.mark.parametrize("limit", list(JSON_LIMITS))
def test_json_is_taken_up_to_each_limit_and_refused_beyond_it(limit: str) -> None:
    taken, refused = JSON_LIMITS[limit]
    assert set(read_json(taken)) == {"a"}
    assert set(read_json_pieces(taken)) == {"a"}
    for read in (read_json, read_json_pieces):
        assert _refused(lambda read=read: read(refused)).code is ErrorCode.MALFORMED_BODY


def test_the_longest_prompt_is_taken_in_every_kind_of_body() -> None:
    prompt = "☃😀" * (MAX_TEXT_LENGTH // 2)
    escaped = json.dumps({"prompt": prompt, "image_id": "x"}).encode()
    form = f"image_id=x&prompt={quote(prompt)}".encode()
    part = _form(
        b'Content-Disposition: form-data; name="prompt"\r\n\r\n' + prompt.encode(),
        b'Content-Disposition: form-data; name="image_id"\r\n\r\nx',
    )
    for fields in (read_json(escaped), read_urlencoded(form), read_multipart(b"b", [part])):
        assert OutpaintRequest.from_fields(fields).wish.prompt == prompt


@pytest.mark.parametrize("name", ["prompt", "anything"])
def test_text_beyond_the_limit_is_refused_by_its_name_in_every_kind_of_body(name: str) -> None:
    text = "x" * (MAX_TEXT_BYTES + 1)
    assert len(text) > WHOLE_BYTES
    reads: list[Callable[[], object]] = [
        lambda: read_json(json.dumps({name: text}).encode()),
        lambda: read_urlencoded(f"{name}={text}".encode()),
        lambda: read_multipart(b"b", [_form(f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}'.encode())]),
    ]
    for read in reads:
        error = _refused(read)
        assert (error.code, error.field) == (ErrorCode.INVALID_PARAMETER, name)


def test_a_picture_in_the_wrong_field_is_told_the_way_out() -> None:
    body = json.dumps({"image": HEAD + "A" * 2 * MAX_TEXT_BYTES, "prompt": "x"}).encode()
    error = _refused(lambda: OutpaintRequest.from_fields(read_json(body)))
    assert error.field == "image"
    assert "image_url" in error.detail


def test_a_place_in_json_is_that_of_the_body_that_was_sent() -> None:
    body = b'{"image_url": "' + HEAD.encode() + b"A" * 2 * WHOLE_BYTES + b'", "prompt" "x"}'
    place = body.index(b'"x"')
    assert f"at character {place}" in _refused(lambda: read_json(body)).detail


def test_a_form_s_names_and_escapes_are_limited() -> None:
    assert _refused(lambda: read_urlencoded(b"a" * (WHOLE_BYTES + 1))).code is ErrorCode.MALFORMED_BODY
    assert set(read_urlencoded_pieces(b"a" * MAX_NAME_BYTES)) == {"a" * MAX_NAME_BYTES}
    wasteful = b"image_url=" + HEAD.encode() + b"%41" * 2**19
    assert "percent-encoded" in _refused(lambda: read_urlencoded(wasteful)).detail
    white = b"image_url=" + HEAD.encode() + b"%2F" * 2**19
    (picture,) = read_urlencoded(white)["image_url"]
    assert picture == DataUri(HEAD[:-1], b"\xff" * (2**17 * 3))


_NAMED: Final = b'Content-Disposition: form-data; name="prompt"'


@pytest.mark.parametrize(
    "part",
    [
        _NAMED + b'; name="seed"\r\n\r\nx',
        _NAMED + b"; NAME=seed\r\n\r\nx",
        _NAMED + b'; filename="a"; filename="b"\r\n\r\nx',
        _NAMED + b"\r\n" + _NAMED + b"\r\n\r\nx",
        _NAMED + b"\r\ncontent-disposition: attachment\r\n\r\nx",
    ],
)
def test_a_part_has_one_name_one_file_name_and_one_disposition(part: bytes) -> None:
    assert "two" in _refused(lambda: read_multipart(b"b", [_form(part)])).detail


@pytest.mark.parametrize(
    "parameters",
    [b'; filename="a; name=b.png"', b'; filename="a\\"; name=\\"b.png"', b"; filename=a.png; filename*=UTF-8''b.png"],
)
def test_a_file_s_name_may_hold_what_looks_like_another_parameter(parameters: bytes) -> None:
    assert list(read_multipart(b"b", [_form(_NAMED + parameters + b"\r\n\r\nx")])) == ["prompt"]


def test_a_boundary_s_text_and_the_blanks_behind_it_are_limited() -> None:
    file = _NAMED + b'; filename="a"\r\n\r\n' + bytes(WHOLE_BYTES)
    few = b"\r\n--bx" * (bodies.MAX_BOUNDARIES - 2)
    assert set(read_multipart(b"b", [_form(file + few)])) == {"prompt"}
    assert "boundary" in _refused(lambda: read_multipart(b"b", [_form(file + few * 2)])).detail
    for blanks, taken in ((bodies.MAX_PADDING - 1, True), (bodies.MAX_PADDING, False)):
        body = b"--b\r\n" + file + b"x\r\n--b" + b" " * blanks + b"\r\n" + file + b"y\r\n--b--\r\n"
        if taken:
            assert len(read_multipart(b"b", [body])["prompt"]) == 2
        else:
            assert "blanks" in _refused(lambda body=body: read_multipart(b"b", [body])).detail
