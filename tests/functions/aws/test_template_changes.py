"""What another parameter changes: the template as SAM transforms it, and as CloudFormation carries that out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import jsonschema
import pytest
from botocore.loaders import create_loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from rendered_template import PARAMETERS, PSEUDO, Change, RenderedTemplate, schema
from samtranslator.model.preferences.deployment_preference_collection import CODEDEPLOY_PREDEFINED_CONFIGURATIONS_LIST

from outpaint.contracts.masks_and_formats import Format
from outpaint.contracts.storage_names import answer_prefix, failure_prefix, file_id, input_name, outcome_name

IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/painter"
ARN = "arn:aws:{0}:eu-central-1:123456789012:{1}"
# Everything that a stack can have is there, so that every parameter has something to change.
FULL: dict[str, object] = {
    "ImageUri": IMAGE + ":1",
    "ModelData": "s3://weights/klein/",
    "RealtimeInstances": 1,
    "AlarmEmail": "operator@example.com",
    "DomainName": "api.example.com",
    "CertificateArn": ARN.format("acm", "certificate/1"),
    "WebAclArn": ARN.format("wafv2", "regional/webacl/front/1"),
    "ApiConcurrency": 800,
    "CompletionConcurrency": 50,
    "RealtimeConcurrency": 20,
    "MonthlyBudget": 500,
    "Canary": "Canary10Percent5Minutes",
    "OperatorSettings": "true",
}
JOBS = {"CompletionFunction", "RealtimeFunction", "SweeperFunction"}
"""The functions without versions: an update reaches them at once."""
API = {"replaced": {"ApiSettings", "ApiFunctionVersion"}, "updated": {"ApiFunction", "ApiFunctionAliaslive"}}
"""What has to happen for a new value to reach the API: the alias leads to another version of the function."""
SCALING = {"AsyncTarget", "AsyncByBacklog", "AsyncFromZero", "AsyncShrink", "AsyncToZero"}
ENDPOINT_ALARMS = {"AsyncHasNobody", "AsyncHasSpare", "AsyncIsIdle", "BacklogAlarm"}
LOGS = {"ApiLog", "CompletionLog", "SweeperLog", "RealtimeLog", "PainterLog", "RealtimePainterLog", "AccessLog"}
REST = {"RestApi", "RestApiPermission", "RestErrorsAlarm", "AccessLog", "ApiLogging", "ApiLoggingRole"}
DEPLOYMENT = {"RestApiDeployment", "RestApiliveStage"}
"""Made anew by every update."""


def _all(*parts: dict[str, set[str]], **more: set[str]) -> dict[str, set[str]]:
    kinds = {"made", "removed", "replaced", "updated"}
    return {kind: set().union(*(part.get(kind, set()) for part in (*parts, more))) for kind in kinds}


_MODEL = {"replaced": {"Model", "AsyncConfig", "RealtimeConfig"}, "updated": {"AsyncEndpoint", "RealtimeEndpoint"}}
_RULE = _all(API, updated=JOBS)
# A parameter's other value, and all that it changes.
GOVERNS: dict[str, tuple[object, dict[str, set[str]]]] = {
    "ImageUri": (IMAGE + ":2", _all(_MODEL)),
    "ModelData": ("s3://weights/sdxl/", _all(_MODEL, updated={"PainterRole"})),
    "Painter": ("sdxl", _all(_MODEL)),
    "InstanceType": (
        "ml.g6e.xlarge",
        _all(
            _RULE,
            replaced={"AsyncConfig", "AsyncEndpoint", "PainterLog", *SCALING},
            updated={"Dashboard", *ENDPOINT_ALARMS},
        ),
    ),
    "MaxInstances": (5, _all(updated={"AsyncTarget"})),
    "BacklogPerInstance": (9, _all(updated={"AsyncByBacklog"})),
    "JobsPerInstance": (3, _all(replaced={"AsyncConfig"}, updated={"AsyncEndpoint"})),
    "RealtimeInstanceType": ("ml.c7i.xlarge", _all(replaced={"RealtimeConfig"}, updated={"RealtimeEndpoint"})),
    "RealtimeInstances": (2, _all(replaced={"RealtimeConfig"}, updated={"RealtimeEndpoint"})),
    "SecondsPerImage": (4, _RULE),
    "ExistingEndpoint": (
        "made-elsewhere",
        _all(
            API,
            removed={
                *(
                    "Model",
                    "AsyncConfig",
                    "AsyncEndpoint",
                    "PainterLog",
                    "PainterRole",
                    "RealtimeConfig",
                    "RealtimeLog",
                ),
                *("RealtimeEndpoint", "RealtimePainterLog", "RealtimeFunction", "RealtimeRole"),
                *("RealtimeFunctionEventInvokeConfig",),
                *SCALING,
                *ENDPOINT_ALARMS,
            },
            updated={"ApiRole", "CompletionRole", "SweeperRole", "CompletionFunction", "SweeperFunction", "Dashboard"},
        ),
    ),
    "CreditsPerImage": (2, _RULE),
    "RateLimit": (60, _all(_RULE, updated={"RestApi"})),
    "MaxPictureBytes": (1048576, _RULE),
    "MaxMissing": ("0.05", _all(_RULE, _MODEL)),
    "MaxPictureSide": (4096, _RULE),
    "MaxPictureArea": (64000000, _RULE),
    "StoredBytesPerAccount": (1073741824, _RULE),
    "JobLifetime": (600, _RULE),
    "SyncWait": (5, _RULE),
    "AcceptedWord": ("success", _RULE),
    "OperatorSettings": ("false", _all(API, removed={"SettingsFellBackAlarm"}, updated={"ApiRole"})),
    "CorsOrigins": ("https://a.example,https://b.example", _all(_RULE, updated={"RestApi", "Bucket"})),
    "FrontDoor": (
        "FunctionUrl",
        _all(
            _RULE,
            made={"FunctionUrl", "FunctionUrlPermission", "FunctionUrlInvokePermission", "UrlErrorsAlarm"},
            removed={"Domain", "DomainMapping", "WebAcl", *REST, *DEPLOYMENT},
            updated={"ApiFunctionDeploymentGroup", "Dashboard"},
        ),
    ),
    "PublicUrl": ("https://pictures.example.com", _RULE),
    "DomainName": ("pictures.example.com", _all(_RULE, replaced={"Domain", "DomainMapping"})),
    "CertificateArn": (ARN.format("acm", "certificate/2"), _all(updated={"Domain"})),
    "WebAclArn": (ARN.format("wafv2", "regional/webacl/front/2"), _all(replaced={"WebAcl"})),
    "SetApiLogging": ("false", _all(removed={"AccessLog", "ApiLogging", "ApiLoggingRole"})),
    "Architecture": ("x86_64", _RULE),
    "Runtime": ("python3.12", _RULE),
    "SnapStart": ("None", _all(API)),
    "MemorySize": (2048, _all(API)),
    "WarmWrites": ("12000", _all(updated={"Table"})),
    "ApiConcurrency": (700, _all(updated={"ApiFunction"})),
    "CompletionConcurrency": (60, _all(updated={"CompletionFunction"})),
    "RealtimeConcurrency": (30, _all(updated={"RealtimeFunction"})),
    "Canary": ("Linear10PercentEvery1Minute", _all(updated={"ApiFunctionDeploymentGroup"})),
    "LogRetentionDays": (90, _all(updated=LOGS)),
    "RecoveryDays": (14, _all(updated={"Table"})),
    "AlarmEmail": ("other@example.com", _all(updated={"AlarmTopic"}, replaced={"Budget"})),
    "MonthlyBudget": (900, _all(updated={"Budget"})),
}


@cache
def deployed(**other: object) -> RenderedTemplate:
    return RenderedTemplate(**{**FULL, **other})


def change(**other: object) -> Change:
    return deployed().changed_to(deployed(**other))


def test_every_parameter_has_a_row() -> None:
    assert set(GOVERNS) == set(PARAMETERS)
    assert not deployed().refusals()


@pytest.mark.parametrize("name", GOVERNS)
def test_a_changed_parameter_reaches_what_it_governs_and_nothing_else(name: str) -> None:
    value, expected = GOVERNS[name]
    done = change(**{name: value})
    assert {kind: done.of(kind) - DEPLOYMENT for kind in expected} == {
        kind: names - DEPLOYMENT for kind, names in expected.items()
    }
    before, after = deployed(), deployed(**{name: value})
    # What a version is made of, without what belongs to the function as a whole: Lambda refuses to publish a version
    # that differs in nothing.
    made_of = [
        {key: said for key, said in each.properties("ApiFunction").items() if key != "ReservedConcurrentExecutions"}
        for each in (before, after)
    ]
    assert (made_of[0] != made_of[1]) == ("ApiFunctionVersion" in done.of("replaced"))
    assert (made_of[0] != made_of[1]) == ("ApiFunctionAliaslive" in done.of("updated"))
    if after.holds("HasRestApi"):
        assert "RestApiDeployment" in done.of("replaced"), "clients would get the gateway's old answers"
        assert "RestApiliveStage" in done.of("updated")


@cache
def _validator(kind: str) -> Any:
    """Of all but texts' patterns: stand-ins for what AWS itself names match none."""
    passed = dict.fromkeys(("pattern", "format"), lambda *_: ())
    return jsonschema.validators.extend(jsonschema.Draft7Validator, passed)(schema(kind))


@cache
def _checked(kind: str, properties: str) -> list[Any]:
    return list(_validator(kind).iter_errors(json.loads(properties)))


def _findings(rendered: RenderedTemplate) -> Iterator[str]:
    """What AWS's schemas have against the values of resources."""
    for name, kind in rendered.kinds.items():
        for error in _checked(kind, json.dumps(_typed(rendered.properties(name)), sort_keys=True)):
            yield f"{name}: {error.json_path}: {error.message[:200]}"


def _typed(part: Any) -> Any:
    """CloudFormation turns text into the number or truth value that a property wants; environments are text."""
    if isinstance(part, dict):
        return {key: value if key == "Environment" else _typed(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_typed(value) for value in part]
    return int(part) if isinstance(part, str) and part.isdecimal() else part


_LOADER = create_loader()
_ALLOWED = {name: body["AllowedValues"] for name, body in PARAMETERS.items() if "AllowedValues" in body}


@pytest.mark.parametrize("number", range(max(map(len, _ALLOWED.values()))))
def test_every_allowed_value_is_one_that_aws_takes(number: int) -> None:
    """The first of every parameter together, then the second, until each has been there."""
    rendered = deployed(**{name: values[number % len(values)] for name, values in _ALLOWED.items()})
    assert list(_findings(rendered)) == []


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("Model", "CreateModelInput"),
        ("AsyncConfig", "CreateEndpointConfigInput"),
        ("RealtimeConfig", "CreateEndpointConfigInput"),
        ("AsyncEndpoint", "UpdateEndpointInput"),
        ("RealtimeEndpoint", "UpdateEndpointInput"),
    ],
)
def test_sagemaker_takes_what_cloudformation_passes_on(name: str, shape: str) -> None:
    """Its own API wants more than the registry's schemas do."""
    made_up = {"ModelName": "model"} if name == "Model" else {"EndpointConfigName": "config"}
    service = ServiceModel(_LOADER.load_service_model("sagemaker", "service-2"))
    properties = {**made_up, **_typed(deployed().properties(name))}
    assert ParamValidator().validate(properties, service.shape_for(shape)).generate_report() == ""


def test_values_that_no_schema_lists_are_ones_that_aws_takes() -> None:
    runtimes = _LOADER.load_service_model("lambda", "service-2")["shapes"]["Runtime"]["enum"]
    assert set(_ALLOWED["Runtime"]) <= set(runtimes)
    assert set(_ALLOWED["Canary"]) - {"none"} <= set(CODEDEPLOY_PREDEFINED_CONFIGURATIONS_LIST)


def test_small_stacks_are_ones_that_aws_takes() -> None:
    for given in ({"ImageUri": IMAGE}, {"ExistingEndpoint": "there", "FrontDoor": "FunctionUrl", "ApiConcurrency": 1}):
        rendered = RenderedTemplate(**given)
        assert rendered.refusals() == []
        assert list(_findings(rendered)) == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "Give ImageUri"),
        ({"ImageUri": IMAGE, "DomainName": "api.example.com"}, "Give CertificateArn"),
        ({"ImageUri": IMAGE, "CompletionConcurrency": 1}, "CompletionConcurrency is 0 or at least 2"),
        ({**FULL, "FrontDoor": "FunctionUrl", "WebAclArn": ""}, "DomainName is for FrontDoor=RestApi"),
        ({**FULL, "FrontDoor": "FunctionUrl", "DomainName": ""}, "WebAclArn is for FrontDoor=RestApi"),
        ({"ImageUri": IMAGE, "MonthlyBudget": 9}, "Give AlarmEmail"),
        ({"ImageUri": IMAGE, "FrontDoor": "FunctionUrl"}, "Give ApiConcurrency; a Function URL has no other throttle"),
    ],
)
def test_parameters_that_do_not_fit_together_are_refused_before_anything_is_made(given: Any, says: str) -> None:
    (refusal,) = RenderedTemplate(**given).refusals()
    assert refusal.startswith(says)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("ImageUri", [IMAGE + "@sha256:00", "none"], ["painter:1", "docker.io/library/painter"]),
        ("ExistingEndpoint", ["", "made-elsewhere"], ["Made-Elsewhere", "a" * 64, "a_b"]),
        (
            "CorsOrigins",
            ["*", "https://a.example", "https://a.example,http://localhost:8080"],
            ["a.example", "https://a,b"],
        ),
        ("CorsOrigins", [], ["https://a.example, https://b.example", "https://a.example/", "https://a'b"]),
        ("DomainName", ["", "api.example.com"], ["https://api.example.com", "api"]),
    ],
)
def test_a_value_that_would_fail_later_is_refused_at_once(name: str, good: list[str], bad: list[str]) -> None:
    pattern = re.compile(PARAMETERS[name]["AllowedPattern"])
    assert [value for value in good if not pattern.fullmatch(value)] == []
    assert [value for value in bad if pattern.fullmatch(value)] == []


def test_another_instance_type_is_another_endpoint_and_functions_go_on_meanwhile() -> None:
    """SageMaker changes the type of no variant that scales, so the endpoint that scales is never updated to another."""
    before, after = deployed(), deployed(InstanceType="ml.g6e.xlarge")
    assert [each.properties("AsyncEndpoint")["EndpointName"] for each in (before, after)] == [
        "painter-1a2b3c4d-ml-g5-xlarge",
        "painter-1a2b3c4d-ml-g6e-xlarge",
    ]
    # No function is sent to an endpoint before that is in service, nor loses the right to call the one before.
    assert {"AsyncEndpoint", "RealtimeEndpoint"} <= after.all_made_before("ApiFunction")
    assert not {"ApiRole", "RealtimeRole", "PainterRole"} & change(InstanceType="ml.g6e.xlarge").kinds.keys()
    for role in ("ApiRole", "RealtimeRole"):
        (statement,) = _statements(after, role, "sagemaker:InvokeEndpointAsync")
        for each in (before, after):
            name = each.properties("AsyncEndpoint")["EndpointName"]
            assert fnmatchcase(ARN.format("sagemaker", "endpoint/" + name), statement["Resource"])


def test_two_stacks_stand_beside_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a resource is known by differs between stacks of one account, where the template gives it."""

    def names(rendered: RenderedTemplate) -> dict[str, dict[str, Any]]:
        found = {}
        for name, kind in rendered.kinds.items():
            said = schema(kind)
            own = [path for path in said.get("createOnlyProperties", ()) if path.endswith("Name")]
            paths = {path.removeprefix("/properties/") for path in (*said["primaryIdentifier"], *own)}
            found[name] = {path: rendered.properties(name)[path] for path in paths & rendered.properties(name).keys()}
        # The one setting of an account and region is SetApiLogging's (docs/deploy.md).
        return {name: given for name, given in found.items() if given and name != "ApiLogging"}

    one = names(deployed())
    monkeypatch.setitem(PSEUDO, "AWS::StackName", "Second")
    monkeypatch.setitem(PSEUDO, "AWS::StackId", PSEUDO["AWS::StackId"].replace("Outpaint/1a", "Second/2b"))
    other = names(RenderedTemplate(**{**FULL, "DomainName": "second.example.com"}))
    assert {"AsyncEndpoint", "Domain", "PainterLog"} <= one.keys()
    assert [name for name, given in one.items() if given == other.get(name)] == []


def test_names_fit_sagemaker_whatever_the_stack_is_called() -> None:
    assert PSEUDO["AWS::StackName"] != PSEUDO["AWS::StackName"].lower()
    rendered = deployed(InstanceType="ml.p4de.24xlarge")
    for name in ("AsyncEndpoint", "RealtimeEndpoint"):
        assert re.fullmatch(r"[a-z0-9](-*[a-z0-9]){0,62}", rendered.properties(name)["EndpointName"])
    for role in ("ApiRole", "RealtimeRole", "PainterRole"):
        for statement in _statements(rendered, role, "sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointAsync"):
            assert statement["Resource"] == statement["Resource"].lower()


@pytest.mark.parametrize(
    ("kind", "ami"),
    [
        *(
            ("ml." + kind, "al2023-ami-sagemaker-inference-gpu-4-1")
            for kind in ("g5.xlarge", "g6e.2xlarge", "p4d.24xlarge")
        ),
        *(("ml." + kind, None) for kind in ("c5.xlarge", "m7i.large", "c6g.xlarge", "inf2.xlarge")),
    ],
)
def test_gpu_instances_have_a_driver_for_our_cuda(kind: str, ami: str | None) -> None:
    rendered = deployed(InstanceType=kind, RealtimeInstanceType=kind)
    for config in ("AsyncConfig", "RealtimeConfig"):
        (variant,) = rendered.properties(config)["ProductionVariants"]
        assert variant.get("InferenceAmiVersion") == ami


def test_an_update_of_an_endpoint_keeps_its_instances_and_has_a_way_back() -> None:
    for name in ("AsyncEndpoint", "RealtimeEndpoint"):
        config = deployed().properties(name)["DeploymentConfig"]
        (alarm,) = config["AutoRollbackConfiguration"]["Alarms"]
        assert alarm["AlarmName"].startswith("JobsFailAlarm-")
        # Old instances stay for as long as the alarm needs to go off.
        assert (
            config["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"]
            >= deployed().properties("JobsFailAlarm")["Period"]
        )
    assert deployed().properties("AsyncEndpoint")["RetainAllVariantProperties"]
    # How many a real-time endpoint has is RealtimeInstances, also after an update.
    assert "RetainAllVariantProperties" not in deployed().properties("RealtimeEndpoint")


def test_old_versions_end_with_the_deployment_that_replaces_them() -> None:
    version = deployed().attributes(deployed().named("ApiFunctionVersion", "AWS::Lambda::Version"))
    assert version["DeletionPolicy"] == "Delete"
    assert version.get("UpdateReplacePolicy", "Delete") == "Delete"


def test_functions_have_reserved_concurrency_only_where_it_was_asked_for() -> None:
    for function, parameter in (("Api", "ApiConcurrency"), ("Completion", "CompletionConcurrency")):
        assert deployed().properties(function + "Function")["ReservedConcurrentExecutions"] == str(FULL[parameter])
        # A new account has none to give: such a deployment would fail.
        without = deployed(**{parameter: 0}).properties(function + "Function")
        assert "ReservedConcurrentExecutions" not in without


def test_a_canary_goes_back_at_the_alarms_of_its_door() -> None:
    for door, alarms in (
        ("RestApi", {"ApiBrokenAlarm", "RestErrorsAlarm"}),
        ("FunctionUrl", {"ApiBrokenAlarm", "UrlErrorsAlarm"}),
    ):
        rendered = deployed(FrontDoor=door)
        group = rendered.properties("ApiFunctionDeploymentGroup")
        assert {alarm["Name"].partition("-")[0] for alarm in group["AlarmConfiguration"]["Alarms"]} == alarms
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        assert "CodeDeployLambdaAliasUpdate" in rendered.attributes("ApiFunctionAliaslive")["UpdatePolicy"]
    without = deployed(Canary="none")
    assert "UpdatePolicy" not in without.attributes("ApiFunctionAliaslive")
    assert not any(kind.startswith("AWS::CodeDeploy") for kind in without.kinds.values())


def test_the_stage_is_made_when_api_gateway_may_write_its_log() -> None:
    assert {"ApiLogging", "ApiLoggingRole", "AccessLog"} <= deployed().all_made_before("RestApiliveStage")


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"DomainName": ""}, r"https://RestApi-Ref-\w+\.execute-api\.eu-central-1\.amazonaws\.com/live"),
        ({}, r"https://api\.example\.com"),
        ({"DomainName": "", "FrontDoor": "FunctionUrl"}, r"https://\w+\.lambda-url\.eu-central-1\.on\.aws"),
    ],
)
def test_paths_can_be_appended_to_the_url(given: dict[str, object], url: str) -> None:
    assert re.fullmatch(url, deployed(**given).outputs["Url"])


def test_urls_in_answers_begin_with_the_domain_unless_another_address_was_given() -> None:
    def begin(**given: object) -> str:
        variables: dict[str, str] = deployed(**given).properties("ApiFunction")["Environment"]["Variables"]
        return variables["OUTPAINT_PUBLIC_URL"]

    assert begin() == "https://api.example.com"
    assert begin(PublicUrl="https://front.example.com") == "https://front.example.com"
    assert begin(DomainName="") == ""


@pytest.mark.parametrize(
    ("origins", "first"), [("*", "*"), ("https://a.example", None), ("https://a.example,https://b.example", None)]
)
def test_the_gateways_own_answers_are_for_the_pages_that_may_call(origins: str, first: str | None) -> None:
    responses = deployed(CorsOrigins=origins).properties("RestApi")["Body"]["x-amazon-apigateway-gateway-responses"]
    assert {"REQUEST_TOO_LARGE", "INTEGRATION_TIMEOUT", "THROTTLED", "DEFAULT_5XX"} <= responses.keys()
    for response in responses.values():
        headers = response["responseParameters"]
        assert headers["gatewayresponse.header.Access-Control-Allow-Origin"] == f"'{first or 'https://a.example'}'"
        assert headers["gatewayresponse.header.Vary"] == "'Origin'"


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        (IMAGE, "repository/painter"),
        (IMAGE + ":v1", "repository/painter"),
        (IMAGE + "@sha256:0123", "repository/painter"),
        (IMAGE + ":v1@sha256:0123", "repository/painter"),
        ("999999999999.dkr.ecr.eu-central-1.amazonaws.com/team/painter:v1", "repository/team"),
    ],
)
def test_the_painter_may_pull_its_own_image_alone(image: str, repository: str) -> None:
    (statement,) = _statements(deployed(ImageUri=image), "PainterRole", "ecr:BatchGetImage")
    arn = f"arn:aws:ecr:eu-central-1:{image[:12]}:{repository}"
    assert statement["Resource"] == [arn, arn + "/*"]


def test_roles_are_for_services_that_act_for_this_account() -> None:
    rendered = deployed()
    trusts = [
        (trust["Principal"]["Service"], trust.get("Condition"))
        for name, kind in rendered.kinds.items()
        if kind == "AWS::IAM::Role"
        for trust in rendered.properties(name)["AssumeRolePolicyDocument"]["Statement"]
    ]
    ours = {"StringEquals": {"aws:SourceAccount": PSEUDO["AWS::AccountId"]}}
    assert [condition for service, condition in trusts if service == "sagemaker.amazonaws.com"] == [ours]
    assert [condition for service, condition in trusts if service == "lambda.amazonaws.com"] == [ours] * 4
    # Those that SAM makes, and that of a service that is not known to send the key (ADR 0062).
    others = [service for service, condition in trusts if condition is None]
    assert "apigateway.amazonaws.com" in others
    assert len(others) == len(trusts) - 5 == 3


_ID = "0c5fd1b0-33a3-4d42-b3c6-4d3c0b0e6a11"


@pytest.mark.parametrize(
    ("action", "name", "allowed"),
    [
        ("s3:GetObject", input_name(_ID, "image"), True),
        ("s3:GetObject", input_name(_ID, "request"), True),
        ("s3:PutObject", input_name(_ID, "mask"), False),
        ("s3:DeleteObject", input_name(_ID, "image"), False),
        ("s3:GetObject", outcome_name(_ID), True),
        ("s3:PutObject", outcome_name(_ID), True),
        ("s3:PutObject", answer_prefix(_ID) + ".out", True),
        ("s3:PutObject", failure_prefix(_ID, 2) + "-error.out", True),
        ("s3:DeleteObject", outcome_name(_ID), False),
        *(
            (action, file_id(_ID, kind.extension), True)
            for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
            for kind in Format
        ),
        ("s3:GetObject", "others.txt", False),
        ("s3:PutObject", "backup/" + file_id(_ID, "jpg"), False),
        ("s3:DeleteObject", "", False),
    ],
)
def test_the_painter_reaches_the_names_that_it_uses_and_no_others(action: str, name: str, allowed: bool) -> None:
    rendered = deployed()
    # Bucket.Arn is one word here; what lies in other buckets is named otherwise.
    patterns = [
        one["Resource"].partition("/")[2]
        for one in _statements(rendered, "PainterRole", action)
        if isinstance(one["Resource"], str) and one["Resource"].startswith("Bucket-Arn-")
    ]
    assert patterns
    # As in IAM, `*` is any characters, slashes too, and `?` is one.
    assert any(fnmatchcase(name, pattern) for pattern in patterns) is allowed


def _statements(rendered: RenderedTemplate, role: str, *actions: str) -> list[dict[str, Any]]:
    """Those of a role's statements that allow one of the actions."""
    return [
        statement
        for policy in rendered.properties(role)["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if set(actions) & {*([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])}
    ]
