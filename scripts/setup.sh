# shellcheck shell=bash
# Sourced by run, test and check: makes the clone's .venv when it is missing or out of date.
# Works with bash 3.2, which macOS has.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
readonly root
readonly venv=$root/.venv
readonly python=$venv/bin/python

# onnxruntime's wheels send usage data unless told not to before they are loaded. prismd sees to
# that itself; this covers what the tests and tools load.
export ORT_DISABLE_TELEMETRY=1

say() { printf '%s\n' "$*" >&2; }

fail() { # fail MESSAGE [STATUS]
    say "${0##*/}: $1"
    exit "${2:-1}"
}

# find_python - prints the first Python that prismd can live with. Each one is tried, because a
# name on the PATH may be a stub without a Python behind it.
find_python() {
    local name
    for name in ${PRISMD_PYTHON:-python3.13 python3.12 python3.11 python3}; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
            2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    fail "no Python 3.11, 3.12 or 3.13 found; install one, or name it: PRISMD_PYTHON=/path/to/python3"
}

# system_packages REASON APT_PACKAGES BREW_PACKAGES - installs what pip cannot, where this is
# allowed without a question; else says how, and ends with 1.
system_packages() {
    local reason=$1 apt=$2 brew=$3
    if command -v apt-get >/dev/null; then
        if [ "$(id -u)" = 0 ]; then
            say "Installing $apt ($reason)…"
            apt_install "$apt"
        elif sudo -n true 2>/dev/null; then
            say "Installing $apt with sudo ($reason)…"
            apt_install "$apt" sudo
        else
            say "$reason: not found; install it with: sudo apt-get install $apt"
            return 1
        fi
    elif command -v brew >/dev/null; then
        say "Installing $brew ($reason)…"
        # shellcheck disable=SC2086 # a list of packages
        brew install --quiet $brew
    else
        say "$reason: not found; install $apt, or what your system calls it"
        return 1
    fi
}

apt_lists_are_new=""

apt_install() { # apt_install PACKAGES [sudo]
    [ -n "$apt_lists_are_new" ] || ${2:-} apt-get update -qq >/dev/null
    apt_lists_are_new=yes
    # shellcheck disable=SC2086 # a list of packages
    ${2:-} env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y $1 >/dev/null
}

# What .venv depends on. Where it stands matters, because its programs hold absolute paths.
packages_stamp() { { printf '%s ' "$root" && cat "$root/requirements.lock"; } | cksum; }
project_stamp() { cksum <"$root/pyproject.toml"; }

# is_current STAMP VALUE - whether a stamp file holds a value.
is_current() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

pip_install() {
    # --no-user: a user's own setting to that end makes no sense within a virtual environment.
    "$python" -m pip install --quiet --no-user --disable-pip-version-check "$@"
}

# ensure_venv - makes .venv hold exactly what the lock says. Each stamp is written when its step is
# done, so that an interrupted setup is taken up again by the next run.
ensure_venv() {
    local packages=$venv/.packages-stamp project=$venv/.project-stamp
    if ! is_current "$packages" "$(packages_stamp)" || ! "$python" -c '' 2>/dev/null; then
        install_packages
        packages_stamp >"$packages"
    fi
    if ! is_current "$project" "$(project_stamp)"; then
        pip_install --no-deps --no-build-isolation --editable "$root"
        project_stamp >"$project"
    fi
}

install_packages() {
    local base
    base=$(find_python)
    if ! "$base" -c 'import ensurepip, venv' 2>/dev/null; then
        system_packages "Python's venv module" python3-venv python || exit
    fi
    say "Installing about $(grep -c '==' "$root/requirements.lock") packages into .venv (now and when" \
        "the lock changes; a minute or two)…"
    # --clear: what another lock, another Python or another place left behind is not kept.
    "$base" -m venv --clear "$venv"
    pip_install --require-hashes --requirement "$root/requirements.lock"
    say "Installed."
}

# ensure_llama [--cached] - has llama-cpp-python installed: from a wheel that was built earlier, or
# else, unless --cached is given, by building it.
ensure_llama() {
    if "$python" "$root/scripts/build_llama.py" --cached || [ "${1:-}" = --cached ]; then
        return
    fi
    if ! command -v c++ >/dev/null; then
        system_packages "a C++ compiler, for llama-cpp-python" build-essential llvm || exit
    fi
    "$python" "$root/scripts/build_llama.py"
}

# prove_llama MODEL - has one token generated in a process of its own; a build that does not suit
# the processor is killed there, not in the daemon's hands.
prove_llama() {
    "$python" "$root/scripts/build_llama.py" --prove "$1"
}

# ensure_tesseract - has the program installed that reads scans and pictures, with English and with
# what tells which way up a page is; 1 where it is missing and may not be installed.
ensure_tesseract() {
    local known
    known=" $(tesseract --list-langs 2>/dev/null | tr '\n' ' ') " || known=""
    case $known in
        *" eng "*) case $known in *" osd "*) return ;; esac ;;
    esac
    system_packages "Tesseract, which reads scans and pictures" \
        "tesseract-ocr tesseract-ocr-eng tesseract-ocr-osd" tesseract
}

# ensure_systemd_analyze - has installed what verifies the units of the service, and starts by a
# socket; 1 where it is missing and may not be installed. Only Linux has it.
ensure_systemd_analyze() {
    if [ "$(uname)" != Linux ] || command -v systemd-analyze >/dev/null; then
        return
    fi
    system_packages "systemd-analyze, which verifies the units of the service" systemd systemd
}

# ensure_fish - has the shell fish installed, whose completion is tried; 1 where it is missing and may
# not be installed.
ensure_fish() {
    command -v fish >/dev/null || system_packages "fish, whose completion is tried" fish fish
}

# ensure_screen - has a virtual screen installed, and a panel that shows icons on it; 1 where they are
# missing and may not be installed.
ensure_screen() {
    local program missing=""
    for program in Xvfb dbus-daemon gdbus xfce4-panel; do
        command -v "$program" >/dev/null || missing=yes
    done
    # What the menu is made by; of a system that is not Debian's this knows no place.
    if command -v apt-get >/dev/null; then
        dpkg -s python3-gi gir1.2-ayatanaappindicator3-0.1 >/dev/null 2>&1 || missing=yes
    fi
    [ -z "$missing" ] || system_packages "a virtual screen with a panel, for the tray's tests" \
        "--no-install-recommends xvfb dbus libglib2.0-bin xfce4-panel python3-gi gir1.2-ayatanaappindicator3-0.1" \
        ""
}

# ensure_keyring - has a keyring installed, and a bus to reach it by, as a desktop on Linux has them;
# 1 where they are missing and may not be installed.
ensure_keyring() {
    if command -v gnome-keyring-daemon >/dev/null && command -v dbus-daemon >/dev/null; then return; fi
    system_packages "a keyring, for the tests of an encrypted index" \
        "--no-install-recommends gnome-keyring dbus" ""
}

# ensure_browser - has a browser that tests can look at the web page with; 1 where it is missing and
# may not be installed. tests/browser/harness.py looks for the same ones.
ensure_browser() {
    local name
    [ -z "${PRISMD_TEST_BROWSER:-}" ] || return 0
    for name in chromium chromium-browser google-chrome-stable google-chrome \
        "/Applications/Chromium.app/Contents/MacOS/Chromium" \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
        if command -v "$name" >/dev/null; then return; fi
    done
    system_packages "Chromium, which tests look at the web page with" chromium chromium
}

# ensure_export - has installed what exports models; 1 where there is no torch for this machine.
# torch comes first, because the others would take any version, and without a hash, because the
# right build of it depends on the machine.
ensure_export() {
    local torch=2.13.0 stamp=$venv/.export-stamp
    if is_current "$stamp" "$(export_stamp $torch)"; then
        return
    fi
    say "Installing torch and what exports models (once; torch is 200 MB without CUDA, and several" \
        "GB with it, which is what the Python package index has for Linux on x86)…"
    pip_install "torch==$torch" || return 1
    pip_install --require-hashes --requirement "$root/requirements-export.lock" || return 1
    export_stamp $torch >"$stamp"
    say "Installed."
}

export_stamp() { { printf '%s ' "$1" && cat "$root/requirements-export.lock"; } | cksum; } # TORCH

# pull_models NAME… - fetches weights that are not here yet; the daemon's own command verifies them.
pull_models() {
    "$venv/bin/prismd" models pull "$@" >&2
}
