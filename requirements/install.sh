#!/usr/bin/env bash
# install.sh run|dev: installs gql_releases, editable, into .venv with what running or development needs.
# DEPENDENCIES is `locked` (the versions and hashes of the lock file of this Python), or `newest` or `lowest`: those that
# pyproject.toml allows.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
python=$("$bin/python" -c 'import sys; print(f"{sys.version_info[0]}.{sys.version_info[1]}")')
case $1 in
  run) lock=requirements/$python.txt project='.[files]' ;;
  dev) lock=requirements/$python-dev.txt project='.[bench,dev,e2e,files,otel]' ;;
esac

pip() { "$bin/python" -m pip --quiet --disable-pip-version-check "$@"; }

case ${DEPENDENCIES:-locked} in
  locked)
    if [ -f "$lock" ]; then
      pip install --require-hashes --requirement "$lock"
      pip install --no-deps --no-build-isolation --editable .
    else
      echo "No lock file for Python $python ($lock): installing what pyproject.toml allows, without hashes."
      pip install --editable "$project"
    fi ;;
  newest) pip install --upgrade --upgrade-strategy eager --editable "$project" ;;
  lowest)
    pip install uv
    "$bin/uv" pip install --quiet --python "$bin/python" --resolution lowest-direct --editable "$project" ;;
  *) echo "DEPENDENCIES is locked, newest or lowest, not '$DEPENDENCIES'." >&2; exit 2 ;;
esac
