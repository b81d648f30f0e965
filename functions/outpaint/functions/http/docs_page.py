"""The API's documentation page: HTML without scripts or files from other hosts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from outpaint.contracts import openapi
from outpaint.contracts.errors import ERROR_KINDS, ErrorCode, ErrorKind
from outpaint.contracts.examples import error as example_error
from outpaint.contracts.paths_and_headers import API_KEY

_Object = Mapping[str, Any]

DOCS_STYLE: Final = Path(__file__).with_name("docs_page.css")
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_BASE: Final = "http://127.0.0.1:8080"
_KEY: Final = f"-H '{API_KEY}: dev'"
_CURL: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "genai-image-outpainting": (
        (
            "Wait for the pictures",
            f"curl {_BASE}/v1/painting/outpaint {_KEY} \\\n"
            "  -F image=@canvas.png -F prompt='a mountain lake at sunrise' -F format=PNG",
        ),
        (
            "Do not wait",
            f"curl {_BASE}/v1/painting/outpaint {_KEY} \\\n"
            "  -H 'Prefer: respond-async' -H 'Idempotency-Key: order-1042' \\\n"
            "  -F image=@photo.jpg -F mask_image=@mask.png -F prompt='a green field' -F count=1",
        ),
        (
            "From addresses, as JSON",
            f"curl {_BASE}/v1/painting/outpaint {_KEY} \\\n"
            '  --json \'{"image_url": "https://example.com/canvas.png", "prompt": "a green field"}\'',
        ),
    ),
    "genai-painting-result": (("Poll", f"curl -i {_BASE}/v1/painting/$INFERENCE_ID {_KEY}"),),
    "upload": (
        ("Ask for the form", f"curl {_BASE}/v1/uploads {_KEY} -F content_type=image/png"),
        ("Send the picture", 'curl "$URL" -F file=@canvas.png   # each of `fields` as its own -F, before the file'),
    ),
    "balance": (("Ask", f"curl {_BASE}/v1/balance {_KEY}"),),
    "result-file": (("Fetch", 'curl -o picture.jpg "$URL"   # the url from the result, unchanged'),),
}


def docs_page() -> str:
    """The page as HTML: operations with their fields, answers and curl lines, errors with anchors, schemas."""
    document = openapi.document()
    info = document["info"]
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return html_page(
        info["title"],
        (DOCS_STYLE,),
        _navigation(operations, document),
        '<main><header id="top">',
        f"<h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>",
        f"<p class=lead>{escape(info['summary'])}</p>{_prose(info['description'])}",
        f"<p>Every request carries the header <code>{escape(API_KEY)}</code>. "
        'The whole description is <a href="/openapi.json">openapi.json</a>.</p></header>',
        *(_operation(document, path, method, operation) for path, method, operation in operations),
        _headers(document),
        _errors(),
        _schemas(document),
        "</main>",
    )


def html_page(title: str, styles: Iterable[Path], *body: str) -> str:
    """A whole page without scripts or files from other hosts: `title` is text, `styles` CSS files, `body` markup.

    Its policy lets a browser load nothing, wherever the page is opened: it may quote what somebody sent.
    """
    style = "".join(path.read_text(encoding="utf-8") for path in styles)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _navigation(operations: Iterable[tuple[str, str, _Object]], document: _Object) -> str:
    links = "".join(
        f'<a href="#{escape(operation["operationId"])}">{_method(method)} {escape(operation["summary"])}</a>'
        for _, method, operation in operations
    )
    schemas = "".join(
        f'<a href="#schema-{escape(name)}">{escape(name)}</a>' for name in document["components"]["schemas"]
    )
    return (
        f'<nav aria-label="Contents"><a class=home href="#top">{escape(document["info"]["title"])}</a>{links}'
        '<a href="#headers">Headers</a><a href="#errors">Errors</a>'
        f"<details><summary>Schemas</summary>{schemas}</details></nav>"
    )


def _method(method: str) -> str:
    return f'<b class="verb {escape(method)}">{escape(method.upper())}</b>'


def _operation(document: _Object, path: str, method: str, operation: _Object) -> str:
    name = escape(operation["operationId"])
    shown = re.sub(r"(\{\w+\})", r"<i>\1</i>", escape(path))
    curls = "".join(
        f"<figure><figcaption>{escape(title)}</figcaption>{_pre(line)}</figure>"
        for title, line in _CURL[operation["operationId"]]
    )
    return (
        f'<section id="{name}"><h2><a href="#{name}">{escape(operation["summary"])}</a></h2>'
        f"<p class=route>{_method(method)} <code>{shown}</code></p>{_prose(operation['description'])}{curls}"
        f"{_parameters(operation)}{_bodies(document, operation)}{_responses(operation)}</section>"
    )


def _parameters(operation: _Object) -> str:
    parameters = operation.get("parameters", [])
    if not parameters:
        return ""
    rows = "".join(
        _row(
            _name(parameter["name"], required=parameter.get("required", False)),
            escape(parameter["in"]),
            _type(parameter["schema"]),
            _inline(parameter.get("description", "")),
        )
        for parameter in parameters
    )
    return f"<h3>Parameters</h3>{_table(('name', 'in', 'type', ''), rows)}"


def _bodies(document: _Object, operation: _Object) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return ""
    # Every content type takes fields of the largest form, so one table shows them all.
    forms = [_resolve(document, media["schema"])["properties"] for media in content.values()]
    largest, smallest = max(forms, key=len), min(forms, key=len)
    types = ", ".join(f"<code>{escape(name)}</code>" for name in content)
    files = ", ".join(f"<code>{escape(name)}</code>" for name in largest if name not in smallest)
    return (
        f"<h3>Body</h3><p>{types}. Files ({files}) go in multipart only. Send exactly one image and at most one mask."
        f"</p>{_fields(_resolve(document, content['multipart/form-data']['schema']))}"
    )


def _responses(operation: _Object) -> str:
    return "<h3>Answers</h3>" + "".join(
        _response(status, response) for status, response in operation["responses"].items()
    )


def _response(status: str, response: _Object) -> str:
    codes = re.findall(r"`(\w+)`: ", response["description"]) if status >= "400" else []
    if codes:
        links = ", ".join(f'<a href="#error-{escape(code)}"><code>{escape(code)}</code></a>' for code in codes)
        return f"<div class=answer>{_status(status)} <span>{links}</span></div>"
    examples = "".join(
        _pre(json.dumps(example["value"], indent=2, ensure_ascii=False))
        for media in response["content"].values()
        for example in media.get("examples", {}).values()
    )
    extra = ", ".join(f'<a href="#header-{escape(name)}">{escape(name)}</a>' for name in response["headers"])
    models = " or ".join(
        f'<a href="#schema-{escape(name)}">{escape(name)}</a>'
        for name in re.findall(r"schemas/(\w+)'", repr([media["schema"] for media in response["content"].values()]))
        if name
    )
    return (
        f"<details class=answer><summary>{_status(status)} <span>{_inline(response['description'])}</span></summary>"
        f"<p>{models or ', '.join(escape(name) for name in response['content'])}</p>{examples}"
        f"<p class=quiet>Headers: {extra}</p></details>"
    )


def _status(status: str) -> str:
    return f'<b class="status s{status[0]}">{escape(status)}</b>'


def _headers(document: _Object) -> str:
    rows = "".join(
        f'<tr id="header-{escape(name)}"><td><code>{escape(name)}</code></td><td><code>{escape(str(header["example"]))}'
        f"</code></td><td>{_inline(header['description'])}</td></tr>"
        for name, header in document["components"]["headers"].items()
    )
    return (
        '<section id="headers"><h2><a href="#headers">Headers</a></h2><p>The first five are on every answer, '
        f"errors too.</p>{_table(('header', 'such as', ''), rows)}</section>"
    )


def _errors() -> str:
    rows = "".join(_error_row(code, kind) for code, kind in sorted(ERROR_KINDS.items(), key=lambda row: row[1].status))
    return (
        '<section id="errors"><h2><a href="#errors">Errors</a></h2><p>Every refusal has the body '
        '<a href="#schema-ErrorBody">ErrorBody</a>, or <a href="#schema-ProblemDetails">ProblemDetails</a> for a '
        "client whose <code>Accept</code> names <code>application/problem+json</code>. A refused request is not "
        f"charged.</p>{_table(('status', 'error_code', ''), rows)}</section>"
    )


def _error_row(code: ErrorCode, kind: ErrorKind) -> str:
    return (
        f'<tr id="error-{code}"><td>{_status(str(kind.status.value))}</td>'
        f'<td><a href="#error-{code}"><code>{code}</code></a></td>'
        f"<td>{escape(kind.title)}: {escape(kind.remedy)}"
        f"<br><span class=quiet>{escape(example_error(code).detail)}</span></td></tr>"
    )


def _schemas(document: _Object) -> str:
    articles = "".join(_schema(name, schema) for name, schema in document["components"]["schemas"].items())
    return f'<section id="schemas"><h2><a href="#schemas">Schemas</a></h2>{articles}</section>'


def _schema(name: str, schema: _Object) -> str:
    anchor = f"schema-{escape(name)}"
    members = _fields(schema) if "properties" in schema else _values(schema)
    return (
        f'<article id="{anchor}"><h3><a href="#{anchor}">{escape(name)}</a></h3>'
        f"{_prose(schema.get('description', ''))}{members}</article>"
    )


def _values(schema: _Object) -> str:
    return "<p>" + ", ".join(f"<code>{escape(str(value))}</code>" for value in schema.get("enum", [])) + "</p>"


def _fields(schema: _Object) -> str:
    required = set(schema.get("required", []))
    rows = "".join(
        _row(
            _name(name, required=name in required, deprecated=field.get("deprecated", False)),
            _type(field),
            _inline(field.get("description", "")) + _default(field),
        )
        for name, field in schema["properties"].items()
    )
    return _table(("name", "type", ""), rows)


def _default(field: _Object) -> str:
    value = field.get("default")
    return f" <span class=quiet>Default <code>{escape(str(value))}</code>.</span>" if value not in (None, []) else ""


def _name(name: str, *, required: bool = False, deprecated: bool = False) -> str:
    mark = " <span class=required>required</span>" if required else ""
    old = " <span class=quiet>deprecated</span>" if deprecated else ""
    return f"<code>{escape(name)}</code>{mark}{old}"


def _type(schema: _Object) -> str:
    """A schema in a few words, linked where it is one of ours."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    if "type" not in schema:
        return " or ".join(_type(choice) for choice in schema.get("anyOf", schema.get("oneOf", ())))
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if "enum" in schema:
        return " ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}" if schema.get("maxItems") != 0 else "empty list"
    if schema.get("format") == "binary":
        return "file"
    low, high = schema.get("minimum", schema.get("minLength")), schema.get("maximum", schema.get("maxLength"))
    unit = "" if schema["type"] in ("integer", "number") else " characters"
    bounds = f"{'' if low is None else low}…{'' if high is None else high}" if high is not None else ""
    return escape(f"{schema['type']}{f', {bounds}{unit}' if bounds else ''}")


def _resolve(document: _Object, schema: _Object) -> _Object:
    found: _Object = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _table(heads: tuple[str, ...], rows: str) -> str:
    cells = "".join(f"<th scope=col>{escape(head)}</th>" for head in heads)
    return f"<div class=wide><table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>"


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _pre(text: str) -> str:
    return f"<pre tabindex=0>{escape(text)}</pre>"


def _inline(text: str) -> str:
    """Escaped text with `code` marked."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _prose(text: str) -> str:
    return "".join(f"<p>{_inline(paragraph)}</p>" for paragraph in text.split("\n\n") if paragraph)
