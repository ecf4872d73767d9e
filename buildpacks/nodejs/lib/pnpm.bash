# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# pnpm. Its store is a cache layer; what it installs is linked or copied from there.

# pnpm_line: the line that reads the lockfile and that knows the app's settings.
pnpm_line() {
  case $(sed -nE "s/^lockfileVersion: ['\"]?([0-9.]+).*/\1/p" pnpm-lock.yaml 2>/dev/null) in
    5.3) if ((${node_version%%.*} < 20)); then printf '6.x'; else printf '7.x'; fi ;; # 6 fails on 20
    5.4*) printf '7.x' ;; 6*) printf '8.x' ;;
    *) if grep -qs '^allowBuilds:' pnpm-workspace.yaml; then printf '11.x'; else printf '10.x'; fi ;;
  esac
}

# pnpm_settings: pnpm is what package.json asks for already, and must not fetch another one of itself,
# nor install again when the app starts.
pnpm_settings() {
  local name
  export npm_config_manage_package_manager_versions=false pnpm_config_pm_on_fail=ignore
  export npm_config_verify_deps_before_run=false pnpm_config_verify_deps_before_run=false
  export npm_config_store_dir=$CNB_LAYERS_DIR/pnpm-store pnpm_config_store_dir=$CNB_LAYERS_DIR/pnpm-store
  # A wrong checksum is tried again too, by default after ten seconds and after a minute.
  export npm_config_fetch_retry_mintimeout=2000 npm_config_fetch_retry_maxtimeout=10000
  export pnpm_config_fetch_retry_mintimeout=2000 pnpm_config_fetch_retry_maxtimeout=10000
  [[ -z ${npm_config_registry:-} ]] || export pnpm_config_registry=$npm_config_registry
  for name in npm_config_manage_package_manager_versions pnpm_config_pm_on_fail \
    {npm,pnpm}_config_verify_deps_before_run; do
    layer_env settings "env.launch/$name.default" "${!name}"
  done
}

pnpm_run() { pnpm --silent run "$1"; }
pnpm_verb() { printf 'pnpm install'; }

# all_builds: whether packages' install scripts run. From pnpm 10 on the app has to name the packages;
# one whose lockfile may come from an older pnpm, and that names none, gets what that pnpm did.
all_builds() {
  [[ -z $(declared_range pnpm) ]] && ! grep -qsE \
    '(only|ignored|never)Built|allowBuilds|dangerouslyAllowAllBuilds' package.json pnpm-workspace.yaml
}

pnpm_install() {
  local options=(--prefer-offline --reporter=append-only)
  layer pnpm-store c
  if [[ -n $lockfile ]]; then options+=(--frozen-lockfile); else options+=(--no-frozen-lockfile); fi
  if [[ $1 == production ]]; then options+=(--prod); else options+=(--prod=false); fi
  ! all_builds || options+=(--config.dangerouslyAllowAllBuilds=true)
  quietly "$scratch/install.log" env -u NODE_ENV CI=true pnpm install "${options[@]}"
}

# pnpm_prune: in a workspace pnpm's own command leaves broken links; installing again does not. prune
# has no --ignore-scripts before 8.15.6, and reads the setting.
pnpm_prune() {
  local -x CI=true npm_config_ignore_scripts=true pnpm_config_ignore_scripts=true
  if [[ -z ${package[workspaces]} ]]; then
    pnpm prune --prod
  else
    pnpm install --prod --offline ${lockfile:+--frozen-lockfile} --config.confirmModulesPurge=false
  fi
}

pnpm_explain() {
  explain "$1" <<TABLE
/ERR_PNPM_(OUTDATED_LOCKFILE|LOCKFILE_CONFIG_MISMATCH|LOCKFILE_MISSING_DEPENDENCY)
$(lockfile_out_of_step "pnpm install --frozen-lockfile" "pnpm install")

/ERR_PNPM_(NO_LOCKFILE|LOCKFILE_BREAKING_CHANGE)|is not compatible with current pnpm
$lockfile was written by another pnpm than $manager_version.
pnpm's message is above.
Set packageManager in package.json to the pnpm that you use (pnpm --version).

/ERR_INVALID_THIS
pnpm $manager_version does not run on Node $node_version.
It was made for earlier ones (ERR_INVALID_THIS).
Set engines.node to "18.x" in package.json, or packageManager to a newer pnpm.

/ERR_PNPM_TARBALL_INTEGRITY
$(wrong_checksum)

/ERR_PNPM_NO_MATCHING_VERSION
?No matching version found for ([^ ]+)
$(no_such_version)

/ERR_PNPM_UNSUPPORTED_ENGINE|requires at least Node.js
pnpm $manager_version, the app or one of its packages does not support Node $node_version.
pnpm says which above.
Set engines.node in package.json, or packageManager to another pnpm.

/ERR_PNPM_IGNORED_BUILDS
pnpm would not run the install scripts of some packages.
From pnpm 10 on package.json or pnpm-workspace.yaml names those that may; pnpm lists them above.
Run pnpm approve-builds and commit what it writes.
TABLE
}
