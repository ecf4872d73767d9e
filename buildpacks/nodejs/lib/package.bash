# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Reads package.json once and answers questions about it.

declare -A package=()

# Start scripts that run a development server: they watch files, need devDependencies, and often
# listen on loopback only.
readonly dev_server='(^|[ ;&|/])(vite( dev| preview| serve)?|react-scripts start|react-app-rewired start|craco start|vue-cli-service serve|ng serve|ng s|gatsby develop|gatsby serve|eleventy .*--serve|astro (dev|preview)|parcel|webpack serve|webpack-dev-server|browser-sync|live-server|lite-server|next dev|nuxt dev|nest start|remix dev|react-router dev|svelte-kit dev|sirv|serve|http-server|gulp|grunt|nodemon|ts-node-dev|tsx watch|scripts/start\.js)( |$)'

# The fields that the buildpack asks for, one `name<TAB>value` a line.
readonly package_fields='
  def text: if type == "string" then . elif . == null then "" else tostring end;
  (.scripts // {}) as $s
  | (((.dependencies // {}) + (.devDependencies // {}) + (.optionalDependencies // {})) | keys) as $all
  | { "name": .name, "main": .main, "type": .type,
      "module": .module,
      "engines.node": .engines.node?, "engines.npm": .engines.npm?, "engines.yarn": .engines.yarn?,
      "engines.pnpm": .engines.pnpm?, "engines.bun": .engines.bun?,
      "packageManager": .packageManager, "workspaces": (if .workspaces then "yes" else "" end),
      "dependencies": ($all | length), "development": (.devDependencies // {} | length),
      "all": (" " + ($all | join(" ")) + " "),
      "only-development": ((.devDependencies // {} | keys) - (.dependencies // {} | keys) | join(" ")),
      "script.prestart": $s.prestart, "script.start": $s.start, "script.poststart": $s.poststart,
      "script.start:prod": $s["start:prod"], "script.build": $s.build,
      "script.heroku-prebuild": $s["heroku-prebuild"], "script.heroku-build": $s["heroku-build"],
      "script.heroku-postbuild": $s["heroku-postbuild"],
      "install-scripts": ([$s.preinstall, $s.install, $s.postinstall, $s.prepare]
        | map(select(. != null and (test("^ *(husky|is-ci|simple-git-hooks|lefthook)") | not))) | join(";"))
    } | to_entries[] | "\(.key)\t\(.value | text | gsub("[\n\t]"; " "))"'

# read_package: fills `package`; fails with package_error if package.json is not a JSON object.
read_package() {
  local lines key value
  lines=$(jq -r "$package_fields" package.json 2>&1) || { package_error=$lines && return 1; }
  while IFS=$'\t' read -r key value; do package[$key]=$value; done <<<"$lines"
  if grep -qs '^packages:' pnpm-workspace.yaml; then package[workspaces]=yes; fi
}

depends_on() { [[ ${package[all]} == *" $1 "* ]]; }

build_script() {
  if [[ -n ${package[script.heroku-build]} ]]; then
    printf 'heroku-build'
  elif [[ -n ${package[script.build]} ]]; then
    printf 'build'
  fi
}

# start_script: the script that starts the app for production; nothing if there is none.
start_script() {
  if [[ -n ${package[script.start]} && ! ${package[script.start]} =~ $dev_server ]]; then
    printf 'start'
  elif [[ -n ${package[script.start:prod]} ]]; then
    printf 'start:prod'
  fi
}

# may_be_static: prints something if what the app builds might be plain files.
may_be_static() {
  read_package || return 0
  [[ -z $(start_script) ]] || return 0
  [[ ! -f ${package[main]:-server.js} || -n $(build_script) ]] || return 0
  [[ -z $(build_script) && ! -f index.html && ! -f public/index.html ]] || printf 'yes'
}

# needed_development: a package of devDependencies whose program starts a process, if there is one.
needed_development() {
  local word name lines
  lines="${package[script.start]} ${package[script.start:prod]} $(cat Procfile 2>/dev/null || true)"
  for word in $lines; do
    [[ $word != tsc ]] || word=typescript
    for name in ${package[only-development]}; do
      [[ $word != "$name" && $word != "$name"/* && $word != */.bin/"$name" ]] ||
        { printf '%s' "$name" && return; }
    done
  done
}
