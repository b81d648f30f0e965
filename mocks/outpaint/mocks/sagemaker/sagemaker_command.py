"""The command `outpaint mock-sagemaker`."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.command_line.console import OUT
from outpaint.functions.http.local_requests import AllowedHosts
from outpaint.mocks.admin_guard import allowed_host_option, open_admin_option
from outpaint.mocks.mock_paths import ADMIN_ROOT

if TYPE_CHECKING:
    from outpaint.mocks.sagemaker.sagemaker_mock import SageMakerMock


@click.command("mock-sagemaker", short_help="Play the SageMaker runtime for any AWS SDK.")
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Listen here.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8085, show_default=True, help="Listen here; 0 takes a free one."
)
@click.option("--s3-endpoint", metavar="URL", help="Where S3 answers; as boto3 decides without.")
@click.option("--sns-endpoint", metavar="URL", help="Where SNS answers; where S3 does without.")
@click.option("--container", metavar="URL", help="The container that answers: its /ping and /invocations.")
@click.option("--endpoint", metavar="NAME", help="A real-time endpoint.")
@click.option("--async-endpoint", metavar="NAME", help="An asynchronous endpoint; needs --output-path.")
@click.option("--output-path", metavar="S3URI", help="Its S3OutputPath, such as s3://bucket/out.")
@click.option("--failure-path", metavar="S3URI", help="Its S3FailurePath.")
@click.option("--success-topic", metavar="ARN", help="Its SuccessTopic.")
@click.option("--error-topic", metavar="ARN", help="Its ErrorTopic.")
@click.option("--concurrency", type=click.IntRange(1, 1000), default=1, show_default=True, help="Inferences at a time.")
@click.option(
    "--cold-start", metavar="SECONDS", type=click.FloatRange(0), help="Begin with no instance; one comes then."
)
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Endpoints as JSON, with everything they can have; see docs/sagemaker-mock.md.",
)
@click.option("--region", default="us-east-1", show_default=True)
@click.option("--account", default="123456789012", show_default=True)
@click.option(
    "--time-scale", type=click.FloatRange(0, 1e6), default=1.0, show_default=True, help="Its seconds in one of ours."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Decides random delays and variants.")
@click.option("--allow-unsigned", is_flag=True, help="Also answer calls without a signature.")
@open_admin_option
@allowed_host_option
def mock_sagemaker(
    host: str,
    port: int,
    s3_endpoint: str | None,
    sns_endpoint: str | None,
    container: str | None,
    endpoint: str | None,
    async_endpoint: str | None,
    output_path: str | None,
    failure_path: str | None,
    success_topic: str | None,
    error_topic: str | None,
    concurrency: int,
    cold_start: float | None,
    config: Path | None,
    region: str,
    account: str,
    time_scale: float,
    seed: int,
    allow_unsigned: bool,
    open_admin: bool,
    allowed_hosts: tuple[str, ...],
) -> None:
    """Play the SageMaker runtime for any AWS SDK: its invocations, the S3 objects and SNS messages that follow.

    More endpoints, faults and the journal of calls: by JSON under /_mock, while it runs.

    \b
    Examples:
      outpaint mock-sagemaker --endpoint painter --container http://127.0.0.1:8080
      outpaint mock-sagemaker --async-endpoint painter --s3-endpoint http://127.0.0.1:4566 \\
          --output-path s3://pictures/outcomes --container http://127.0.0.1:8080
    """
    from outpaint.functions.embedded.server import listen, serve, url_of
    from outpaint.mocks.sagemaker.sagemaker_mock import SageMakerMock
    from outpaint.mocks.sagemaker.sagemaker_server import RuntimeConnection, RuntimeHost
    from outpaint.mocks.world.virtual_clock import VirtualClock

    admin_hosts = AllowedHosts.of(allowed_hosts, remote=open_admin)
    definitions = [] if config is None else _read(config)
    model = {} if container is None else {"Container": container}
    if endpoint is not None:
        definitions.append({"EndpointName": endpoint, **model})
    if async_endpoint is not None:
        if output_path is None:
            raise click.UsageError("an asynchronous endpoint needs --output-path")
        notification = {"SuccessTopic": success_topic, "ErrorTopic": error_topic}
        output = {"S3OutputPath": output_path, "S3FailurePath": failure_path, "NotificationConfig": notification}
        cold = {} if cold_start is None else {"InitialInstances": 0, "ColdStartSeconds": cold_start}
        definitions.append(
            {
                "EndpointName": async_endpoint,
                "AsyncInferenceConfig": {
                    "OutputConfig": output,
                    "ClientConfig": {"MaxConcurrentInvocationsPerInstance": concurrency},
                },
                "Scaling": cold,
                **model,
            }
        )
    mock = SageMakerMock(
        s3_endpoint=s3_endpoint,
        sns_endpoint=sns_endpoint or s3_endpoint,
        clock=VirtualClock.ticking(scale=time_scale),
        region=region,
        account=account,
        seed=seed,
        allow_unsigned=allow_unsigned,
    )
    with mock:
        for definition in definitions:
            mock.define(definition)
        with listen(host, port) as listener, closing(RuntimeHost(mock, admin_hosts)) as runtime:
            serve(runtime, listener, lambda: _announce(mock, url_of(listener)), RuntimeConnection)


def _read(path: Path) -> list[dict[str, Any]]:
    """The endpoints of a file: a JSON list, or an object whose `Endpoints` is one."""
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise OutpaintError(ErrorCode.INVALID_PARAMETER, f"{path} is no JSON: {error}", field="--config") from None
    endpoints = content.get("Endpoints") if isinstance(content, dict) else content
    if not isinstance(endpoints, list) or not all(isinstance(endpoint, dict) for endpoint in endpoints):
        raise OutpaintError(ErrorCode.INVALID_PARAMETER, f"{path} has no list of endpoints", field="--config")
    return endpoints


def _announce(mock: SageMakerMock, url: str) -> None:
    OUT.print(f"the SageMaker runtime is played on [bold]{url}[/bold]")
    for name, definition in sorted(mock.endpoints.items()):
        kind = "real-time" if definition.async_inference_config is None else "asynchronous"
        OUT.print(f"  endpoint  {name} ({kind}, answered by {definition.container or 'rules'})", markup=False)
    OUT.print(f"  admin     {url}{ADMIN_ROOT}")
    OUT.print("Ctrl-C stops it.", style="dim")
    # A program that waits for these lines at the other end of a pipe gets them now.
    OUT.file.flush()
