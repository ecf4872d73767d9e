# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Installs an app's packages with its package manager, in one of two ways:
#  - in a layer, with /app/node_modules a symlink to it, when the packages depend on nothing but
#    package.json and the lockfile. An unchanged lockfile then costs nothing, not even npm's start.
#  - in place, in /app/node_modules, when anything else may look at or write to it: build scripts,
#    workspaces, packages from local paths, install scripts of the app. A copy is kept in the cache
#    where manifests and lockfile decide it, and what runs needs moves into a layer afterwards if the
#    scripts left it alone and nothing of the app is linked.

# manifests: every package.json of the app that takes part in the installation.
manifests() {
  if [[ -n ${package[workspaces]} ]]; then
    find . -name node_modules -prune -o -name package.json -type f -print | sort
  else
    printf 'package.json\n'
  fi
}

# install_key: everything that decides what is installed.
install_key() {
  {
    printf '%s\n' "$node_version" "$manager" "$manager_version" "${CNB_TARGET_DISTRO_VERSION:-}" "$1"
    manifests
    manifests | xargs -d '\n' jq -cS '{name, version, bin, dependencies,
      devDependencies, optionalDependencies, peerDependencies, overrides, workspaces, resolutions, pnpm,
      bundleDependencies, dependenciesMeta, trustedDependencies, patchedDependencies, os, cpu,
      scripts: (.scripts // {} | {preinstall, install, postinstall, prepare})}'
    if [[ -n $lockfile ]]; then cat "$lockfile"; fi
    settings_files | xargs -r cat
    cat "$CNB_BUILDPACK_DIR/lib/install.bash" "$CNB_BUILDPACK_DIR/lib/$manager.bash" # the way, too
  } | sha256sum | cut -c1-64
}

# repeatable: manifests and lockfile alone decide what is installed. Prisma writes the app's client into
# node_modules; install scripts of the app and folders that are copied may bring anything.
repeatable() {
  local file
  [[ -n $lockfile ]] || return 1
  for file in $(manifests); do
    ! jq -e "$own_install_scripts" "$file" >/dev/null || return 1
    ! grep -qE '"(file|portal):|"(prisma|@prisma/client)":' "$file" || return 1
  done
}

# self_contained: besides, nothing of the app is linked or read, so it may be installed elsewhere.
self_contained() {
  [[ -z ${package[workspaces]} && -z ${package[install-scripts]} ]] || return 1
  ! plug_and_play && ! depends_on prisma && ! depends_on @prisma/client || return 1
  [[ ! -e .pnpmfile.cjs && ! -e .yarn/patches && ! -e .yarn/plugins ]] || return 1
  ! grep -qs patchedDependencies package.json pnpm-workspace.yaml || return 1
  ! grep -qE '"(file|link|portal|patch):|"resolved": "file:|"link": true' \
    package.json ${lockfile:+"$lockfile"}
}

# settings_files: what else a package manager reads, of those that are there.
settings_files() {
  local file
  for file in .npmrc .yarnrc .yarnrc.yml pnpm-workspace.yaml bunfig.toml; do
    [[ ! -f $file ]] || printf '%s\n' "$file"
  done
}

# count_packages DIRECTORY: how many packages are in its node_modules.
count_packages() {
  local root=$1/node_modules
  [[ ! -d $root/.pnpm ]] || { find "$root/.pnpm" -mindepth 1 -maxdepth 1 -name '*@*' | wc -l && return; }
  [[ -d $root ]] || { printf 0 && return; }
  find "$root" -path '*/node_modules/*' -name package.json -printf '%h\n' |
    grep -cE 'node_modules/(@[^/]+/)?[^/@]+$' || true
}

# install_into DIRECTORY production|everything: installs there and sets package_count.
install_into() {
  (cd "$1" && "${manager}_install" "$2") || explain_install_failure "$scratch/install.log"
  package_count=$(count_packages "$1")
  if plug_and_play; then package_count=$(compgen -G '.yarn/cache/*.zip' | wc -l); fi
  heading "$("${manager}_verb")  ·  $(amount "$package_count" package)"
  { grep -E '^npm warn (deprecated|EBADENGINE)' "$scratch/install.log" | head -5 || true; } | indent
  warn_of_ignored_scripts
}

# warn_of_ignored_scripts: pnpm and bun run the install scripts of those packages only that the app names;
# one with native code then fails when it starts, so what was left out must not pass unseen.
warn_of_ignored_scripts() {
  local line command='pnpm approve-builds'
  [[ $manager != bun ]] || command='bun pm trust PACKAGE'
  line=$(grep -oE 'Ignored build scripts: [^│]*|Blocked [0-9]+ postinstalls?' "$scratch/install.log" |
    head -1 | sed 's/[[:space:]]*$//' || true)
  [[ -z $line ]] || warning "$manager_name: $line." \
    "If the app needs them, run $command and commit what it writes."
}

unchanged() {
  heading "$manager_name packages unchanged  ·  $(amount "$1" package) from the cache"
}

# layer_for KEY: sets modules, the layer of the packages that KEY decides: the last build's if it has
# them, otherwise the one of two that is not there. So nothing old is emptied, which would cost a deletion
# a file; what is not declared again is gone after the build.
layer_for() {
  for modules in modules modules2; do
    [[ $(restored "$modules" key) != "$1" || ! -d $CNB_LAYERS_DIR/$modules/node_modules ]] || return 0
  done
  modules=modules
  [[ ! -d $CNB_LAYERS_DIR/modules ]] || modules=modules2
  fresh_layer_directory "$modules"
}

# link_modules: the app's packages are those of the layer.
link_modules() {
  rm -rf node_modules
  ln -s "$CNB_LAYERS_DIR/$modules/node_modules" node_modules
}

# install_in_layer production|everything
install_in_layer() {
  local key file directory
  key=$(install_key "$1")
  layer_for "$key"
  directory=$CNB_LAYERS_DIR/$modules
  if [[ -d $directory/node_modules ]]; then
    package_count=$(restored "$modules" packages)
    unchanged "$package_count"
  else
    cp package.json ${lockfile:+"$lockfile"} "$directory/"
    for file in $(settings_files); do cp "$file" "$directory/"; done
    install_into "$directory" "$1"
    rm -f "$directory"/.npmrc "$directory"/.yarnrc* "$directory/bunfig.toml" # they may hold a token
    mkdir -p "$directory/node_modules"
  fi
  layer "$modules" lc key "$key" packages "$package_count"
  link_modules
}

# installed_paths: every node_modules, or what Plug'n'Play writes beside its archives.
installed_paths() {
  if plug_and_play; then
    compgen -G '.pnp.*' || true
    find .yarn -mindepth 1 -maxdepth 1 \( -name unplugged -o -name install-state.gz \) 2>/dev/null || true
  else
    find . -name .git -prune -o -name node_modules -prune -print
  fi
}

install_in_place() {
  local copy=$CNB_LAYERS_DIR/packages
  in_place_key=
  if repeatable || self_contained; then in_place_key=$(install_key everything); fi
  if [[ -n $in_place_key && $(restored packages key) == "$in_place_key" && -d $copy/tree ]]; then
    package_count=$(restored packages packages)
    installed_paths | xargs -r -d '\n' rm -rf
    cp -a "$copy/tree/." .
    if plug_and_play; then restore_archives && start_with_plug_and_play; fi
    unchanged "$package_count"
  else
    install_into . everything
    fresh_layer_directory packages
    mkdir "$copy/tree"
    [[ -z $in_place_key ]] || installed_paths | xargs -r -d '\n' cp -a --parents -t "$copy/tree"
  fi
  [[ -z $in_place_key ]] || layer packages c key "$in_place_key" packages "$package_count"
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
  [[ ! -L node_modules ]] && { [[ -d node_modules ]] || plug_and_play; } || return 0
  if [[ -z ${in_place_key:-} ]] || ! self_contained || written_by_scripts; then
    prune_packages
    slice_packages
    return
  fi
  layer_for "$in_place_key"
  if [[ ! -d $CNB_LAYERS_DIR/$modules/node_modules ]]; then
    prune_packages
    rm -rf node_modules/.cache
    mv node_modules "$CNB_LAYERS_DIR/$modules/"
    cp package.json "$CNB_LAYERS_DIR/$modules/"
  fi
  layer "$modules" lc key "$in_place_key"
  link_modules
}

# slice_packages: the packages become an image layer of their own, apart from the app's source.
slice_packages() {
  local paths='"node_modules"'
  ! plug_and_play || paths='".yarn", ".pnp.*"'
  printf '[[slices]]\npaths = [%s]\n' "$paths" >>"$CNB_LAYERS_DIR/launch.toml"
}

# keeps_development: whether devDependencies stay in the image, and says why.
keeps_development() {
  local needed
  [[ ${NPM_CONFIG_PRODUCTION:-} != false && ${BP_KEEP_DEV_DEPENDENCIES:-} != true ]] || return 0
  needed=$(needed_development)
  [[ -n $needed ]] || return 1
  detail "devDependencies stay: a process starts with $needed."
}

# prune_packages: after the build script, what only development needs is removed.
prune_packages() {
  ((${package[development]} > 0)) || [[ -n ${package[workspaces]} ]] || return 0
  ! keeps_development || return 0
  quietly "$scratch/prune.log" "${manager}_prune" ||
    fail "devDependencies could not be removed." "The message of $manager_name is above." \
      "BP_KEEP_DEV_DEPENDENCIES=true keeps them in the image."
  heading "devDependencies removed ($manager_name)"
}

install_packages() {
  if ((${package[dependencies]} == 0)) && [[ -z ${package[workspaces]} && -z $lockfile ]]; then
    detail "No dependencies."
    return
  fi
  if [[ -z $lockfile ]]; then
    warning "There is no lockfile, so two builds may install different versions." \
      "Run $manager_name install and commit the lockfile that it writes."
  fi
  [[ ! -d node_modules || -L node_modules ]] ||
    warning "node_modules is in the repository; it is installed afresh. Add it to .gitignore."
  if [[ -n $(build_script) ]] || ! self_contained; then
    install_in_place
  elif keeps_development; then
    install_in_layer everything
  else
    install_in_layer production
  fi
}
