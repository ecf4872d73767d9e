# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# After the build: what serves the app. A start script wins; then what a framework's server build
# left; then static files that a build left; then a file with a server's usual name.

# serve_static ROOT WHY [single-page]: the static buildpack's server serves ROOT.
serve_static() {
  local root=$1 options=()
  command -v berth-static >/dev/null ||
    fail "The build left static files in $root, and nothing serves them." \
      "The static buildpack took no part in this build." \
      "Add berth/static before berth/nodejs, or a start script to package.json."
  [[ ${2:-} != single-page ]] || options=(--fallback /index.html)
  heading "Static files in $root/ are served by the static server"
  process web true berth-static --root "$app/$root" ${options[@]+"${options[@]}"}
  static_site=yes
}

# output_in ROOT…: the first of these folders that has an index.html.
output_in() {
  local root
  for root in "$@"; do
    [[ ! -f $root/index.html ]] || { printf '%s' "$root" && return; }
  done
  return 1
}

# configured_output FILE…: outDir as a framework's configuration file gives it.
configured_output() {
  local file
  for file in "$@"; do
    [[ -f $file ]] || continue
    sed -nE "s/.*(outDir|distDir)['\"]?[[:space:]]*:[[:space:]]*['\"]([^'\"]+)['\"].*/\2/p" "$file" |
      sed 's|^\./||; s|/$||' | head -1
  done
}

# single_page: whether unknown paths belong to the app's own router in the browser.
single_page() {
  ! depends_on astro && ! depends_on @11ty/eleventy && ! depends_on gatsby &&
    ! depends_on vitepress && ! depends_on @docusaurus/core && ! depends_on next &&
    { depends_on vite || depends_on react-scripts || depends_on @angular/core ||
      depends_on @vue/cli-service || depends_on parcel || depends_on preact-cli; }
}

find_static_output() {
  local configured
  configured=$(configured_output vite.config.{js,ts,mjs,mts} astro.config.{js,ts,mjs,mts})
  output_in ${configured:+"$configured"} dist build/client build _site out public/build \
    dist/*/browser dist/* .output/public docs/.vitepress/dist .vitepress/dist ||
    { [[ -n $(build_script) ]] && depends_on gatsby && output_in public; }
}

# framework_server: a server that a framework's build wrote, as a command line.
framework_server() {
  if [[ -f .output/server/index.mjs ]]; then
    printf 'node .output/server/index.mjs'
  elif [[ -f dist/server/entry.mjs ]] && depends_on @astrojs/node; then
    printf 'HOST=0.0.0.0 node dist/server/entry.mjs'
  elif depends_on @sveltejs/kit && [[ -f build/index.js && -f build/handler.js ]]; then
    printf 'node build'
  elif depends_on next && [[ -d .next && ! -f out/index.html ]]; then
    printf 'next start -p $PORT'
  elif [[ -f build/server/index.js ]] && depends_on @react-router/serve; then
    printf 'react-router-serve build/server/index.js'
  elif [[ -f build/server/index.js ]] && depends_on @remix-run/serve; then
    printf 'remix-serve build/server/index.js'
  fi
}

# choose_process: writes the web process; without one a Procfile has to name what runs.
choose_process() {
  local script line root file
  script=$(start_script)
  if [[ $script == start && -z ${package[script.prestart]}${package[script.poststart]} ]]; then
    shell_process web true "${package[script.start]}"
    detail "web: ${package[script.start]} (start script)"
    return
  elif [[ -n $script ]]; then
    [[ $script == start ]] ||
      detail "The start script runs a development server: start:prod is used instead."
    shell_process web true "npm run $script"
    detail "web: npm run $script"
    return
  fi
  line=$(framework_server)
  if [[ -n $line ]]; then
    shell_process web true "$line"
    detail "web: $line"
    return
  fi
  if [[ -n $(build_script) ]] && root=$(find_static_output); then
    serve_static "$root" "$(single_page && printf 'single-page' || true)"
    return
  fi
  for file in ${package[main]:+"${package[main]}"} server.js server.mjs index.js index.mjs app.js \
    main.js src/server.js src/index.js; do
    [[ -f $file ]] || continue
    process web true node "$file"
    detail "web: node $file"
    return
  done
  if root=$(output_in public . dist); then
    serve_static "$root"
    return
  fi
  if [[ -n ${package[script.start]} ]]; then
    shell_process web true "npm start"
    detail "web: npm start"
  elif [[ ! -f Procfile ]]; then
    fail "Nothing says how to start this app." \
      "package.json has no start script, and there is no server.js or index.js." \
      "Add a start script to package.json, or a Procfile with a line such as web: node app.js"
  fi
}
