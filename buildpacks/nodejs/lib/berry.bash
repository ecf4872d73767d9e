# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# yarn from version 2 on: packages in node_modules, or Plug'n'Play (packages stay in .yarn/cache as
# archives, .pnp.cjs finds them), as nodeLinker says.

yarnrc_value() { [[ ! -f .yarnrc.yml ]] || sed -nE "s/^$1:[[:space:]]*[\"']?([^\"'#]+).*/\1/p" .yarnrc.yml; }

plug_and_play() {
  [[ $manager == berry ]] || return 1
  local linker=${YARN_NODE_LINKER:-$(yarnrc_value nodeLinker)}
  [[ -z $linker || $linker == pnp* ]]
}

# berry_line: the line that writes the lockfile in the form that it has; another one would change it.
berry_line() {
  case $(sed -nE '/^__metadata:/,/^$/s/^  (version|cacheKey): "?([0-9]+).*/\2/p' yarn.lock \
    2>/dev/null | tr '\n' ' ') in
    '4 7 '*) printf '2.x' ;; '4 '*) printf '~3.0' ;; '5 '*) printf '~3.1' ;; [67]\ *) printf '3.x' ;;
    '8 '*) printf '>=4.0 <4.14' ;; '9 '*) printf '~4.14' ;;
    *) printf '4.x' ;;
  esac
}

# fetch_berry: yarnPath, if the app carries its yarn; else from the registry.
fetch_berry() {
  local vendored directory=$CNB_LAYERS_DIR/manager
  vendored=$(yarnrc_value yarnPath)
  if [[ -n $vendored && -f $vendored ]]; then
    fresh_layer_directory manager
    mkdir "$directory/bin"
    printf '#!/bin/bash\nexec node %q "$@"\n' "$app/${vendored#./}" >"$directory/bin/yarn"
    chmod 755 "$directory/bin/yarn"
    layer manager lb
    export PATH=$directory/bin:$PATH
    manager_version=$(YARN_IGNORE_PATH=1 yarn --version) manager_source=$vendored
  else
    fetch_tool manager @yarnpkg/cli-dist "$(manager_range yarn)" yarn "$(range_source yarn)" \
      "$(berry_line)"
    manager_version=$tool_version
  fi
  export YARN_IGNORE_PATH=1 YARN_ENABLE_TELEMETRY=0 YARN_ENABLE_PROGRESS_BARS=false
  export YARN_HTTPS_CA_FILE_PATH=$certificates YARN_ENABLE_GLOBAL_CACHE=false
  [[ -z ${npm_config_registry:-} ]] ||
    export YARN_NPM_REGISTRY_SERVER=${YARN_NPM_REGISTRY_SERVER:-$npm_config_registry}
  [[ $manager_version != [23].* ]] || unset YARN_HTTPS_CA_FILE_PATH # the name is new in 4
  layer yarn-cache c
  plug_and_play || export YARN_CACHE_FOLDER=$CNB_LAYERS_DIR/yarn-cache
  for name in YARN_IGNORE_PATH YARN_ENABLE_TELEMETRY YARN_ENABLE_GLOBAL_CACHE; do
    layer_env settings "env.launch/$name.default" "${!name}"
  done
}

berry_run() { yarn run "$1"; }
berry_verb() { printf 'yarn install --immutable'; }

# restore_archives: Plug'n'Play's archives from the cache, unless the repository has them. Sets committed.
restore_archives() {
  committed=$(compgen -G '.yarn/cache/*.zip' || true)
  if plug_and_play && [[ -z $committed && -d $CNB_LAYERS_DIR/yarn-cache/cache ]]; then
    mkdir -p .yarn
    cp -a "$CNB_LAYERS_DIR/yarn-cache/cache" .yarn/
  fi
}

# berry_install production|everything: production packages alone are chosen afterwards.
berry_install() {
  local mode=--no-immutable kept=$CNB_LAYERS_DIR/yarn-cache committed
  [[ -z $lockfile ]] || mode=--immutable
  restore_archives
  quietly "$scratch/install.log" env -u NODE_ENV yarn install "$mode" || return
  if plug_and_play; then
    fresh_layer_directory yarn-cache
    if [[ -z $committed && -d .yarn/cache ]]; then cp -a .yarn/cache "$kept/"; fi
    start_with_plug_and_play
  fi
  [[ $1 != production ]] || berry_prune
}

# start_with_plug_and_play: a plain node finds the packages too.
start_with_plug_and_play() {
  local options="--require $app/.pnp.cjs"
  [[ -f .pnp.cjs ]] || options="--require $app/.pnp.js"
  [[ ! -f .pnp.loader.mjs ]] || options+=" --experimental-loader $app/.pnp.loader.mjs"
  layer_env settings env.launch/NODE_OPTIONS.append "$options"
  layer_env settings env.launch/NODE_OPTIONS.delim ' '
}

# berry_prune: the command is a plugin before yarn 4; without it everything stays.
berry_prune() {
  if [[ $manager_version != [23].* ]] || yarn plugin runtime 2>/dev/null | any_line workspace-tools; then
    quietly "$scratch/focus.log" yarn workspaces focus --all --production
  else
    detail "devDependencies stay: yarn $manager_version has no command that removes them."
  fi
}

berry_explain() {
  explain "$1" <<TABLE
/YN0028|The lockfile would have been
$(lockfile_out_of_step "yarn install --immutable" "yarn install")

/YN0018|YN0056
$(wrong_checksum)

/YN0082|No candidates found
?([^ ]+): No candidates found
$(no_such_version)
TABLE
  explain_install_script "$1" "([^ ]+)@[^ ]+ couldn't be built" '([^ ]+)@[^ ]+ must be built'
}
