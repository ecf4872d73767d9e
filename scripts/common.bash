# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What ./up, ./test and ./bench share: messages, packages, steps with their times, the build.
# Sourced after `set -euo pipefail`.

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build

die() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  shift
  (($# == 0)) || printf '  %s\n' "$@" >&2
  exit 1
}

need_root() {
  ((EUID == 0)) || die "must run as root" \
    "Berth makes namespaces, mounts and control groups, and installs packages." "Try: sudo ./${0##*/} $*"
}

need_debian() {
  local id="" version=""
  if [[ -r /etc/os-release ]]; then
    id=$(. /etc/os-release && printf '%s' "${ID:-}")
    version=$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")
  fi
  [[ $id == debian && $version == 12 ]] || die "needs Debian 12, and this is ${id:-unknown} ${version:-}" \
    "The names and versions of the packages it installs are Debian 12's."
  [[ $(uname -m) == x86_64 ]] || die "needs an x86-64 machine, and this is $(uname -m)"
}

# --- steps -------------------------------------------------------------------------------------------
# start NAME COMMAND… runs a command in the background, its output in a file; finish waits for all that
# were started, shows each with its time, and ends the script with the last lines of one that failed.

step_names=()
step_pids=()
step_logs=()
step_begins=()
step_directory=$(mktemp -d -t berth-steps.XXXXXX)
trap 'rm -rf -- "$step_directory"' EXIT
trap 'stop_steps; exit 130' INT TERM

start() {
  local log=$step_directory/${1//[ \/]/-}.log
  step_names+=("$1")
  step_logs+=("$log")
  step_begins+=("$SECONDS")
  shift
  set -m # a process group of its own, so that all of it can be ended
  "$@" >"$log" 2>&1 </dev/null &
  set +m
  step_pids+=("$!")
}

stop_steps() {
  local pid
  for pid in "${step_pids[@]}"; do [[ -z $pid ]] || kill -TERM -- "-$pid" 2>/dev/null || true; done
}

finish() {
  local i failed=""
  while :; do
    local running=()
    for i in "${!step_pids[@]}"; do
      if [[ -n ${step_pids[i]} ]] && ! kill -0 "${step_pids[i]}" 2>/dev/null; then
        local status=0
        wait "${step_pids[i]}" || status=$?
        step_pids[i]=""
        step_line "${step_names[i]}" "$((SECONDS - step_begins[i]))" "$status"
        ((status == 0)) || failed=$i
      fi
      [[ -z ${step_pids[i]} ]] || running+=("${step_names[i]} $((SECONDS - step_begins[i])) s")
    done
    ((${#running[@]} > 0)) || break
    if [[ -z $failed && -t 1 ]]; then
      local line="  … $(join ', ' "${running[@]}")"
      printf '\r%s\033[K' "${line:0:${COLUMNS:-100}}"
    fi
    sleep 0.2
  done
  [[ -z $failed ]] || step_failed "$failed"
  step_names=() step_pids=() step_logs=() step_begins=()
}

step() {
  start "$@"
  finish
}

step_line() {
  [[ ! -t 1 ]] || printf '\r\033[K'
  if (($3 == 0)); then
    printf '  ✓ %-44s %4d s\n' "$1" "$2"
  else
    printf '  ✗ %-44s %4d s\n' "$1" "$2"
  fi
}

step_failed() {
  local kept
  kept=$(mktemp -t "berth-${0##*/}.XXXXXX.log")
  cp -- "${step_logs[$1]}" "$kept"
  printf '\n' >&2
  tail -n 25 -- "$kept" | sed 's/^/    /' >&2
  printf '\n' >&2
  die "${step_names[$1]} failed" "Its last lines are above, all of them in $kept"
}

join() {
  local separator=$1 text=$2
  shift 2
  printf '%s' "$text" "${@/#/$separator}"
}

# --- packages ----------------------------------------------------------------------------------------

# The names in the sections of packages.txt.
packages_of() {
  local section="" line wanted=" $* "
  while IFS= read -r line; do
    case $line in
      '' | '#'*) ;;
      '['*) section=${line//[\[\]]/} ;;
      *) [[ $wanted != *" $section "* ]] || printf '%s\n' "$line" ;;
    esac
  done <"$root/scripts/packages.txt"
}

missing_packages() {
  local line program programs more names=()
  while IFS= read -r line; do
    if [[ $line != *:* ]]; then
      names+=("$line")
      continue
    fi
    IFS='|' read -ra programs <<<"${line%%:*}"
    read -ra more <<<"${line#*:}"
    for program in "${programs[@]}"; do
      command -v "$program" >/dev/null && continue
      names+=("${more[@]}")
      break
    done
  done < <(packages_of "$@")
  ((${#names[@]} > 0)) || return 0
  # One call says which of all names are installed; its status only that some are unknown.
  local installed name
  installed=$(dpkg-query -W -f='${db:Status-Status} ${binary:Package}\n' "${names[@]}" 2>/dev/null |
    sed -n 's/^installed \([^:]*\).*/\1/p') || true
  for name in "${names[@]}"; do
    [[ $'\n'$installed$'\n' == *$'\n'$name$'\n'* ]] || printf '%s\n' "$name"
  done
}

apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  if apt-get update -q && apt-get install -q -y --no-install-recommends "$@"; then return 0; fi
  echo "apt could not install them. Is there a network? Does \`apt-get update\` work by itself?"
  return 1
}

# install_packages SECTION…: nothing to do takes a fraction of a second and asks no network.
install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} > 0)) || return 0
  step "Install ${#missing[@]} packages" apt_install "${missing[@]}"
}

# --- build -------------------------------------------------------------------------------------------

# compile DIRECTORY TARGETS… [-- CMAKE_ARGUMENTS…]; configures what is not configured yet.
compile() {
  local directory=$1 targets=() arguments=()
  shift
  while (($# > 0)) && [[ $1 != -- ]]; do
    targets+=("$1")
    shift
  done
  (($# == 0)) || arguments=("${@:2}")
  # What one checkout has compiled serves every other one.
  export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
  if [[ ! -f $directory/build.ninja || -n ${arguments[*]} ]]; then
    cmake -S "$root" -B "$directory" -G Ninja -DCMAKE_CXX_COMPILER=clang++-19 \
      -DCMAKE_C_COMPILER=clang-19 ${arguments[@]+"${arguments[@]}"} || return
  fi
  ninja -C "$directory" ${targets[@]+"${targets[@]}"}
}
