"""The command line with short waits for tests: `python -m tests.quick`, in place of `python -m gql_releases`."""

from __future__ import annotations

from functools import partial

from gql_releases import app
from gql_releases.cli import main
from gql_releases.commands import import_sentry
from gql_releases.forwarding.sender import Pace, Sender
from gql_releases.storage.transfer import endpoints

PACE = Pace(poll=0.02, first_wait=0.03, margin=1.0)

if __name__ == "__main__":
    vars(app)["Sender"] = partial(Sender, pace=PACE)
    import_sentry.import_all = partial(import_sentry.import_all, first_wait=0.01)
    endpoints.COPY_LOCK_TIMEOUT_MS = 300
    main()
