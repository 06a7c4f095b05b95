import asyncio

NETWORK = """
    Resources:
      Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
      Subnet:
        Type: AWS::EC2::Subnet
        Properties:
          VpcId: !Ref Vpc
          AvailabilityZone: !Select [0, !GetAZs '']
          CidrBlock: !Select [1, !Cidr [!GetAtt Vpc.CidrBlock, 4, 8]]
      Group: {Type: AWS::EC2::SecurityGroup, Properties: {VpcId: !Ref Vpc, GroupDescription: g}}
      Alarm: {Type: AWS::CloudWatch::Alarm, Properties: {AlarmName: errors, Namespace: AWS/Lambda, MetricName: Errors}}
      Role: {Type: AWS::IAM::Role, Properties: {RoleName: r}}
      Worker:
        Type: AWS::Lambda::Function
        Properties:
          Runtime: python3.12
          Handler: index.handler
          Role: !GetAtt Role.Arn
          Code: {ZipFile: 'def handler(event, context): return 1'}
          VpcConfig: {SubnetIds: [!Ref Subnet], SecurityGroupIds: [!GetAtt Group.GroupId]}
          ReservedConcurrentExecutions: 5
          SnapStart: {ApplyOn: None}
    Outputs:
      Subnet: {Value: !Sub '${Subnet} ${Subnet.AvailabilityZone} ${Subnet.CidrBlock}'}
      Group: {Value: !GetAtt Group.VpcId}
      Vpc: {Value: !Ref Vpc}
      Alarm: {Value: !Ref Alarm}
      Role: {Value: !GetAtt Role.Arn}
"""


def test_networks_alarms_and_roles_stop_no_deployment(world):
    application = asyncio.run(world.deploy(NETWORK))

    identifier, zone, block = application.outputs["Subnet"].split()
    assert (identifier.startswith("subnet-"), zone, block) == (True, "us-east-1a", "10.0.1.0/24")
    assert application.outputs["Vpc"] == application.outputs["Group"]
    assert (application.outputs["Alarm"], application.outputs["Role"]) == ("errors", "arn:aws:iam::123456789012:role/r")
