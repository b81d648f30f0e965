"""template.yaml as CloudFormation has it before it makes anything: transformed, with its parameters' values.

The transform is aws-sam-translator, which AWS itself runs.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from boto3 import Session
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from local_cloud.processes import ROOT

PATH: Final = ROOT / "template.yaml"
REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
STACK: Final = "outpaint"
PSEUDO: Final = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/1a2b3c4d-0000-11ef-8000-0a1b2c3d4e5f",
    "AWS::StackName": STACK,
    "AWS::URLSuffix": "amazonaws.com",
}
_PACKAGE: Final = "s3://packages/the-code"
"""Where `sam package` has put the code: SAM transforms no template with a local path."""
_REFERENCE: Final = re.compile(r"\$\{([^!}][^}]*)\}")
_ABSENT: Final = object()


class TransformedTemplate:
    """The transformed template with parameters.

    `known` has what Ref gives for a resource or a pseudo parameter (else `PSEUDO`) under its name, and what GetAtt
    gives under "Resource.Attribute"; of what it lacks, both give the name itself. It may grow while resources are made.
    Raises ValueError for a parameter that the template lacks.
    """

    def __init__(
        self, parameters: Mapping[str, object], known: Mapping[str, str] | None = None, path: Path = PATH
    ) -> None:
        declared = source(path)["Parameters"]
        unknown = set(parameters) - set(declared)
        if unknown:
            raise ValueError(f"{path.name} has no parameter {', '.join(sorted(unknown))}")
        defaults = {name: body.get("Default", "") for name, body in declared.items()}
        self.parameters: dict[str, object] = {**defaults, **parameters}
        self.known = {} if known is None else known
        self._template = json.loads(_transformed(path, json.dumps(self.parameters)))

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template holds."""
        return bool(self._value(self._template["Conditions"][condition]))

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources that are made, unresolved, by logical id."""
        return {
            name: body
            for name, body in self._template["Resources"].items()
            if "Condition" not in body or self.holds(body["Condition"])
        }

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties, resolved, of the resources of a type such as AWS::Lambda::Permission."""
        return {name: self.properties(name) for name, body in self.resources.items() if body["Type"] == kind}

    def properties(self, resource: str) -> dict[str, Any]:
        """A resource's properties, resolved; raises KeyError for one that is not made."""
        resolved: dict[str, Any] = self._value(self.resources[resource].get("Properties", {}))
        return resolved

    def environment(self, function: str) -> dict[str, str]:
        """A function's environment variables."""
        variables = self.properties(function).get("Environment", {}).get("Variables", {})
        return {name: str(value) for name, value in variables.items()}

    def needed_by(self, resource: str) -> set[str]:
        """The resources that are made before this one: what it refers to and depends on."""
        made = self.resources
        return {name for name in self._named(made[resource]) if name in made and name != resource}

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, resolved."""
        return {
            name: self._value(body["Value"])
            for name, body in self._template["Outputs"].items()
            if "Condition" not in body or self.holds(body["Condition"])
        }

    def _value(self, part: Any) -> Any:
        """A part of the template with its functions evaluated, without what is AWS::NoValue."""
        if isinstance(part, dict):
            if len(part) == 1:
                ((name, argument),) = part.items()
                if name in ("Ref", "Condition") or name.startswith("Fn::"):
                    return self._function(name.removeprefix("Fn::"), argument)
            pairs = ((key, self._value(value)) for key, value in part.items())
            return {key: value for key, value in pairs if value is not _ABSENT}
        if isinstance(part, list):
            return [value for each in part if (value := self._value(each)) is not _ABSENT]
        return part

    def _function(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref":
                return self._referred(argument)
            case "GetAtt":
                return self._made(argument if isinstance(argument, str) else ".".join(argument))
            case "Sub":
                text, own = argument if isinstance(argument, list) else (argument, {})
                named = {key: self._value(value) for key, value in own.items()}
                return _REFERENCE.sub(
                    lambda found: str(named[found[1]] if found[1] in named else self._referred(found[1])), text
                )
            case "If":
                condition, then, otherwise = argument
                return self._value(then if self.holds(condition) else otherwise)
            case "Condition":
                return self.holds(argument)
            case "Equals":
                one, other = (str(self._value(side)) for side in argument)
                return one == other
            case "Not":
                return not self._value(argument[0])
            case "And":
                return all(self._value(argument))
            case "Or":
                return any(self._value(argument))
            case "Split":
                return str(self._value(argument[1])).split(argument[0])
            case "Select":
                return self._value(argument[1])[int(argument[0])]
            case "Join":
                return argument[0].join(map(str, self._value(argument[1])))
            case "FindInMap":
                table, row, column = (self._value(each) for each in argument)
                return self._template["Mappings"][table][row][column]
        raise ValueError(f"{name} is not evaluated here")

    def _referred(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _ABSENT
        return self.parameters[name] if name in self.parameters else self._made(name)

    def _made(self, place: str) -> str:
        """What AWS gives for a resource, an attribute of one, or a pseudo parameter."""
        return self.known.get(place, PSEUDO.get(place, place))

    def _named(self, part: Any) -> Iterator[str]:
        """The logical ids that a part refers to, where its conditions hold."""
        if isinstance(part, list):
            for each in part:
                yield from self._named(each)
        elif isinstance(part, dict):
            for key, value in part.items():
                if key in ("Ref", "DependsOn"):
                    yield from [value] if isinstance(value, str) else value
                elif key == "Fn::GetAtt":
                    yield (value if isinstance(value, str) else value[0]).partition(".")[0]
                elif key == "Fn::If":
                    yield from self._named(value[1 if self.holds(value[0]) else 2])
                else:
                    if key == "Fn::Sub":
                        text = value if isinstance(value, str) else value[0]
                        yield from (found.partition(".")[0] for found in _REFERENCE.findall(text))
                    yield from self._named(value)


@cache
def source(path: Path = PATH) -> dict[str, Any]:
    """The template as it is written, before its transform; short forms are read as Ref, Condition and Fn::..."""
    read: dict[str, Any] = yaml_parse(path.read_text(encoding="utf-8"))
    return read


@cache
def _transformed(path: Path, parameters: str) -> str:
    """The transformed template as JSON; SAM sees the values of parameters, as text as CloudFormation has them."""
    logging.getLogger("samtranslator").setLevel(logging.CRITICAL)
    given = {name: str(value) for name, value in json.loads(parameters).items()}
    translator = Translator({}, Parser(), boto_session=Session(region_name=REGION))
    # A copy, for the transform changes it.
    template = json.loads(json.dumps(source(path)))
    template["Globals"]["Function"]["CodeUri"] = _PACKAGE
    return json.dumps(translator.translate(template, given, get_managed_policy_map=dict))
