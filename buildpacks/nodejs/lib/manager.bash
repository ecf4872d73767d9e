# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Which package manager installs an app, which version of it, and where that comes from. Each one has
# a file (npm, yarn, berry, pnpm, bun) with the same functions: <manager>_line (the versions that suit
# the lockfile, of which package.json may choose), _install, _prune, _run (a script of package.json)
# and _explain (a failure). `berry` is yarn from version 2 on.

readonly lockfiles='npm-shrinkwrap.json:npm package-lock.json:npm pnpm-lock.yaml:pnpm yarn.lock:yarn
  bun.lock:bun bun.lockb:bun'

# lockfile_of MANAGER: its lockfile in this app; nothing if there is none.
lockfile_of() {
  local entry
  for entry in $lockfiles; do
    [[ ${entry#*:} != "$1" || ! -f ${entry%:*} ]] || { printf '%s' "${entry%:*}" && return; }
  done
}

# choose_manager: sets manager, lockfile and manager_source, the file that decided.
choose_manager() {
  local entry declared=${package[packageManager]%%@*} others=()
  manager='' lockfile=''
  if [[ $declared =~ ^(npm|yarn|pnpm|bun)$ && -n $(lockfile_of "$declared") ]]; then
    manager=$declared manager_source=packageManager lockfile=$(lockfile_of "$declared")
  fi
  for entry in $lockfiles; do
    [[ -f ${entry%:*} ]] || continue
    if [[ -z $manager ]]; then
      lockfile=${entry%:*} manager=${entry#*:} manager_source=${entry%:*}
    elif [[ ${entry#*:} != "$manager" ]]; then
      others+=("${entry%:*}")
    fi
  done
  if [[ -z $manager ]]; then
    manager_without_lockfile
  elif ((${#others[@]} > 0)); then
    warning "There are lockfiles of several package managers; ${lockfile} is used (${manager_source})." \
      "Remove ${others[*]}, or name the manager in package.json (packageManager)."
  elif [[ $declared =~ ^(npm|yarn|pnpm|bun)$ && $declared != "$manager" ]]; then
    warning "packageManager says $declared, but the only lockfile is $lockfile: $manager is used." \
      "Run $declared install and commit its lockfile, or correct packageManager."
  fi
  manager_name=$manager
  if [[ $manager == yarn ]] && is_berry; then manager=berry; fi
}

manager_without_lockfile() {
  local entry
  if [[ ${package[packageManager]} =~ ^(npm|yarn|pnpm|bun)@ ]]; then
    manager=${BASH_REMATCH[1]} manager_source=packageManager
    return
  fi
  for entry in pnpm-workspace.yaml:pnpm .yarnrc.yml:yarn bunfig.toml:bun .bun-version:bun; do
    [[ ! -f ${entry%:*} ]] || { manager=${entry#*:} manager_source=${entry%:*} && return; }
  done
  for entry in pnpm yarn bun; do
    [[ -z ${package[engines.$entry]} ]] ||
      { manager=$entry manager_source=engines.$entry && return; }
  done
  if calls_bun "${package[all-scripts]}" || depends_on @types/bun || depends_on bun-types; then
    manager=bun manager_source='package.json, which is written for Bun'
    return
  fi
  manager=npm manager_source='default'
}

is_berry() {
  [[ ${package[packageManager]} != yarn@1* ]] || return 1
  [[ ${package[packageManager]} == yarn@* || -f .yarnrc.yml ]] || grep -qs '^__metadata:' yarn.lock
}

# declared_range NAME: what the app asks of a manager's version; nothing if it does not.
declared_range() {
  if [[ ${package[packageManager]} =~ ^$1@([0-9][0-9A-Za-z.-]*) ]]; then
    printf '%s' "${BASH_REMATCH[1]}"
  elif [[ -n ${package[engines.$1]:-} ]]; then
    printf '%s' "${package[engines.$1]}"
  elif tool_version "$1" && [[ $tool_request =~ ^[0-9] ]]; then
    printf '%s' "$tool_request"
  fi
}

# manager_range NAME: what package.json asks of its manager, else the line that suits the lockfile.
manager_range() {
  local declared
  declared=$(declared_range "$1")
  printf '%s' "${declared:-$("${manager}_line")}"
}

# range_source NAME: which file a manager's version comes from.
range_source() {
  if [[ ${package[packageManager]} == "$1"@* ]]; then
    printf 'packageManager'
  elif [[ -n ${package[engines.$1]:-} ]]; then
    printf 'engines.%s' "$1"
  elif tool_version "$1" && [[ $tool_request =~ ^[0-9] ]]; then
    printf '%s' "$tool_source"
  else
    printf '%s' "${lockfile:-default}"
  fi
}

# install_manager: sets manager_version; npm came with Node.
install_manager() {
  case $manager in
    npm) manager_version=$npm_version ;;
    yarn | pnpm)
      fetch_tool manager "$manager" "$(manager_range "$manager")" "$manager" \
        "$(range_source "$manager")" "$("${manager}_line")"
      manager_version=$tool_version
      [[ $manager != pnpm ]] || pnpm_settings
      ;;
    berry) fetch_berry ;;
    bun)
      install_bun
      manager_version=$bun_version
      ;;
  esac
  [[ $manager == npm ]] || heading "Using $manager_name $manager_version ($manager_source)"
}
