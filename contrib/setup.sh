# SPDX-License-Identifier: BSD-2-Clause
# What ./quickstart and ./run-tests share: Debian packages, a quiet build. Sourced by a POSIX shell that has `local`
# (Debian's policy asks it of every /bin/sh), set -eu.

BUILD_PACKAGES='gcc libc6-dev make autoconf automake pkgconf libevent-dev libssl-dev libsodium-dev
  libluajit-5.1-dev libpcre2-dev libedit-dev libjansson-dev libcap-dev libsystemd-dev'
TEST_PACKAGES='libcmocka-dev python3 python3-pytest python3-pytest-xdist python3-dnspython python3-nacl'

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "${0##*/}: $*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "not root and no sudo; run as root: $*"
  fi
}

# need_packages LOG PACKAGE...: install those that are not there. Does nothing, and says nothing, when all are.
need_packages() {
  local log package status missing
  log=$1; shift
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system: make sure that you have the counterparts of: $*"
    return
  fi
  missing=
  for package in "$@"; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || status=
    [ "$status" = installed ] || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  say "installing Debian packages:$missing"
  # shellcheck disable=SC2086 # a list of names
  { as_root apt-get -q update &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing
  } >>"$log" 2>&1 || { tail -n 15 "$log" >&2; die "apt-get failed; its whole output is in $log"; }
}

compiler() {
  if command -v ccache >/dev/null; then say 'ccache gcc'; else say gcc; fi
}

jobs() { nproc 2>/dev/null || say 2; }

# quietly LOG WHAT COMMAND...: run it with its output in LOG; when it fails show the end of that and stop.
quietly() {
  local log what
  log=$1 what=$2; shift 2
  "$@" >>"$log" 2>&1 || { tail -n 30 "$log" >&2; die "$what failed; its whole output is in $log"; }
}

# build_tree SOURCE BUILD LOG [CONFIGURE-ARGUMENT...]: bring the build directory up to date.
build_tree() {
  local source build log
  source=$1 build=$2 log=$3; shift 3
  [ -f "$source/configure" ] || quietly "$log" autoreconf autoreconf -fi "$source"
  mkdir -p "$build"
  [ -f "$build/Makefile" ] ||
    (cd "$build" && quietly "$log" configure "$source/configure" -q CC="$(compiler)" "$@")
  if ! make -s -C "$build" -j"$(jobs)" >>"$log" 2>&1; then
    # A build made from an older tree can be beyond make's own rules (a folder's list that is gone): once from new.
    say 'build failed; once more from new' >>"$log"
    quietly "$log" autoreconf autoreconf -fi "$source"
    (cd "$build" && quietly "$log" configure "$source/configure" -q CC="$(compiler)" "$@")
    quietly "$log" build make -s -C "$build" -j"$(jobs)"
  fi
}
