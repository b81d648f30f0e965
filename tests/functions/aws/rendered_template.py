"""A deployment of template.yaml with other parameters, and what CloudFormation would change to get there.

Which properties a resource cannot change without being replaced is read from AWS's registry schemas, which cfn-lint
ships.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from unittest import mock

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from local_cloud.transformed_template import ACCOUNT, TransformedTemplate, source
from samtranslator.model import apigateway
from samtranslator.policy_template_processor.processor import PolicyTemplatesProcessor

REGION = "eu-central-1"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/Outpaint/1a2b3c4d-0000-11ef-8000-0a1b2c3d4e5f",
    "AWS::StackName": "Outpaint",
    "AWS::URLSuffix": "amazonaws.com",
}
# What SAM adds to the ids of what it makes anew at each change.
_HASHED = frozenset({"AWS::Lambda::Version", "AWS::ApiGateway::Deployment"})
_SECONDS = itertools.count(1)

PARAMETERS: dict[str, dict[str, Any]] = source()["Parameters"]


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


@dataclass(frozen=True)
class Change:
    """What an update does to resources, by logical id: made, removed, replaced or updated."""

    kinds: Mapping[str, str]

    def of(self, kind: str) -> set[str]:
        return {name for name, done in self.kinds.items() if done == kind}


class RenderedTemplate(TransformedTemplate):
    """One deployment, others of its parameters at their defaults; what AWS itself names is named by what it is made of.

    Values of parameters are text, as CloudFormation passes them on.
    """

    def __init__(self, **parameters: object) -> None:
        given = {name: str(body["Default"]) for name, body in PARAMETERS.items()}
        given |= {name: str(value) for name, value in parameters.items()}
        self._evaluated: dict[str, dict[str, Any]] = {}
        with (
            # `AlwaysDeploy` makes the API's deployment anew with each second: no two deployments are in the same one.
            mock.patch.object(apigateway.time, "time", side_effect=_SECONDS),
            # SAM checks its own list of policies each time, which takes a third of the whole.
            mock.patch.object(PolicyTemplatesProcessor, "_is_valid_templates_dict", return_value=True),
        ):
            super().__init__(given, PSEUDO)

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
        return {name: body["Type"] for name, body in self.resources.items()}

    def named(self, prefix: str, kind: str) -> str:
        """The one resource of a type whose id SAM made."""
        (name,) = (name for name, its in self.kinds.items() if its == kind and name.startswith(prefix))
        return name

    def properties(self, resource: str) -> dict[str, Any]:
        if resource not in self._evaluated:
            self._evaluated[resource] = super().properties(resource)
        return self._evaluated[resource]

    def attributes(self, name: str) -> dict[str, Any]:
        """What stands beside a resource's properties: policies, conditions, dependencies."""
        return {key: value for key, value in self.resources[name].items() if key not in ("Properties", "Metadata")}

    def identity(self, name: str) -> str:
        """Other than before where the resource is another one: one that was replaced."""
        fixed = [_at(path, self.properties(name)) for path in _fixed(self.kinds[name])]
        return hashlib.sha256(json.dumps([PSEUDO, name, fixed], sort_keys=True).encode()).hexdigest()[:12]

    def all_made_before(self, name: str) -> set[str]:
        """The resources that are made before this one: those that it needs, and those that they need."""
        found: set[str] = set()
        ahead = [name]
        while ahead:
            new = self.needed_by(ahead.pop()) - found
            found |= new
            ahead += new
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

    def _made(self, place: str) -> str:
        """A value that is another one where the resource is; in a name, the name."""
        if place in self.known:
            return self.known[place]
        resource, _, attribute = place.partition(".")
        if attribute in self.properties(resource):
            return str(self.properties(resource)[attribute])
        if attribute == "FunctionUrl":
            return f"https://{self.identity(resource)}.lambda-url.{REGION}.on.aws/"
        return f"{resource}-{attribute or 'Ref'}-{self.identity(resource)}"


def _by_plain_id(rendered: RenderedTemplate) -> dict[str, str]:
    plain = {name: name[:-10] if kind in _HASHED else name for name, kind in rendered.kinds.items()}
    return {short: name for name, short in plain.items()}
