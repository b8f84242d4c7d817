"""Issues: groups of events with one cause, and the states that they can have."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """How severe an event is, most severe first."""

    FATAL = "FATAL"
    ERROR = "ERROR"
    WARNING = "WARNING"
    INFO = "INFO"
    DEBUG = "DEBUG"


class IssueStatus(StrEnum):
    """Whether an issue needs work."""

    UNRESOLVED = "UNRESOLVED"
    RESOLVED = "RESOLVED"
    IGNORED = "IGNORED"


class GroupingStep(StrEnum):
    """Which rule grouped an event: the first of these that applies."""

    FINGERPRINT = "FINGERPRINT"
    """The SDK sent a fingerprint."""
    STACK = "STACK"
    """The exceptions and their frames."""
    MINIFIED = "MINIFIED"
    """The exceptions and their normalized values: the frames are minified."""
    VALUE = "VALUE"
    """The exceptions and their normalized values: none has frames."""
    THREAD = "THREAD"
    """The frames of a thread."""
    MESSAGE = "MESSAGE"
    """The normalized message."""
    CSP = "CSP"
    """The directive and the host of a violated content security policy."""
    EMPTY = "EMPTY"
    """The type and logger of an event without anything else."""


class SuspectStatus(StrEnum):
    """Whether suspect commits of an issue were found, or why not."""

    FOUND = "FOUND"
    NO_MATCH = "NO_MATCH"
    """No commit of the releases changed a file of the frames."""
    NO_COMMITS = "NO_COMMITS"
    """The releases have no commits with changed files."""
    NO_RELEASE = "NO_RELEASE"
    """The first event had no release."""
    MINIFIED = "MINIFIED"
    """The frames are minified: no file name of them is a file of the repository."""


class ResolutionKind(StrEnum):
    """Where an issue is resolved."""

    NOW = "NOW"
    RELEASE = "RELEASE"
    NEXT_RELEASE = "NEXT_RELEASE"
    COMMIT = "COMMIT"


class ComparedBy(StrEnum):
    """How the release of an event was compared with the release that resolves the issue."""

    SEMVER = "SEMVER"
    DATE = "DATE"
