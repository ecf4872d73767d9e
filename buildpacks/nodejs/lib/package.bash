# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Reads package.json once and answers questions about it.

declare -A package=()

# Start scripts that run a development server: they watch files, need devDependencies, and often
# listen on loopback only.
readonly dev_server='(^|[ ;&|/])(vite( dev| preview| serve)?|(react-scripts|react-app-rewired|craco|expo|docusaurus|rsbuild|farm) start|(ng|vue-cli-service|webpack|rspack|nx|gatsby|vuepress|hexo) (s|serve|server|dev|develop|preview)|(astro|next|nuxt|nuxi|remix|react-router|svelte-kit|vinxi|vitepress|rspress|rsbuild|storybook|turbo|turbo run|vike|qwik) (dev|preview)|remix vite:dev|eleventy .*--serve|parcel|webpack-dev-server|browser-sync|live-server|lite-server|nest start|sirv|serve|http-server|gulp|grunt|nodemon|ts-node-dev|tsx watch|scripts/start\.js)( |$)'

# Whether a package.json has install scripts of its own; tools for git hooks do nothing in a build.
readonly own_install_scripts='(.scripts // {}) | [.preinstall, .install, .postinstall, .prepare]
  | any(. != null and (test("^ *(husky|is-ci|simple-git-hooks|lefthook)") | not))'

# The fields that the buildpack asks for, one `name<TAB>value` a line.
readonly package_fields='
  def text: if type == "string" then . elif . == null then "" else tostring end;
  (.scripts // {}) as $s
  | (((.dependencies // {}) + (.devDependencies // {}) + (.optionalDependencies // {})) | keys) as $all
  | { "name": .name, "main": .main, "type": .type,
      "module": .module,
      "engines.node": .engines.node?, "engines.npm": .engines.npm?, "engines.yarn": .engines.yarn?,
      "engines.pnpm": .engines.pnpm?, "engines.bun": .engines.bun?,
      "volta.node": .volta.node?, "packageManager": .packageManager,
      "workspaces": (if .workspaces then "yes" else "" end),
      "dependencies": ($all | length), "development": (.devDependencies // {} | length),
      "all": (" " + ($all | join(" ")) + " "),
      "only-development": ((.devDependencies // {} | keys) - (.dependencies // {} | keys) | join(" ")),
      "script.prestart": $s.prestart, "script.start": $s.start, "script.poststart": $s.poststart,
      "script.start:prod": ($s["start:prod"] // $s["start:production"] // $s["prod"]),
      "production-script": (["start:prod", "start:production", "prod"] | map(select($s[.])) | first),
      "script.build": $s.build, "script.docs:build": $s["docs:build"],
      "all-scripts": ($s | [.[] | strings] | join(" ; ")),
      "script.heroku-prebuild": $s["heroku-prebuild"], "script.heroku-build": $s["heroku-build"],
      "script.heroku-postbuild": $s["heroku-postbuild"],
      "start-lines": ([$s.prestart, $s.start, $s.poststart, $s["start:prod"]] | map(select(. != null))
        | . + [.[] | scan("(?:npm|pnpm|yarn|bun) (?:run )?([A-Za-z0-9:_-]+)")[0] | $s[.]]
        | map(select(. != null)) | join(" ")),
      "install-scripts": ([$s.preinstall, $s.install, $s.postinstall, $s.prepare]
        | map(select(. != null and (test("^ *(husky|is-ci|simple-git-hooks|lefthook)") | not))) | join(";"))
    } | to_entries[] | "\(.key)\t\(.value | text | gsub("[\n\t]"; " "))"'

# read_package < package.json: fills `package`; fails with package_error if that is no JSON object.
read_package() {
  local lines key value
  lines=$(jq -r "$package_fields" 2>&1) || { package_error=$lines && return 1; }
  while IFS=$'\t' read -r key value; do package[$key]=$value; done <<<"$lines"
  if grep -qs '^packages:' pnpm-workspace.yaml; then package[workspaces]=yes; fi
}

depends_on() { [[ ${package[all]} == *" $1 "* ]]; }

build_script() {
  if [[ -n ${package[script.heroku-build]} ]]; then
    printf 'heroku-build'
  elif [[ -n ${package[script.build]} ]]; then
    printf 'build'
  elif [[ -n ${package[script.docs:build]} && -z ${package[script.start]} ]]; then
    printf 'docs:build' # VitePress and VuePress call it so
  fi
}

# start_script: the script that starts the app for production; nothing if there is none.
start_script() {
  if [[ -n ${package[script.start]} && ! ${package[script.start]} =~ $dev_server ]] &&
    [[ -z $(missing_file) ]] && ! exports_next && ! browser_only; then
    printf 'start'
  elif [[ -n ${package[script.start:prod]} ]]; then
    printf '%s' "${package[production-script]}"
  fi
}

# missing_file: the file that a simple start script names and that is not there, once the build ran.
missing_file() {
  local word
  [[ -n ${built:-} && ! ${package[script.start]} =~ [\;\&\|] ]] || return 0
  for word in ${package[script.start]}; do
    [[ ! $word =~ ^[A-Za-z0-9._/-]+\.(js|mjs|cjs)$ || -f $word ]] || { printf '%s' "$word" && return; }
  done
}

# exports_next: whether Next.js writes plain files, for which it has no server of its own.
exports_next() {
  depends_on next && grep -qsE "^[^/]*output['\"]?[[:space:]]*:[[:space:]]*['\"\`]export" next.config.*
}

# browser_only: whether React Router is told to render in the browser only; its server would answer
# unknown paths with 404.
browser_only() {
  [[ -f build/client/index.html ]] && depends_on @react-router/dev &&
    grep -qsE '^[^/]*\bssr:[[:space:]]*false' react-router.config.*
}

# may_be_static: prints something if what the app builds might be plain files.
may_be_static() {
  read_package <package.json || return 0
  [[ ! -f Staticfile && ! -f static.json && -z ${BP_STATIC_ROOT:-} ]] || { printf 'yes' && return; }
  [[ -n $(build_script) || -f index.html || -f public/index.html ]] || return 0
  [[ -z $(start_script) || ${package[script.start]} =~ ^(react-router-serve|next\ start) ]] || return 0
  [[ ! -f ${package[main]:-server.js} || -n $(build_script) ]] || return 0
  printf 'yes'
}

# needed_development: a package of devDependencies whose program starts a process, if there is one; the
# scripts that a start script runs count.
needed_development() {
  local word name lines
  lines="${package[start-lines]} $(cat Procfile 2>/dev/null || true)"
  for word in $lines; do
    [[ $word != tsc ]] || word=typescript
    for name in ${package[only-development]}; do
      [[ $word != "$name" && $word != "$name"/* && $word != */.bin/"$name" ]] ||
        { printf '%s' "$name" && return; }
    done
  done
}
