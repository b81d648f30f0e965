"""A stack found in CloudFormation, and the clients to look after it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session, get_session
from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_functions.aws.errors import code_of
from outpaint_functions.operations.deployment import StackName
from outpaint_functions.operations.stack.errors import explained

# A person waits: patient enough for a throttled call, and over in half a minute where nobody answers.
_PATIENCE: Final = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
_OURS: Final = frozenset({"TableName", "BucketName", "EndpointName"})


@dataclass(frozen=True, slots=True)
class Connection:
    """A stack's outputs, read once, and the session that read them."""

    name: str
    region: str
    outputs: Mapping[str, str]
    session: Session

    def client(self, service: str) -> Any:
        """botocore's client of a service, by botocore's name for it."""
        return self.session.create_client(service, config=_PATIENCE)

    def output(self, name: str) -> str:
        """An output that older stacks may lack; raises `OutpaintError` with the way out."""
        value = self.outputs.get(name)
        if value is None:
            raise _unavailable(f"the stack {self.name} has no output {name}: deploy this release's template first")
        return value


@contextmanager
def connected(stack: StackName) -> Iterator[Connection]:
    """The stack, for as long as the block runs; whatever AWS says to the block comes out in one line.

    Raises `OutpaintError` UNAVAILABLE: no credentials, expired, not allowed, no such stack, another region.
    """
    with explained(stack):
        session = get_session()
        # Setting None would hide what the environment and the configuration file say.
        for variable, value in (("profile", stack.profile), ("region", stack.region)):
            if value is not None:
                session.set_config_variable(variable, value)
        client = session.create_client("cloudformation", config=_PATIENCE)
        region: str = client.meta.region_name
        yield Connection(stack.name, region, _outputs(client, stack.name, region), session)


def _outputs(client: Any, name: str, region: str) -> dict[str, str]:
    try:
        (found,) = client.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if code_of(error) != "ValidationError":
            raise
        others = _others(client)
        hint = f"there is {', '.join(others)}" if others else "choose another --region or --profile"
        raise _unavailable(f"there is no stack {name} in {region}: {hint}") from None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    if not outputs.keys() >= _OURS:
        if found["StackStatus"].endswith("_IN_PROGRESS"):
            raise _unavailable(f"the stack {name} is {found['StackStatus']}: wait for it to end")
        raise _unavailable(
            f"the stack {name} ({found['StackStatus']}) was not made by outpaint-kit's template.yaml: "
            "it does not say where its table, bucket and endpoint are"
        )
    return outputs


def _others(client: Any) -> list[str]:
    """Stacks here that are outpaint-kit's, as a hint to whoever mistyped: no error of its own."""
    with contextlib.suppress(ClientError, BotoCoreError):
        found = client.describe_stacks()["Stacks"]
        return [each["StackName"] for each in found if {o["OutputKey"] for o in each.get("Outputs", [])} >= _OURS]
    return []


def _unavailable(detail: str) -> OutpaintError:
    return OutpaintError(ErrorCode.UNAVAILABLE, detail)
