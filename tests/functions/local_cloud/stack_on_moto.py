"""The transformed template carried out on moto, changed and taken away, as CloudFormation does it.

moto's own CloudFormation makes no stage, scalable target, policy or alarm, and replaces nothing. So the order is ours:
a resource after those that it names; one whose changed property is create-only in AWS's registry schema (cfn-lint ships
them) is made anew, and the old one goes when all else is done ("Update behaviors of stack resources"). The calls are
those of the services' own APIs, through botocore, which checks each parameter. Where moto forgives what AWS refuses, it
is refused here.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from botocore.loaders import create_loader
from botocore.session import get_session
from local_cloud.transformed_template import ACCOUNT, PSEUDO, REGION, STACK, TransformedTemplate
from moto.sagemaker.models import FakeEndpointConfig, sagemaker_backends
from rendered_template import schema

LOADER = create_loader()
Properties = Mapping[str, Any]


class RefusedByAwsError(Exception):
    """AWS would refuse this; moto does not."""


@functools.cache
def create_only(kind: str) -> frozenset[str]:
    """The properties of a type that only a replacement changes."""
    return frozenset(path.split("/")[2] for path in schema(kind).get("createOnlyProperties", ()))


@dataclass(frozen=True)
class Made:
    """A resource that stands: its type, what Ref gives, further attributes, and its properties."""

    kind: str
    ref: str
    attributes: Mapping[str, str]
    properties: Properties
    keep: bool


class StackOnMoto:
    """One stack; moto has to be active while it is used."""

    def __init__(self) -> None:
        session = get_session()
        session.register_component("data_loader", LOADER)
        self.client = functools.cache(lambda service: session.create_client(service, region_name=REGION))
        self.known: dict[str, str] = dict(PSEUDO)
        self.made: dict[str, Made] = {}
        self.history: list[str] = []
        """What the last change did, such as `replace Model`, in order."""
        self._order: list[str] = []
        self._numbers = itertools.count(1)

    def deploy(self, **parameters: object) -> TransformedTemplate:
        """Make the stack, or change it into the one with these parameters; returns its template."""
        self.history.clear()
        template = TransformedTemplate(parameters, self.known)
        wanted, order = template.resources, _in_order(template)
        gone = [(name, self.made.pop(name)) for name in tuple(self.made) if name not in wanted]
        for name in order:
            kind, before = wanted[name]["Type"], self.made.get(name)
            properties = template.properties(name)
            keep = wanted[name].get("DeletionPolicy", "Delete").startswith("Retain")
            if before is None or any(before.properties.get(each) != properties.get(each) for each in create_only(kind)):
                ref, attributes = self._create(name, kind, properties)
                if before is not None:
                    gone.append((name, before))
                self.history.append(f"{'create' if before is None else 'replace'} {name}")
            elif before.properties != properties:
                ref, attributes = before.ref, before.attributes
                getattr(self, f"_update_{_slug(kind)}", _nothing)(before, properties)
                self.history.append(f"update {name}")
            else:
                continue
            self.made[name] = Made(kind, ref, attributes, properties, keep)
            self.known |= {name: ref, **{f"{name}.{attribute}": value for attribute, value in attributes.items()}}
        self._remove(gone)
        self._order = order
        return template

    def delete(self) -> None:
        """Take the stack away, but what is to be kept."""
        self.history.clear()
        self._remove([(name, self.made.pop(name)) for name in tuple(self.made)])

    def _remove(self, gone: list[tuple[str, Made]]) -> None:
        """Take these away, each before those that it needed."""
        for name, made in sorted(gone, key=lambda one: self._order.index(one[0]), reverse=True):
            if not made.keep:
                getattr(self, f"_delete_{_slug(made.kind)}", _nothing)(made)
                self.history.append(f"delete {name}")

    def _create(self, name: str, kind: str, properties: Properties) -> tuple[str, Mapping[str, str]]:
        make: Callable[[str, Properties], tuple[str, Mapping[str, str]]] | None
        make = getattr(self, f"_create_{_slug(kind)}", None)
        physical = f"{STACK}-{name}-{next(self._numbers):04}"
        if make:
            return make(physical, properties)
        # What is not carried out has a name and an ARN, so that others can refer to it.
        return physical, {"Arn": f"arn:aws:{kind.split('::')[1].lower()}:{REGION}:{ACCOUNT}:{physical}"}

    # IAM, buckets, logs, topics

    def _create_s3_bucket(self, name: str, _: Properties) -> tuple[str, Mapping[str, str]]:
        self.client("s3").create_bucket(Bucket=name.lower())
        return name.lower(), {"Arn": f"arn:aws:s3:::{name.lower()}"}

    def _create_iam_role(self, name: str, given: Properties) -> tuple[str, Mapping[str, str]]:
        iam = self.client("iam")
        document = json.dumps(given["AssumeRolePolicyDocument"])
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        for policy in given.get("Policies", ()):
            # IAM takes a policy without a version, as SAM writes that of a schedule; moto does not.
            document = json.dumps({"Version": "2012-10-17", **policy["PolicyDocument"]})
            iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)
        return name, {"Arn": arn}

    def _delete_iam_role(self, made: Made) -> None:
        for policy in made.properties.get("Policies", ()):
            self.client("iam").delete_role_policy(RoleName=made.ref, PolicyName=policy["PolicyName"])
        self.client("iam").delete_role(RoleName=made.ref)

    def _create_logs_loggroup(self, name: str, given: Properties) -> tuple[str, Mapping[str, str]]:
        name = given.get("LogGroupName", name)
        self.client("logs").create_log_group(logGroupName=name)
        self.client("logs").put_retention_policy(logGroupName=name, retentionInDays=given["RetentionInDays"])
        return name, {"Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*"}

    def _delete_logs_loggroup(self, made: Made) -> None:
        self.client("logs").delete_log_group(logGroupName=made.ref)

    def _create_sns_topic(self, name: str, _: Properties) -> tuple[str, Mapping[str, str]]:
        return self.client("sns").create_topic(Name=name)["TopicArn"], {"TopicName": name}

    def _delete_sns_topic(self, made: Made) -> None:
        self.client("sns").delete_topic(TopicArn=made.ref)

    # SageMaker

    def _create_sagemaker_model(self, name: str, given: Properties) -> tuple[str, Mapping[str, str]]:
        arn = self.client("sagemaker").create_model(ModelName=name, **given)["ModelArn"]
        return arn, {"ModelName": name}

    def _delete_sagemaker_model(self, made: Made) -> None:
        self.client("sagemaker").delete_model(ModelName=made.attributes["ModelName"])

    def _create_sagemaker_endpointconfig(self, name: str, given: Properties) -> tuple[str, Mapping[str, str]]:
        sagemaker = self.client("sagemaker")
        types = sagemaker.meta.service_model.shape_for("ProductionVariantInstanceType").enum
        for variant in given["ProductionVariants"]:
            sagemaker.describe_model(ModelName=variant["ModelName"])
            if variant["InstanceType"] not in types:
                raise RefusedByAwsError(
                    f"{variant['InstanceType']} is no instance type of an endpoint (CreateEndpointConfig)"
                )
        # moto's own list of them is years old.
        with patch.object(FakeEndpointConfig, "validate_instance_type", _nothing):
            arn = sagemaker.create_endpoint_config(EndpointConfigName=name, **given)["EndpointConfigArn"]
        return arn, {"EndpointConfigName": name}

    def _delete_sagemaker_endpointconfig(self, made: Made) -> None:
        name = made.attributes["EndpointConfigName"]
        if any(one.endpoint_config_name == name for one in self._backend().endpoints.values()):
            raise RefusedByAwsError(f"{name} is in use: you must not delete it (DeleteEndpointConfig)")
        self.client("sagemaker").delete_endpoint_config(EndpointConfigName=name)

    def _create_sagemaker_endpoint(self, _: str, given: Properties) -> tuple[str, Mapping[str, str]]:
        name = given["EndpointName"]
        if name in self._backend().endpoints:
            raise RefusedByAwsError(f"{name} exists: a name is an account's once (CreateEndpoint)")
        parameters = _of_endpoint(given, "EndpointName", "EndpointConfigName", "DeploymentConfig")
        return self.client("sagemaker").create_endpoint(**parameters)["EndpointArn"], {"EndpointName": name}

    def _update_sagemaker_endpoint(self, before: Made, given: Properties) -> None:
        """UpdateEndpoint, which moto has not: its parameters are checked by botocore, its rules are AWS's."""
        client = self.client("sagemaker")
        parameters = _of_endpoint(
            given, "EndpointName", "EndpointConfigName", "RetainAllVariantProperties", "DeploymentConfig"
        )
        client._convert_to_request_dict(
            parameters, client.meta.service_model.operation_model("UpdateEndpoint"), "https://aws", {}
        )
        name, config = given["EndpointName"], given["EndpointConfigName"]
        endpoint = self._backend().endpoints[name]
        if endpoint.endpoint_config_name == config:
            raise RefusedByAwsError("an update needs another configuration than the one in use (UpdateEndpoint)")
        old = {each["VariantName"]: each for each in self._variants(endpoint.endpoint_config_name)}
        new = {each["VariantName"]: each for each in self._variants(config)}
        for target in self._targets():
            _, of, _, variant = target["ResourceId"].split("/")
            if of == name and old[variant]["InstanceType"] != new.get(variant, {}).get("InstanceType"):
                # Application Auto Scaling, "Amazon SageMaker endpoint variants"; UpdateEndpoint's errors.
                raise RefusedByAwsError(
                    f"{variant} of {name} is registered: deregister it before its instance type changes"
                )
        running = {each["VariantName"]: each for each in endpoint.production_variants}
        endpoint.endpoint_config_name = config
        endpoint.production_variants = endpoint._process_production_variants(list(new.values()))
        if given.get("RetainAllVariantProperties"):
            for variant in endpoint.production_variants:
                kept = running.get(variant["VariantName"], {})
                variant |= {key: value for key, value in kept.items() if key.endswith("InstanceCount")}

    def _delete_sagemaker_endpoint(self, made: Made) -> None:
        name = made.attributes["EndpointName"]
        if any(target["ResourceId"].startswith(f"endpoint/{name}/") for target in self._targets()):
            raise RefusedByAwsError(f"{name} goes before its scalable target: that one would be left behind")
        self.client("sagemaker").delete_endpoint(EndpointName=name)

    def _backend(self) -> Any:
        return sagemaker_backends[ACCOUNT][REGION]

    def _variants(self, config: str) -> list[dict[str, Any]]:
        return self.client("sagemaker").describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]

    def _targets(self) -> list[dict[str, Any]]:
        return self.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")[
            "ScalableTargets"
        ]

    # Scaling and alarms

    def _create_applicationautoscaling_scalabletarget(self, _: str, given: Properties) -> tuple[str, Mapping[str, str]]:
        _, endpoint, _, variant = given["ResourceId"].split("/")
        there = self.client("sagemaker").describe_endpoint(EndpointName=endpoint)["ProductionVariants"]
        if variant not in {each["VariantName"] for each in there}:
            raise RefusedByAwsError(f"{endpoint} has no variant {variant} (RegisterScalableTarget)")
        self._update_applicationautoscaling_scalabletarget(None, given)
        return "|".join((given["ResourceId"], given["ScalableDimension"], given["ServiceNamespace"])), {}

    def _update_applicationautoscaling_scalabletarget(self, _: Made | None, given: Properties) -> None:
        self.client("application-autoscaling").register_scalable_target(**given)

    def _delete_applicationautoscaling_scalabletarget(self, made: Made) -> None:
        named = {key: made.properties[key] for key in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
        self.client("application-autoscaling").deregister_scalable_target(**named)

    def _create_applicationautoscaling_scalingpolicy(self, _: str, given: Properties) -> tuple[str, Mapping[str, str]]:
        return self.client("application-autoscaling").put_scaling_policy(**_policy(given))["PolicyARN"], {}

    def _update_applicationautoscaling_scalingpolicy(self, _: Made, given: Properties) -> None:
        self.client("application-autoscaling").put_scaling_policy(**_policy(given))

    def _delete_applicationautoscaling_scalingpolicy(self, made: Made) -> None:
        named = {key: _policy(made.properties)[key] for key in ("PolicyName", *_OF_TARGET)}
        self.client("application-autoscaling").delete_scaling_policy(**named)

    def _create_cloudwatch_alarm(self, name: str, given: Properties) -> tuple[str, Mapping[str, str]]:
        parameters = {"AlarmName": name, **given}
        self.client("cloudwatch").put_metric_alarm(**parameters)
        name = parameters["AlarmName"]
        return name, {"Arn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"}

    def _update_cloudwatch_alarm(self, before: Made, given: Properties) -> None:
        self.client("cloudwatch").put_metric_alarm(**{"AlarmName": before.ref, **given})

    def _delete_cloudwatch_alarm(self, made: Made) -> None:
        self.client("cloudwatch").delete_alarms(AlarmNames=[made.ref])

    # The front door

    def _create_apigateway_restapi(self, name: str, given: Properties) -> tuple[str, Mapping[str, str]]:
        title, kinds = given["Body"]["info"]["title"], given["EndpointConfiguration"]["Types"]
        api = self.client("apigateway").create_rest_api(name=title, endpointConfiguration={"types": kinds})
        self._update_apigateway_restapi(Made("", api["id"], {}, {}, keep=False), given)
        return api["id"], {"RestApiId": api["id"], "RootResourceId": api["rootResourceId"]}

    def _update_apigateway_restapi(self, before: Made, given: Properties) -> None:
        self.client("apigateway").put_rest_api(
            restApiId=before.ref, mode="overwrite", body=json.dumps(given["Body"]).encode()
        )

    def _delete_apigateway_restapi(self, made: Made) -> None:
        self.client("apigateway").delete_rest_api(restApiId=made.ref)

    def _create_apigateway_deployment(self, _: str, given: Properties) -> tuple[str, Mapping[str, str]]:
        made = self.client("apigateway").create_deployment(restApiId=given["RestApiId"])
        return made["id"], {"DeploymentId": made["id"]}

    def _delete_apigateway_deployment(self, made: Made) -> None:
        apigateway, api = self.client("apigateway"), made.properties["RestApiId"]
        if api not in {each["id"] for each in apigateway.get_rest_apis()["items"]}:
            return
        if made.ref in {each["deploymentId"] for each in apigateway.get_stages(restApiId=api)["item"]}:
            raise RefusedByAwsError("a stage points at this deployment (DeleteDeployment)")
        apigateway.delete_deployment(restApiId=api, deploymentId=made.ref)

    def _create_apigateway_stage(self, _: str, given: Properties) -> tuple[str, Mapping[str, str]]:
        self.client("apigateway").create_stage(
            restApiId=given["RestApiId"], stageName=given["StageName"], deploymentId=given["DeploymentId"]
        )
        return given["StageName"], {}

    def _update_apigateway_stage(self, before: Made, given: Properties) -> None:
        change = {"op": "replace", "path": "/deploymentId", "value": given["DeploymentId"]}
        self.client("apigateway").update_stage(
            restApiId=given["RestApiId"], stageName=before.ref, patchOperations=[change]
        )

    def _delete_apigateway_stage(self, made: Made) -> None:
        self.client("apigateway").delete_stage(restApiId=made.properties["RestApiId"], stageName=made.ref)


def _of_endpoint(given: Properties, *names: str) -> dict[str, Any]:
    """Those of an endpoint's properties, as the API has them: the pause that CloudFormation may leave out is 0."""
    parameters = json.loads(json.dumps({name: given[name] for name in names if name in given}))
    if "DeploymentConfig" in parameters:
        routing = parameters["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
        routing.setdefault("WaitIntervalInSeconds", 0)
    return parameters


_OF_TARGET = ("ResourceId", "ScalableDimension", "ServiceNamespace")


def _policy(given: Properties) -> dict[str, Any]:
    """A policy's properties as PutScalingPolicy has them: its target in three parts."""
    rest = {key: value for key, value in given.items() if key != "ScalingTargetId"}
    return {**rest, **dict(zip(_OF_TARGET, given["ScalingTargetId"].split("|"), strict=True))}


def _nothing(*_: object) -> None:
    pass


def _slug(kind: str) -> str:
    return "_".join(kind.lower().split("::")[1:])


def _in_order(template: TransformedTemplate) -> list[str]:
    """The resources that are made, each after those that it needs."""
    needs = {name: template.needed_by(name) for name in template.resources}
    done: list[str] = []
    while len(done) < len(needs):
        ready = [name for name in needs if name not in done and needs[name] <= set(done)]
        assert ready, "a circle"
        done += ready
    return done
