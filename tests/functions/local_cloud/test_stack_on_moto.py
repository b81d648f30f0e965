"""SageMaker, scaling, alarms and the front door as the template makes them: made, changed and taken away on moto."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from moto import mock_aws

from outpaint.painting.endpoint.cuda_driver import INFERENCE_AMI

from .stack_on_moto import RefusedByAwsError, StackOnMoto

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/outpaint-endpoint:1"
OTHER_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/outpaint-endpoint:2"
DATA, OTHER_DATA = "s3://weights/models/klein/", "s3://weights/models/klein-2/"
BASE = {"ImageUri": IMAGE, "ModelData": DATA, "InstanceType": "ml.g5.xlarge", "MaxInstances": 3}
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def one_stack() -> Iterator[StackOnMoto]:
    with patch.dict(os.environ, CREDENTIALS), mock_aws():
        os.environ.pop("AWS_ENDPOINT_URL", None)
        yield StackOnMoto()


@pytest.fixture
def stack(one_stack: StackOnMoto) -> StackOnMoto:
    """The stack with the parameters of `BASE`, changed into it from whatever the test before has left."""
    one_stack.deploy(**BASE)
    return one_stack


def painter(stack: StackOnMoto) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The asynchronous endpoint, its configuration, that one's variant, and its model, as SageMaker describes them."""
    sagemaker = stack.client("sagemaker")
    endpoint = sagemaker.describe_endpoint(EndpointName=stack.known["AsyncEndpoint.EndpointName"])
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    (variant,) = config["ProductionVariants"]
    return endpoint, config, variant, sagemaker.describe_model(ModelName=variant["ModelName"])


def targets(stack: StackOnMoto) -> list[dict[str, Any]]:
    scaling = stack.client("application-autoscaling")
    return list(scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"])


def policies(stack: StackOnMoto) -> list[dict[str, Any]]:
    scaling = stack.client("application-autoscaling")
    return list(scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"])


def alarms(stack: StackOnMoto) -> list[dict[str, Any]]:
    return list(stack.client("cloudwatch").describe_alarms()["MetricAlarms"])


def touched(stack: StackOnMoto) -> set[str]:
    """The resources that the last change has made or changed, and that stand."""
    return {line.split()[1] for line in stack.history} & set(stack.made)


def test_the_endpoint_is_the_one_that_the_parameters_ask_for(stack: StackOnMoto) -> None:
    endpoint, config, variant, model = painter(stack)
    assert endpoint["EndpointStatus"] == "InService"
    assert variant["InstanceType"] == "ml.g5.xlarge"
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == variant["InitialInstanceCount"] == 1
    container = model["PrimaryContainer"]
    assert container["Image"] == IMAGE
    assert container["ModelDataSource"]["S3DataSource"]["S3Uri"] == DATA
    assert container["Environment"]["OUTPAINT_STORE"] == f"s3://{stack.known['Bucket']}/"
    assert model["ExecutionRoleArn"] == stack.known["PainterRole.Arn"]
    output = config["AsyncInferenceConfig"]["OutputConfig"]
    assert output["S3OutputPath"].startswith(f"s3://{stack.known['Bucket']}/")
    topics = {each["TopicArn"] for each in stack.client("sns").list_topics()["Topics"]}
    assert set(output["NotificationConfig"].values()) <= topics
    groups = {each["logGroupName"] for each in stack.client("logs").describe_log_groups()["logGroups"]}
    assert f"/aws/sagemaker/Endpoints/{endpoint['EndpointName']}" in groups


def test_it_scales_from_none_by_policies_that_an_alarm_or_a_target_sets_off(stack: StackOnMoto) -> None:
    endpoint, _, variant, _ = painter(stack)
    (target,) = targets(stack)
    assert target["ResourceId"] == f"endpoint/{endpoint['EndpointName']}/variant/{variant['VariantName']}"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 3)
    kinds = {each["PolicyARN"]: each["PolicyType"] for each in policies(stack)}
    assert {each["ResourceId"] for each in policies(stack)} == {target["ResourceId"]}
    set_off = [action for alarm in alarms(stack) for action in alarm["AlarmActions"] if action in kinds]
    assert len(set_off) == len(set(set_off)), "two alarms pull at one policy"
    assert set(set_off) == {arn for arn, kind in kinds.items() if kind == "StepScaling"}
    (tracking,) = (each for each in policies(stack) if each["PolicyType"] == "TargetTrackingScaling")
    metric = tracking["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]
    assert metric["Dimensions"] == [{"Name": "EndpointName", "Value": endpoint["EndpointName"]}]


def test_every_alarm_acts_on_something_that_stands_and_looks_at_what_stands(stack: StackOnMoto) -> None:
    endpoint, *_ = painter(stack)
    topics = {each["TopicArn"] for each in stack.client("sns").list_topics()["Topics"]}
    there = topics | {each["PolicyARN"] for each in policies(stack)}
    looked_at = set()
    for alarm in alarms(stack):
        assert set(alarm["AlarmActions"]) <= there, alarm["AlarmName"]
        assert alarm["AlarmActions"], alarm["AlarmName"]
        metrics = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", ()) if "MetricStat" in each]
        for metric in metrics or [alarm]:
            looked_at |= {one["Value"] for one in metric["Dimensions"] if one["Name"] == "EndpointName"}
    assert looked_at == {endpoint["EndpointName"]}


@pytest.mark.parametrize(
    ("change", "image", "data"),
    [
        ({"ImageUri": OTHER_IMAGE}, OTHER_IMAGE, DATA),
        ({"ModelData": OTHER_DATA}, IMAGE, OTHER_DATA),
        ({"ModelData": "", "Painter": "migan"}, IMAGE, None),
    ],
)
def test_another_painter_is_an_update_of_the_endpoint_with_a_model_and_a_configuration_of_its_own(
    stack: StackOnMoto, change: dict[str, Any], image: str, data: str | None
) -> None:
    before = painter(stack)
    stack.deploy(**{**BASE, **change})
    endpoint, config, _, model = painter(stack)
    assert endpoint["EndpointName"] == before[0]["EndpointName"]
    assert config["EndpointConfigName"] != before[1]["EndpointConfigName"]
    assert model["PrimaryContainer"]["Image"] == image
    source = model["PrimaryContainer"].get("ModelDataSource", {}).get("S3DataSource", {})
    assert source.get("S3Uri") == data
    # Going back is the same update, and nothing of before is left.
    assert len(stack.client("sagemaker").list_models()["Models"]) == 1
    assert len(stack.client("sagemaker").list_endpoint_configs()["EndpointConfigs"]) == 1
    assert len(targets(stack)) == 1
    undone = stack.deploy(**BASE)
    assert painter(stack)[3]["PrimaryContainer"]["Image"] == undone.parameters["ImageUri"]


def test_another_instance_type_is_an_endpoint_beside_the_old_one(stack: StackOnMoto) -> None:
    """An update would be refused, for the variant is registered as a scalable target."""
    old, *_ = painter(stack)
    stack.deploy(**{**BASE, "InstanceType": "ml.g6e.xlarge"})
    endpoint, _, variant, _ = painter(stack)
    assert variant["InstanceType"] == "ml.g6e.xlarge"
    assert [each["EndpointName"] for each in stack.client("sagemaker").list_endpoints()["Endpoints"]] == [
        endpoint["EndpointName"]
    ]
    assert endpoint["EndpointName"] != old["EndpointName"]
    # Jobs are sent to the new one before the old one goes.
    assert stack.history.index("update ApiFunction") < stack.history.index("delete AsyncEndpoint")
    (target,) = targets(stack)
    assert target["ResourceId"] == f"endpoint/{endpoint['EndpointName']}/variant/{variant['VariantName']}"
    assert {each["ResourceId"] for each in policies(stack)} == {target["ResourceId"]}
    test_every_alarm_acts_on_something_that_stands_and_looks_at_what_stands(stack)


def test_an_update_keeps_the_instances_that_scaling_has_started(stack: StackOnMoto) -> None:
    endpoint, _, variant, _ = painter(stack)
    wanted = {"VariantName": variant["VariantName"], "DesiredInstanceCount": 3}
    stack.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=endpoint["EndpointName"], DesiredWeightsAndCapacities=[wanted]
    )
    stack.deploy(**{**BASE, "ImageUri": OTHER_IMAGE})
    (running,) = painter(stack)[0]["ProductionVariants"]
    assert running["DesiredInstanceCount"] == 3


def test_a_gpu_comes_with_the_driver_that_the_container_asks_for_and_a_cpu_with_none(stack: StackOnMoto) -> None:
    assert painter(stack)[2]["InferenceAmiVersion"] == INFERENCE_AMI
    stack.deploy(ImageUri=IMAGE, InstanceType="ml.c5.xlarge", Painter="migan")
    assert "InferenceAmiVersion" not in painter(stack)[2]


def test_a_larger_fleet_is_a_change_of_the_target_alone(stack: StackOnMoto) -> None:
    stack.deploy(**{**BASE, "MaxInstances": 7})
    assert [each["MaxCapacity"] for each in targets(stack)] == [7]
    assert "update AsyncTarget" in stack.history
    assert not any("SageMaker" in stack.made[name].kind for name in touched(stack))


def test_a_real_time_endpoint_comes_and_goes(stack: StackOnMoto) -> None:
    sagemaker = stack.client("sagemaker")
    stack.deploy(**BASE, RealtimeInstances=2, RealtimeInstanceType="ml.g6e.xlarge")
    name = stack.known["RealtimeEndpoint.EndpointName"]
    made = sagemaker.describe_endpoint(EndpointName=name)
    assert made["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    config = sagemaker.describe_endpoint_config(EndpointConfigName=made["EndpointConfigName"])
    assert config["ProductionVariants"][0]["InstanceType"] == "ml.g6e.xlarge"
    assert "AsyncInferenceConfig" not in config, "an endpoint with one takes no real-time calls"
    stack.deploy(**BASE)
    assert name not in {each["EndpointName"] for each in sagemaker.list_endpoints()["Endpoints"]}
    assert len(sagemaker.list_endpoints()["Endpoints"]) == 1


def test_the_front_door_is_made_and_gives_way_to_the_other(stack: StackOnMoto) -> None:
    apigateway = stack.client("apigateway")
    (api,) = apigateway.get_rest_apis()["items"]
    assert api["endpointConfiguration"]["types"] == ["REGIONAL"]
    (stage,) = apigateway.get_stages(restApiId=api["id"])["item"]
    deployments = {each["id"] for each in apigateway.get_deployments(restApiId=api["id"])["items"]}
    assert {stage["deploymentId"]} == deployments
    paths = {each["path"] for each in apigateway.get_resources(restApiId=api["id"])["items"]}
    assert paths == {"/", "/{proxy+}"}
    stack.deploy(**BASE, FrontDoor="FunctionUrl", ApiConcurrency=1)
    assert apigateway.get_rest_apis()["items"] == []


def test_an_endpoint_of_ones_own_makes_none(stack: StackOnMoto) -> None:
    stack.deploy(ExistingEndpoint="mine")
    sagemaker = stack.client("sagemaker")
    assert sagemaker.list_endpoints()["Endpoints"] == sagemaker.list_models()["Models"] == []
    assert targets(stack) == policies(stack) == []
    assert all(not alarm["Dimensions"] or alarm["Namespace"] != "AWS/SageMaker" for alarm in alarms(stack))


def test_what_is_taken_away_leaves_nothing_that_costs(stack: StackOnMoto) -> None:
    kept = {name for name, made in stack.made.items() if made.keep}
    stack.delete()
    sagemaker = stack.client("sagemaker")
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert sagemaker.list_models()["Models"] == []
    assert targets(stack) == policies(stack) == alarms(stack) == []
    assert stack.client("apigateway").get_rest_apis()["items"] == []
    assert stack.client("logs").describe_log_groups()["logGroups"] == []
    # What was paid for stays.
    assert {"Table", "Bucket"} <= kept
    assert len(stack.client("s3").list_buckets()["Buckets"]) >= 1


def test_what_aws_refuses_and_moto_does_not_is_refused(stack: StackOnMoto) -> None:
    """The rules that the tests above rest on: each of them is broken once."""
    endpoint, config = stack.made["AsyncEndpoint"], stack.made["AsyncConfig"]
    with pytest.raises(RefusedByAwsError, match="in use"):
        stack._delete_sagemaker_endpointconfig(config)
    with pytest.raises(RefusedByAwsError, match="another configuration"):
        stack._update_sagemaker_endpoint(endpoint, endpoint.properties)
    with pytest.raises(RefusedByAwsError, match="exists"):
        stack._create_sagemaker_endpoint("", endpoint.properties)
    with pytest.raises(RefusedByAwsError, match="would be left behind"):
        stack._delete_sagemaker_endpoint(endpoint)
    (variant,) = config.properties["ProductionVariants"]
    _, names = stack._create_sagemaker_endpointconfig(
        "larger", {**config.properties, "ProductionVariants": [{**variant, "InstanceType": "ml.g6e.xlarge"}]}
    )
    with pytest.raises(RefusedByAwsError, match="deregister it"):
        stack._update_sagemaker_endpoint(
            endpoint, {**endpoint.properties, "EndpointConfigName": names["EndpointConfigName"]}
        )
    stack.client("sagemaker").delete_endpoint_config(EndpointConfigName="larger")
    with pytest.raises(RefusedByAwsError, match="no instance type"):
        stack._create_sagemaker_endpointconfig(
            "odd", {**config.properties, "ProductionVariants": [{**variant, "InstanceType": "ml.g5.tiny"}]}
        )
    (target,) = (made for made in stack.made.values() if made.kind.endswith("ScalableTarget"))
    with pytest.raises(RefusedByAwsError, match="no variant"):
        stack._create_applicationautoscaling_scalabletarget(
            "", {**target.properties, "ResourceId": target.properties["ResourceId"] + "x"}
        )
