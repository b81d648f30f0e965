"""template.yaml as CloudFormation would see it for given parameters, as far as one machine plays its resources."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

_REFERENCE: Final = re.compile(r"\$\{([\w.:]+)\}")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads the short forms of CloudFormation's functions as (name, argument)."""


def _short_form(loader: Any, suffix: str, node: Any) -> tuple[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return suffix, loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return suffix, loader.construct_sequence(node, deep=True)
    return suffix, loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _short_form)


class Template:
    """A template with parameters and the names of its resources filled in.

    `names` says what Ref gives for a resource, `attributes` what GetAtt gives for "Resource.Attribute"; of resources
    that nobody plays the logical name stands for both.
    """

    def __init__(
        self,
        path: Path,
        parameters: Mapping[str, object],
        names: Mapping[str, str],
        attributes: Mapping[str, str],
    ) -> None:
        self._template = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe loader
        defaults = {name: body.get("Default", "") for name, body in self._template["Parameters"].items()}
        unknown = set(parameters) - set(defaults)
        if unknown:
            raise ValueError(f"{path.name} has no parameter {', '.join(sorted(unknown))}")
        self._values = {**defaults, **parameters, **names}
        self._attributes = attributes

    def properties(self, resource: str) -> dict[str, Any]:
        """A resource's properties, resolved."""
        resolved: dict[str, Any] = self._resolved(self._template["Resources"][resource]["Properties"])
        return resolved

    def exists(self, resource: str) -> bool:
        """Whether its condition holds."""
        condition = self._template["Resources"][resource].get("Condition")
        return condition is None or self._holds(condition)

    def environment(self, function: str) -> dict[str, str]:
        """A function's environment variables: those of every function, and its own."""
        common = self._resolved(self._template["Globals"]["Function"]["Environment"]["Variables"])
        own = self.properties(function).get("Environment", {}).get("Variables", {})
        return {name: str(value) for name, value in {**common, **own}.items()}

    def _holds(self, condition: str) -> bool:
        return bool(self._resolved(self._template["Conditions"][condition]))

    def _resolved(self, said: Any) -> Any:
        if isinstance(said, tuple):
            return self._function(*said)
        if isinstance(said, dict):
            return {
                key: value for key, told in said.items() if (value := self._resolved(told)) is not None or told is None
            }
        if isinstance(said, list):
            return [value for told in said if (value := self._resolved(told)) is not None]
        return said

    def _function(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref":
                return None if argument == "AWS::NoValue" else self._values.get(argument, argument)
            case "GetAtt":
                return self._attributes.get(argument, argument)
            case "Sub":
                text, own = argument if isinstance(argument, list) else (argument, {})
                return self._substituted(str(text), self._resolved(own))
            case "If":
                condition, then, otherwise = argument
                return self._resolved(then if self._holds(condition) else otherwise)
            case "Condition":
                return self._holds(argument)
            case "Equals":
                one, other = (str(self._resolved(side)) for side in argument)
                return one == other
            case "Not":
                return not self._resolved(argument[0])
            case "And":
                return all(self._resolved(argument))
            case "Or":
                return any(self._resolved(argument))
            case "Split":
                return str(self._resolved(argument[1])).split(argument[0])
        raise ValueError(f"!{name} is not played here")

    def _substituted(self, text: str, own: Mapping[str, Any]) -> str:
        def value(found: re.Match[str]) -> str:
            name = found[1]
            known = own.get(name, self._values.get(name, self._attributes.get(name)))
            return found[0] if known is None else str(known)

        return _REFERENCE.sub(value, text)
