"""OpenAPI documents out of files, standard input and git revisions."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

_VERSIONS: Final = ("3.0.", "3.1.")


class UnreadableError(ValueError):
    """Something that was named as a document and is none; the message says what it is instead."""


def document_of(name: str) -> dict[str, Any]:
    """The document in a file, in `REVISION:PATH` of the git repository here, or on standard input for `-`.

    A path begins at the repository's root, or here with `./`, as in git. Raises `UnreadableError`.
    """
    if name == "-":
        return parsed(sys.stdin.read(), "standard input")
    path = Path(name)
    if not path.exists() and ":" in name:
        return parsed(_of_revision(name, Path()), name)
    return _of_file(path)


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
        raise UnreadableError(f"{name} is Swagger {document['swagger']}: convert it to OpenAPI 3 first")
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


def _of_revision(name: str, folder: Path) -> str:
    try:
        shown = subprocess.run(  # noqa: S603 - git, which reads the name as nothing but a name
            ["git", "show", "--end-of-options", name],  # noqa: S607 - whichever git is on the PATH
            cwd=folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError:
        raise UnreadableError(f"{name}: there is no such file, and no git to look for such a revision") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableError(f"{name}: {error}") from None
    if shown.returncode != 0:
        reason = shown.stderr.strip().splitlines()[-1:] or ["git could not show it"]
        raise UnreadableError(f"{name}: {reason[0].removeprefix('fatal: ')}")
    return shown.stdout


def _from_yaml(text: str, name: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise UnreadableError(f"{name} is no JSON; for YAML, pip install 'outpaint-kit[contract]'") from None

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
        """YAML as OpenAPI means it: JSON's types alone, so `NO` is a word and a date is a text."""

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
    """Names are texts, statuses too, which YAML reads as numbers."""
    if isinstance(value, dict):
        return {str(name): _text_keys(one) for name, one in value.items()}
    return [_text_keys(one) for one in value] if isinstance(value, list) else value
