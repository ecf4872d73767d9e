# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Runtimes and tools from the npm registry, through the Node and npm that the build image carries for
# this; npm checks what it downloads. The build copies this file beside berth.bash. Needs $scratch.

readonly bootstrap=/opt/berth/node

# bootstrap_npm ARGUMENT…: away from the app, whose .npmrc speaks of its own packages.
bootstrap_npm() (
  cd "$scratch"
  PATH=$bootstrap/bin:$PATH NODE_ENV='' "$bootstrap/bin/npm" --no-audit --no-fund \
    --no-update-notifier --loglevel=error --cache "$CNB_LAYERS_DIR/npm-cache" "$@"
)

# tell WORD…: says a line to registry.js, which is started when it is first needed.
tell() {
  local word line=''
  if [[ -z ${registry_pid:-} ]]; then
    coproc registry {
      cd "$scratch"
      export NODE_ENV='' npm_config_cache=$CNB_LAYERS_DIR/npm-cache npm_config_update_notifier=false
      exec "$bootstrap/bin/node" "$CNB_BUILDPACK_DIR/lib/registry.js" 2>"$scratch/registry.log"
    }
    registry_pid=$registry_PID
    exec {registry_answers}<&"${registry[0]}" {registry_questions}>&"${registry[1]}" \
      {registry[0]}<&- {registry[1]}>&-
  fi
  for word; do
    word=${word//%/%25}
    line+="${word// /%20} "
  done
  printf '%s\n' "${line% }" >&"$registry_questions"
}

# ask WORD…: tells registry.js and sets answer; ends the build where there is none.
ask() {
  local verdict
  tell "$@"
  { read -r verdict answer <&"$registry_answers" && [[ $verdict == ok ]]; } || {
    indent <"$scratch/registry.log"
    fail "The versions of $2 could not be read from the package registry." "The reason is above." \
      "Check the machine's network, or npm_config_registry if a mirror is used."
  }
}

# registry_done: waits for what registry.js was told; whether all went well.
registry_done() {
  local pid=$registry_pid
  registry_pid=
  exec {registry_questions}>&- {registry_answers}<&-
  wait "$pid" && return
  indent <"$scratch/registry.log"
  return 1
}

# unavailable WHAT REQUEST SOURCE PACKAGE: ends the build, naming versions that can be had.
unavailable() {
  ask offer "$4" "$2"
  fail "$1 \"$2\" is not available (asked for by $3)." \
    "No published version matches that; these can be had: $answer." \
    "Correct $3."
}

# fetch_tool LAYER PACKAGE RANGE TOOL SOURCE [PREFERRED]: installs a tool of the npm registry into a
# layer; npm verifies it. SOURCE is the file that asked for TOOL in RANGE; of what RANGE allows, the
# newest of the line PREFERRED is taken if there is one. The same request keeps the version of the last
# build. Sets tool_version.
fetch_tool() {
  local layer=$1 name=$2 range=$3 tool=$4 source=$5 preferred=${6:-$3} directory=$CNB_LAYERS_DIR/$1
  if [[ $(restored "$layer" request) == "$name@$range $preferred" ]]; then
    tool_version=$(restored "$layer" version)
  else
    ask choose "$name" "$range" "$preferred"
    tool_version=$answer
    [[ -n $tool_version ]] || unavailable "$tool" "$range" "$source" "$name"
    registry_done
    fresh_layer_directory "$layer"
    quietly "$scratch/fetch.log" bootstrap_npm install --global --prefix "$directory" \
      "$name@$tool_version" ||
      fail "$name $tool_version could not be fetched." "npm's message is above." \
        "Check the machine's network and try again."
  fi
  layer "$layer" lbc request "$name@$range $preferred" version "$tool_version"
  export PATH=$directory/bin:$PATH
}
