import asyncio
import json

import pytest

from stepstack.errors import SettingsError

STORE = """
    Resources:
      Url: {Type: AWS::SSM::Parameter, Properties: {Name: /shop/url, Type: String, Value: 'https://shop.example'}}
      Hosts: {Type: AWS::SSM::Parameter, Properties: {Name: /shop/hosts, Type: StringList, Value: 'a,b'}}
      Password:
        Type: AWS::SecretsManager::Secret
        Properties:
          Name: shop/password
          GenerateSecretString:
            SecretStringTemplate: '{"username": "ann"}'
            GenerateStringKey: password
            PasswordLength: '20'
            ExcludePunctuation: true
      Plain: {Type: AWS::SecretsManager::Secret, Properties: {SecretString: 'told'}}
      Key: {Type: AWS::KMS::Key, Properties: {EnableKeyRotation: true, KeyPolicy: {}}}
      Partner:
        Type: AWS::Events::Connection
        Properties:
          Name: partner
          AuthorizationType: API_KEY
          AuthParameters: {ApiKeyAuthParameters: {ApiKeyName: x-key, ApiKeyValue: told}}
      Alias: {Type: AWS::KMS::Alias, Properties: {AliasName: alias/shop, TargetKeyId: !Ref Key}}
    Outputs:
      Url: {Value: !GetAtt Url.Value}
      Secret: {Value: !Ref Password}
      Key: {Value: !GetAtt Key.Arn}
      Partner: {Value: !GetAtt Partner.Arn}
"""
USING = """
    Parameters:
      Url: {Type: AWS::SSM::Parameter::Value<String>, Default: /shop/url}
      Absent: {Type: AWS::SSM::Parameter::Value<String>, Default: /cdk-bootstrap/hnb659fds/version}
    Resources:
      Copy:
        Type: AWS::SSM::Parameter
        Properties:
          Name: copy
          Type: String
          Value: !Join ['', ['{{resolve:ssm:/shop/url}} ', '{{resolve:secretsmanager:shop/password:SecretString:username}} ', !Ref Url]]
    Outputs:
      Copy: {Value: !GetAtt Copy.Value}
"""


def test_what_is_stored_by_one_stack_is_read_by_another(world):
    async def scenario():
        stored = await world.deploy(STORE, name="stored")
        secret = await world.services.event_sources.call("secretsmanager", "GetSecretValue", {"SecretId": "shop/password"}, "us-east-1")
        using = await world.deploy(USING, name="using")
        return stored, secret, using

    stored, secret, using = asyncio.run(scenario())
    assert (stored.outputs["Url"], stored.outputs["Secret"]) == ("https://shop.example", secret["ARN"])
    assert stored.outputs["Key"].startswith("arn:aws:kms:us-east-1:123456789012:key/")
    assert stored.outputs["Partner"].startswith("arn:aws:events:us-east-1:123456789012:connection/partner/")
    value = json.loads(secret["SecretString"])
    assert (value["username"], len(value["password"]), value["password"].isalnum()) == ("ann", 20, True)
    assert using.outputs["Copy"] == "https://shop.example ann https://shop.example"


def test_a_parameter_may_be_a_stored_list(world):
    using = USING.replace("Value<String>, Default: /shop/url", "Value<List<String>>, Default: /shop/hosts")

    async def scenario():
        await world.deploy(STORE, name="stored")
        return await world.deploy(using.replace("!Ref Url", "!Select [1, !Ref Url]"), name="using")

    assert asyncio.run(scenario()).outputs["Copy"] == "https://shop.example ann b"


def test_what_a_stack_has_stored_goes_with_it(world):
    async def scenario():
        application = await world.deploy(STORE)
        await application.delete()
        return await world.services.event_sources.call("ssm", "DescribeParameters", {}, "us-east-1")

    assert asyncio.run(scenario())["Parameters"] == []


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (USING.replace("!Ref Url", "!Ref Absent"), "the parameter Absent is what Parameter Store has by the name /cdk-bootstrap"),
        (USING, "the parameter Url is what Parameter Store has by the name /shop/url"),
        (
            USING.replace("Default: /shop/url", "Default: /other").replace(", !Ref Url", ""),
            "the template refers to {{resolve:ssm:/shop/url}}",
        ),
    ],
    ids=["absent", "not yet", "reference"],
)
def test_what_nobody_has_stored_is_told(world, template, text):
    with pytest.raises(SettingsError, match=r".") as refusal:
        asyncio.run(world.deploy(template))

    assert text in str(refusal.value)
