#!/usr/bin/env bash
# Brings everything the project needs onto a Debian machine: packages, then .venv with pinned libraries.
# Does nothing, quickly, where all of it is there. INSTALLER=pip installs without uv.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
    python3-venv              # the virtual environment
    gcc libc6-dev             # builds the generated C for this machine, with sanitizers
    gcc-arm-none-eabi libnewlib-arm-none-eabi binutils-arm-none-eabi # builds it for the Cortex-M55
    cmake ninja-build         # builds the firmware projects
    qemu-system-arm           # runs the firmware on an emulated Cortex-M55
    clang-format              # checks that the generated C is formatted
    "$@"                      # what else is asked for
)

missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    install=(apt-get install -y --no-install-recommends "${missing[@]}")
    if [ "$(id -u)" = 0 ]; then
        as_root=(env DEBIAN_FRONTEND=noninteractive)
    elif sudo -n true 2>/dev/null; then
        as_root=(sudo -n env DEBIAN_FRONTEND=noninteractive)
    else
        echo "These Debian packages are missing: ${missing[*]}" >&2
        echo "Run this once, then the same make command again:" >&2
        echo "  sudo apt-get update && sudo ${install[*]}" >&2
        exit 3
    fi
    echo "Installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" "${install[@]}" -qq >/dev/null
fi

# Every file is held against the SHA-256 in requirements.lock, whichever program downloads it.
install_libraries() {
    local pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check)
    local uv=(.venv/bin/uv pip install --quiet --system-certs --compile-bytecode --python .venv)
    if [ "${INSTALLER:-uv}" = uv ]; then
        # uv itself, from its lines in the lock file; then it, with the package index that pip is told to use.
        local index
        index=${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)}
        if "${pip[@]}" --require-hashes -r <(sed -n '/^uv==/,/[^\\]$/p' requirements.lock) &&
            UV_HTTP_TIMEOUT=180 "${uv[@]}" ${index:+--default-index "$index"} --require-hashes -r requirements.lock; then
            "${uv[@]}" --no-deps --no-build-isolation --editable .
            return
        fi
        echo "uv could not install them; pip, which is slower, does it now" >&2
    fi
    "${pip[@]}" --require-hashes -r requirements.lock
    "${pip[@]}" --no-deps --no-build-isolation --editable .
}

wanted=$(cat pyproject.toml requirements.lock | sha256sum)
if [ "$(cat .venv/.installed 2>/dev/null)" != "$wanted" ]; then
    python=$(command -v python3.11 || true)
    if [ -z "$python" ]; then
        echo "Python 3.11 is not installed; Debian 12 has it: sudo apt-get install -y python3.11 python3-venv" >&2
        exit 3
    fi
    echo "Installing the pinned Python libraries into .venv (about 2.5 GB, a minute or two)"
    rm -f .venv/.installed
    "$python" -m venv .venv
    install_libraries
    echo "$wanted" >.venv/.installed
fi
