#!/bin/sh
# Make .venv-sdk-fyers: the official FYERS SDK in an environment of its own.
#
# Done once for each content of requirements.lock. Needs python3 with venv, and the
# package index or a mirror of it that pip is configured for. No compiler: wheels only.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
venv="$root/.venv-sdk-fyers"
lock="$here/requirements.lock"
stamp="$venv/installed.lock"

fail() {
    echo "sdk-env (fyers): $1" >&2
    exit 1
}

if [ -x "$venv/bin/python" ] && cmp -s "$lock" "$stamp"; then
    exit 0
fi

rm -rf "$venv"
"${PYTHON:-python3}" -m venv "$venv" ||
    fail "cannot make an environment; is the package python3-venv installed?"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --no-deps --only-binary :all: --require-hashes -r "$lock" ||
    fail "cannot install $lock; is the package index reachable, and are there wheels \
for this Python and machine?"
"$venv/bin/python" -c "from fyers_apiv3 import fyersModel" ||
    fail "installed, but fyers_apiv3 cannot be imported"
cp "$lock" "$stamp"
