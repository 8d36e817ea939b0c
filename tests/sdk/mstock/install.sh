#!/bin/sh
# Make .venv-sdk-mstock-a and .venv-sdk-mstock-b: m.Stock's official SDKs, each in an
# environment of its own, for both bring a package named `helpers` and would overwrite it.
#
# Done once for each content of its lock. Needs python3 with venv, and the package index
# or a mirror of it that pip is configured for. No compiler: wheels only.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)

fail() {
    echo "sdk-env (mstock): $1" >&2
    exit 1
}

for kind in a b; do
    venv="$root/.venv-sdk-mstock-$kind"
    lock="$here/requirements-$kind.lock"
    stamp="$venv/installed.lock"

    if [ -x "$venv/bin/python" ] && cmp -s "$lock" "$stamp"; then
        continue
    fi

    rm -rf "$venv"
    "${PYTHON:-python3}" -m venv "$venv" ||
        fail "cannot make an environment; is the package python3-venv installed?"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --no-deps --only-binary :all: --require-hashes -r "$lock" ||
        fail "cannot install $lock; is the package index reachable, and are there wheels \
for this Python and machine?"
    # It opens its log file in the directory where it is imported.
    (cd "$venv" && "$venv/bin/python" -c "import tradingapi_$kind.mconnect") ||
        fail "installed, but tradingapi_$kind cannot be imported"
    cp "$lock" "$stamp"
done
