"""OpenAPI documents read from files, standard input and git revisions, in JSON or YAML."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

_VERSIONS: Final = ("3.0.", "3.1.")
_USUAL_NAME: Final = re.compile(r"(?:.*/)?openapi\.(?:json|ya?ml)")


class UnreadableError(ValueError):
    """A named document that cannot be read, or is no OpenAPI 3; the message says what it is instead."""


def document_of(name: str) -> dict[str, Any]:
    """The document in a file, in a revision of the git repository here, or on standard input for `-`.

    `REVISION:PATH` names a file; its path begins at the repository's root, or here with `./`, as in git. `REVISION`
    alone stands for the one openapi.json or openapi.yaml that it has. Raises `UnreadableError`.
    """
    if name == "-":
        return parsed(sys.stdin.read(), "standard input")
    path = Path(name)
    if path.exists():
        return _of_file(path)
    if ":" not in name:
        name = _file_of_revision(name)
    return parsed(_of_revision(name, Path()), name)


def documents_since(revision: str, path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A file's document as it was in a git revision, and as it is now; raises `UnreadableError`."""
    return parsed(_of_revision(f"{revision}:./{path.name}", path.parent), f"{revision}:{path}"), _of_file(path)


def parsed(text: str, name: str) -> dict[str, Any]:
    """The document that a text in JSON or YAML is; raises `UnreadableError`."""
    try:
        document = json.loads(text)
    except ValueError as error:
        if text.lstrip()[:1] in ("{", "["):
            raise UnreadableError(f"{name} is no JSON: {error}") from None
        document = _from_yaml(text, name)
    if not isinstance(document, dict):
        raise UnreadableError(f"{name} is no OpenAPI document")
    if "swagger" in document:
        raise UnreadableError(
            f"{name} is Swagger {document['swagger']}, which is not read: "
            "npx swagger2openapi --outfile openapi.json FILE makes OpenAPI 3 of it"
        )
    version = document.get("openapi")
    if version is None:
        raise UnreadableError(f"{name} is no OpenAPI document: it has no member `openapi`")
    if not str(version).startswith(_VERSIONS):
        raise UnreadableError(f"{name} is OpenAPI {version}: 3.0 and 3.1 can be read")
    return document


def _of_file(path: Path) -> dict[str, Any]:
    try:
        return parsed(path.read_text(encoding="utf-8-sig"), str(path))
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UnreadableError(f"{path} is no text in UTF-8") from None


def _file_of_revision(revision: str) -> str:
    """`REVISION:PATH` of its one document; raises `UnreadableError`, also for what is no revision at all."""
    try:
        paths = _git(Path(), "ls-tree", "-r", "-z", "--name-only", "--full-tree", "--end-of-options", revision)
    except _GitError:
        raise UnreadableError(f"{revision}: there is no such file, and no such revision of a git repository") from None
    found = [path for path in paths.split("\0") if _USUAL_NAME.fullmatch(path)]
    if not found:
        raise UnreadableError(f"{revision} has no openapi.json or openapi.yaml: name its file as {revision}:PATH")
    if len(found) > 1:
        raise UnreadableError(f"{revision} has {' and '.join(found[:2])}: name one as {revision}:{found[0]}")
    return f"{revision}:{found[0]}"


def _of_revision(name: str, folder: Path) -> str:
    try:
        return _git(folder, "show", "--end-of-options", name)
    except _GitError as error:
        raise UnreadableError(f"{name}: {error}") from None


class _GitError(Exception):
    """Why git could not show a revision, in one line."""


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - git, which reads names as nothing but names
            ["git", *words],  # noqa: S607 - whichever git is on the PATH
            cwd=folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError:
        raise _GitError("there is no such file, and no git to look for such a revision") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _GitError(str(error)) from None
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or ["git could not show it"]
        raise _GitError(reason[0].removeprefix("fatal: "))
    return done.stdout


def _from_yaml(text: str, name: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise UnreadableError(f"{name} is no JSON; for YAML, pip install 'outpaint-kit[contract]'") from None

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
        """YAML with JSON's types alone, as OpenAPI asks for: `NO` is a word and a date is a text."""

        yaml_implicit_resolvers = {  # noqa: RUF012 - yaml's own form
            first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in ("timestamp", "bool")]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))
    try:
        return _text_keys(yaml.load(text, Loader))  # noqa: S506 - a safe loader with fewer types
    except yaml.YAMLError as error:
        raise UnreadableError(f"{name} is neither JSON nor YAML: {' '.join(str(error).split())}") from None


def _text_keys(value: Any) -> Any:
    """The same with names as texts: YAML reads a status as a number."""
    if isinstance(value, dict):
        return {str(name): _text_keys(one) for name, one in value.items()}
    return [_text_keys(one) for one in value] if isinstance(value, list) else value
