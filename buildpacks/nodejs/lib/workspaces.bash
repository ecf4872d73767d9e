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

# build_workspaces: the build scripts of the workspaces, where the root has none that would call them.
build_workspaces() {
  local file name names=()
  [[ -n ${package[workspaces]} ]] || return 0
  for file in $(manifests); do
    name=$(jq -r 'select(.scripts.build?) | .name // empty' "$file")
    [[ -z $name ]] || names+=("$name")
  done
  ((${#names[@]} > 0)) || return 0
  heading "$manager_name run build in the workspaces (${names[*]})"
  NODE_ENV=${NODE_ENV:-production} loudly "$scratch/script.log" run_builds "${names[@]}" ||
    explain_script_failure build
}

# run_builds NAME…: each manager that knows which workspace needs which decides the order itself.
run_builds() {
  local name
  case $manager in
    pnpm) pnpm --recursive --if-present run build ;;
    bun) bun run --filter '*' build ;;
    npm) npm run build --workspaces --if-present ;;
    *) for name in "$@"; do yarn workspace "$name" run build || return; done ;;
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
