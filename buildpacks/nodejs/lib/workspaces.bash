# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Workspaces that could serve an app whose own package.json starts nothing.

# run_in_workspace NAME SCRIPT: the command line, in the manager's own words.
run_in_workspace() {
  case $manager in
    npm) printf 'npm run %s --workspace %s' "$2" "$1" ;;
    yarn | berry) printf 'yarn workspace %s run %s' "$1" "$2" ;;
    pnpm) printf 'pnpm --filter %s run %s' "$1" "$2" ;;
    bun) printf 'bun run --filter %s %s' "$1" "$2" ;;
  esac
}

# startable_workspaces: the names of those with a start script for production, one a line.
startable_workspaces() {
  local file name line
  [[ -n ${package[workspaces]} ]] || return 0
  for file in $(manifests); do
    [[ $file != ./package.json ]] || continue
    IFS=$'\t' read -r name line < <(jq -r '"\(.name // "")\t\(.scripts.start? // "")"' "$file")
    [[ -z $name || -z $line || $line =~ $dev_server ]] || printf '%s\n' "$name"
  done
}

# workspace_hint: what a Procfile could say, where several workspaces could start.
workspace_hint() {
  local name
  for name in $(startable_workspaces); do
    printf ' web: %s' "$(run_in_workspace "$name" start)"
    return
  done
}
