# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Deno's steps. Its modules are a layer that is also launched: what starts needs no network.

# wanted_deno: sets deno_request and deno_source.
wanted_deno() {
  local file
  for file in .deno-version .dvmrc; do
    [[ -s $file ]] || continue
    deno_request=$(tr -d 'v[:space:]' <"$file") deno_source=$file
    return
  done
  deno_request=2.x deno_source=default
}

install_deno() {
  local name=@deno/linux-x64-glibc directory=$CNB_LAYERS_DIR/deno
  wanted_deno
  fetch_tool deno "$name" "$deno_request" Deno "$deno_source"
  heading "Using Deno $tool_version ($deno_source)"
  mkdir -p "$directory/bin"
  ln -sfn "../lib/node_modules/$name/deno" "$directory/bin/deno"
  chmod 755 "$directory/lib/node_modules/$name/deno"
  layer modules lbc deno "$tool_version"
  export DENO_DIR=$CNB_LAYERS_DIR/modules DENO_TLS_CA_STORE=system DENO_NO_UPDATE_CHECK=1 NO_COLOR=1
  layer_env deno env.launch/DENO_DIR.default "$DENO_DIR"
  layer_env deno env.launch/DENO_NO_UPDATE_CHECK.default 1
  deno task >"$scratch/tasks" 2>&1 </dev/null || true
}

has_task() { grep -qE "^- $1( |$)" "$scratch/tasks"; }

# find_entry: sets entry, the file with a server's usual name.
find_entry() {
  for entry in {main,server,app,index,mod,src/main,src/server,src/index}.{ts,tsx,js,mjs}; do
    [[ ! -f $entry ]] || return 0
  done
  entry=
}

fetch_modules() {
  local frozen=()
  [[ ! -f deno.lock ]] || frozen=(--frozen)
  quietly "$scratch/install.log" deno install ${entry:+--entrypoint "$entry"} ${frozen[@]+"${frozen[@]}"} ||
    explain_deno_failure install "$scratch/install.log"
  heading "deno install${frozen[*]+ ${frozen[*]}}  ·  $(amount "$(count_modules)" module)"
}

count_modules() {
  find "$DENO_DIR/npm" "$DENO_DIR/remote" -mindepth 3 -maxdepth 3 -type d 2>/dev/null | wc -l
}

# serves_by_export: whether the entry exports fetch and leaves the listening to deno serve.
serves_by_export() { grep -qE '^export default' "$entry" && grep -qE '\bfetch\b' "$entry"; }

# choose_process: Deno.serve listens where DENO_SERVE_ADDRESS says, whatever the app asks for.
choose_process() {
  local address="DENO_SERVE_ADDRESS=tcp:0.0.0.0:\$PORT" line why
  if has_task start; then
    line='deno task start' why='task start'
  elif [[ -n $entry ]] && serves_by_export; then
    line="deno serve -A --host 0.0.0.0 --port \$PORT $entry" address='' why="$entry exports fetch"
  elif [[ -n $entry ]]; then
    line="deno run -A $entry" why=$entry
  elif [[ -f Procfile ]]; then
    return 0
  else
    fail "Nothing says how to start this app." \
      "deno.json has no task start, and there is no main.ts or server.ts." \
      "Add a task start to deno.json, or a Procfile with a line such as web: deno run -A app.ts"
  fi
  shell_process web true "${address:+$address }$line"
  detail "web: $line"
  detail "     because of: $why"
}

# explain_deno_failure STEP LOG
explain_deno_failure() {
  explain "$2" <<TABLE
/lockfile is out of date
deno.lock does not match the app's imports.
With a lockfile, exactly what it says is installed.
Run deno install --frozen=false, commit deno.lock, and push again.

/integrity check failed|checksum
A module is not what deno.lock says it is.
Its checksum differs from the one in the lockfile.
If that is expected, remove deno.lock, run deno install and commit.

/npm package .* does not exist|Could not find (npm package|version)|No matching version|npm:[^ ]+.* 404
?npm package ['"]([^'"]+)
A package that the app imports does not exist{: *}.
deno's message is above.
Correct the import's name and version.

/error sending request|dns error|client error|Import .* failed|JSR package manifest
?(https?://[^/ "']+)
?(jsr:[^ "']+)
?(npm:[^ "']+)
A module could not be fetched{ from *}.
deno's message is above.
Import it from npm (npm:…) or make its host reachable from builds.

deno $1 failed.
deno's message is above.
Try deno $1 in a clean checkout.
TABLE
}
