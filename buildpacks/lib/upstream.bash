# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Versions that no package registry has, from where the runtime's own project publishes them. The build
# copies this file beside berth.bash. Needs $scratch.

# asks_upstream MIRROR: whether it is asked: an app says so (BP_UPSTREAM_DOWNLOADS=true), or the operator for
# all apps (build.upstream_downloads), or by naming a mirror in the variable MIRROR.
asks_upstream() { [[ ${BP_UPSTREAM_DOWNLOADS:-} == true || -n ${!1:-} ]]; }

# fetch URL FILE [SHA256]: 1 if it cannot be had, or is not what the digest says; the reason is in
# $scratch/upstream.log.
fetch() {
  curl --silent --show-error --fail --location --proto '=https,http' --connect-timeout 10 --retry 2 \
    --output "$2" "$1" 2>"$scratch/upstream.log" || return 1
  [[ -z ${3:-} ]] || sha256sum --check --status <<<"$3  $2" ||
    { printf '%s has another digest than %s\n' "$1" "$3" >"$scratch/upstream.log" && return 1; }
}

# other_versions WHAT: for the message that a version is not available: what could be done about it.
other_versions() {
  if [[ -s $scratch/upstream.log ]]; then
    printf 'and where the %s project publishes others: %s.' "$1" "$(tail -1 "$scratch/upstream.log")"
  else
    printf 'others only from the %s project itself, with BP_UPSTREAM_DOWNLOADS=true.' "$1"
  fi
}
