"""State machines and functions of SAM, CloudFormation and synthesized CDK templates, without deploying them.

Called by `read_definition` and by the fixture `lambda_functions`. A template's intrinsic functions are resolved to names on the stack: what
the test gives as `resources`, else the name in the resource's properties, else its logical id. What cannot be resolved is a SettingsError
that says how to give it, and UnsupportedFeature where no test could. Nothing is transformed: SAM's own resources are read as they stand.
`stepstack.stacks` reads the file and evaluates its functions, as when it deploys the template. Left out: macros and
transforms other than SAM's, nested stacks, dynamic references.
Source: the CloudFormation user guide (intrinsic functions), the SAM specification, CDK's asset manifests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stepstack.errors import SettingsError
from stepstack.stacks.embedded.templates.template import parameter_values, template_document
from stepstack.stacks.embedded.templates.template_intrinsics import Intrinsics, pseudo_parameters, value_text
from stepstack.testing.files import read_text
from stepstack.testing.template_names import NamedResources

__all__ = ["Template", "TemplateFunction", "TemplateStateMachine"]

_STATE_MACHINES = ("AWS::StepFunctions::StateMachine", "AWS::Serverless::StateMachine")
_FUNCTIONS = ("AWS::Lambda::Function", "AWS::Serverless::Function")


@dataclass(frozen=True, slots=True)
class TemplateStateMachine:
    """A state machine of a template: `definition` still has the `${...}` of `substitutions`."""

    logical_id: str
    definition: str
    substitutions: Mapping[str, Any]
    type: str
    """STANDARD or EXPRESS."""
    path: Path | None = None
    """The file of its own that the definition stands in."""

    @property
    def is_yaml(self) -> bool:
        return self.path is not None and self.path.suffix.lower() in {".yaml", ".yml"}


@dataclass(frozen=True, slots=True)
class TemplateFunction:
    """A Lambda function of a template whose code is a folder beside it."""

    logical_id: str
    name: str
    folder: Path
    handler: str
    """`module.function`, as AWS has it."""
    environment: Mapping[str, str]
    timeout_seconds: float
    durable_config: Mapping[str, int] | None = None
    """Of a durable function."""


class Template:
    """A template in a file, its references resolved with `parameters` and `resources`."""

    def __init__(
        self,
        path: Path,
        *,
        parameters: Mapping[str, Any] | None = None,
        resources: Mapping[str, str] | None = None,
        region: str = "us-east-1",
        account: str = "123456789012",
    ) -> None:
        self.path = path
        self._document = template_document(path)
        self._names = NamedResources(self._document, resources or {}, self._evaluate, region=region, account_id=account)
        self._intrinsics = Intrinsics(
            pseudo_parameters=pseudo_parameters(
                region=region,
                account_id=account,
                stack_name="stepstack",
                stack_id=f"arn:aws:cloudformation:{region}:{account}:stack/stepstack/0",
            ),
            # A parameter without a value is missed where something refers to it: the definition may need few of them.
            parameters=parameter_values(path, self._document.get("Parameters") or {}, parameters or {}),
            mappings=self._document.get("Mappings") or {},
            conditions=self._document.get("Conditions") or {},
            resources=self._names,
            exported=self._names.exported,
        )

    def state_machine(self, logical_id: str | None = None) -> TemplateStateMachine:
        """The state machine with that logical id; the only one where none is given."""
        name, resource = self._chosen(_STATE_MACHINES, "state machine", logical_id)
        properties = resource.get("Properties", {})
        definition, path = self._definition(name, properties)
        kind = self._evaluate(properties.get("Type") or properties.get("StateMachineType") or "STANDARD")
        return TemplateStateMachine(
            logical_id=name,
            definition=definition,
            substitutions=self._evaluate(properties.get("DefinitionSubstitutions", {})),
            type=str(kind),
            path=path,
        )

    def state_machines(self) -> list[str]:
        """The logical ids of its state machines."""
        return [name for name, _ in self._resources_of(_STATE_MACHINES)]

    def functions(self) -> Iterator[TemplateFunction]:
        """The Python functions whose code is in a folder; others are left out."""
        for name, resource in self._resources_of(_FUNCTIONS):
            function = self._function(name, resource)
            if function is not None:
                yield function

    def _evaluate(self, value: Any) -> Any:
        return self._intrinsics.evaluate(value)

    def _function(self, logical_id: str, resource: Mapping[str, Any]) -> TemplateFunction | None:
        properties = {**self._function_defaults, **resource.get("Properties", {})}
        source = properties.get("CodeUri", properties.get("Code", "."))
        folder = self.path.parent / (self._local_source(source) or "")
        runtime = str(self._evaluate(properties.get("Runtime", "python3")))
        if not runtime.startswith("python") or not folder.is_dir() or (isinstance(source, Mapping) and "ZipFile" in source):
            return None
        variables = self._evaluate(properties.get("Environment", {}).get("Variables", {}))
        return TemplateFunction(
            logical_id=logical_id,
            name=self._names.name_of(logical_id),
            folder=folder,
            handler=str(self._evaluate(properties["Handler"])),
            environment={key: value_text(value) for key, value in variables.items()},
            timeout_seconds=float(self._evaluate(properties.get("Timeout", 3))),
            durable_config=self._evaluate(properties.get("DurableConfig")),
        )

    @property
    def _function_defaults(self) -> Mapping[str, Any]:
        defaults: Mapping[str, Any] = self._document.get("Globals", {}).get("Function", {})
        return defaults

    def _definition(self, logical_id: str, properties: Mapping[str, Any]) -> tuple[str, Path | None]:
        """The definition's text, and the file that it stands in where that is another one."""
        if "Definition" in properties:
            return json.dumps(self._evaluate(properties["Definition"]), ensure_ascii=False), None
        if "DefinitionString" in properties:
            text = self._evaluate(properties["DefinitionString"])
            return (text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)), None
        source = properties.get("DefinitionUri", properties.get("DefinitionS3Location"))
        if source is None:
            raise SettingsError(f"{logical_id} in {self.path.name} has no definition")
        local = self._local_source(source)
        if local is None:
            raise SettingsError(f"the definition of {logical_id} in {self.path.name} is in S3: {json.dumps(source)}; name its file instead")
        path = self.path.parent / local
        if not path.is_file():
            raise SettingsError(f"the definition of {logical_id} in {self.path.name} should be in {local}, and there is no such file")
        return read_text(path, "a definition"), path

    def _local_source(self, source: Any) -> str | None:
        """The path beside the template that `source` means; None where it means something in S3 that no asset manifest knows."""
        source = self._evaluate(source)
        if isinstance(source, str):
            return None if source.startswith("s3://") else source
        if not isinstance(source, Mapping):
            return None
        key = str(source.get("Key", source.get("S3Key", "")))
        return self._assets.get(key)

    @cached_property
    def _assets(self) -> Mapping[str, str]:
        """What CDK would upload: object key to the file's or folder's path beside the template."""
        manifest = self.path.with_name(self.path.name.replace(".template.json", ".assets.json"))
        if manifest == self.path or not manifest.is_file():
            return {}
        files = json.loads(manifest.read_text(encoding="utf-8")).get("files", {})
        return {
            destination["objectKey"]: file["source"]["path"]
            for file in files.values()
            if "path" in file.get("source", {})
            for destination in file.get("destinations", {}).values()
        }

    def _chosen(self, types: tuple[str, ...], noun: str, logical_id: str | None) -> tuple[str, Mapping[str, Any]]:
        found = dict(self._resources_of(types))
        if logical_id is None and len(found) == 1:
            return next(iter(found.items()))
        if logical_id in found:
            return logical_id, found[logical_id]
        wanted = f"no {noun} {logical_id!r}" if logical_id else f"{len(found)} {noun}s, and none is chosen"
        raise SettingsError(f"{self.path.name} has {wanted}; it has {', '.join(found) or 'none'}")

    def _resources_of(self, types: tuple[str, ...]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, resource in self._document["Resources"].items():
            if resource.get("Type") in types:
                yield name, resource
