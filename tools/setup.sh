#!/bin/sh
# Prepares this source tree: system libraries, .venv, pinned Python packages, the command
# .venv/bin/agriseg. Run by the Makefile when something it depends on has changed; safe to
# repeat. PYTHON names the interpreter to build .venv from (default: python3).
#
# `setup.sh firmware` installs what builds and tests the controller's firmware instead: only the
# tests need it. Where it cannot be installed they are skipped, but with REQUIRE_FIRMWARE_TOOLS
# set (continuous integration) that is an error.
set -eu

cd "$(dirname "$0")/.."
python="${PYTHON:-python3}"
log=".venv/setup.log"

say() { printf 'setup: %s\n' "$*"; }
fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

# --- system packages -------------------------------------------------------------------

missing_packages() {
    if ! command -v "$python" >/dev/null 2>&1; then
        if [ "$python" = python3 ]; then echo "python3 python3-venv"; fi
    elif ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        echo python3-venv
    fi
    [ "$(uname -s)" = Linux ] || return 0
    known="$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null || true)"
    while read -r library package; do
        case "$library" in '' | '#'*) continue ;; esac
        case "$known" in *"$library "*) ;; *) echo "$package" ;; esac
    done <agriseg/commands/system_libraries.txt
    if [ -z "$(find /usr/share/fonts /usr/local/share/fonts "${HOME:-/}/.local/share/fonts" \
        \( -name '*.ttf' -o -name '*.otf' \) -print 2>/dev/null | head -n 1)" ]; then
        echo fonts-dejavu-core
    fi
}

install_packages() {
    command="apt-get install -y --no-install-recommends $*"
    if ! command -v apt-get >/dev/null 2>&1; then
        say "these system libraries are missing (Debian's package names): $*"
        say "install them with this system's package manager; the window may not open without"
        return 0
    fi
    if [ "$(id -u)" -eq 0 ]; then
        as_root=""
    elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        as_root="sudo"
    else
        fail "system packages are missing and only root can install them. Run this as root,
setup: then the same make command again:

    apt-get update && $command
"
    fi
    say "installing system packages: $*"
    apt_log="$(mktemp)"
    if ! { $as_root apt-get update && $as_root env DEBIAN_FRONTEND=noninteractive $command; } \
        </dev/null >"$apt_log" 2>&1; then
        tail -n 15 "$apt_log" >&2
        rm -f "$apt_log"
        fail "the system packages could not be installed; run as root: $command"
    fi
    rm -f "$apt_log"
}

# --- the firmware's compilers and simulators (tests only) ------------------------------------

firmware_packages="firmware_bridge/firmware/debian-packages.txt"
test_packages="tests/debian-packages.txt" # servers that tests talk to: an MQTT broker

missing_firmware_packages() {
    cat "$firmware_packages" "$test_packages" 2>/dev/null | while read -r package; do
        case "$package" in '' | '#'*) continue ;; esac
        status="$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)"
        case "$status" in *' installed') ;; *) echo "$package" ;; esac
    done
}

set_up_firmware_tools() {
    missing="$(missing_firmware_packages | tr '\n' ' ')"
    # shellcheck disable=SC2086  # a list of words
    [ -z "${missing% }" ] || (install_packages $missing) || true
    missing="$(missing_firmware_packages | tr '\n' ' ')"
    if [ -z "${missing% }" ]; then
        touch .venv/.firmware-tools
    elif [ -n "${REQUIRE_FIRMWARE_TOOLS:-}" ]; then
        fail "the firmware cannot be tested without: $missing"
    else
        say "tests of the firmware are skipped without: $missing"
    fi
}

if [ "${1:-}" = firmware ]; then
    set_up_firmware_tools
    exit 0
fi

packages="$(missing_packages | tr '\n' ' ')"
# shellcheck disable=SC2086  # a list of words
[ -z "${packages% }" ] || install_packages $packages

# --- Python ----------------------------------------------------------------------------

command -v "$python" >/dev/null 2>&1 ||
    fail "there is no $python; install Python 3.11 to 3.13, or name one: make setup PYTHON=..."
version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
case "$version" in
3.11 | 3.12 | 3.13) ;;
*) fail "$python is Python $version, AgriSeg needs 3.11 to 3.13; name another one:
setup: make setup PYTHON=python3.11" ;;
esac

if [ -d .venv ] && ! .venv/bin/pip --version >/dev/null 2>&1; then
    say ".venv is broken or half made; making it anew"
    rm -rf .venv
fi
if [ ! -d .venv ]; then
    free_mb="$(df -Pm . | awk 'NR == 2 { print $4 }')"
    [ "$free_mb" -ge 4000 ] ||
        fail "$free_mb MB are free here, the Python packages need about 4000 MB; free some space"
    say "making .venv with Python $version"
    "$python" -m venv .venv
fi

# --- Python packages -------------------------------------------------------------------

show_progress() {
    # On a terminal: one line that names the package being fetched. Elsewhere: nothing.
    if [ -t 1 ]; then
        awk '/^Collecting |^  Downloading |^Installing / {
                 printf "\r\033[Ksetup: %s", substr($0, 1, 70); fflush() }
             END { printf "\r\033[K" }'
    else
        cat >/dev/null
    fi
}

say "installing Python packages into .venv (some minutes the first time; log: $log)"
rm -f .venv/.ready
{
    if .venv/bin/python -m pip install --disable-pip-version-check --no-input \
        --constraint constraints.txt --editable '.[dev,train,maps,mqtt,cluster]' 2>&1; then
        touch .venv/.installed
    fi
} | tee "$log" | show_progress
if [ ! -e .venv/.installed ]; then
    tail -n 20 "$log" >&2
    fail "pip could not install the packages (see above and $log); is there a network?"
fi
rm -f .venv/.installed

.venv/bin/python -c 'import PySide6.QtWidgets, cv2' >>"$log" 2>&1 || {
    tail -n 3 "$log" >&2
    fail "Qt or OpenCV cannot be loaded (see above); '.venv/bin/agriseg doctor' says what is missing"
}
touch .venv/.ready
say "done"
