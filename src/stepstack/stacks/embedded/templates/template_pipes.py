"""Pipes of a template.

Called by `template_resources`, which lists the type.
"""

from __future__ import annotations

from stepstack.stacks.embedded.templates.template_workshop import Json, Made, ResourceType, Workshop, names

__all__ = ["PIPES"]


async def _pipe(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    sources = workshop.services.event_sources
    name = str(properties.get("Name") or workshop.name(logical_id))
    pipe = await sources.add_pipe(name, properties)

    async def delete() -> None:
        pipe.close()
        if sources.pipes.get(name) is pipe:
            del sources.pipes[name]

    return Made(name, {"Arn": pipe.identifier, "CurrentState": "RUNNING" if pipe.is_enabled else "STOPPED"}, delete)


PIPES = {
    "AWS::Pipes::Pipe": ResourceType(
        _pipe,
        names("DesiredState Enrichment EnrichmentParameters Name Source SourceParameters Target TargetParameters"),
        names("Description KmsKeyIdentifier LogConfiguration RoleArn Tags"),
    ),
}
