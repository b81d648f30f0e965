"""What `outpaint doctor` checks of a stack's painter: quota, image, weights, endpoint, scaling."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from botocore.exceptions import ClientError
from pydantic import ValidationError

from outpaint.contracts.storage_names import DONE_PREFIX, FAILED_PREFIX
from outpaint.functions.aws.aws_clients import code_of
from outpaint.functions.operations.checkup import CheckFinding, fault, not_checked, ok, warning, worst
from outpaint.functions.operations.stack.stack_parts import PaintingModel, StackParts
from outpaint.functions.operations.stack.web_requests import UnreachableError, ask
from outpaint.painting.painters.diffusion.model_folder import MANIFEST, ModelManifest
from outpaint.painting.painters.painter_table import PAINTERS

MODEL_RIGHTS: Final = ("sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel")
"""What the model of an endpoint takes to be read."""
STATUS_RIGHTS: Final = (
    *MODEL_RIGHTS[:2],
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingActivities",
    "cloudwatch:GetMetricData",
)
"""What the status of an endpoint takes to be read."""
_SERVICE: Final = "sagemaker"
# ml.c7g.xlarge, ml.g5g.xlarge and the like: a g after the generation's number is a Graviton.
_ARM: Final = re.compile(r"ml\.[a-z]+\d+g[a-z]*\.")
_MANIFESTS: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_NO_IMAGE: Final = frozenset({"RepositoryNotFoundException", "ImageNotFoundException"})
_NO_BUCKET: Final = frozenset({"404", "NoSuchBucket", "NotFound"})
_READ_ON: Final = (
    "mend what the reason says and deploy again; `outpaint endpoint logs` shows where the painter's log is"
)


def quota(parts: StackParts) -> CheckFinding:
    """The account's quota for each instance type, beside what the endpoints may start."""
    wanted: dict[str, int] = {}
    for status, config in zip(parts.statuses, parts.endpoint_configs, strict=True):
        variant = config["ProductionVariants"][0]
        if "InstanceType" in variant:
            most = variant["InitialInstanceCount"] if status.most is None else status.most
            wanted[variant["InstanceType"]] = wanted.get(variant["InstanceType"], 0) + most
    if not wanted:
        return not_checked("the endpoint names no instance type")
    quotas = _quotas(parts, {f"{type_} for endpoint usage" for type_ in wanted})
    findings, sums = [], []
    for type_, number in wanted.items():
        found = quotas.get(f"{type_} for endpoint usage")
        if found is None:
            findings.append(not_checked(f"Service Quotas knows no {type_} for endpoint usage"))
            continue
        code, value = found
        says = f"{type_} for endpoint usage is {value:g}, and {number} may run"
        todo = (
            f"aws service-quotas request-service-quota-increase --service-code {_SERVICE} --quota-code {code} "
            f"--desired-value {max(1, 2 * number)}"
        )
        sums.append(says)
        if value < number or value == 0:
            findings.append(fault(says, todo))
        elif value < 2 * number:
            findings.append(warning(f"{says}: a new version starts before the old one stops", todo))
    return worst(findings, "; ".join(sums))


def _quotas(parts: StackParts, names: set[str]) -> dict[str, tuple[str, float]]:
    """The code and value of these quotas, the account's own where it has any."""
    client = parts.client("service-quotas")
    found: dict[str, tuple[str, float]] = {}
    for listing in ("list_service_quotas", "list_aws_default_service_quotas"):
        for page in client.get_paginator(listing).paginate(ServiceCode=_SERVICE):
            for each in page["Quotas"]:
                # One that cannot be told just now has an ErrorReason in place of a value.
                if each["QuotaName"] in names - found.keys() and "Value" in each:
                    found[each["QuotaName"]] = (each["QuotaCode"], float(each["Value"]))
            if found.keys() >= names:
                return found
    return found


def image(parts: StackParts) -> CheckFinding:
    """Whether ECR has the image, for the architecture of the instances."""
    findings, named = [], []
    for model in parts.models:
        found = _image(parts, model)
        findings.append(found)
        named.append(found.says)
    return worst(findings, "; ".join(sorted(set(named))))


def _image(parts: StackParts, model: PaintingModel) -> CheckFinding:
    where = model.in_ecr
    if where is None:
        return fault(f"{model.image} is no image in ECR", "push it to ECR (docs/endpoint.md) and deploy its ImageUri")
    if where["region"] != parts.connection.region:
        return fault(
            f"{model.image} is in {where['region']}", f"push it to {parts.connection.region}, where the endpoint is"
        )
    wanted = "arm64" if _ARM.match(model.instance_type or "") else "amd64"
    push = f"build it for linux/{wanted} and push it again (docs/endpoint.md)"
    try:
        found = _architectures(parts, where)
    except UnreachableError as error:
        return not_checked(f"the image's configuration cannot be fetched from here: {error}")
    if found is None:
        return fault(f"ECR has no {where[0]}", f"{push}, or deploy an ImageUri that is there")
    if f"linux/{wanted}" not in found:
        return fault(
            f"the image is for {', '.join(sorted(found)) or 'nothing'}, {model.instance_type} is {wanted}", push
        )
    if where["digest"] is None:
        return warning(
            f"the image is named by the tag {where['tag'] or 'latest'}, which may come to mean another",
            "deploy ImageUri as REPOSITORY@sha256:...",
        )
    return ok(f"{where['repository']} is there for linux/{wanted}")


def _architectures(parts: StackParts, where: re.Match[str]) -> set[str] | None:
    """The platforms of an image, such as linux/amd64; None where ECR has no such image.

    Raises `UnreachableError` where the configuration of an image for one platform cannot be fetched.
    """
    given = {"repositoryName": where["repository"], "registryId": where["account"]}
    wanted = {"imageDigest": where["digest"]} if where["digest"] else {"imageTag": where["tag"] or "latest"}
    ecr = parts.client("ecr")
    try:
        images = ecr.batch_get_image(**given, imageIds=[wanted], acceptedMediaTypes=list(_MANIFESTS))["images"]
    except ClientError as error:
        if code_of(error) in _NO_IMAGE:
            return None
        raise
    if not images:
        return None
    manifest = json.loads(images[0]["imageManifest"])
    if "manifests" in manifest:
        # BuildKit lists attestations as images for unknown/unknown.
        return {_platform(each.get("platform", {})) for each in manifest["manifests"]} - {"unknown/unknown"}
    url = ecr.get_download_url_for_layer(**given, layerDigest=manifest["config"]["digest"])["downloadUrl"]
    status, configuration = ask("GET", url)
    if status != 200:
        raise UnreachableError(f"its URL answers {status}")
    return {_platform(json.loads(configuration))}


def _platform(said: dict[str, Any]) -> str:
    return f"{said.get('os', 'unknown')}/{said.get('architecture', 'unknown')}"


def model_data(parts: StackParts) -> CheckFinding:
    """Whether the weights' folder is in this region, and whole as far as its manifest tells."""
    return worst((_model_data(parts, model) for model in parts.models), _weights_of(parts))


def _weights_of(parts: StackParts) -> str:
    return "; ".join(sorted({model.weights or "the image holds the weights, if any" for model in parts.models}))


def _model_data(parts: StackParts, model: PaintingModel) -> CheckFinding:
    entry = PAINTERS.get(model.painter or "")
    diffusion = entry is not None and entry.pipeline is not None
    if model.weights_at is None:
        if not diffusion:
            return ok("no ModelData")
        return warning(
            f"{model.painter} has no ModelData",
            "deploy ModelData=s3://BUCKET/FOLDER/, unless the image holds the weights",
        )
    bucket, prefix = model.weights_at
    s3 = parts.client("s3")
    try:
        region = s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
    except ClientError as error:
        if code_of(error) in _NO_BUCKET:
            return fault(f"there is no bucket {bucket}", "deploy ModelData as a folder that is there")
        raise
    if region not in (None, parts.connection.region):
        return fault(f"{bucket} is in {region}", f"copy the folder into a bucket in {parts.connection.region}")
    upload = f"aws s3 cp --recursive FOLDER {model.weights}"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    sizes = {each["Key"].removeprefix(prefix): each["Size"] for page in pages for each in page.get("Contents", [])}
    if not any(sizes.values()):
        return fault(f"{model.weights} is empty", f"{upload}, or deploy another ModelData")
    if not diffusion:
        return ok(f"{model.weights} holds {len(sizes)} files")
    if MANIFEST not in sizes:
        return fault(f"{model.weights} has no {MANIFEST}", f"write it (docs/endpoint.md), then {upload}")
    try:
        manifest = ModelManifest.model_validate_json(s3.get_object(Bucket=bucket, Key=prefix + MANIFEST)["Body"].read())
    except ValidationError:
        return fault(
            f"{MANIFEST} of {model.weights} is no manifest", f"write it again (docs/endpoint.md), then {upload}"
        )
    listed = {each.path: each.bytes for each in manifest.files}
    wrong = [path for path, size in listed.items() if sizes.get(path) != size]
    if wrong:
        return fault(f"{wrong[0]} of {model.weights} is missing or cut short", upload)
    # What a console makes for a folder is an object too, empty and with a last slash.
    strange = sorted(path for path in sizes.keys() - listed.keys() - {MANIFEST} if path and not path.endswith("/"))
    if strange:
        return fault(
            f"{strange[0]} of {model.weights} is not in {MANIFEST}, and the painter does not start with it",
            f"aws s3 rm {model.weights}{strange[0]}, or write {MANIFEST} again (docs/endpoint.md)",
        )
    return ok(f"{model.weights} holds {len(sizes)} files")


def endpoint(parts: StackParts) -> CheckFinding:
    """Whether each endpoint is in service, and what SageMaker says of the last change."""
    findings = []
    for status in parts.statuses:
        name = status.name
        if status.status == "Failed":
            findings.append(fault(f"{name} has failed: {status.failure or 'no reason is given'}", _READ_ON))
        elif status.status != "InService":
            findings.append(warning(f"{name} is {status.status}", "wait for it to end, then ask again"))
        elif status.failure:
            findings.append(warning(f"{name} is in service, its last change failed: {status.failure}", _READ_ON))
    return worst(findings, f"{', '.join(parts.endpoints)}: in service")


def _variant(parts: StackParts) -> str:
    return str(parts.endpoint_configs[0]["ProductionVariants"][0]["VariantName"])


_GO_ON: Final = (
    "aws application-autoscaling register-scalable-target --service-namespace sagemaker "
    "--resource-id endpoint/{endpoint}/variant/{variant} --scalable-dimension sagemaker:variant:DesiredInstanceCount "
    "--suspended-state DynamicScalingInSuspended=false,DynamicScalingOutSuspended=false,ScheduledScalingSuspended=false"
)


def endpoint_output(parts: StackParts) -> CheckFinding:
    """Whether the asynchronous endpoint writes where the service looks, and tells the topic that it listens to."""
    config = parts.endpoint_configs[0].get("AsyncInferenceConfig")
    name = parts.endpoints[0]
    remedy = "make its configuration as docs/endpoint.md has it, or let the stack make the endpoint"
    if config is None:
        return fault(f"{name} takes no asynchronous jobs", remedy)
    own, output = f"s3://{parts.output('BucketName')}/", config["OutputConfig"]
    for what, said in (("S3OutputPath", DONE_PREFIX), ("S3FailurePath", FAILED_PREFIX)):
        if output.get(what, "").rstrip("/") + "/" != own + said:
            return fault(f"{what} of {name} is {output.get(what)}, not {own}{said}", remedy)
    topics = output.get("NotificationConfig", {})
    for what in ("SuccessTopic", "ErrorTopic"):
        if topics.get(what) != parts.output("CompletionTopicArn"):
            return fault(f"{what} of {name} is {topics.get(what)}, not the stack's", remedy)
    return ok(f"{name} writes to the stack's bucket and tells its topic")


def scaling(parts: StackParts) -> CheckFinding:
    """Whether the asynchronous endpoint scales, how far, and why its last scaling failed."""
    status = parts.statuses[0]
    name = status.name
    if status.least is None:
        if parts.resource("AsyncTarget") is None:
            return ok(f"{name} keeps {status.desired} instances, scaled by whoever made it")
        return fault(f"{name} does not scale, though the stack has a target for it", "deploy the stack again")
    if status.suspended:
        return fault(f"scaling of {name} is suspended", _GO_ON.format(endpoint=name, variant=_variant(parts)))
    if status.most == 0:
        return fault(
            f"{name} may run no instance", f"outpaint endpoint scale 0 2 --stack {parts.connection.stack.name}"
        )
    if status.scaling is not None:
        return fault(
            f"its last scaling failed: {status.scaling}", "ask for quota, or deploy an InstanceType that is in stock"
        )
    says = f"{name} keeps between {status.least} and {status.most} instances"
    deployed = parts.parameters.get("MaxInstances")
    if deployed is not None and int(deployed) != status.most:
        return warning(f"{says}, MaxInstances is {deployed}", "the next deployment that changes it sets it anew")
    return ok(says)
