# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What a framework's build leaves and how it is served: one row a framework, told by what is there
# after the build, not by what package.json promises.

# framework_server: a server that a build wrote: the command line, a tab, which framework.
framework_server() {
  local file
  if [[ -f .output/server/index.mjs ]]; then
    row 'node .output/server/index.mjs' 'Nitro (Nuxt, TanStack Start, SolidStart)'
  elif [[ -f dist/server/entry.mjs ]] && depends_on @astrojs/node; then
    row 'node dist/server/entry.mjs' 'Astro server'
  elif depends_on @sveltejs/kit && [[ -f build/index.js && -f build/handler.js ]]; then
    row 'node build' 'SvelteKit, adapter-node'
  elif depends_on next && [[ -f .next/standalone/server.js ]]; then
    row 'HOSTNAME=0.0.0.0 node .next/standalone/server.js' 'Next.js, standalone'
  elif depends_on next && [[ -d .next ]] && ! exports_next; then
    row 'next start' 'Next.js'
  elif [[ -f build/server/index.js ]] && depends_on @react-router/serve && ! browser_only; then
    row 'react-router-serve build/server/index.js' 'React Router'
  elif [[ -f build/server/index.js ]] && depends_on @remix-run/serve; then
    row 'remix-serve build/server/index.js' 'Remix'
  elif depends_on @angular/ssr && file=$(first_file dist/*/server/server.mjs dist/server/server.mjs); then
    row "node $file" 'Angular with server-side rendering'
  elif depends_on @nestjs/core && file=$(first_file dist/main.js dist/src/main.js dist/apps/*/main.js); then
    row "node $file" 'NestJS'
  elif depends_on @tanstack/react-start || depends_on @tanstack/solid-start; then
    [[ -f dist/server/server.js ]] || return 0
    cp "$CNB_BUILDPACK_DIR/lib/serve-fetch.mjs" "$CNB_LAYERS_DIR/settings/"
    row "node $CNB_LAYERS_DIR/settings/serve-fetch.mjs dist/server/server.js dist/client" 'TanStack Start'
  fi
}

row() { printf '%s\t%s' "$1" "$2"; }

first_file() {
  local file
  for file in "$@"; do [[ ! -f $file ]] || { printf '%s' "$file" && return; }; done
  return 1
}

# prepare_next_standalone: Next.js leaves it to its user to put these beside the server.
prepare_next_standalone() {
  [[ -f .next/standalone/server.js ]] || return 0
  mkdir -p .next/standalone/.next
  cp -a .next/static .next/standalone/.next/
  [[ ! -d public ]] || cp -a public .next/standalone/
}

# reads_host: whether the framework's server listens on the address in HOST, loopback without it.
reads_host() {
  local name
  for name in astro nuxt nitro nitropack vinxi @remix-run/serve @react-router/serve @angular/ssr; do
    ! depends_on "$name" || return 0
  done
  return 1
}

# output_in ROOT…: the first of these folders that has a page to start from.
output_in() {
  local root
  for root in "$@"; do
    [[ ! -f $root/index.html && ! -f $root/index.csr.html && ! -f $root/_shell.html ]] ||
      { printf '%s' "$root" && return; }
  done
  return 1
}

# configured_output: folders that configuration files and the build script name, one a line.
configured_output() {
  local file names='outDir|distDir|outputDir|outputPath|output'
  for file in {vite,astro,vue,eleventy,rsbuild,next,svelte}.config.{js,ts,mjs,mts,cjs} .eleventy.js \
    angular.json; do
    [[ -f $file ]] || continue
    sed -nE "s/.*\b($names)['\"]?[[:space:]]*:[[:space:]]*['\"\`]([^'\"\`]+)['\"\`].*/\2/p" "$file"
  done | sed 's|^\./||; s|/$||'
  sed -nE 's/.*--(outDir|out-dir|dist-dir|output|output-path)[ =]([^ ;&]+).*/\2/p' \
    <<<"${package[script.build]}" | sed 's|^\./||; s|/$||'
  sed -nE 's/(^|.*[ ;&])(serve|http-server|sirv)( -[a-z]+)* +([A-Za-z0-9_][^ ;&-]*).*/\4/p' \
    <<<"${package[script.start]}"
}

find_static_output() {
  local configured=()
  mapfile -t configured < <(configured_output | grep -E '^[A-Za-z0-9_]' || true)
  output_in ${configured[@]+"${configured[@]/%//browser}" "${configured[@]}"} \
    dist/client dist/*/browser dist build/client build _site out public/build \
    dist/* .output/public {.,*}/.vitepress/dist {.,*}/.vuepress/dist www ||
    { depends_on gatsby && output_in public; }
}

# single_page: whether unknown paths belong to the app's own router in the browser.
single_page() {
  local name
  for name in astro @11ty/eleventy gatsby vitepress @docusaurus/core next; do
    ! depends_on "$name" || return 1
  done
  [[ ! -f $1/404.html ]] || return 1
  for name in vite react-scripts @angular/core @vue/cli-service parcel preact-cli expo @rsbuild/core \
    @craco/craco webpack; do
    ! depends_on "$name" || return 0
  done
  return 1
}

# fallback_page ROOT: the page that unknown paths get; nothing if they are a 404.
fallback_page() {
  local page
  for page in 200.html __spa-fallback.html _shell.html index.csr.html; do
    [[ ! -f $1/$page ]] || { printf '/%s' "$page" && return; }
  done
  ! single_page "$1" || printf '/index.html'
}
