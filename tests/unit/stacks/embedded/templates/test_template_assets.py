import asyncio

from stepstack.stacks.embedded.templates.template_assets import asset_parameters, asset_path

HASH = "06474e77" * 8
OTHER = "80d19117" * 8


def test_parameters_of_cdk_1_name_the_asset_beside_the_template(tmp_path):
    (tmp_path / f"asset.{HASH}").mkdir()
    names = [f"AssetParameters{HASH}{kind}9A450BEE" for kind in ("S3Bucket", "S3VersionKey", "ArtifactHash")]

    assert asset_parameters(tmp_path, [*names, "Stage"], "here") == {names[0]: "here", names[1]: f"asset.{HASH}||", names[2]: HASH}


def test_a_parameter_of_an_asset_that_is_not_there_gets_no_value(tmp_path):
    assert asset_parameters(tmp_path, [f"AssetParameters{HASH}S3Bucket9A450BEE"], "here") == {}


def test_an_object_of_cdk_2_is_the_asset_of_its_hash(tmp_path):
    (tmp_path / f"asset.{HASH}").mkdir()
    (tmp_path / f"asset.{OTHER}.zip").touch()

    assert asset_path(tmp_path, f"{HASH}.zip") == f"asset.{HASH}"
    assert asset_path(tmp_path, f"prefix/{OTHER}.zip") == f"asset.{OTHER}.zip"
    assert asset_path(tmp_path, "code.zip") is None


def cdk_1(digest):
    bucket, version = f"AssetParameters{digest}S3Bucket9A450BEE", f"AssetParameters{digest}S3VersionKey45DC8920"
    parts = [{"Fn::Select": [number, {"Fn::Split": ["||", {"Ref": version}]}]} for number in (0, 1)]
    return {
        "Parameters": {bucket: {"Type": "String"}, version: {"Type": "String"}},
        "Code": {"S3Bucket": {"Ref": bucket}, "S3Key": {"Fn::Join": ["", parts]}},
    }


def cdk_2(digest):
    return {"Code": {"S3Bucket": {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"}, "S3Key": f"{digest}.zip"}}


def test_functions_of_both_versions_of_cdk_run_without_the_metadata_that_its_command_writes(world):
    asset = world.folder / f"asset.{HASH}"
    asset.mkdir()
    (asset / "index.py").write_text("def handler(event, context):\n    return 'asset'\n")

    async def scenario(code):
        function = {"Runtime": "python3.12", "Handler": "index.handler", "Role": "role", "Code": code["Code"]}
        resources = {"Asset": {"Type": "AWS::Lambda::Function", "Properties": function}}
        application = await world.deploy({"Parameters": code.get("Parameters", {}), "Resources": resources})
        try:
            return (await world.services.lambda_service.invoke(application.physical_ids["Asset"])).payload
        finally:
            await application.delete()

    assert [asyncio.run(scenario(code)) for code in (cdk_1(HASH), cdk_2(HASH))] == [b'"asset"', b'"asset"']
