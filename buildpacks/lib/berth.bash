# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every built-in buildpack needs: the log format, layers, errors. The build copies this file into
# each buildpack as lib/berth.bash, so that a buildpack works alone wherever it is mounted.
set -euo pipefail
shopt -s inherit_errexit nullglob
umask 022
export LC_ALL=C.UTF-8

readonly certificates=/etc/ssl/certs/ca-certificates.crt
[[ -w ${HOME:-/} && ${HOME:-/} != / ]] || { HOME=$(mktemp -d) && export HOME; }

# Tools that carry their own list of certificates are pointed at the system's.
export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$certificates}
export PIP_CERT=${PIP_CERT:-$certificates} SSL_CERT_FILE=${SSL_CERT_FILE:-$certificates}

heading() { printf -- '-----> %s\n' "$*"; }
detail() { printf '       %s\n' "$*"; }
warning() { printf ' !     %s\n' "$@"; }
indent() { sed --unbuffered 's/^/       /'; }

# fail WHAT WHY FIX: the three things a user needs to know, one a line; ends the build.
fail() {
  printf '\n'
  warning "$@"
  printf '\n'
  exit 1
}

# quietly LOG COMMAND…: the output goes to LOG; it is shown only if the command failed, through the
# filter that $noise names, if any.
quietly() {
  local log=$1
  shift
  "$@" >"$log" 2>&1 </dev/null && return
  local status=$?
  "${noise:-cat}" <"$log" | indent
  return "$status"
}

# explain_exhaustion LOG: ends the build if LOG says that it ran into one of its limits. The platform
# adds which limit, and how large it is.
explain_exhaustion() {
  if grep -qE 'ENOSPC|No space left on device|EDQUOT|Disk quota exceeded' "$1"; then
    fail "The build's disk is full." "Its last messages are above." \
      "Make the build write less, or raise the limit of builds."
  elif grep -qE 'EAGAIN|fork: (retry: )?Resource temporarily|can.t start new thread' "$1"; then
    fail "The build could not start another process." "It has reached its limit of processes." \
      "Make the build run fewer at a time, or raise the limit of builds."
  elif grep -qE 'SIGKILL|signal: 9|Killed|heap out of memory|MemoryError|annot allocate memory|ENOMEM' "$1"
  then
    fail "The build ran out of memory." "One of its processes was stopped for that." \
      "Make the build need less, or raise the limit of builds."
  fi
}

# says LOG PATTERN…: whether LOG has one of the patterns, in letters of any size.
says() {
  local log=$1
  shift
  grep -qiE "$(IFS='|'; printf '%s' "$*")" "$log"
}

# loudly LOG COMMAND…: the output is shown as it comes and kept in LOG for a diagnosis.
loudly() {
  local log=$1
  shift
  "$@" </dev/null 2>&1 | tee "$log" | indent
}

# amount N NOUN: "1 package", "2 packages".
amount() { if [[ $1 == 1 ]]; then printf '1 %s' "$2"; else printf '%s %ss' "$1" "$2"; fi; }

toml_string() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//$'\t'/\\t}
  text=${text//$'\r'/\\r}
  printf '"%s"' "${text//$'\n'/\\n}"
}

# layer NAME FLAGS [KEY VALUE]…: declares a layer; FLAGS of l(aunch) b(uild) c(ache).
layer() {
  local name=$1 flags=$2
  shift 2
  mkdir -p "$CNB_LAYERS_DIR/$name"
  {
    printf '[types]\n'
    [[ $flags != *l* ]] || printf 'launch = true\n'
    [[ $flags != *b* ]] || printf 'build = true\n'
    [[ $flags != *c* ]] || printf 'cache = true\n'
    printf '[metadata]\n'
    while (($# >= 2)); do
      printf '%s = %s\n' "$1" "$(toml_string "$2")"
      shift 2
    done
  } >"$CNB_LAYERS_DIR/$name.toml"
}

# restored NAME KEY: a metadata value as an earlier build wrote it, if the layer's contents are here.
restored() {
  local line file=$CNB_LAYERS_DIR/$1.toml
  [[ -f $file && -d $CNB_LAYERS_DIR/$1 ]] || return 0
  while IFS= read -r line; do
    if [[ $line =~ ^[[:space:]]*$2[[:space:]]*=[[:space:]]*[\"\'](.*)[\"\']$ ]]; then
      printf '%b' "${BASH_REMATCH[1]//\\\"/\"}"
      return
    fi
  done <"$file"
}

# fresh_layer_directory NAME: empties what an earlier build left.
fresh_layer_directory() {
  rm -rf "${CNB_LAYERS_DIR:?}/$1"
  mkdir -p "$CNB_LAYERS_DIR/$1"
}

# layer_env LAYER FILE VALUE: FILE as in env.launch/PORT.default; nothing is added to VALUE. A file that
# says so already is not written: a layer that nobody wrote to costs nothing at export.
layer_env() {
  local file=$CNB_LAYERS_DIR/$1/$2
  [[ ! -f $file || $(<"$file") != "$3" ]] || return 0
  mkdir -p "${file%/*}"
  printf '%s' "$3" >"$file"
}

# process TYPE DEFAULT COMMAND…: a process type run directly, without a shell.
process() {
  local type=$1 default=$2 word words=()
  shift 2
  for word in "$@"; do words+=("$(toml_string "$word")"); done
  local IFS=,
  printf '[[processes]]\ntype = "%s"\ncommand = [%s]\ndefault = %s\n' \
    "$type" "${words[*]}" "$default" >>"$CNB_LAYERS_DIR/launch.toml"
}

# shell_process TYPE DEFAULT LINE: a process type whose LINE a shell expands ($PORT and so on).
shell_process() {
  printf '[[processes]]\ntype = "%s"\ncommand = ["bash", "-c"]\nargs = [%s]\ndefault = %s\n' \
    "$1" "$(toml_string "$3")" "$2" >>"$CNB_LAYERS_DIR/launch.toml"
}

# plan_names provides|requires NAME…: lines for the build plan of detect.
plan_names() {
  local table=$1 name
  shift
  for name in "$@"; do printf '[[%s]]\nname = "%s"\n' "$table" "$name"; done
}

# planned_file: the FILE of language_plan, which decided that this buildpack takes part.
planned_file() {
  sed -nE 's/^.*file = ["'\'']([^"'\'']+)["'\''].*/\1/p' "$CNB_BP_PLAN_PATH" | head -1
}

# language_plan NAME FILE: passes detection, FILE being what decided. Beside a package.json, Node.js may
# build assets first: the plan tells it that the app itself is another language's.
language_plan() {
  local prefix tables=''
  [[ ! -f package.json || ${BP_NODE_ASSETS:-} == false ]] || tables='. or.'
  {
    for prefix in ${tables:-.}; do
      prefix=${prefix#.}
      [[ $prefix != or. ]] || printf '[[or]]\n'
      printf '[[%sprovides]]\nname = "%s"\n' "$prefix" "$1"
      printf '[[%srequires]]\nname = "%s"\n' "$prefix" "$1"
      printf '[%srequires.metadata]\nfile = "%s"\n' "$prefix" "$2"
      [[ -z $tables || $prefix == or. ]] ||
        printf '[[requires]]\nname = "node"\n[requires.metadata]\nassets_for = "%s"\n' "$1"
    done
  } >"$CNB_BUILD_PLAN_PATH"
}

# any_line PATTERN: whether a line of the input fits. Reads all of it: `grep -q` would end the pipe early,
# and what writes to it would fail by SIGPIPE, now and then.
any_line() { [[ $(grep -acE "$1") != 0 ]]; }

digest_of() { sha256sum "$@" | sha256sum | cut -c1-64; }
