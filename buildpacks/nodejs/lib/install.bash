# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Installs an app's packages with npm, in one of two ways:
#  - in a layer, with /app/node_modules a symlink to it, when the packages depend on nothing but
#    package.json and the lockfile. An unchanged lockfile then costs nothing, not even npm's start.
#  - in place, in /app/node_modules, when anything else may look at or write to it: build scripts,
#    workspaces, packages from local paths, install scripts of the app. A copy is kept in the cache,
#    and what runs needs moves into a layer afterwards if the scripts left it alone.

readonly npm_flags=(--no-audit --no-fund --no-progress --no-update-notifier --loglevel=warn)

run_npm() {
  npm_config_cache=$CNB_LAYERS_DIR/npm-cache npm_config_nodedir=$CNB_LAYERS_DIR/headers \
    npm "$@" "${npm_flags[@]}"
}

find_lockfile() {
  local file
  for file in npm-shrinkwrap.json package-lock.json; do
    [[ ! -f $file ]] || { lockfile=$file && return; }
  done
  lockfile=
}

# install_key: everything that decides what npm installs.
install_key() {
  {
    printf '%s\n' "$node_version" "$npm_version" "${CNB_TARGET_DISTRO_VERSION:-}" "$1"
    jq -cS '{dependencies, devDependencies, optionalDependencies, peerDependencies, overrides,
      workspaces, bundleDependencies, os, cpu, scripts: (.scripts // {} | {preinstall, install,
      postinstall, prepare})}' package.json
    if [[ -n $lockfile ]]; then cat "$lockfile"; fi
    if [[ -f .npmrc ]]; then cat .npmrc; fi
    cat "$CNB_BUILDPACK_DIR/lib/install.bash" # the way it is installed decides too
  } | sha256sum | cut -c1-64
}

# self_contained: nothing but package.json and the lockfile decides what is installed, and nothing of
# the app's own is linked. Prisma writes the app's client into node_modules.
self_contained() {
  [[ -z ${package[workspaces]} && -z ${package[install-scripts]} ]] || return 1
  ! depends_on prisma && ! depends_on @prisma/client || return 1
  ! grep -qE '"(file|link):|"resolved": "file:|"link": true' package.json ${lockfile:+"$lockfile"}
}

# npm's explanation of its options says nothing about this app.
without_usage() { sed -e '/^npm error$/d' -e '/Clean install a project/,/npm help/d'; }

count_packages() {
  local count
  count=$(grep -oE '(added|changed) [0-9]+ package' "$1" | grep -oE -m1 '[0-9]+' || true)
  printf '%s' "${count:-0}"
}

# npm_install DIRECTORY WHICH…: runs npm there; the lockfile decides between ci and install.
npm_install() {
  local directory=$1 verb=ci
  shift
  [[ -n $lockfile ]] || verb=install
  (cd "$directory" && noise=without_usage quietly "$scratch/npm.log" run_npm "$verb" "$@") ||
    explain_npm_failure "$verb" "$scratch/npm.log"
  heading "npm $verb  ·  $(amount "$(count_packages "$scratch/npm.log")" package)"
  { grep -E '^npm warn (deprecated|EBADENGINE)' "$scratch/npm.log" | head -5 || true; } | indent
}

install_in_layer() {
  local key count modules=$CNB_LAYERS_DIR/modules
  key=$(install_key production)
  if [[ $(restored modules key) == "$key" && -d $modules/node_modules ]]; then
    count=$(restored modules packages)
    heading "npm packages unchanged  ·  $(amount "$count" package) from the cache"
  else
    fresh_layer_directory modules
    cp package.json ${lockfile:+"$lockfile"} "$modules/"
    [[ ! -f .npmrc ]] || cp .npmrc "$modules/"
    npm_install "$modules" --omit=dev
    count=$(count_packages "$scratch/npm.log")
    rm -f "$modules/.npmrc" # it may hold a token
    mkdir -p "$modules/node_modules"
  fi
  layer modules lc key "$key" packages "$count"
  rm -rf node_modules
  ln -s "$modules/node_modules" node_modules
}

install_in_place() {
  local count copy=$CNB_LAYERS_DIR/packages
  in_place_key=
  if self_contained; then in_place_key=$(install_key everything); fi
  if [[ -n $in_place_key && $(restored packages key) == "$in_place_key" && -d $copy/node_modules ]]
  then
    count=$(restored packages packages)
    rm -rf node_modules
    cp -a "$copy/node_modules" node_modules
    heading "npm packages unchanged  ·  $(amount "$count" package) from the cache"
  else
    npm_install . --include=dev
    count=$(count_packages "$scratch/npm.log")
    fresh_layer_directory packages
    if [[ -n $in_place_key && -d node_modules ]]; then cp -a node_modules "$copy/"; fi
  fi
  [[ -z $in_place_key ]] || layer packages c key "$in_place_key" packages "$count"
  touch "$scratch/installed"
}

# written_by_scripts: whether the build scripts left anything but caches in node_modules.
written_by_scripts() {
  [[ -n $(find node_modules -newer "$scratch/installed" -type f -not -path '*/.cache/*' \
    -not -path '*/.vite*' -print -quit) ]]
}

# settle_packages: what runs needs no development packages. Where nothing but the lockfile decides
# them they end in a layer, as without a build script, and the next build has that layer already.
settle_packages() {
  local modules=$CNB_LAYERS_DIR/modules
  [[ -d node_modules && ! -L node_modules ]] || return 0
  if [[ -z ${in_place_key:-} ]] || written_by_scripts; then
    prune_packages
    slice_packages
    return
  fi
  if [[ $(restored modules key) != "$in_place_key" || ! -d $modules/node_modules ]]; then
    prune_packages
    fresh_layer_directory modules
    rm -rf node_modules/.cache
    mv node_modules "$modules/"
    cp package.json "$modules/"
  fi
  layer modules lc key "$in_place_key"
  rm -rf node_modules
  ln -s "$modules/node_modules" node_modules
}

# slice_packages: node_modules becomes an image layer of its own, apart from the app's source.
slice_packages() {
  printf '[[slices]]\npaths = ["node_modules"]\n' >>"$CNB_LAYERS_DIR/launch.toml"
}

# prune_packages: after the build script, what only development needs is removed.
prune_packages() {
  ((${package[development]} > 0)) || [[ -n ${package[workspaces]} ]] || return 0
  [[ ${NPM_CONFIG_PRODUCTION:-} != false && ${BP_KEEP_DEV_DEPENDENCIES:-} != true ]] || return 0
  quietly "$scratch/prune.log" run_npm prune --omit=dev --ignore-scripts ||
    fail "npm prune failed." "npm's message is above." \
      "BP_KEEP_DEV_DEPENDENCIES=true keeps devDependencies in the image."
  heading "npm prune  ·  devDependencies removed"
}

install_packages() {
  find_lockfile
  if ((${package[dependencies]} == 0)) && [[ -z ${package[workspaces]} && -z $lockfile ]]; then
    detail "No dependencies."
    return
  fi
  if [[ -z $lockfile ]]; then
    warning "There is no package-lock.json, so two builds may install different versions." \
      "Run npm install and commit package-lock.json."
  fi
  [[ ! -d node_modules || -L node_modules ]] ||
    warning "node_modules is in the repository; it is installed afresh. Add it to .gitignore."
  if [[ -z $(build_script) ]] && self_contained; then install_in_layer; else install_in_place; fi
}

# explain_npm_failure VERB LOG: npm's own output was shown; this adds the reason and the fix.
explain_npm_failure() {
  local verb=$1 log=$2 name
  explain_exhaustion "$log"
  if grep -qE 'npm (error|ERR!) code EUSAGE|can only install packages when your package.json' "$log"
  then
    fail "$lockfile does not match package.json." \
      "npm ci installs exactly what the lockfile says, and package.json asks for something else." \
      "Run npm install, commit $lockfile, and push again."
  elif grep -qE 'code E404' "$log"; then
    name=$(grep -oE "'[^']+' is not in" "$log" | head -1 | cut -d"'" -f2 || true)
    fail "The package ${name:-asked for} does not exist in the registry." \
      "${lockfile:-package.json} names it; the name may be misspelt, or the package private." \
      "Correct the name, or give the registry's token in .npmrc."
  elif grep -qE 'code ETARGET|notarget' "$log"; then
    name=$(grep -oE 'No matching version found for [^ ]+' "$log" | head -1 | sed 's/.* //; s/\.$//' || true)
    fail "No version matches ${name:-a dependency}." \
      "package.json asks for a version that was never published." \
      "Correct the version in package.json and run npm install."
  elif grep -qE 'code ERESOLVE' "$log"; then
    fail "Two packages ask for versions of a third that exclude each other." \
      "npm names them above (ERESOLVE)." \
      "Update one of them, or put legacy-peer-deps=true into .npmrc."
  elif grep -qE 'code EINTEGRITY' "$log"; then
    fail "A package is not what $lockfile says it is." \
      "Its checksum differs from the one in the lockfile (EINTEGRITY)." \
      "If that is expected, remove the entry from $lockfile, run npm install and commit."
  elif grep -qE 'gyp ERR!|node-gyp' "$log"; then
    fail "A package with native code did not compile." \
      "The compiler's message is above (node-gyp, Node $node_version)." \
      "Use a version of the package that supports Node $node_version, or set engines.node."
  elif grep -qE 'EBADENGINE' "$log" && grep -qE 'code EBADENGINE' "$log"; then
    fail "A package does not support Node $node_version." \
      "engine-strict is set and npm names the package above." "Set engines.node in package.json."
  elif grep -qE 'ENOTFOUND|ETIMEDOUT|ECONNREFUSED|ECONNRESET|EAI_AGAIN' "$log"; then
    fail "The package registry, or a download of a package, could not be reached." \
      "npm's message is above." "Check the machine's network and push again."
  fi
  fail "npm $verb failed." "npm's message is above." \
    "Try npm $verb in a clean checkout with Node $node_version."
}
