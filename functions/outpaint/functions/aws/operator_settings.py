"""The settings that an operator may change without a deployment, read from Systems Manager's parameters.

`<path>/credits_per_image` is the price of a picture, `<path>/sync_wait` the longest wait of a request in seconds. Both
are checked by the service's own settings; a parameter that is not there leaves the value of the environment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from outpaint.functions.aws.aws_clients import Clients
from outpaint.functions.service.service import ServiceSettings

OPERATED: Final = ("credits_per_image", "sync_wait")
"""The names under the path, which are the settings' own."""
LIFETIME_S: Final = 60.0
"""How long a process uses what it has read, and how long it waits to ask again after a read that failed."""
_LOG: Final = logging.getLogger("outpaint.aws")


def parameter_names(path: str) -> dict[str, str]:
    """The names of the parameters under a path, and of the settings that they change."""
    return {f"{path.rstrip('/')}/{name}": name for name in OPERATED}


def operated(deployed: ServiceSettings, given: Mapping[str, str]) -> tuple[ServiceSettings, dict[str, str]]:
    """The deployment's settings with an operator's values; of those that are no value for their setting, why."""
    settings, wrong = deployed, {}
    for name, value in given.items():
        try:
            changed = ServiceSettings.model_validate({**dict(settings), name: value})
        except ValidationError as error:
            wrong[name] = error.errors()[0]["msg"]
            continue
        if changed.sync_wait > deployed.max_wait:
            wrong[name] = f"a wait may last {deployed.max_wait} s here, by the deployment's SyncWait"
            continue
        # One number for both waits, as the template sets them: a client that asks for more by Prefer gets no more.
        waits = {"max_wait": changed.sync_wait} if name == "sync_wait" else {}
        settings = changed.model_copy(update=waits)
    return settings, wrong


class OperatorSettings:
    """A deployment's settings with an operator's values in place of theirs, read again once a minute.

    It never raises: a value that is none of its setting is left out, and while SSM does not answer what was read last
    holds, at first the environment's. Each such case is logged when it begins, and told to `fell_back` at every read.
    For one thread.
    """

    def __init__(
        self, clients: Clients, path: str, deployed: ServiceSettings, fell_back: Callable[[], None] = lambda: None
    ) -> None:
        self._clients = clients
        self._names = parameter_names(path)
        self._deployed = deployed
        self._fell_back = fell_back
        self._settings = deployed
        self._read_again_at = float("-inf")
        self._told: set[str] = set()

    def in_force(self, now: float) -> ServiceSettings:
        """The settings that hold at `now`, seconds since the epoch; asks SSM where the last answer is too old."""
        if now >= self._read_again_at or now < self._read_again_at - LIFETIME_S:
            self._read_again_at = now + LIFETIME_S
            self._read()
        return self._settings

    def _read(self) -> None:
        try:
            answer = self._clients.parameters.get_parameters(Names=list(self._names))
        except (ClientError, BotoCoreError) as error:
            self._tell({f"the operator's settings could not be read, those of the last read hold: {error}"})
            return
        given = {self._names[found["Name"]]: found["Value"] for found in answer["Parameters"]}
        self._settings, wrong = operated(self._deployed, given)
        said = "the operator's {} is no value for it, the deployment's holds: {}"
        self._tell({said.format(name, why) for name, why in wrong.items()})

    def _tell(self, cases: set[str]) -> None:
        for case in cases:
            self._fell_back()
            if case not in self._told:
                _LOG.warning("%s", case)
        self._told = cases
