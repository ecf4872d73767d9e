# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# bun, as the package manager, as the runtime, or both.

bun_range() {
  local declared
  declared=$(declared_range bun)
  if [[ -z $declared && -f .bun-version ]]; then declared=$(tr -d 'v[:space:]' <.bun-version); fi
  printf '%s' "${declared:-1.x}"
}

readonly bun_call='(^|[;&|[:space:]])bunx? '

calls_bun() { [[ $1 =~ $bun_call ]]; }

# runs_with_bun: whether a script that starts the app, or a process, calls bun itself.
runs_with_bun() {
  calls_bun "${package[script.start]} ; ${package[script.build]} ; ${package[script.start:prod]}" ||
    grep -qsE ":.*$bun_call" Procfile
}

# install_bun: sets bun_version. The plain program needs AVX2, the baseline one does not.
install_bun() {
  local name=@oven/bun-linux-x64 directory=$CNB_LAYERS_DIR/bun
  grep -qw avx2 /proc/cpuinfo || name+=-baseline
  fetch_tool bun "$name" "$(bun_range)" bun "$(range_source bun)"
  bun_version=$tool_version
  mkdir -p "$directory/bin"
  ln -sfn "../lib/node_modules/$name/bin/bun" "$directory/bin/bun"
  ln -sfn bun "$directory/bin/bunx"
  chmod 755 "$directory/lib/node_modules/$name/bin/bun"
}

bun_run() { bun run --silent "$1"; }
bun_verb() { printf 'bun install'; }

bun_with_cache() {
  env -u NODE_ENV BUN_INSTALL_CACHE_DIR="$CNB_LAYERS_DIR/bun-cache" \
    bun install --no-progress ${lockfile:+--frozen-lockfile} "$@"
}

bun_install() {
  layer bun-cache c
  if [[ $1 == production ]]; then
    quietly "$scratch/install.log" bun_with_cache --production
  else
    quietly "$scratch/install.log" bun_with_cache
  fi
}

# bun_prune: bun removes nothing, so it installs again, from its cache.
bun_prune() {
  find . -name node_modules -type d -prune -exec rm -rf {} +
  bun_with_cache --production
}

bun_explain() {
  explain "$1" <<TABLE
/lockfile had changes, but lockfile is frozen
$(lockfile_out_of_step "bun install --frozen-lockfile" "bun install")

/integrity check failed
$(wrong_checksum)

/No version matching
?No version matching "[^"]+" found for specifier "([^"]+)"
$(no_such_version)
TABLE
  explain_install_script "$1" 'script from "([^"]+)" exited' 'script from "([^"]+)" terminated'
}
