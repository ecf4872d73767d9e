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

# bootstrap_script FILE ARGUMENT…: a program of the buildpack's lib, away from the app's .npmrc.
bootstrap_script() (
  cd "$scratch"
  NODE_ENV='' npm_config_cache=$CNB_LAYERS_DIR/npm-cache npm_config_loglevel=error \
    npm_config_update_notifier=false "$bootstrap/bin/node" "$CNB_BUILDPACK_DIR/lib/$1" "${@:2}"
)

# published PACKAGE: its versions in the registry, as JSON.
published() {
  bootstrap_npm view "$1" versions --json 2>"$scratch/view.log" || {
    indent <"$scratch/view.log"
    fail "The versions of $1 could not be read from the package registry." \
      "npm's message is above." "Check the machine's network, or npm_config_registry if a mirror is used."
  } >&2
}

# choose PACKAGE RANGE PREFERRED: the version of an npm package; the newest of the preferred line if
# the range allows one, otherwise the newest that it allows. Prints nothing if there is none.
choose() {
  local versions
  versions=$(published "$1")
  choose_of "$2" "$3" <<<"$versions"
}

# choose_of RANGE PREFERRED <VERSIONS: the same of versions that published printed.
choose_of() { "$bootstrap/bin/node" "$CNB_BUILDPACK_DIR/lib/choose.js" "$1" "$2"; }

# unavailable WHAT REQUEST SOURCE PACKAGE: ends the build, naming versions that can be had.
unavailable() {
  local offer
  offer=$(published "$4" | "$bootstrap/bin/node" "$CNB_BUILDPACK_DIR/lib/choose.js" --offer "$2")
  fail "$1 \"$2\" is not available (asked for by $3)." \
    "No published version matches that; these can be had: $offer." \
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
    tool_version=$(choose "$name" "$range" "$preferred")
    [[ -n $tool_version ]] || unavailable "$tool" "$range" "$source" "$name"
    fresh_layer_directory "$layer"
    quietly "$scratch/fetch.log" bootstrap_npm install --global --prefix "$directory" \
      "$name@$tool_version" ||
      fail "$name $tool_version could not be fetched." "npm's message is above." \
        "Check the machine's network and try again."
  fi
  layer "$layer" lbc request "$name@$range $preferred" version "$tool_version"
  export PATH=$directory/bin:$PATH
}
