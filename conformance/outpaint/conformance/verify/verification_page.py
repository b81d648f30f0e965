"""A verification as one HTML page, with the pictures that were sent and received."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image

from outpaint.conformance.proving.drawn_pictures import encode
from outpaint.conformance.proving.observed_exchange import ObservedExchange
from outpaint.conformance.verify.case_runner import CaseResult, Outcome
from outpaint.conformance.verify.coverage import Aspect
from outpaint.conformance.verify.curl import as_curl, form_parts
from outpaint.conformance.verify.verification import Verification
from outpaint.functions.command_line.exit_codes import ExitCode
from outpaint.functions.http.docs_page import html_page

_AS_THEY_ARE: Final = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "BMP": "image/bmp"}
_LARGEST: Final = 512 * 1024
"""Bytes of a picture that is put into the page as it is; others are shrunk."""
_MOST_PIXELS: Final = 32_000_000
_LONGEST_SIDE: Final = 768
_IN_TEXT: Final = re.compile(rb"data:image/[a-z.+-]+;base64,([A-Za-z0-9+/]{40,}={0,2})")
_MASKS: Final = ("mask_image", "mask")
_LONGEST_BODY: Final = 6000
_STYLES: Final = {Outcome.PASSED: "passed", Outcome.FAILED: "failed"}


def as_page(verification: Verification) -> str:
    """The verdict, the failures with requests, answers and pictures, what was seen of the contract, and every case."""
    at = datetime.fromtimestamp(verification.began_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    good = "passed" if verification.exit_code is ExitCode.PROVEN else "failed"
    return html_page(
        f"Contract: {verification.provider}",
        (Path(__file__).with_name("page.css"),),
        f"<main><header><h1>Contract of {escape(verification.provider)}</h1>",
        f'<p class="verdict {good}">{escape(verification.sentence)}</p>',
        "".join(f'<p class="warned">{escape(reason)}</p>' for reason in verification.too_little),
        f'<p class="quiet">{at}, profile {verification.profile}, seed {verification.seed}, ',
        f"{verification.seconds:.1f} s</p></header>",
        _failures(verification),
        _areas(verification),
        _not_offered(verification),
        _coverage(verification.coverage),
        _everything(verification),
        "</main>",
    )


def _failures(verification: Verification) -> str:
    if not verification.failures:
        return ""
    shown = (_failure(one, verification.failed_with(one)) for one in verification.failures)
    return "<section><h2>Failures</h2>" + "".join(shown) + "</section>"


def _failure(result: CaseResult, alike: Sequence[CaseResult]) -> str:
    subject = result.subject
    rows = {
        "case": subject.sentence,
        "seen": result.said,
        "guards": f"{subject.guards.says} ({subject.guards.id}: {subject.guards.source})",
        "severity": subject.severity.value,
    }
    if alike:
        rows["failed alike"] = ", ".join(one.subject.id for one in alike)
    listed = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows.items())
    exchanges = "".join(map(_exchange, result.exchanges)) or '<p class="quiet">Nothing went over the wire.</p>'
    return (
        f'<article class="{subject.severity}" id="{escape(subject.id)}"><h3>{escape(subject.id)}</h3>'
        f"<dl>{listed}</dl>{exchanges}</article>"
    )


def _exchange(exchange: ObservedExchange) -> str:
    answered = "\n".join(f"{name}: {value}" for name, value in exchange.headers)
    return (
        f'<div class="exchange"><pre>{escape(as_curl(exchange))}</pre>{_pictures(exchange)}'
        f"<p><strong>{exchange.status}</strong> "
        f'<span class="quiet">after {1000 * exchange.seconds:.0f} ms, {len(exchange.body):,} bytes</span></p>'
        f"<details><summary>headers</summary><pre>{escape(answered)}</pre></details>{_body(exchange)}</div>"
    )


def _body(exchange: ObservedExchange) -> str:
    if not exchange.body or exchange.media_type.startswith("image/"):
        return ""
    try:
        text = exchange.body.decode("utf-8")
    except UnicodeDecodeError:
        return '<p class="quiet">The body is no text.</p>'
    with suppress(ValueError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    cut = f"\n... ({len(text):,} characters)" if len(text) > _LONGEST_BODY else ""
    return f"<pre>{escape(text[:_LONGEST_BODY])}{cut}</pre>"


def _areas(verification: Verification) -> str:
    shown = [outcome for outcome in Outcome if verification.counts[outcome]]
    head = "".join(f'<th class="n" scope="col">{outcome.value}</th>' for outcome in shown)
    rows = "".join(
        f"<tr><td>{escape(area)}</td>" + "".join(_count(outcome, counts[outcome]) for outcome in shown) + "</tr>"
        for area, counts in verification.counts_by_area.items()
    )
    return _table("By area", rows, f'<thead><tr><th scope="col">area</th>{head}</tr></thead>')


def _table(title: str, rows: str, head: str = "") -> str:
    return f'<section><h2>{title}</h2><div class="wide"><table>{head}<tbody>{rows}</tbody></table></div></section>'


def _count(outcome: Outcome, number: int) -> str:
    style = " failed" if outcome is Outcome.FAILED and number else ""
    return f'<td class="n{style}">{number or ""}</td>'


def _not_offered(verification: Verification) -> str:
    reasons = Counter(
        (result.outcome.value, result.said)
        for result in verification.results
        if result.outcome in (Outcome.NOT_OFFERED, Outcome.NOT_RUN)
    )
    if not reasons:
        return ""
    rows = "".join(
        f'<tr><td class="n">{count}</td><td>{escape(outcome)}: {escape(reason)}</td></tr>'
        for (outcome, reason), count in reasons.most_common()
    )
    return _table("Not proven, and why", rows)


def _coverage(aspects: tuple[Aspect, ...]) -> str:
    rows = "".join(
        f'<tr><td>{escape(aspect.name)}</td><td class="n">{len(aspect.seen)} of {aspect.of}</td><td>'
        f"<details><summary>not seen</summary>{escape(', '.join(aspect.missed)) or 'nothing'}</details></td></tr>"
        for aspect in aspects
    )
    return _table("Seen of the contract", rows)


def _everything(verification: Verification) -> str:
    rows = "".join(
        f'<tr><td><span class="{_STYLES.get(result.outcome, "quiet")}">{result.outcome.value}</span></td>'
        f"<td><code>{escape(result.subject.id)}</code><br>{escape(result.subject.sentence)}</td></tr>"
        for result in verification.results
    )
    return (
        f"<section><h2>Every case</h2><details><summary>{len(verification.results)} cases</summary>"
        f'<div class="wide"><table><tbody>{rows}</tbody></table></div></details></section>'
    )


def _pictures(exchange: ObservedExchange) -> str:
    """The pictures that were sent, the keep map that they make, and the picture that was received."""
    sent = dict(_sent(exchange))
    shown = [_figure(f"sent: {name}", data) for name, data in sent.items()]
    keep = _keep_map(sent)
    if keep is not None:
        shown.append(_figure("as a keep map: white is kept", keep))
    if exchange.media_type.startswith("image/") and exchange.body:
        shown.append(_figure("received", exchange.body))
    return f'<div class="pictures">{"".join(shown)}</div>' if shown else ""


def _sent(exchange: ObservedExchange) -> Iterator[tuple[str, bytes]]:
    parts = form_parts(exchange)
    for part in parts:
        if part.is_file:
            yield part.name, part.data
    if not parts:
        for number, found in enumerate(_IN_TEXT.finditer(exchange.request_body), start=1):
            try:
                yield f"data: URI {number}", b64decode(found[1])
            except ValueError:
                continue


def _keep_map(sent: dict[str, bytes]) -> bytes | None:
    """White where pixels are kept: by the mask's alpha or brightness, or else by the picture's own alpha."""
    mask = next((sent[name] for name in _MASKS if name in sent), None)
    picture = _opened(mask if mask is not None else sent.get("image", b""))
    if picture is None:
        return None
    if "A" in picture.getbands():
        keep = picture.getchannel("A")
    elif mask is not None:
        keep = picture.convert("L")
    else:
        return None
    return _encoded(keep)


def _figure(what: str, data: bytes) -> str:
    picture = _opened(data)
    if picture is None:
        shown = '<span class="none">not shown</span>'
        note = f"{len(data):,} bytes that are no picture, or one too large or damaged to show"
    else:
        note = f"{picture.format}, {picture.mode}, {picture.width} by {picture.height} px, {len(data):,} bytes"
        media_type = _AS_THEY_ARE.get(picture.format or "")
        if media_type is None or len(data) > _LARGEST:
            media_type, data = "image/png", _encoded(picture)
        shown = f'<img src="data:{media_type};base64,{b64encode(data).decode()}" alt="">'
    return f"<figure>{shown}<figcaption>{escape(what)}<br>{escape(note)}</figcaption></figure>"


def _opened(data: bytes) -> Image.Image | None:
    try:
        picture = Image.open(BytesIO(data))
        if picture.width * picture.height > _MOST_PIXELS:
            return None
        picture.load()
    except Exception:  # noqa: BLE001 - a damaged file breaks the decoder in any way it likes
        return None
    return picture


def _encoded(picture: Image.Image) -> bytes:
    shrunk = picture.copy() if picture.mode in ("L", "RGB", "RGBA") else picture.convert("RGBA")
    shrunk.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    return encode(shrunk)
