# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# After the build: what serves the app. Every way that there is becomes a candidate, in this order: the
# app's own words (a config var, a start script for production), a framework's server, static files
# that a build left, a file with a server's usual name. The first one is taken, the second one named.

candidates=()

# candidate KIND WHAT WHY: KIND is `line` (a shell runs WHAT) or `static` (WHAT is a folder).
# The same thing for a second reason is no other candidate.
candidate() {
  local other plain=${2//.\//}
  for other in ${candidates[@]+"${candidates[@]}"}; do
    [[ $other != "$1"$'\t'"$plain"$'\t'* ]] || return 0
  done
  candidates+=("$1"$'\t'"$plain"$'\t'"$3")
}

# starts_with SCRIPT: how a script of package.json is run in production.
starts_with() {
  if [[ $1 == start && -z ${package[script.prestart]}${package[script.poststart]} ]] &&
    ! plug_and_play; then
    printf '%s' "${package[script.start]}"
  elif plug_and_play || [[ $manager == bun ]]; then
    printf '%s run %s' "$manager_name" "$1"
  else
    printf 'npm run %s' "$1"
  fi
}

# runtime_of FILE: what runs it.
runtime_of() {
  local program=node
  if [[ $manager == bun && ( $1 == *.ts || $1 == *.tsx || ! -f package-lock.json ) ]]; then program=bun; fi
  ! plug_and_play || program='yarn node'
  printf '%s' "$program"
}

find_candidates() {
  local script line root file workspaces
  [[ -z ${BP_WEB_COMMAND:-} ]] || candidate line "$BP_WEB_COMMAND" 'BP_WEB_COMMAND'
  root=${BP_STATIC_ROOT:-${BERTH_STATIC_ROOT:-}}
  [[ -z $root ]] ||
    candidate static "$root" "${BP_STATIC_ROOT:+BP_STATIC_ROOT}${BP_STATIC_ROOT:-Staticfile or static.json}"
  script=$(start_script)
  [[ -z $script ]] || candidate line "$(starts_with "$script")" "package.json, script $script"
  line=$(framework_server)
  [[ -z $line ]] || candidate line "${line%%$'\t'*}" "${line#*$'\t'}"
  if [[ -n $(build_script) ]] && root=$(find_static_output); then
    candidate static "$root" "$root/ holds what the build wrote"
  fi
  for file in ${package[main]:+"${package[main]}"} ${package[module]:+"${package[module]}"} \
    {server,index,app,main,src/server,src/index}.{js,mjs,cjs,ts}; do
    [[ -f $file ]] || continue
    [[ $file != *.ts || $manager == bun || ${node_version%%.*} -ge 24 ]] || continue
    candidate line "$(runtime_of "$file") $file" "$file"
    break
  done
  mapfile -t workspaces < <(startable_workspaces)
  if ((${#workspaces[@]} == 1)); then
    candidate line "$(run_in_workspace "${workspaces[0]}" start)" "the only workspace with a start script"
  fi
  if root=$(output_in public . dist); then candidate static "$root" "$root/index.html"; fi
  [[ -z ${package[script.start]} || $script == start ]] ||
    candidate line "$manager_name run start" 'package.json, script start'
}

# serve_static ROOT: the static buildpack's server serves it.
serve_static() {
  local root=${1#./} options page
  command -v berth-static >/dev/null ||
    fail "The build left static files in $root, and nothing serves them." \
      "The static buildpack took no part in this build." \
      "Add berth/static before berth/nodejs, or a start script to package.json."
  [[ -d $root && ! /$root/ =~ /\.\./ && $root != /* ]] ||
    fail "The folder $root is not there after the build." "It was to be served." \
      "Correct BP_STATIC_ROOT, or root in the Staticfile or static.json."
  options=(--root "$app/$root")
  page=$(fallback_page "$root")
  [[ -n ${BERTH_STATIC_RULES:-} ]] && options+=(--rules "$BERTH_STATIC_RULES")
  [[ -z $page || -n ${BERTH_STATIC_RULES:-} ]] || options+=(--fallback "$page")
  process web true berth-static "${options[@]}"
  [[ -f Procfile ]] || static_site=yes
}

# explain_choice KIND WHAT WHY: the log's lines about it.
explain_choice() {
  local kind what why missing start=${package[script.start]}
  if [[ $1 == static ]]; then
    heading "Static files in $2/ are served by the static server"
  else
    detail "web: $2"
  fi
  detail "     because of: $3"
  missing=$(missing_file)
  [[ -z $missing ]] || detail "     The start script names $missing, which the build did not make."
  [[ ! $start =~ $dev_server ]] ||
    detail "     The start script ($start) runs a development server."
  ((${#candidates[@]} > 1)) || return 0
  IFS=$'\t' read -r kind what why <<<"${candidates[1]}"
  [[ $kind != static ]] || what="the files in $what/"
  detail "     next in line: $what ($why); a Procfile decides otherwise."
}

# choose_process: writes the web process; without one a Procfile has to name what runs.
choose_process() {
  local kind what why
  find_candidates
  if ((${#candidates[@]} == 0)); then
    [[ -f Procfile || -z $(workspace_hint) ]] ||
      fail "Nothing says how to start this app." \
        "Several workspaces have a start script: $(startable_workspaces | paste -sd' ')." \
        "Say which in a Procfile, for example:$(workspace_hint)"
    [[ -f Procfile ]] ||
      fail "Nothing says how to start this app." \
        "package.json has no start script, and there is no server.js or index.js." \
        "Add a start script to package.json, or a Procfile with a line such as web: node app.js"
    return 0
  fi
  IFS=$'\t' read -r kind what why <<<"${candidates[0]}"
  explain_choice "$kind" "$what" "$why"
  if [[ $kind == static ]]; then
    serve_static "$what"
  else
    shell_process web true "$what"
    [[ $what != *.next/standalone/* ]] || prepare_next_standalone
    ! reads_host || layer_env settings env.launch/HOST.default 0.0.0.0
  fi
}
