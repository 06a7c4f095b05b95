import asyncio
import io
import json
import sys
import zipfile
from pathlib import Path
from textwrap import dedent

import pytest

from stepstack.errors import ServiceError, UnsupportedFeature
from stepstack.stacks.embedded.templates.template_application import deploy


def invoked(world, template, name, event=b"{}"):
    """What the function of that logical id answers, once the template is deployed."""

    async def scenario():
        application = await world.deploy(template)
        result = await world.services.lambda_service.invoke(application.physical_ids[name], event)
        return json.loads(result.payload)

    return asyncio.run(scenario())


LAYERED = """
    Transform: AWS::Serverless-2016-10-31
    Globals:
      Function: {Runtime: python3.12, CodeUri: src/, Handler: greeter.handler}
    Resources:
      Words: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layer/}}
      With: {Type: AWS::Serverless::Function, Properties: {Layers: [!Ref Words]}}
      Without: {Type: AWS::Serverless::Function}
"""


@pytest.mark.parametrize("folder", ["python", "python/lib/python3.12/site-packages", "."], ids=["python", "site-packages", "not built"])
def test_a_function_imports_what_its_layer_has(world, folder):
    modules = world.folder / "layer" / folder
    modules.mkdir(parents=True)
    (modules / "stepstack_words.py").write_text("HELLO = 'hello from the layer'\n")
    source = "import stepstack_words\n\n\ndef handler(event, context):\n    return stepstack_words.HELLO\n"
    (world.folder / "src" / "greeter.py").write_text(source)

    assert invoked(world, LAYERED, "With") == "hello from the layer"
    assert "stepstack_words" not in sys.modules


def test_a_layer_belongs_to_the_functions_that_name_it(world):
    modules = world.folder / "layer" / "python"
    modules.mkdir(parents=True)
    (modules / "stepstack_words.py").touch()
    (world.folder / "src" / "greeter.py").write_text("import stepstack_words\n")

    assert invoked(world, LAYERED, "Without")["errorType"] == "Runtime.ImportModuleError"


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no working directory of their own")
def test_relative_paths_are_those_of_the_function_s_folder(world):
    (world.folder / "src" / "data.txt").write_text("data of the function")
    source = """
        from pathlib import Path
        from threading import Thread


        def handler(event, context):
            read = []
            thread = Thread(target=lambda: read.append(Path("data.txt").read_text()))
            thread.start()
            thread.join()
            return [Path("data.txt").read_text(), *read]
    """
    (world.folder / "src" / "reader.py").write_text(dedent(source))
    function = {"Runtime": "python3.12", "CodeUri": "src/", "Handler": "reader.handler"}
    resources = {"Reader": {"Type": "AWS::Serverless::Function", "Properties": function}}
    template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}

    assert invoked(world, template, "Reader") == ["data of the function", "data of the function"]
    assert not Path("data.txt").exists()


def test_code_in_a_zip_file_beside_the_template_is_run(world):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("app.py", "def handler(event, context):\n    return 'zipped'\n")
    (world.folder / "code.zip").write_bytes(archive.getvalue())
    function = {"Runtime": "python3.12", "CodeUri": "code.zip", "Handler": "app.handler"}
    resources = {"Zipped": {"Type": "AWS::Serverless::Function", "Properties": function}}

    assert invoked(world, {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}, "Zipped") == "zipped"


@pytest.mark.parametrize(
    ("properties", "error", "text"),
    [
        ({"Runtime": "nodejs22.x", "Handler": "app.handler"}, ServiceError, "the runtime nodejs22.x is not supported"),
        (
            {"Runtime": "python3.12", "Handler": "app.handler", "FileSystemConfigs": []},
            UnsupportedFeature,
            "has the property FileSystemConfigs",
        ),
        ({"Runtime": "python3.12", "Handler": "app.handler", "Timeout": 1000}, ServiceError, "Timeout is a number of seconds"),
    ],
    ids=["runtime", "property", "timeout"],
)
def test_a_function_that_is_not_supported_is_refused_and_not_left(world, properties, error, text):
    code = {"S3Bucket": "stepstack-local-path", "S3Key": "src"}
    template = {"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {**properties, "FunctionName": "f", "Code": code}}}}

    with pytest.raises(error, match=r".") as caught:
        asyncio.run(world.deploy(template))

    assert text in str(caught.value)
    assert world.services.lambda_service.listed() == []


def test_a_layer_may_be_a_zip_file_beside_the_template(world):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("python/in_a_zipped_layer.py", "TOLD = 'from the layer'")
    (world.folder / "layer.zip").write_bytes(archive.getvalue())
    (world.folder / "src" / "layered.py").write_text(
        "import in_a_zipped_layer\n\ndef handler(event, context):\n    return in_a_zipped_layer.TOLD"
    )
    layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layer.zip"}}
    function = {"Runtime": "python3.12", "CodeUri": "src", "Handler": "layered.handler", "Layers": [{"Ref": "Layer"}]}
    resources = {"Layer": layer, "Layered": {"Type": "AWS::Serverless::Function", "Properties": function}}

    assert invoked(world, {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}, "Layered") == "from the layer"


@pytest.mark.parametrize("is_forgotten", [False, True], ids=["deleted", "forgotten"])
def test_what_a_layer_s_zip_file_was_unpacked_to_goes_with_it_or_with_the_stack(world, is_forgotten):
    with zipfile.ZipFile(world.folder / "layer.zip", "w") as bundle:
        bundle.writestr("python/words.py", "")
    layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layer.zip"}}

    application = asyncio.run(world.deploy({"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Layer": layer}}))
    (unpacked,) = world.services.lambda_service.unpacked_layers
    assert unpacked.root.is_dir()
    if is_forgotten:
        world.services.reset()
    else:
        asyncio.run(application.delete())

    assert not unpacked.root.exists()


def test_a_layer_in_s3_is_refused_by_name(world):
    content = {"S3Bucket": "far-away", "S3Key": "layer.zip"}
    template = {"Resources": {"L": {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": content}}}}

    with pytest.raises(UnsupportedFeature, match="the resource L has its Content in S3"):
        asyncio.run(world.deploy(template))


TOLD = """
def handler(event, context):
    if event["rawPath"] == "/boom":
        raise RuntimeError()
    return [event["version"], event["routeKey"], event["rawPath"], event["requestContext"]["http"]["method"]]
"""
URL = {
    "Resources": {
        "F": {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Runtime": "python3.12", "Handler": "index.handler", "Code": {"ZipFile": TOLD}},
        },
        "U": {
            "Type": "AWS::Lambda::Url",
            "Properties": {"AuthType": "NONE", "TargetFunctionArn": {"Ref": "F"}, "Cors": {"AllowOrigins": ["*"]}},
        },
    },
    "Outputs": {"Url": {"Value": {"Fn::GetAtt": ["U", "FunctionUrl"]}}},
}


def test_a_function_answers_at_its_url(world):
    async def scenario():
        application = await world.deploy(URL)
        url = application.outputs["Url"].removeprefix("http://127.0.0.1:4321")
        answers = [
            await world.get(url + "a/b", method="POST"),
            await world.get(url + "boom"),
            await world.get(url, headers={"Origin": "https://a.example"}),
        ]
        await application.delete()
        return answers, (await world.get(url))[0]

    (told, failed, crossed), gone = asyncio.run(scenario())
    assert told[::2] == (200, ["2.0", "$default", "/a/b", "POST"])
    assert failed[::2] == (502, {"message": "Internal Server Error"})
    assert (crossed[1]["Access-Control-Allow-Origin"], gone) == ("*", 403)


def test_a_url_with_iam_needs_a_signature_and_a_stream_is_refused(world):
    guarded = json.loads(json.dumps(URL).replace("NONE", "AWS_IAM"))
    streaming = json.loads(json.dumps(URL).replace('"AuthType"', '"InvokeMode": "RESPONSE_STREAM", "AuthType"'))

    async def scenario():
        url = (await world.deploy(guarded)).outputs["Url"].removeprefix("http://127.0.0.1:4321")
        return (await world.get(url))[0]

    assert asyncio.run(scenario()) == 403
    with pytest.raises(UnsupportedFeature, match="the resource U streams its responses"):
        asyncio.run(world.deploy(streaming, name="streaming"))


BUILT = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: Hello, Handler: app.handler, Runtime: python3.12}
    Metadata: {SamResourceId: Hello}
"""


def test_a_template_that_sam_has_built_brings_its_libraries(world):
    folder = world.folder / ".aws-sam" / "build"
    (folder / "Hello" / "only_when_built").mkdir(parents=True)
    (folder / "Hello" / "requirements.txt").write_text("only-when-built")
    (folder / "Hello" / "only_when_built" / "__init__.py").write_text("from only_when_built.words import TOLD")
    (folder / "Hello" / "only_when_built" / "words.py").write_text("TOLD = 'built'")
    (folder / "Hello" / "app.py").write_text("import only_when_built\n\ndef handler(event, context):\n    return only_when_built.TOLD")
    (folder / "template.yaml").write_text(BUILT)

    async def scenario():
        application = await deploy(folder / "template.yaml", world.services, world.step_functions, name="built")
        return (await world.services.lambda_service.invoke(application.physical_ids["Hello"])).payload

    assert asyncio.run(scenario()) == b'"built"'


def test_a_library_that_is_only_required_is_told_with_what_installs_it(world, caplog):
    (world.folder / "src" / "requirements.txt").write_text("surely-not-installed")
    (world.folder / "src" / "needing.py").write_text("import surely_not_installed\n\ndef handler(event, context):\n    return 1")
    function = {"Runtime": "python3.12", "CodeUri": "src", "Handler": "needing.handler"}
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": function}},
    }

    answer = invoked(world, template, "F")

    assert answer["errorMessage"] == "Unable to import module 'needing': No module named 'surely_not_installed'"
    assert "needing.handler" in caplog.text
    assert "needs the module surely_not_installed, which is not installed here" in caplog.text
    assert "run `sam build` and deploy .aws-sam/build/template.yaml" in caplog.text
