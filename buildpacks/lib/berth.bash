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

# What a log says of a build that ran into one of its limits. The platform adds which, and how large it is.
readonly exhaustion="
/ENOSPC|No space left on device|EDQUOT|Disk quota exceeded
The build's disk is full.
Its last messages are above.
Make the build write less, or raise the limit of builds.

/EAGAIN|fork: (retry: )?Resource temporarily|can.t start new thread
The build could not start another process.
It has reached its limit of processes.
Make the build run fewer at a time, or raise the limit of builds.

/SIGKILL|signal: 9|(^|[]:0-9] +)Killed|heap out of memory|OutOfMemoryError|MemoryError|annot allocate memory
/There is insufficient memory|ENOMEM
The build ran out of memory.
One of its processes was stopped for that.
Make the build need less, or raise the limit of builds.
"

# explain LOG <TABLE: ends the build with the first row of the table that fits LOG, a limit before all of
# them. Rows are parted by an empty line: /PATTERN, one of which LOG must have (none: it fits); &PATTERN,
# each of which it must have; !PATTERN, which it must not have; ?PATTERN, whose groups name what failed;
# then what happened, why and what to do, in which {WORDS} is that name, or WORDS where there is none, and
# {WORDS * WORDS} is left out then.
explain() { explain_by "$1" < <(printf '%s\n\n' "$exhaustion" "$(</dev/stdin)"); }

explain_by() {
  local log=$1 line any='' fits=yes name='' texts=()
  while IFS= read -r line; do
    case $line in
      /*) [[ $any == yes ]] || { any=no && ! says "$log" "${line:1}" || any=yes; } ;;
      '&'*) says "$log" "${line:1}" || fits=no ;;
      '!'*) ! says "$log" "${line:1}" || fits=no ;;
      '?'*) [[ -n $name ]] || name=$(named "$log" "${line:1}") ;;
      ?*) texts+=("$(with_name "$line" "$name")") ;;
      '')
        [[ $fits == no || $any == no || ${#texts[@]} -eq 0 ]] || fail "${texts[@]}"
        any='' fits=yes name='' texts=()
        ;;
    esac
  done
}

# says LOG PATTERN: whether LOG has it, in letters of any size.
says() { grep -qaiE -e "$2" "$1"; }

# named LOG PATTERN…: the groups of the first line that fits, with @ between; a later PATTERN counts if
# none before it fits.
named() {
  local log=$1 pattern line IFS=@
  shift
  shopt -s nocasematch
  for pattern in "$@"; do
    line=$(grep -aiE -m1 -e "$pattern" "$log") || continue
    [[ ! $line =~ $pattern ]] || { printf '%s' "${BASH_REMATCH[*]:1}" && return; }
  done
}

# with_name TEXT NAME: the text with its {WORDS} filled in.
with_name() {
  local text=$1 words
  while [[ $text =~ ^([^{]*)\{([^}]*)\}(.*)$ ]]; do
    words=${BASH_REMATCH[2]}
    if [[ $words == *'*'* ]]; then words=${2:+${words/'*'/"$2"}}; else words=${2:-$words}; fi
    text=${BASH_REMATCH[1]}$words${BASH_REMATCH[3]}
  done
  printf '%s' "$text"
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

# kept_version TOOL REQUEST: of layers called TOOL-VERSION, the version that the last build took for the same
# request, if it is still here.
kept_version() {
  local file name
  for file in "$CNB_LAYERS_DIR/$1"-*.toml; do
    name=$(basename "$file" .toml)
    [[ $(restored "$name" request) != "$2" ]] || { printf '%s' "${name#"$1-"}" && return; }
  done
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

# serve_site FOLDER: the static server serves what a site's generator wrote. The build copies the server
# into those buildpacks that call this.
serve_site() {
  local bin=$CNB_LAYERS_DIR/site/bin
  [[ -f $1/index.html ]] || fail "The generator left no $1/index.html." "There is no first page to serve." \
    "Correct the site's configuration, or add a Procfile that says what serves it."
  mkdir -p "$bin"
  cmp -s "$CNB_BUILDPACK_DIR/bin/berth-static" "$bin/berth-static" ||
    cp "$CNB_BUILDPACK_DIR/bin/berth-static" "$bin/"
  layer site l
  process web true berth-static --root "$PWD/$1"
  heading "Static files in $1/ are served by the static server"
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
