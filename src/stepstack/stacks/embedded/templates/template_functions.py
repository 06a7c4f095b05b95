"""Functions of a template, their layers, versions, aliases and URLs.

Called by `template_resources`, which lists the types.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile

from stepstack.errors import ServiceError, UnsupportedFeature
from stepstack.stacks.embedded.apis.api import Api
from stepstack.stacks.embedded.apis.cross_origin import CrossOrigin
from stepstack.stacks.embedded.apis.routes import Guard
from stepstack.stacks.embedded.functions.lambda_code import code_of_zip
from stepstack.stacks.embedded.templates.template import LOCAL_BUCKET, local_path
from stepstack.stacks.embedded.templates.template_intrinsics import value_text
from stepstack.stacks.embedded.templates.template_workshop import Json, Made, ResourceType, Workshop, names

__all__ = ["FUNCTIONS"]

_NOT_OF_CREATE_FUNCTION = ("RecursiveLoop", "ReservedConcurrentExecutions", "RuntimeManagementConfig", "Tags")
_CONFIGURED = ("DeadLetterConfig", "Description", "EphemeralStorage", "TracingConfig")
"""What the function's configuration answers beside what it is registered with."""

_URL_MILLISECONDS = 1_000_000
"""A URL has no time limit of its own: it waits as long as its function may run, and import its modules."""


async def _function(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    name = str(properties.get("FunctionName") or workshop.name(logical_id))
    code = properties.get("Code") or {}
    functions = workshop.services.lambda_service
    layers = [workshop.layers[arn] for arn in properties.pop("Layers", ()) if arn in workshop.layers]
    variables = {key: value_text(value) for key, value in (properties.get("Environment") or {}).get("Variables", {}).items()}
    folder = local_path(workshop.folder, code["S3Key"], what=f"the code of {logical_id}") if code.get("S3Bucket") == LOCAL_BUCKET else None
    if folder is not None and folder.is_dir():
        arn = functions.register(
            name,
            folder,
            handler_name=str(properties.get("Handler", "")),
            timeout_seconds=int(properties.get("Timeout", 3)),
            memory_mb=int(properties.get("MemorySize", 128)),
            variables=variables,
            runtime=str(properties.get("Runtime", "")),
            log_group=(properties.get("LoggingConfig") or {}).get("LogGroup"),
            layers=layers,
            durable=properties.get("DurableConfig"),
        )
        settings = {key: properties[key] for key in _CONFIGURED if key in properties}
        try:
            functions.update_configuration(functions.function(arn), settings)
        except ServiceError:
            functions.unregister(arn)
            raise
    else:
        if layers:
            raise UnsupportedFeature(f"the resource {logical_id} has layers and its code in a zip file, which is not supported here")
        archive = _inline(str(code["ZipFile"])) if "ZipFile" in code else None
        archive = archive or (base64.b64encode(folder.read_bytes()).decode() if folder else None)
        sent = {
            **properties,
            "FunctionName": name,
            "Code": {"ZipFile": archive} if archive else code,
            "Environment": {"Variables": variables},
        }
        for member in _NOT_OF_CREATE_FUNCTION:
            sent.pop(member, None)
        arn = json.loads(await workshop.rest("lambda", "POST", "/2015-03-31/functions", json.dumps(sent).encode()))["FunctionArn"]

    async def delete() -> None:
        functions.unregister(name)

    return Made(name, {"Arn": arn}, delete)


def _inline(text: str) -> str:
    """Code that stands in the template, as a zip file in base 64."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("index.py", text)
    return base64.b64encode(archive.getvalue()).decode()


async def _layer(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    content = properties.get("Content") or {}
    if content.get("S3Bucket") != LOCAL_BUCKET:
        raise UnsupportedFeature(
            f"the resource {logical_id} has its Content in S3: a layer is a folder or a zip file beside the template here"
        )
    folder = local_path(workshop.folder, content.get("S3Key"), what=f"the content of {logical_id}")
    archive = None if folder.is_dir() else code_of_zip(folder.read_bytes())
    arn = workshop.arn("lambda", f"layer:{properties.get('LayerName') or workshop.name(logical_id)}:1")
    workshop.layers[arn] = folder if archive is None else archive.root
    unpacked = workshop.services.lambda_service.unpacked_layers
    if archive is not None:
        unpacked.append(archive)

    async def delete() -> None:
        if archive is not None and archive in unpacked:
            unpacked.remove(archive)
            archive.close()

    return Made(arn, {"LayerVersionArn": arn}, delete)


async def _version(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    functions = workshop.services.lambda_service
    function = functions.function(str(properties["FunctionName"]), region=workshop.region)
    published = functions.publish(function, str(properties.get("Description") or ""))
    # A version goes with its function.
    return Made(published["FunctionArn"], {"FunctionArn": published["FunctionArn"], "Version": published["Version"]})


async def _alias(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    functions = workshop.services.lambda_service
    function = functions.function(str(properties["FunctionName"]), region=workshop.region)
    alias = functions.put_alias(function, str(properties["Name"]), properties, is_new=True)
    return Made(alias["AliasArn"], {"AliasArn": alias["AliasArn"]})


async def _url(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    if properties.get("InvokeMode", "BUFFERED") != "BUFFERED":
        raise UnsupportedFeature(f"the resource {logical_id} streams its responses, which is not supported here")
    functions = workshop.services.lambda_service
    function = functions.function(str(properties["TargetFunctionArn"]), properties.get("Qualifier"), region=workshop.region)
    base = functions.base_of(function).arn
    arn = f"{base}:{properties['Qualifier']}" if properties.get("Qualifier") else base
    gateway = workshop.services.api_gateway
    identifier = gateway.new_identifier()
    api = Api(identifier, {}, is_rest=False, region=workshop.region)
    api.is_url = True
    api.guards["signature"] = Guard(requires_signature=True)
    uri = f"arn:aws:apigateway:{workshop.region}:lambda:path/2015-03-31/functions/{arn}/invocations"
    integration = {"type": "aws_proxy", "uri": uri, "payloadFormatVersion": "2.0", "timeoutInMillis": _URL_MILLISECONDS}
    needed: list[Json] = [{"signature": []}] if properties.get("AuthType") == "AWS_IAM" else []
    api.add_route("/$default", "ANY", {"x-amazon-apigateway-integration": integration, "security": needed})
    api.stages["$default"] = {}
    api.cross_origin = CrossOrigin.of(properties["Cors"]) if properties.get("Cors") else None
    gateway.apis[identifier] = api

    async def delete() -> None:
        gateway.apis.pop(identifier, None)

    url = f"{workshop.services.endpoint_url}/lambda-url/{identifier}/"
    return Made(arn, {"FunctionArn": arn, "FunctionUrl": url}, delete)


FUNCTIONS = {
    "AWS::Lambda::Alias": ResourceType(
        _alias, names("Description FunctionName FunctionVersion Name"), names("ProvisionedConcurrencyConfig")
    ),
    "AWS::Lambda::Function": ResourceType(
        _function,
        names(
            "Code DeadLetterConfig Description DurableConfig Environment EphemeralStorage FunctionName Handler Layers LoggingConfig "
            "MemorySize PackageType Role Runtime Timeout TracingConfig"
        ),
        names(
            "Architectures CodeSigningConfigArn KmsKeyArn RecursiveLoop ReservedConcurrentExecutions RuntimeManagementConfig SnapStart "
            "Tags VpcConfig"
        ),
    ),
    "AWS::Lambda::LayerVersion": ResourceType(
        _layer, names("Content LayerName"), names("CompatibleArchitectures CompatibleRuntimes Description LicenseInfo")
    ),
    "AWS::Lambda::Url": ResourceType(_url, names("AuthType Cors InvokeMode Qualifier TargetFunctionArn")),
    "AWS::Lambda::Version": ResourceType(
        _version, names("Description FunctionName"), names("CodeSha256 ProvisionedConcurrencyConfig RuntimePolicy")
    ),
}
