"""Events: the type and the list of an issue's events."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

import strawberry

from gql_releases.domain.conditions import Conditions
from gql_releases.domain.events.event_view import list_exceptions, list_tags, read_culprit, read_message
from gql_releases.domain.paging import Order
from gql_releases.graphql_api.execution.bindings import (
    Arguments,
    argument,
    column,
    embedded_field,
    node_id,
    objects,
    to_one,
)
from gql_releases.graphql_api.execution.connections import Node
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.release_filters import optional_filter

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.environment import Environment
    from gql_releases.graphql_api.schema.issue import Issue
    from gql_releases.graphql_api.schema.project import Project
    from gql_releases.graphql_api.schema.release import Release
else:
    Environment = lazy_type("Environment", "environment")
    Issue = lazy_type("Issue", "issue")
    Project = lazy_type("Project", "project")
    Release = lazy_type("Release", "release")

STACK_COST = 20
"""The cost of an event's exceptions, which have up to 100 frames each."""


@strawberry.enum(description="How severe an event is.")
class EventLevel(Enum):
    """The level of the domain, by name."""

    FATAL = strawberry.enum_value("FATAL", description="The process ended.")
    ERROR = strawberry.enum_value("ERROR", description="Something failed.")
    WARNING = strawberry.enum_value("WARNING", description="Something may fail.")
    INFO = strawberry.enum_value("INFO", description="Something happened as expected.")
    DEBUG = strawberry.enum_value("DEBUG", description="Something that helps developers.")


@strawberry.type(description="A frame of a stack trace: a call in a file.")
class EventFrame:
    """A frame."""

    function: str | None = strawberry.field(description="The function, such as `charge`; null if it was not sent.")
    file: str | None = strawberry.field(
        description="The file or the URL of a script without its query, such as `shop/pay.py`; null if it was not sent."
    )
    module: str | None = strawberry.field(description="The module, such as `shop.pay`; null if it was not sent.")
    line: int | None = strawberry.field(description="The line in the file, from 1; null if it was not sent.")
    column: int | None = strawberry.field(description="The column in the line, from 1; null if it was not sent.")
    in_app: bool | None = strawberry.field(
        description="Whether it is the application's own code and not a library's; null if that is unknown."
    )
    context_line: str | None = strawberry.field(description="The text of the line; null if it was not sent.")
    pre_context: list[str] = strawberry.field(description="The lines before it, at most 10.")
    post_context: list[str] = strawberry.field(description="The lines after it, at most 10.")
    symbolicated: bool = strawberry.field(description="Whether a source map replaced a minified frame by this one.")
    minified: bool = strawberry.field(
        description="Whether it is a frame of a minified script: no source map for it was uploaded when the event arrived."
    )


@strawberry.type(description="An exception of an event.")
class EventException:
    """An exception."""

    type: str | None = strawberry.field(description="The type, such as `ValueError`; null if it was not sent.")
    value: str | None = strawberry.field(description="The text, such as `bad id 17`; null if it was not sent.")
    module: str | None = strawberry.field(description="The module of the type; null if it was not sent.")
    handled: bool | None = strawberry.field(
        description="false if it was not caught, true if the code caught and sent it, null if that is unknown."
    )
    frames: list[EventFrame] = strawberry.field(
        description="The stack trace: the frame that raised it first, then its callers. At most 100 frames."
    )


@strawberry.type(description="A tag of an event.")
class EventTag:
    """A tag."""

    key: str = strawberry.field(description="The name, such as `region`.")
    value: str = strawberry.field(description="The value, such as `eu`; at most 200 characters.")


@strawberry.type(description="The SDK that sent an event.")
class EventSdk:
    """An SDK."""

    name: str = column("sdk_name", "The name, such as `sentry.python.flask`.")
    version: str | None = column("sdk_version", "The version, such as `2.75.0`; null if it was not sent.")


@strawberry.type(description="An error or a message that an SDK sent.")
class Event(Node):
    """An event."""

    id: strawberry.ID = node_id()
    event_id: str = column("event_id", "The id that the SDK gave it, 32 hex digits, as users see it in error dialogs.")
    project: Project = to_one("project", "The project that sent it.")
    issue: Issue | None = to_one("issue", "The issue that it belongs to; null if that was deleted.")
    timestamp: datetime = column("timestamp", "When it happened, by our clock.")
    received: datetime = column("received", "When it arrived.")
    release: Release | None = to_one(
        "release", "The release that it happened in; null if the SDK sent none, or an invalid one."
    )
    environment: Environment | None = to_one("environment", "The environment, such as `production`; null if none was sent.")
    dist: str | None = column("dist", "The distribution of the release, such as `android-77`; null if none was sent.")
    level: EventLevel = column("level", "How severe it is.")
    platform: str = column("platform", "The platform of the SDK, such as `python` or `javascript`.")
    handled: bool | None = column(
        "handled", "false if the error was not caught, true if the code caught and sent it, null if that is unknown."
    )
    title: str = column("title", "The type and text of the error, or the message, such as `ValueError: bad id 17`.")
    message: str | None = column(
        "body", "The message, with its parameters filled in; null for an event with an exception only.", read_message
    )
    culprit: str | None = column("body", "Where it happened, such as `shop.pay in charge`; null if unknown.", read_culprit)
    tags: list[EventTag] = objects("body", "The tags, as they were sent; at most 50.", list_tags)
    exceptions: list[EventException] = objects(
        "body",
        "The exceptions: the one that was raised last first, then its causes. Empty for messages. Costs 20.",
        list_exceptions,
        size=STACK_COST,
    )
    sdk: EventSdk | None = embedded_field("sdk_name", "The SDK that sent it; null if it did not send its name.")


@strawberry.input(description="Conditions on events; all given ones must hold, and null is the same as absent.")
class EventFilter:
    """Conditions on events."""

    release: str | None = optional_filter(
        "Only events of the release of this version, such as `web@1.4.0`; RELEASE_NOT_FOUND if it does not exist."
    )
    environment: str | None = optional_filter(
        "Only events in this environment, such as `production`; ENVIRONMENT_NOT_FOUND if it does not exist. Costs 1,000."
    )


def event_conditions(arguments: Arguments) -> Conditions:
    """Return the conditions of an EventFilter."""
    names = {"release": "seen_in", "environment": "environment"}
    values = (arguments.get("filter") or {}).items()
    return tuple((names[name], value) for name, value in values if value is not None)


EVENT_LIST: dict[str, Any] = {
    "order": Order("timestamp", descending=True),
    "conditions": event_conditions,
    "arguments": [argument("filter", EventFilter | None, "Conditions that the events must meet (default: all events).")],
}
"""What a list of events offers."""

NODES = (Event,)
