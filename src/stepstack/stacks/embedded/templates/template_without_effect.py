"""Resources that are accepted and do nothing here: who may do what, networks, watching, rollouts.

Nothing on the stack checks rights, runs in a network or watches metrics, so a test sees no difference. Ref gives a name or an id,
Fn::GetAtt the attributes that templates hand on. Called by `template_resources`. What a test could tell, such as a database, is refused
instead.
"""

from __future__ import annotations

import hashlib

from stepstack.stacks.embedded.templates.template_workshop import Json, Made, ResourceType, Workshop, names

__all__ = ["WITHOUT_EFFECT"]

_TYPES = names(
    "AWS::ApplicationAutoScaling::ScalableTarget AWS::ApplicationAutoScaling::ScalingPolicy AWS::ApplicationInsights::Application "
    "AWS::CDK::Metadata AWS::CloudFormation::WaitConditionHandle AWS::CloudWatch::Alarm AWS::CloudWatch::AnomalyDetector "
    "AWS::CloudWatch::CompositeAlarm AWS::CloudWatch::Dashboard AWS::CodeDeploy::Application AWS::CodeDeploy::DeploymentConfig "
    "AWS::CodeDeploy::DeploymentGroup AWS::Events::EventBusPolicy AWS::IAM::Group AWS::IAM::InstanceProfile AWS::IAM::ManagedPolicy "
    "AWS::IAM::Policy AWS::IAM::Role AWS::IAM::RolePolicy AWS::IAM::ServiceLinkedRole AWS::IAM::User AWS::IAM::UserToGroupAddition "
    "AWS::Lambda::CodeSigningConfig AWS::Lambda::LayerVersionPermission AWS::Lambda::Permission AWS::Logs::MetricFilter "
    "AWS::Logs::QueryDefinition AWS::Logs::ResourcePolicy AWS::ResourceGroups::Group AWS::S3::BucketPolicy "
    "AWS::SecretsManager::ResourcePolicy AWS::SecretsManager::RotationSchedule AWS::SNS::TopicPolicy AWS::SQS::QueuePolicy "
    "AWS::XRay::Group AWS::XRay::SamplingRule"
)
_NETWORKS = {
    "AWS::EC2::EIP": "eipalloc",
    "AWS::EC2::FlowLog": "fl",
    "AWS::EC2::InternetGateway": "igw",
    "AWS::EC2::NatGateway": "nat",
    "AWS::EC2::NetworkAcl": "acl",
    "AWS::EC2::NetworkAclEntry": "acl",
    "AWS::EC2::Route": "r",
    "AWS::EC2::RouteTable": "rtb",
    "AWS::EC2::SecurityGroup": "sg",
    "AWS::EC2::SecurityGroupEgress": "sgr",
    "AWS::EC2::SecurityGroupIngress": "sgr",
    "AWS::EC2::Subnet": "subnet",
    "AWS::EC2::SubnetNetworkAclAssociation": "aclassoc",
    "AWS::EC2::SubnetRouteTableAssociation": "rtbassoc",
    "AWS::EC2::VPC": "vpc",
    "AWS::EC2::VPCEndpoint": "vpce",
    "AWS::EC2::VPCGatewayAttachment": "igw",
}
"""With what their ids begin."""


def _digest(workshop: Workshop, logical_id: str) -> str:
    return hashlib.sha256(f"{workshop.suffix}/{logical_id}".encode()).hexdigest()


async def _named(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    written = (properties[key] for key in ("RoleName", "ManagedPolicyName", "AlarmName", "DashboardName", "UserName") if key in properties)
    name = str(next(written, None) or workshop.name(logical_id))
    identifier = f"AROA{_digest(workshop, logical_id)[:16].upper()}"
    return Made(name, {"Arn": f"arn:aws:iam::{workshop.account_id}:role/{name}", "RoleId": identifier, "Id": name})


def _network(prefix: str) -> ResourceType:
    async def make(workshop: Workshop, logical_id: str, properties: Json) -> Made:
        identifier = f"{prefix}-{_digest(workshop, logical_id)[:17]}"
        of_it = ("AllocationId", "GroupId", "Id", "InternetGatewayId", "NatGatewayId", "RouteTableId", "SubnetId")
        attributes = {**dict.fromkeys(of_it, identifier), "PublicIp": "127.0.0.1", "VpcId": properties.get("VpcId") or identifier}
        attributes |= {name: properties[name] for name in ("AvailabilityZone", "CidrBlock") if name in properties}
        if prefix == "vpc":
            attributes |= {"DefaultSecurityGroup": f"sg-{identifier[4:]}", "CidrBlockAssociations": [], "Ipv6CidrBlocks": []}
        return Made(identifier, attributes)

    return ResourceType(make, frozenset(), frozenset({"*"}))


WITHOUT_EFFECT = {
    **dict.fromkeys(sorted(_TYPES), ResourceType(_named, frozenset(), frozenset({"*"}))),
    **{name: _network(prefix) for name, prefix in _NETWORKS.items()},
}
