"""The tables of docs/ that are made from the code, each between its markers on a page."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import yaml
from pydantic import BaseModel

from outpaint.conformance.diff.diff_rules import RULES
from outpaint.conformance.pact_check.pact_verifying import SUPPORTED
from outpaint.contracts import examples, openapi
from outpaint.contracts.errors import ERROR_KINDS, ErrorBody, ErrorCode
from outpaint.contracts.masks_and_formats import PictureLimits
from outpaint.contracts.paths_and_headers import (
    BALANCE_PATH,
    IDEMPOTENCY_KEY,
    INFERENCE_PATH,
    OUR_PATHS,
    OUR_REQUEST_HEADERS,
    OUTPAINT_PATH,
    PREFER,
    UPLOADS_PATH,
    VENDOR_ANSWER_HEADERS,
)
from outpaint.contracts.profiles import LENIENCIES, VendorSends, vendor_sends
from outpaint.contracts.requests import IMAGE_FIELDS, MASK_FIELDS, PLAIN_FIELDS, VENDOR_FIELDS, RequestForm
from outpaint.contracts.responses import Accepted, Balance, FailedJob, Result
from outpaint.functions.aws.dynamo_items import PURGE_MARGIN_S, movement_item
from outpaint.functions.command_line.exit_codes import ENDINGS, ExitCode, endings_for
from outpaint.functions.embedded.metrics_page import Measure
from outpaint.functions.embedded.server_limits import every_limit
from outpaint.functions.operations.doctor_command import PAINT
from outpaint.functions.operations.folder_checks import FOLDER_CHECKS
from outpaint.functions.operations.stack.painter_checks import STATUS_RIGHTS
from outpaint.functions.operations.stack.stack_checks import STACK_CHECKS
from outpaint.functions.service.service import ServiceSettings
from outpaint.mocks.admin.call_actions import ALL_OPERATIONS
from outpaint.mocks.mock_paths import ADMIN_ROOT
from outpaint.mocks.pact.provider_states import ON_A_MOCK
from outpaint.mocks.report.client_checks import CHECKS
from outpaint.mocks.scenarios.call_effects import Error
from outpaint.mocks.scenarios.effect import CallEffect, On
from outpaint.mocks.scenarios.scenario import EFFECTS, MAGIC, PRESETS
from outpaint.painting.inputs import bmp_pixels, colour_chunks, jpeg, jpeg_scans, png_and_webp, tiff_layout
from outpaint.painting.inputs.file_header import MAX_CARRIED_PROFILE_BYTES
from outpaint.painting.painters.painter_table import PAINTERS, PainterHost

DOCS = Path(__file__).parent
_HOSTS = {PainterHost.LOCAL: "command line and server", PainterHost.MOCK: "mock", PainterHost.ENDPOINT: "GPU endpoint"}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The table without a last line break; a row has a text for each column, in which a bar is escaped."""
    return "\n".join([_line(head), "|" + "---|" * len(head), *map(_line, rows)])


def _line(texts: Sequence[str]) -> str:
    cells = (text.replace("|", "\\|") for text in texts)
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def errors() -> str:
    """Each error code with its status, the vendor's message, its remedy, and an example of a detail."""
    rows = [
        (str(kind.status.value), f"`{code}`", kind.message, f"{kind.title}: {kind.remedy}", examples.error(code).detail)
        for code, kind in sorted(ERROR_KINDS.items(), key=lambda row: row[1].status)
    ]
    return table(("status", "`error_code`", "`message`", "what it means, and what to do", "`detail`, such as"), rows)


def headers() -> str:
    """Each response header with an example and what it says."""
    rows = [
        (f"`{name}`", f"`{header['example']}`", header["description"])
        for name, header in openapi.document()["components"]["headers"].items()
    ]
    return table(("header", "such as", ""), rows)


def profiles() -> str:
    """What each profile sends and reads: members of answers, headers, what a request may hold, spellings, and paths."""
    rows = [("**Members of answers**", "", "")]
    for model in (Result, Accepted, FailedJob, ErrorBody, Balance):
        for name, mark in _members(model):
            rows.append((f"`{model.__name__}.{name}`", "yes", str(mark)))
    rows.append(("problem documents (`application/problem+json`)", "where asked for", "no"))
    rows.append(("**Headers of answers**", "", ""))
    rows += [
        (f"`{name}`", "yes", "yes" if name.lower() in VENDOR_ANSWER_HEADERS else "no")
        for name in openapi.document()["components"]["headers"]
    ]
    rows.append(("any other, CORS and what HTTP itself needs aside", "yes", "no"))
    rows.append(("**What requests may hold**", "read", "read"))
    rows += [
        (f"`{name}`", "yes", "yes" if name in VENDOR_FIELDS else "ignored, as an unknown field")
        for name in (*IMAGE_FIELDS, *MASK_FIELDS, *PLAIN_FIELDS)
    ]
    rows += [
        (f"header `{header}`", "yes", "ignored" if header.lower() in OUR_REQUEST_HEADERS else "yes")
        for header in (PREFER, IDEMPOTENCY_KEY)
    ]
    rows.append(("**Spelled otherwise than the API has it**", "", ""))
    rows += [(one.what, "taken, with a warning", str(one.refused_with)) for one in LENIENCIES.values()]
    rows.append(("**Paths**", "", ""))
    rows += [
        (f"`{path}`", "yes", "404" if path in OUR_PATHS else "yes")
        for path in (OUTPAINT_PATH, INFERENCE_PATH, BALANCE_PATH, UPLOADS_PATH)
    ]
    return table(("", "`ours`", "`vendor`"), rows)


def _members(model: type[BaseModel]) -> Iterable[tuple[str, VendorSends]]:
    """Each member with what is declared of it; those of a list's items as `name[].member`."""
    for name, field in model.model_fields.items():
        yield name, vendor_sends(field)
        for inner in get_args(field.annotation) if model is Result else ():  # everywhere else the list is empty
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from ((f"{name}[].{below}", mark) for below, mark in _members(inner))


def fields() -> str:
    """Each request field with its default and meaning."""
    rows = []
    for name, field in RequestForm.model_fields.items():
        default = "" if field.default in (None, "") else f"`{field.default}`"
        rows.append((f"`{name}`", "required" if field.is_required() else default, field.description or ""))
    return table(("field", "default", ""), rows)


def pictures() -> str:
    """Each kind of picture file: what is read of it, what is converted with a warning, and what is refused by name."""
    limits = ", ".join(f"`{name}`" for name in PictureLimits.model_fields)
    colour_types = ("grey", "RGB", "palette", "grey and alpha", "RGB and alpha")
    png = "; ".join(
        f"{name} of {_numbers(png_and_webp.BITS[number])} bits"
        for name, number in zip(colour_types, png_and_webp.BITS, strict=True)
    )
    tiff = "; ".join(
        f"{colours.title} of {_numbers(depths)} bits" + (" (with alpha 8 or 16)" * (colours in tiff_layout.WITH_ALPHA))
        for colours, depths in tiff_layout.BITS.items()
    )
    in_jpeg = ", ".join(colours.title for colours in tiff_layout.TiffColours if colours in tiff_layout.IN_JPEG)
    profile = f"a profile of more than {MAX_CARRIED_PROFILE_BYTES >> 20} MB: to sRGB"
    rows = [
        (
            "JPEG",
            f"8 bits, {_numbers(sorted(jpeg_scans.CHANNELS))} channels, baseline, progressive or arithmetic",
            f"CMYK and YCCK, grey with a profile, {profile}",
            "; ".join(sorted({*jpeg.UNREAD_FRAMES.values(), "another number of bits or channels"})),
        ),
        (
            "PNG",
            f"{png}; each with tRNS, interlaced or not",
            "16 bits: to 8, rounded; cICP, or gAMA and cHRM: carried over as an ICC profile; grey with a profile: to "
            f"sRGB; {profile}",
            f"CgBI; HDR by cICP ({', '.join(colour_chunks.HDR.values())}); the narrow range of video",
        ),
        ("WebP", "lossy or lossless, with alpha or without", profile, ""),
        (
            "TIFF",
            f"{tiff}; in pixels or in planes, strips or tiles, either byte order, BigTIFF of the little-endian one; "
            f"compression {', '.join(tiff_layout.COMPRESSIONS)} (JPEG for {in_jpeg}; YCbCr in JPEG alone)",
            "more than 8 bits: to 8, rounded; CMYK and L*a*b*: to sRGB; a channel of no stated use: alpha; " + profile,
            "every other layout: signed or floating-point samples, several further channels, FillOrder 2, other inks "
            "and compressions, a predictor where Pillow has no mode for the layout, raw photographs",
        ),
        (
            "BMP",
            f"{_numbers(bmp_pixels.BITS)} bits a pixel; palettes; any channel masks of at most {bmp_pixels.MOST_BITS} "
            "bits, alpha among them; the profile of a BITMAPV5HEADER",
            "channels of more than 8 bits: to 8, rounded; the end points of a BITMAPV4HEADER: ignored",
            "; ".join([*dict.fromkeys(bmp_pixels.REFUSED.values()), "other bits, compressions and masks that overlap"]),
        ),
        ("all", f"within the limits {limits} of the host's settings", "", "more than one frame or page"),
    ]
    return table(("file", "read", "converted, with a warning", "refused by name"), rows)


def _numbers(values: Iterable[int]) -> str:
    *most, last = map(str, values)
    return f"{', '.join(most)} or {last}" if most else last


def effects() -> str:
    """Each effect of the scenario language as it is written, what it does, and which calls it touches."""
    rows = []
    for kind in EFFECTS.values():
        calls = ""
        if issubclass(kind, CallEffect):
            usual = [on for on in On if on in kind.usual]
            calls = "any" if len(usual) == len(On) - 1 else ", ".join(usual)
        if kind is Error:
            calls = "by its code"
        # What every effect on calls takes is said once, below the table.
        signature = re.sub(r"(, )?\[on\], \[times\]", "", kind.signature()).removesuffix("()")
        rows.append((f"`{signature}`", kind.summary(), calls))
    return table(("effect", "what it does", "calls"), rows)


def presets() -> str:
    """Each magic name with its scenario; the error codes, which all read alike, in the last two rows."""
    named = {name: text for name, text in PRESETS.items() if name not in set(ErrorCode)}
    rows = [(f"`{MAGIC}{name}`", f"`{text}`") for name, text in named.items()]
    for effect in ("fail", "error"):
        codes = ", ".join(f"`{MAGIC}{code}`" for code in ErrorCode if PRESETS[code].startswith(effect))
        rows.append((codes, f"`{effect}(...)` with that code"))
    return table(("key, or first word of the prompt", "scenario"), rows)


def checks() -> str:
    """Each check of the consumer report."""
    rows = [(f"`{check.code}`", check.severity, check.rule) for check in CHECKS]
    return table(("check", "", "what a well-behaved client does"), rows)


def admin() -> str:
    """Each operation of the mock's admin API."""
    return table(("operation", ""), [(f"{one.method} {ADMIN_ROOT}{one.path}", one.summary) for one in ALL_OPERATIONS])


def diff_rules() -> str:
    """Each rule of `outpaint contract diff`."""
    return table(
        ("rule", "verdict", "to a client"), [(f"`{rule.code}`", rule.verdict, rule.why) for rule in RULES.values()]
    )


def pact_states() -> str:
    """Each provider state with its parameters, its scenario on a mock, and whether a key brings it about elsewhere."""
    rows = [
        (name, f"`{params}`" if params else "", f"`{scenario}`", "yes" if name in SUPPORTED else "")
        for name, (params, scenario, _) in ON_A_MOCK.items()
    ]
    return table(("provider state", "parameters", "on a mock", "by an API key alone"), rows)


def records() -> str:
    """Each decision record with its title and state."""
    rows = []
    for path in sorted((DOCS / "adr").glob("[0-9]*.md")):
        title, status = path.read_text(encoding="utf-8").splitlines()[:2]
        number, _, decision = title.removeprefix("# ").partition(". ")
        rows.append(f"| [{number}]({path.name}) | {decision} | {status.removeprefix('Status: ')} |")
    return "\n".join(["| | decision | state |", "|---|---|---|", *rows])


def painters() -> str:
    """Each painter: what it does, what it needs, and where it runs."""
    rows = [
        (
            f"`{one.name}`",
            one.description,
            "yes" if one.reads_prompt else "no",
            one.licence or "none needed",
            (f"`{one.extra}`" if one.extra else "any") + (", and CUDA" if one.needs_cuda else ""),
            ", ".join(_HOSTS[host] for host in PainterHost if host in one.hosts),
        )
        for one in sorted(PAINTERS.values(), key=lambda one: PainterHost.LOCAL not in one.hosts)
    ]
    return table(("painter", "what it does", "reads the prompt", "licence of its weights", "needs", "runs"), rows)


FLOORS = ("contracts", "painting", "functions", "mocks", "conformance")


def public_names(floor: str) -> str:
    """Each public name of a floor with the first sentence of its docstring."""
    module = import_module(f"outpaint.{floor}")
    return table(("name", ""), [(f"`{name}`", _purpose(module, name)) for name in module.__all__])


def _purpose(floor: ModuleType, name: str) -> str:
    value = getattr(floor, name)
    documented = isinstance(value, ModuleType) or inspect.isclass(value) or inspect.isfunction(value)
    text = (
        inspect.getdoc(value) if documented else _beside(import_module(f"{floor.__name__}.{floor.HOMES[name]}"), name)
    )
    return first_sentence(text, f"{floor.__name__}.{name}")


def first_sentence(docstring: str | None, whose: str) -> str:
    """The first sentence of a docstring, on one line."""
    assert docstring, f"{whose} needs a docstring"
    match = re.match(r".+?[.!?](?=\s|$)", " ".join(docstring.partition("\n\n")[0].split()))
    assert match, f"the docstring of {whose} begins with no sentence"
    return match[0]


def _beside(module: ModuleType, name: str) -> str | None:
    """The text below a constant, which only the source has."""
    body = ast.parse(inspect.getsource(module)).body
    for statement, following in pairwise(body):
        if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == name:
            text = following.value if isinstance(following, ast.Expr) else None
            return str(text.value) if isinstance(text, ast.Constant) else None
    return None


class _Loader(yaml.SafeLoader):
    """Reads template.yaml; CloudFormation's short forms are left out, for no parameter has one."""


_Loader.add_multi_constructor("!", lambda *_: None)


def _template() -> dict[str, Any]:
    text = (DOCS.parent / "template.yaml").read_text(encoding="utf-8")
    read: dict[str, Any] = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    return read


def parameters() -> str:
    """Each parameter of the template with its default, what it may be, and what it says, in the template's groups."""
    template = _template()
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    rows = []
    for group in groups:
        rows.append((f"**{group['Label']['default']}**", "", ""))
        for name in group["Parameters"]:
            said = template["Parameters"][name]
            rows.append((f"`{name}`", _default(said), said["Description"]))
    shown = {name for group in groups for name in group["Parameters"]}
    assert shown == set(template["Parameters"]), "a parameter without a group is not shown by --guided's console either"
    return table(("parameter", "default", ""), rows)


def retention() -> str:
    """What a stack and a data folder keep, and for how long at most, from the settings that decide it."""
    resources = _template()["Resources"]
    (rule,) = resources["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    days = rule["ExpirationInDays"]
    # S3 deletes at the midnight (UTC) after so many whole days.
    in_bucket = f"{24 * days} to {24 * (days + 1)} h after it was written"
    queued = resources["CompletionQueue"]["Properties"]["MessageRetentionPeriod"] // 86_400
    dead = resources["CompletionDeadLetters"]["Properties"]["MessageRetentionPeriod"] // 86_400
    told = resources["RealtimeFunction"]["Properties"]["EventInvokeConfig"]["MaximumEventAgeInSeconds"]
    settings = ServiceSettings()
    life, claim = settings.result_lifetime // 3600, settings.idempotency_lifetime // 3600
    longest = (settings.job_lifetime + settings.result_lifetime) // 3600
    late = PURGE_MARGIN_S // 3600
    moved = int(movement_item("", "", 0, 0.0)["purge_at"]["N"]) // 3600
    rows = [
        ("**A stack**", "", ""),
        (
            "bucket, `inputs/`",
            "pictures sent with a request, messages too long for SageMaker",
            f"until the job ends; what a broken process left: {in_bucket}",
        ),
        (
            "bucket, by id",
            "uploads and results",
            f"read until {life} h after the upload or the job's end; deleted {in_bucket}",
        ),
        ("bucket, `outcomes/`", "how a job ended: ids, sizes, digests, a painter's error", in_bucket),
        (
            "table, jobs",
            "the prompt and the other fields, ids, account, times, price, end",
            f"read until {life} h after the end; deleted from {life + late} h on, mostly within two days of that",
        ),
        (
            "table, idempotency keys",
            "the key as the client chose it, a digest of its request",
            f"counts for {claim} h; deleted from {claim + late} h on, as jobs are",
        ),
        (
            "table, rate limit",
            "how many requests an account made in a minute",
            f"deleted from {late} h on, as jobs are",
        ),
        (
            "table, upload forms",
            f"how many forms an account was given in {life} h",
            f"deleted from {late} h after those on, as jobs are",
        ),
        (
            "table, changes of credits by an operator",
            "account and amount",
            f"deleted from {moved} h on, as jobs are",
        ),
        ("table, accounts", "names, credits, digests of keys", "until somebody deletes the rows"),
        ("the table's recovery", "every row as it was, prompts too", "`RecoveryDays`, beyond what is said above"),
        (
            "SageMaker's queue",
            "the message: the prompt and the other fields, names of files",
            "until the job is painted, `JobLifetime` at most",
        ),
        ("real-time function's events", "the same", f"{told // 60} min at most"),
        (
            "completion queue",
            "ids, names of files, SageMaker's words of a failure; of a job that the real-time function dropped, the "
            "prompt and the other fields",
            f"{queued} days at most; among the dead letters {dead} days",
        ),
        ("logs", "ids, times, errors; in the gateway's also addresses of clients", "`LogRetentionDays`"),
        ("**A data folder**", "", ""),
        ("`pictures/inputs/`", "pictures sent with a request", f"until the job ends; {longest} h where it was cut off"),
        ("`pictures/`", "uploads and results", f"uploads {life} h, results {longest} h after the job was accepted"),
        ("`outpaint.sqlite3`, jobs", "as in a stack", f"{life} h after the end"),
        ("`outpaint.sqlite3`, idempotency keys", "as in a stack", f"{claim} h"),
        (
            "`outpaint.sqlite3`, accounts",
            "names, credits, digests of keys, bytes stored",
            "until the folder is deleted",
        ),
        ("files of `outpaint backup create`", "all of the above, and the secret", "until they are deleted"),
    ]
    return table(("where", "what", "how long"), rows)


def metrics() -> str:
    """Each metric of the embedded host by the name that Prometheus stores it under."""
    rows = [(f"`{one.shown}`", one.kind, ", ".join(f"`{label}`" for label in one.labels), one.help) for one in Measure]
    return table(("metric", "type", "labels", ""), rows)


def doctor() -> str:
    """Each check of `outpaint doctor`, of a stack and of a data folder, with the rights that it takes."""
    rows = [("**A stack**", "", "")]
    rows += [(f"`{one.name}`", one.asks, _rights(one.rights)) for one in STACK_CHECKS]
    rows.append(
        (f"`{PAINT}`", "one picture is painted through the stack's URL, where `--paint` asks for it", "`keys`, `jobs`")
    )
    rows.append(("**A data folder**", "", ""))
    rows += [(f"`{one.name}`", one.asks, "") for one in FOLDER_CHECKS]
    return table(("check", "what must be so", "rights it takes"), rows)


def limits() -> str:
    """Each limit of a server: its name, its value where nobody changed it, and what it bounds."""
    rows = []
    for name, info in every_limit().items():
        says = info.description or ""
        rows.append((f"`{name}`", _amount(info.default, "ytes o" in says), says))
    return table(("limit", "default", ""), rows)


def _amount(value: Any, is_bytes: bool) -> str:
    """A number as a reader has it: bytes in KiB or MiB where they are whole ones."""
    for size, unit in ((1024 * 1024, "MiB"), (1024, "KiB")):
        if is_bytes and value % size == 0:
            return f"{value // size:,} {unit}"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _rights(actions: Sequence[str]) -> str:
    """IAM actions; for those that `outpaint endpoint` takes, the command."""
    own = [f"`{action}`" for action in actions if action not in STATUS_RIGHTS]
    return ", ".join(own + ["`endpoint`"] * (len(own) < len(actions)))


def _default(said: dict[str, Any]) -> str:
    default = f"`{said['Default']}`" if said["Default"] != "" else "empty"
    if "AllowedValues" in said and len(said["AllowedValues"]) <= 6:
        others = [str(value) for value in said["AllowedValues"] if value != said["Default"]]
        return f"{default}; or {', '.join(others)}"
    return default


def exit_codes() -> str:
    """Each exit code with what it means."""
    return table(("exit code", ""), [(str(code.value), code.says) for code in ExitCode])


def endings() -> str:
    """Each command that ends with more codes than all do, or for more, and what they mean there."""
    rows = [
        (f"`outpaint {words}`", str(code.value), says)
        for words, codes in sorted(ENDINGS.items())
        for code, says in sorted(codes.items())
    ]
    return table(("command", "exit code", ""), rows)


def endings_of(words: str) -> str:
    """How one command ends."""
    return table(("exit code", ""), [(str(code.value), says) for code, says in endings_for(words)])


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "adr/README.md": {"records": records},
    "../README.md": {"painters": painters},
    "api.md": {"errors": errors, "headers": headers, "fields": fields, "pictures": pictures},
    "contract-testing.md": {
        "pact-states": pact_states,
        "verdict": partial(endings_of, "contract verify"),
        "drift-verdict": partial(endings_of, "contract drift"),
    },
    "exit-codes.md": {"exit-codes": exit_codes, "endings": endings},
    "deploy.md": {"parameters": parameters, "doctor": doctor, "retention": retention},
    "endpoint.md": {"painters": painters},
    "operating.md": {"metrics": metrics},
    "profiles.md": {"profiles": profiles},
    "diff-rules.md": {"diff-rules": diff_rules},
    "limits.md": {"limits": limits},
    "python-api.md": {floor: partial(public_names, floor) for floor in FLOORS},
    "mocking.md": {"effects": effects, "presets": presets, "checks": checks, "admin": admin},
}


def written(name: str, page: str) -> str:
    """The page of that name with every table between its markers made anew."""
    for marker, made in PAGES[name].items():
        pattern = rf"(<!-- {marker} -->\n).*?(<!-- /{marker} -->)"
        page, found = re.subn(
            pattern, lambda match, made=made: f"{match[1]}{made()}\n{match[2]}", page, flags=re.DOTALL
        )
        if found != 1:
            raise ValueError(f"docs/{name} needs the markers <!-- {marker} --> and <!-- /{marker} --> once")
    return page
