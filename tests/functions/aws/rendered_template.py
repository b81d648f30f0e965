"""template.yaml as CloudFormation would carry it out: SAM's own transform, then every intrinsic function evaluated.

The transform is aws-sam-translator, which AWS itself runs. Which properties a resource cannot change without being
replaced is read from AWS's registry schemas, which cfn-lint ships.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from unittest import mock

from boto3 import Session
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from samtranslator.model import apigateway
from samtranslator.parser.parser import Parser
from samtranslator.policy_template_processor.processor import PolicyTemplatesProcessor
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

REGION = "eu-central-1"
ACCOUNT = "123456789012"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/Outpaint/1a2b3c4d-0000-11ef-8000-0a1b2c3d4e5f",
    "AWS::StackName": "Outpaint",
    "AWS::URLSuffix": "amazonaws.com",
}
_REFERENCE = re.compile(r"\$\{([^!}][^}]*)\}")
_ABSENT = object()
# What SAM adds to the ids of what it makes anew at each change.
_HASHED = frozenset({"AWS::Lambda::Version", "AWS::ApiGateway::Deployment"})
_SOURCE = yaml_parse((Path(__file__).parents[3] / "template.yaml").read_text(encoding="utf-8"))
# As `sam deploy` leaves it: the same code at every deployment.
_SOURCE["Globals"]["Function"]["CodeUri"] = "s3://packages/the-same-code"
_TEXT = json.dumps(_SOURCE)
_SESSION = Session(region_name=REGION)
_SECONDS = itertools.count(1)

PARAMETERS: dict[str, dict[str, Any]] = _SOURCE["Parameters"]
DEFAULTS = {name: str(body["Default"]) for name, body in PARAMETERS.items()}


@cache
def schema(kind: str) -> dict[str, Any]:
    """AWS's schema of a resource type."""
    return dict(PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema)


@cache
def _fixed(kind: str) -> tuple[tuple[str, ...], ...]:
    """Where the properties are that are changed by a replacement alone."""
    paths = sorted(schema(kind).get("createOnlyProperties", ()))
    return tuple(tuple(path.removeprefix("/properties/").split("/")) for path in paths)


def _at(path: tuple[str, ...], part: Any) -> Any:
    """What is there, None where nothing is; of the members of a list, all."""
    for step in path:
        if step == "*" or not isinstance(part, dict):
            return part
        part = part.get(step)
    return part


def _transformed(parameters: Mapping[str, str]) -> dict[str, Any]:
    logging.getLogger("samtranslator").setLevel(logging.CRITICAL)
    with (
        # `AlwaysDeploy` makes the API's deployment anew with each second: no two deployments are in the same one.
        mock.patch.object(apigateway.time, "time", side_effect=_SECONDS),
        # SAM checks its own list of policies each time, which takes a third of the whole.
        mock.patch.object(PolicyTemplatesProcessor, "_is_valid_templates_dict", return_value=True),
    ):
        translator = Translator({}, Parser(), boto_session=_SESSION)
        done: dict[str, Any] = translator.translate(json.loads(_TEXT), dict(parameters), get_managed_policy_map=dict)
    return done


@dataclass(frozen=True)
class Change:
    """What an update does to resources, by logical id: made, removed, replaced or updated."""

    kinds: Mapping[str, str]

    def of(self, kind: str) -> set[str]:
        return {name for name, done in self.kinds.items() if done == kind}


class RenderedTemplate:
    """One deployment: resources and outputs with the given parameters, others at their defaults."""

    def __init__(self, **parameters: object) -> None:
        unknown = set(parameters) - set(DEFAULTS)
        assert not unknown, unknown
        self.parameters = {**DEFAULTS, **{name: str(value) for name, value in parameters.items()}}
        self._template = _transformed(self.parameters)
        self._raw = {
            name: body
            for name, body in self._template["Resources"].items()
            if "Condition" not in body or self.holds(body["Condition"])
        }
        self._evaluated: dict[str, dict[str, Any]] = {}

    def holds(self, condition: str) -> bool:
        return bool(self._value(self._template["Conditions"][condition]))

    def refusals(self) -> list[str]:
        """What the template's rules say against these parameters."""
        return [
            each["AssertDescription"]
            for rule in self._template.get("Rules", {}).values()
            if "RuleCondition" not in rule or self._value(rule["RuleCondition"])
            for each in rule["Assertions"]
            if not self._value(each["Assert"])
        ]

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The type of each resource."""
        return {name: body["Type"] for name, body in self._raw.items()}

    def named(self, prefix: str, kind: str) -> str:
        """The one resource of a type whose id SAM made."""
        (name,) = (name for name, its in self.kinds.items() if its == kind and name.startswith(prefix))
        return name

    def properties(self, name: str) -> dict[str, Any]:
        if name not in self._evaluated:
            self._evaluated[name] = self._value(self._raw[name].get("Properties", {}))
        return self._evaluated[name]

    def attributes(self, name: str) -> dict[str, Any]:
        """What stands beside a resource's properties: policies, conditions, dependencies."""
        return {key: value for key, value in self._raw[name].items() if key not in ("Properties", "Metadata")}

    @property
    def outputs(self) -> dict[str, Any]:
        return {
            name: self._value(body["Value"])
            for name, body in self._template["Outputs"].items()
            if "Condition" not in body or self.holds(body["Condition"])
        }

    def identity(self, name: str) -> str:
        """Other than before where the resource is another one: one that was replaced."""
        fixed = [_at(path, self.properties(name)) for path in _fixed(self.kinds[name])]
        return hashlib.sha256(json.dumps([PSEUDO, name, fixed], sort_keys=True).encode()).hexdigest()[:12]

    def needed_by(self, name: str) -> set[str]:
        """The resources that are made before this one: those that it refers to, and theirs."""
        found: set[str] = set()
        ahead = [name]
        while ahead:
            for each in _references(self._raw[ahead.pop()], self):
                if each in self._raw and each not in found:
                    found.add(each)
                    ahead.append(each)
        return found

    def changed_to(self, after: RenderedTemplate) -> Change:
        """What CloudFormation does to get from this deployment to the other one."""
        old, new = _by_plain_id(self), _by_plain_id(after)
        kinds: dict[str, str] = {}
        for plain in old.keys() | new.keys():
            if plain not in old:
                kinds[plain] = "made"
            elif plain not in new:
                kinds[plain] = "removed"
            elif self.identity(old[plain]) != after.identity(new[plain]):
                kinds[plain] = "replaced"
            elif self.properties(old[plain]) != after.properties(new[plain]):
                kinds[plain] = "updated"
        return Change(kinds)

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
                resource, _, attribute = (argument if isinstance(argument, str) else ".".join(argument)).partition(".")
                return self._attribute(resource, attribute)
            case "Sub":
                text, own = argument if isinstance(argument, list) else (argument, {})
                named = {key: self._value(value) for key, value in own.items()}
                return _REFERENCE.sub(lambda found: str(self._named(found[1], named)), text)
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
        raise ValueError(f"{name} is not evaluated here")

    def _named(self, name: str, own: Mapping[str, Any]) -> Any:
        if name in own:
            return own[name]
        resource, dot, attribute = name.partition(".")
        return self._attribute(resource, attribute) if dot else self._referred(name)

    def _referred(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _ABSENT
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        return self._attribute(name, "Ref")

    def _attribute(self, resource: str, attribute: str) -> str:
        """A value that is another one where the resource is; in a name, the name."""
        if attribute in self.properties(resource):
            return str(self.properties(resource)[attribute])
        if attribute == "FunctionUrl":
            return f"https://{self.identity(resource)}.lambda-url.{REGION}.on.aws/"
        return f"{resource}-{attribute}-{self.identity(resource)}"


def _by_plain_id(rendered: RenderedTemplate) -> dict[str, str]:
    plain = {name: name[:-10] if kind in _HASHED else name for name, kind in rendered.kinds.items()}
    return {short: name for name, short in plain.items()}


def _references(part: Any, rendered: RenderedTemplate) -> Iterator[str]:
    """The logical ids that a part refers to, where its conditions hold."""
    if isinstance(part, list):
        for each in part:
            yield from _references(each, rendered)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key == "Ref" or (key == "DependsOn" and isinstance(value, str)):
                yield value
            elif key == "DependsOn":
                yield from value
            elif key == "Fn::GetAtt":
                yield (value if isinstance(value, str) else value[0]).partition(".")[0]
            elif key == "Fn::If":
                yield from _references(value[1 if rendered.holds(value[0]) else 2], rendered)
            else:
                if key == "Fn::Sub":
                    text = value if isinstance(value, str) else value[0]
                    yield from (found.partition(".")[0] for found in _REFERENCE.findall(text))
                yield from _references(value, rendered)
