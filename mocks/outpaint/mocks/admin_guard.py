"""Who may use what a mock has under /_mock, and the options by which its command lets others."""

from __future__ import annotations

from typing import Final

import click

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.http.local_requests import AllowedHosts, Foreign, foreign
from outpaint.functions.http.messages import RequestHead
from outpaint.mocks.mock_paths import ADMIN_ROOT

open_admin_option: Final = click.option(
    "--open-admin",
    is_flag=True,
    help=f"Answer {ADMIN_ROOT} to other machines too, under addresses and names without a dot; a container needs it.",
)
allowed_host_option: Final = click.option(
    "--allowed-host",
    "allowed_hosts",
    metavar="NAME",
    multiple=True,
    help=f"Answer {ADMIN_ROOT} under this name too, such as mock.test; .test has all below it, * is every one. "
    "May be repeated.",
)


def admin_refusal(head: RequestHead, hosts: AllowedHosts) -> OutpaintError | None:
    """Why a request is refused whatever it asks for, None where it is not.

    Refused even from this machine are a Host that is none of `hosts` (DNS rebinding) and pages of other origins (CSRF),
    except for following a link. Where `hosts` are for other machines, these may ask; other origins stay refused.
    """
    match foreign(head, hosts):
        case None:
            return None
        case Foreign.PEER:
            why = f"only this machine may ask for {ADMIN_ROOT}: start with --open-admin to let others"
        case Foreign.HOST:
            name = (head.header("host") or "")[:60] or "a request without Host"
            why = f"{ADMIN_ROOT} does not answer under {name}: ask localhost, or start with --allowed-host NAME"
        case Foreign.ORIGIN:
            why = f"pages of {(head.header('origin') or '')[:60]} may not ask for {ADMIN_ROOT}"
        case Foreign.SITE:
            why = f"pages of other sites may not ask for {ADMIN_ROOT}"
    return OutpaintError(ErrorCode.FORBIDDEN, why)
