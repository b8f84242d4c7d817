"""Endpoints of events."""

from __future__ import annotations

from typing import Any

from gql_releases.domain import selection as s
from gql_releases.domain.errors import ProjectNotFound
from gql_releases.domain.events.fields import read_uuid
from gql_releases.domain.events.message_text import find_message
from gql_releases.domain.events.stored_body import unpack_body
from gql_releases.domain.paging import Order
from gql_releases.domain.selection import ObjectRead, PagedSelection
from gql_releases.rest_api.engine.paged_selections import (
    RELEASE_SUMMARY_SELECTION,
    VERSION_SELECTION,
    Tree,
    answer_page,
    date_field,
    paged_selection,
)
from gql_releases.rest_api.engine.pagination import read_page
from gql_releases.rest_api.engine.parameters import PAGE_PARAMETERS
from gql_releases.rest_api.engine.path_parameters import project_id
from gql_releases.rest_api.engine.requests import Answer, Request, not_found
from gql_releases.rest_api.engine.router import PROJECT_PATH, QueryParameters, Routes

_ENVIRONMENT_SELECTION = s.Selection("Environment", (s.Value("name", "name"),))
_COMMON_FIELDS = (
    s.Value("id", "event_id"),
    s.Value("eventID", "event_id"),
    s.Value("projectID", "project_id", str),
    s.Value("groupID", "issue_id", str),
    s.Value("title", "title"),
    s.Value("platform", "platform"),
    date_field("dateCreated", "timestamp"),
    s.Value("level", "level", str.lower),
    s.Value("dist", "dist"),
    s.Value("user_hash", "user_hash"),
    s.ToOneField("environment", "environment", _ENVIRONMENT_SELECTION, bare=True),
    s.Value("body", "body", unpack_body),
)
LISTED_EVENT_SELECTION = s.Selection(
    "Event", (*_COMMON_FIELDS, s.ToOneField("release", "release", VERSION_SELECTION, bare=True))
)
"""An event in a list; render_listed_event returns it as Sentry's API does."""
EVENT_SELECTION = s.Selection(
    "Event",
    (
        *_COMMON_FIELDS,
        s.ToOneField("release", "release", RELEASE_SUMMARY_SELECTION),
        date_field("dateReceived", "received"),
        s.Embedded("sdk", "sdk_name", (s.Value("name", "sdk_name"), s.Value("version", "sdk_version"))),
    ),
)
"""An event; render_event and render_payload return it as Sentry's API does."""
EVENT_VIEW = s.PagedSelection(EVENT_SELECTION)
PROJECT_EVENTS = paged_selection("Project", "events", LISTED_EVENT_SELECTION)

NEWEST_EVENT_FIRST = Order("timestamp", descending=True)

_ENTRIES = ("message", "exception", "threads", "breadcrumbs", "request", "csp", "debugmeta")
"""The types of the entries of an event, in Sentry's order."""


def render_listed_event(event: Tree) -> Tree:
    """Return an event in a list as Sentry's API does, from a row of LISTED_EVENT_SELECTION."""
    body, release, level = event.pop("body"), event.pop("release"), event.pop("level")
    environment, dist, user = event.pop("environment"), event.pop("dist"), event.pop("user_hash")
    return event | {
        "event.type": _event_type(body),
        "message": find_message(body) or event["title"],
        "culprit": body.get("culprit") or "",
        "location": None,
        "crashFile": None,
        "metadata": _render_metadata(body, event["title"]),
        "tags": _render_tags(body, level, environment, release, dist),
        "user": _render_user(user),
    }


def render_event(event: Tree) -> Tree:
    """Return an event as Sentry's API does, from a row of EVENT_SELECTION."""
    body, level, user = event.pop("body"), event.pop("level"), event.pop("user_hash")
    environment, release = event.pop("environment"), event["release"]
    version = release["version"] if release else None
    return event | {
        "type": _event_type(body),
        "message": find_message(body) or "",
        "culprit": body.get("culprit") or "",
        "location": None,
        "metadata": _render_metadata(body, event["title"]),
        "tags": _render_tags(body, level, environment, version, event["dist"]),
        "user": _render_user(user),
        "contexts": body.get("contexts", {}),
        "context": body.get("extra", {}),
        "packages": {},
        "entries": _render_entries(body),
        "errors": [],
        "fingerprints": [],
        "crashFile": None,
        "userReport": None,
        "nextEventID": None,
        "previousEventID": None,
    }


def render_payload(event: Tree) -> Tree:
    """Return an event in the shape in which SDKs send it, from a row of EVENT_SELECTION.

    Symbolicated frames are in `stacktrace`, those of the SDK in `raw_stacktrace`.
    """
    body, release = event["body"], event["release"]
    payload: Tree = {
        "event_id": event["eventID"],
        "project": int(event["projectID"]),
        "release": release["version"] if release else None,
        "dist": event["dist"],
        "environment": event["environment"],
        "platform": event["platform"],
        "level": event["level"],
        "title": event["title"],
        "culprit": body.get("culprit") or "",
        "message": find_message(body) or "",
        "datetime": event["dateCreated"],
        "timestamp": event["dateCreated"],
        "received": event["dateReceived"],
        "type": _event_type(body),
        "metadata": _render_metadata(body, event["title"]),
        "tags": [
            [tag["key"], tag["value"]]
            for tag in _render_tags(
                body, event["level"], event["environment"], release["version"] if release else None, event["dist"]
            )
        ],
        "sdk": event["sdk"],
        "user": _render_user(event["user_hash"]),
    }
    names = ("exception", "threads", "logentry", "request", "breadcrumbs", "contexts", "extra", "debug_meta", "csp")
    payload |= {name: body[name] for name in (*names, "logger", "transaction") if name in body}
    for name in ("exception", "threads"):
        if name in payload:
            payload[name] = {"values": [_render_stack_holder(value) for value in payload[name]["values"]]}
    return payload


def _event_type(body: Tree) -> str:
    return "csp" if "csp" in body else "error" if "exception" in body else "default"


def _render_metadata(body: Tree, title: str) -> Tree:
    exceptions = body.get("exception", {}).get("values")
    if not exceptions:
        return {"title": title}
    return {"title": title, "type": exceptions[-1].get("type"), "value": exceptions[-1].get("value")}


def _render_tags(
    body: Tree, level: str, environment: str | None, release: str | None, dist: str | None
) -> list[dict[str, str]]:
    """Return an event's tags, and those that Sentry adds of its fields, by key."""
    tags = dict(body.get("tags", ()))
    own = {"level": level, "environment": environment, "release": release, "dist": dist}
    tags |= {key: value for key, value in own.items() if value is not None}
    return [{"key": key, "value": tags[key]} for key in sorted(tags)]


def _render_user(user_hash: str | None) -> Tree | None:
    """Return a user by the salted hash, which is stored in place of ids, names and addresses."""
    return (
        None if user_hash is None else {"id": user_hash, "email": None, "username": None, "name": None, "ip_address": None}
    )


def _render_entries(body: Tree) -> list[Tree]:
    data: dict[str, Any] = {name: body[name] for name in ("breadcrumbs", "csp") if name in body}
    if message := find_message(body):
        template = body.get("logentry", {}).get("message")
        data["message"] = {"formatted": message} | ({"message": template} if template else {})
    if "debug_meta" in body:
        data["debugmeta"] = body["debug_meta"]
    if request := body.get("request"):
        headers = [[name, value] for name, value in request.get("headers", {}).items()]
        data["request"] = {"url": request.get("url"), "method": request.get("method"), "headers": headers}
    for name in ("exception", "threads"):
        if name in body:
            data[name] = {"values": [_render_entry_value(value) for value in body[name]["values"]]}
    return [{"type": name, "data": data[name]} for name in _ENTRIES if name in data]


def _render_entry_value(value: Tree) -> Tree:
    rendered = _render_stack_holder(value)
    for name in ("stacktrace", "raw_stacktrace"):
        stacktrace = rendered.pop(name, None)
        frames = stacktrace and [_render_frame(frame) for frame in stacktrace["frames"]]
        rendered["stacktrace" if name == "stacktrace" else "rawStacktrace"] = frames and {"frames": frames}
    return rendered


def _render_frame(frame: Tree) -> Tree:
    """Return a frame of an entry: its context is a list of pairs of line and text."""
    line, context = frame.get("lineno"), []
    if line is not None and "context_line" in frame:
        before, after = frame.get("pre_context", []), frame.get("post_context", [])
        texts = [*before, frame["context_line"], *after]
        context = [[line - len(before) + index, text] for index, text in enumerate(texts)]
    return {
        "filename": frame.get("filename"),
        "absPath": frame.get("abs_path"),
        "module": frame.get("module"),
        "function": frame.get("function"),
        "lineNo": line,
        "colNo": frame.get("colno"),
        "inApp": frame.get("in_app", False),
        "context": context,
        "vars": None,
    }


def _render_stack_holder(value: Tree) -> Tree:
    """Return an exception or thread with its stack trace, and that of the SDK if a source map replaced its frames."""
    frames = value.get("stacktrace", {}).get("frames")
    if not frames:
        return dict(value)
    shown = [{name: part for name, part in frame.items() if name not in ("raw", "symbolicated")} for frame in frames]
    rendered = value | {"stacktrace": {"frames": shown}}
    if any("raw" in frame for frame in frames):
        raw = [frame["raw"] if "raw" in frame else shown[index] for index, frame in enumerate(frames)]
        rendered["raw_stacktrace"] = {"frames": raw}
    return rendered


async def list_events(request: Request) -> Answer:
    """Return a page of a project's stored events, the newest first."""
    request.principal.require_organization(request.path[0])
    project = await project_id(request)
    page = read_page(request.parameters, NEWEST_EVENT_FIRST)
    read = ObjectRead(PagedSelection(PROJECT_EVENTS, (page,)), (("id", project),))
    return await answer_page(request, read, page, ProjectNotFound(), render_listed_event)


async def read_event(request: Request) -> Tree:
    """Return the path's event as a row of EVENT_SELECTION. Raises ProjectNotFound, Refused (404)."""
    request.principal.require_organization(request.path[0])
    project = await project_id(request)
    event_id = read_uuid(request.path[2])
    if event_id is None:
        raise not_found()
    conditions = (("of_project_id", project), ("event_id", event_id))
    event = await request.services.reads.read(request.principal, ObjectRead(EVENT_VIEW, conditions))
    if event is None:
        raise not_found()
    return event


async def get_event(request: Request) -> Answer:
    """Return an event."""
    return Answer(200, render_event(await read_event(request)))


async def get_payload(request: Request) -> Answer:
    """Return an event in the shape in which SDKs send it."""
    return Answer(200, render_payload(await read_event(request)))


_EVENTS = (*PROJECT_PATH, "events")

ROUTES: Routes = {
    _EVENTS: {"GET": list_events},
    (*_EVENTS, "*"): {"GET": get_event},
    (*_EVENTS, "*", "json"): {"GET": get_payload},
}
PARAMETERS: QueryParameters = {list_events: PAGE_PARAMETERS}
