"""Events as SDKs send them: what is kept of one, whatever its shape.

Source: docs of the event payload at develop.sentry.dev and runs of the SDKs (tests/events/fixtures). A field of another
shape than expected is absent. All texts, lists and objects are cut; nothing is read recursively.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from gql_releases.domain.events.fields import (
    MAX_ITEMS,
    clean_text,
    cut_url,
    list_pairs,
    read_boolean,
    read_integer,
    read_object,
    read_scalars,
    read_text,
    read_time,
    read_user,
    read_uuid,
    read_values,
    render_text,
)
from gql_releases.domain.events.issue import Level
from gql_releases.domain.events.json_text import InvalidEvent
from gql_releases.domain.events.message_text import find_message, first_line
from gql_releases.domain.events.names import read_dist, read_environment, read_release

MAX_EXCEPTIONS = 50
MAX_FRAMES = 100
MAX_BREADCRUMBS = 30
MAX_TAGS = 50
MAX_TAG_NAME_LENGTH = 32
MAX_TAG_VALUE_LENGTH = 200
MAX_IMAGES = 200
MAX_FINGERPRINT_PARTS = 50
MAX_TITLE_LENGTH = 256
MAX_MESSAGE_LENGTH = 4096
MAX_CONTEXT_LINES = 10
MAX_LINE_LENGTH = 256
MAX_EXTRA = 50
MAX_PARAMS = 20
MAX_PATH_LENGTH = 1024
MAX_AGE = timedelta(days=30)
MAX_AHEAD = timedelta(seconds=60)
MIN_CLOCK_DIFFERENCE = timedelta(minutes=55)
"""A client's clock that differs by less is taken as right."""
UNTITLED = "<unlabeled event>"
REACT_STACK = "React ErrorBoundary"
"""How the type of the exception begins that @sentry/react adds; its frames are the components around the error."""

_LEVELS = {level.lower(): level for level in Level} | {"log": Level.INFO, "critical": Level.FATAL}
_FRAME_TEXTS = (
    ("function", 256),
    ("module", 256),
    ("filename", MAX_PATH_LENGTH),
    ("abs_path", MAX_PATH_LENGTH),
    ("context_line", 512),
)
_URL_SCHEMES = ("http:", "https:", "blob:")
_CONTEXTS = ("runtime", "os", "browser", "device", "trace")
_IMAGE_TEXTS = ("type", "code_file", "debug_file", "debug_id", "code_id", "image_addr", "image_vmaddr", "arch")
_PLACEHOLDER = re.compile("%[sdirf%]")
_DROPPED_EXTRA = ("environ", "sys.argv")


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be stored.

    `invalid_release` is the text of a refused release. `user` identifies the user and is hashed before it is stored.
    `type` is that of the last exception. `body` is JSON with the names of Sentry's event payload: `exception`, `threads`,
    `message`, `logentry`, `logger`, `transaction`, `type`, `request`, `contexts`, `breadcrumbs`, `debug_meta`, `extra` and
    `csp`, of which those without a value are absent, as are absent fields of a frame. Symbolication replaces frames in
    `body` before `group_event`; `find_culprit` then computes the culprit again.
    """

    event_id: str
    timestamp: datetime
    received: datetime
    release: str | None
    invalid_release: str | None
    environment: str | None
    dist: str | None
    level: Level
    platform: str
    handled: bool | None
    type: str | None
    title: str
    culprit: str | None
    message: str | None
    user: str | None
    tags: tuple[tuple[str, str], ...]
    sdk_name: str | None
    sdk_version: str | None
    body: dict[str, Any]
    fingerprint: tuple[str, ...]


def parse_event(data: Any, *, event_id: str | None, received: datetime, sent_at: datetime | None) -> NewEvent:
    """Return an event of parsed JSON of any shape. Raises InvalidEvent if it is no object.

    `event_id` precedes the event's own id; without a valid one the event gets a new id.
    """
    if type(data) is not dict:
        raise InvalidEvent("An event is a JSON object")
    platform = (read_text(data.get("platform"), 64) or "").strip() or "other"
    release, invalid_release = read_release(data.get("release"))
    sdk = read_object(data.get("sdk"))
    body = _read_body(data)
    exceptions = body["exception"]["values"] if "exception" in body else ()
    exception = exceptions[-1] if exceptions else {}
    mechanism = exception.get("mechanism", {})
    message = find_message(body)
    return NewEvent(
        event_id=read_uuid(event_id) or read_uuid(data.get("event_id")) or uuid4().hex,
        timestamp=_correct_time(read_time(data.get("timestamp")), received, sent_at),
        received=received,
        release=release,
        invalid_release=invalid_release,
        environment=read_environment(data.get("environment")),
        dist=read_dist(data.get("dist")),
        level=_LEVELS.get((read_text(data.get("level"), 16) or "").strip().lower(), Level.ERROR),
        platform=platform,
        handled=_read_handled(exceptions),
        type=None if mechanism.get("synthetic") else exception.get("type"),
        title=_write_title(body, exception, message),
        culprit=find_culprit(body),
        message=message,
        user=read_user(data.get("user")),
        tags=_read_tags(data.get("tags")),
        sdk_name=read_text(sdk.get("name"), 64),
        sdk_version=read_text(sdk.get("version"), 64),
        body=body,
        fingerprint=_read_fingerprint(data.get("fingerprint")),
    )


def find_culprit(body: dict[str, Any]) -> str | None:
    """Return `module or file in function` of the innermost app frame of the last exception that has frames.

    Without frames it is that of the thread, else the transaction.
    """
    for holder in (*reversed(body.get("exception", {}).get("values", ())), *body.get("threads", {}).get("values", ())):
        frames = holder.get("stacktrace", {}).get("frames")
        if not frames:
            continue
        frame = next((frame for frame in reversed(frames) if frame.get("in_app") is True), frames[-1])
        place = frame.get("module") or frame.get("filename") or frame.get("abs_path")
        function = frame.get("function")
        if place and function:
            return f"{place} in {function}"[:MAX_TITLE_LENGTH]
        if place or function:
            return str(place or function)[:MAX_TITLE_LENGTH]
    return body.get("transaction")


def _read_handled(exceptions: Sequence[dict[str, Any]]) -> bool | None:
    """Return whether the last exception was handled; None if that is unknown.

    @sentry/react 10 marks only the exception that it adds as unhandled.
    """
    if any(
        exception.get("type", "").startswith(REACT_STACK) and exception.get("mechanism", {}).get("handled") is False
        for exception in exceptions
    ):
        return False
    handled: bool | None = exceptions[-1].get("mechanism", {}).get("handled") if exceptions else None
    return handled


def _correct_time(timestamp: datetime | None, received: datetime, sent_at: datetime | None) -> datetime:
    """Return the time of an event by our clock, at most 30 days ago."""
    if timestamp is None:
        return received
    if sent_at is not None:
        difference = received - (sent_at if sent_at.tzinfo else sent_at.replace(tzinfo=UTC))
        if abs(difference) >= MIN_CLOCK_DIFFERENCE:
            try:
                timestamp += difference
            except OverflowError:
                return received
    return timestamp if -MAX_AGE <= timestamp - received <= MAX_AHEAD else received


def _write_title(body: dict[str, Any], exception: dict[str, Any], message: str | None) -> str:
    kind, value = exception.get("type"), first_line(exception.get("value", ""))
    if exception.get("mechanism", {}).get("synthetic") and value:
        kind = None
    if kind and value:
        title = f"{kind}: {value}"
    elif kind or value:
        title = kind or value
    elif message and (line := first_line(message)):
        title = line
    elif "csp" in body:
        title = f"Blocked {body['csp']['directive']} from {body['csp']['host']}"
    else:
        title = UNTITLED
    return title[:MAX_TITLE_LENGTH]


def _read_tags(raw: Any) -> tuple[tuple[str, str], ...]:
    """Return at most MAX_TAGS tags; those with a longer name than allowed are left out, values are cut."""
    tags: dict[str, str] = {}
    for raw_name, raw_value in list_pairs(raw):
        if len(tags) == MAX_TAGS:
            break
        name, value = read_text(raw_name, MAX_TAG_NAME_LENGTH + 1), read_text(raw_value, MAX_TAG_VALUE_LENGTH)
        if name and value and len(name) <= MAX_TAG_NAME_LENGTH and (name := name.strip()) and (value := value.strip()):
            tags[name] = value
    return tuple(tags.items())


def _read_fingerprint(raw: Any) -> tuple[str, ...]:
    if type(raw) is not list:
        return ()
    parts = (render_text(part, 512) if part != "" else "" for part in raw[:MAX_FINGERPRINT_PARTS])
    return tuple(part for part in parts if part is not None)


def _read_body(data: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if exceptions := _read_exceptions(data.get("exception")):
        body["exception"] = {"values": exceptions}
    if thread := _read_thread(data, bool(exceptions)):
        body["threads"] = {"values": [thread]}
    _read_message(data, body)
    for name, limit in (("logger", 128), ("transaction", MAX_TITLE_LENGTH), ("type", 64)):
        if text := read_text(data.get(name), limit):
            body[name] = text
    if "request" in data and (request := _read_request(read_object(data["request"]))):
        body["request"] = request
    if type(data.get("contexts")) is dict:
        contexts = ((name, read_scalars(data["contexts"].get(name), 20, 200)) for name in _CONTEXTS)
        if contexts_with_values := {name: context for name, context in contexts if context}:
            body["contexts"] = contexts_with_values
    if breadcrumbs := _read_breadcrumbs(data.get("breadcrumbs")):
        body["breadcrumbs"] = {"values": breadcrumbs}
    if "debug_meta" in data and (images := _read_images(read_object(data["debug_meta"]).get("images"))):
        body["debug_meta"] = {"images": images}
    if extra := read_scalars(data.get("extra"), MAX_EXTRA, MAX_LINE_LENGTH):
        for name in _DROPPED_EXTRA:
            extra.pop(name, None)
        if extra:
            body["extra"] = extra
    if report := read_object(data.get("csp")) or read_object(data.get("csp-report")):
        body["csp"] = _read_csp(report)
    return body


def _read_exceptions(raw: Any) -> list[dict[str, Any]]:
    """Return the last MAX_EXCEPTIONS exceptions of a chain, the oldest first, without those that have no known field."""
    exceptions = []
    for value in read_values(raw)[-MAX_EXCEPTIONS:]:
        if type(value) is dict and (exception := _read_exception(value)):
            exceptions.append(exception)
    return exceptions


def _read_exception(raw: dict[str, Any]) -> dict[str, Any]:
    exception: dict[str, Any] = {}
    if text := read_text(raw.get("type"), MAX_TITLE_LENGTH):
        exception["type"] = text
    if text := render_text(raw.get("value"), MAX_MESSAGE_LENGTH):
        exception["value"] = text
    frames = _read_frames(raw.get("stacktrace"))
    if not exception and not frames:
        return exception
    if text := read_text(raw.get("module"), 256):
        exception["module"] = text
    if mechanism := _read_mechanism(read_object(raw.get("mechanism"))):
        exception["mechanism"] = mechanism
    if frames:
        exception["stacktrace"] = {"frames": frames}
    return exception


def _read_mechanism(raw: dict[str, Any]) -> dict[str, Any]:
    mechanism: dict[str, Any] = {}
    for name in ("type", "source"):
        if text := read_text(raw.get(name), 64):
            mechanism[name] = text
    for name in ("handled", "synthetic", "is_exception_group"):
        if type(raw.get(name)) is bool:
            mechanism[name] = raw[name]
    for name in ("exception_id", "parent_id"):
        if (number := read_integer(raw.get(name))) is not None:
            mechanism[name] = number
    return mechanism


def _read_frames(stacktrace: Any) -> list[dict[str, Any]]:
    frames = stacktrace.get("frames") if type(stacktrace) is dict else None
    if type(frames) is not list:
        return []
    if len(frames) > MAX_FRAMES:
        half = MAX_FRAMES // 2
        frames = frames[:half] + frames[-half:]
    return [frame for raw in frames if type(raw) is dict and (frame := _read_frame(raw))]


def _read_frame(raw: dict[str, Any]) -> dict[str, Any]:
    frame: dict[str, Any] = {}
    for name, limit in _FRAME_TEXTS:
        text = raw.get(name)
        if type(text) is not str or not text:
            continue
        if len(text) > limit:
            text = text[:limit]
        if not text.isascii() or "\0" in text:
            text = clean_text(text)
        # A page's URL may contain secrets.
        if limit == MAX_PATH_LENGTH and text.startswith(_URL_SCHEMES):
            text = cut_url(text)
        frame[name] = text
    for name in ("lineno", "colno"):
        number = raw.get(name)
        if number is not None and (number := read_integer(number, least=1)) is not None:
            frame[name] = number
    if type(raw.get("in_app")) is bool:
        frame["in_app"] = raw["in_app"]
    if "context_line" in frame:
        # The lines beside the line of the call: of each list those that are nearest to it.
        if lines := _read_lines(raw.get("pre_context"), last=True):
            frame["pre_context"] = lines
        if lines := _read_lines(raw.get("post_context"), last=False):
            frame["post_context"] = lines
    return frame


def _read_lines(raw: Any, *, last: bool) -> list[str]:
    if type(raw) is not list or not raw:
        return []
    if len(raw) > MAX_CONTEXT_LINES:
        raw = raw[-MAX_CONTEXT_LINES:] if last else raw[:MAX_CONTEXT_LINES]
    try:
        text = "".join(raw)
    except TypeError:
        raw = [line if type(line) is str else "" for line in raw]
        text = "".join(raw)
    if len(text) <= MAX_LINE_LENGTH and text.isascii() and "\0" not in text:
        return list(raw)
    return [clean_text(line[:MAX_LINE_LENGTH]) for line in raw]


def _read_thread(data: dict[str, Any], has_exceptions: bool) -> dict[str, Any] | None:
    """Return the crashed thread, else the current one, else the first that has frames.

    Beside exceptions only the crashed thread is kept. Old SDKs send frames of a message as the event's own stack trace.
    """
    threads = [thread for thread in read_values(data.get("threads"))[:MAX_ITEMS] if type(thread) is dict]
    if not threads and not has_exceptions and type(data.get("stacktrace")) is dict:
        threads = [{"current": True, "stacktrace": data["stacktrace"]}]
    for names in (("crashed",), ("current",), ()) if not has_exceptions else (("crashed",),):
        for raw in threads:
            if all(raw.get(name) is True for name in names) and (frames := _read_frames(raw.get("stacktrace"))):
                thread: dict[str, Any] = {"stacktrace": {"frames": frames}}
                if name_text := read_text(raw.get("name"), 128):
                    thread["name"] = name_text
                if thread_id := read_text(raw.get("id"), 64):
                    thread["id"] = thread_id
                for name in ("crashed", "current"):
                    if (value := read_boolean(raw.get(name))) is not None:
                        thread[name] = value
                return thread
    return None


def _read_message(data: dict[str, Any], body: dict[str, Any]) -> None:
    """Write `message` and `logentry`; either may be sent in the shape of the other."""
    message, entry = data.get("message"), data.get("logentry")
    if type(message) is dict and type(entry) is not dict:
        message, entry = None, message
    elif type(entry) is str and not message:
        message, entry = entry, None
    if text := read_text(message, MAX_MESSAGE_LENGTH):
        body["message"] = text
    if type(entry) is dict:
        parts: dict[str, Any] = {}
        for name in ("message", "formatted"):
            if text := read_text(entry.get(name), MAX_MESSAGE_LENGTH):
                parts[name] = text
        params = entry.get("params")
        if parts and type(params) is list and params:
            texts = [render_text(param, MAX_LINE_LENGTH) for param in params[:MAX_PARAMS]]
            parts["params"] = texts
            if "formatted" not in parts:
                parts["formatted"] = _format_message(parts["message"], texts)
        if parts:
            body["logentry"] = parts


def _format_message(message: str, params: Sequence[str | None]) -> str:
    """Return a message with its parameters in the places of `%s`; sentry-sdk 1 does not send it."""
    texts = iter(params)
    text = _PLACEHOLDER.sub(lambda match: "%" if match[0] == "%%" else next(texts, None) or match[0], message)
    return text[:MAX_MESSAGE_LENGTH]


def _read_request(raw: dict[str, Any]) -> dict[str, Any]:
    request: dict[str, Any] = {}
    if text := read_text(raw.get("method"), 16):
        request["method"] = text
    if (text := read_text(raw.get("url"), 2048)) and (url := cut_url(text)):
        request["url"] = url
    for name, value in list_pairs(raw.get("headers")):
        if type(name) is str and name.lower() == "user-agent":
            if type(value) is list and value:
                value = value[0]
            if text := read_text(value, 512):
                request["headers"] = {"User-Agent": text}
            break
    return request


def _read_breadcrumbs(raw: Any) -> list[dict[str, Any]]:
    breadcrumbs = []
    for value in read_values(raw)[-MAX_BREADCRUMBS:]:
        if type(value) is not dict:
            continue
        breadcrumb: dict[str, Any] = {}
        for name, limit in (("type", 32), ("category", 64), ("level", 16), ("message", 512)):
            if text := read_text(value.get(name), limit):
                breadcrumb[name] = text
        data = read_object(value.get("data"))
        kept = {name: data[name] for name in ("status_code",) if read_integer(data.get(name)) is not None}
        if method := read_text(data.get("method"), 16):
            kept["method"] = method
        if url := read_text(data.get("url"), 512):
            kept["url"] = cut_url(url)
        if kept:
            breadcrumb["data"] = kept
        if breadcrumb and (moment := read_text(value.get("timestamp"), 40)):
            breadcrumb["timestamp"] = moment
        if breadcrumb:
            breadcrumbs.append(breadcrumb)
    return breadcrumbs


def _read_images(raw: Any) -> list[dict[str, Any]]:
    images = []
    for value in raw[:MAX_IMAGES] if type(raw) is list else ():
        image: dict[str, Any] = {}
        for name in _IMAGE_TEXTS if type(value) is dict else ():
            if text := read_text(value.get(name), 1024):
                image[name] = cut_url(text) if text.startswith(_URL_SCHEMES) else text
        if image:
            size = read_integer(value.get("image_size"))
            images.append(image if size is None else image | {"image_size": size})
    return images


def _read_csp(report: dict[str, Any]) -> dict[str, Any]:
    """Return the directive and what it blocked: a host, or a keyword such as `inline`."""
    directive = _first_text(
        report, ("effective_directive", "effective-directive", "violated_directive", "violated-directive")
    )
    blocked = _first_text(report, ("blocked_uri", "blocked-uri", "blockedURL"))
    document = _first_text(report, ("document_uri", "document-uri", "documentURL"))
    host = cut_url(blocked)
    if "://" in host:
        host = host.partition("://")[2].partition("/")[0].lower()
    elif ":" in host:
        host = host.partition(":")[0]
    csp = {"directive": directive.partition(" ")[0], "host": host}
    return csp | {"document_uri": cut_url(document)} if document else csp


def _first_text(raw: dict[str, Any], names: Sequence[str]) -> str:
    return next((text.strip() for name in names if (text := read_text(raw.get(name), 512))), "")
