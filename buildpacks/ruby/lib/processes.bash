# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Rails' assets, and the web process that follows from the gems.

has_gem() {
  grep -qsE "^ {4}$1 \(" Gemfile.lock || grep -qsE "^[[:space:]]*gem[[:space:](]+['\"]$1['\"]" Gemfile
}

precompile_assets() {
  [[ -f Rakefile && -f config/application.rb && -d app/assets ]] || return 0
  has_gem sprockets-rails || has_gem propshaft || has_gem sprockets || return 0
  [[ ! -f public/assets/manifest.json ]] || { detail "Assets are in the repository." && return; }
  heading "rake assets:precompile"
  quietly "$scratch/assets.log" env RAILS_ENV=production SECRET_KEY_BASE=build SECRET_KEY_BASE_DUMMY=1 \
    DATABASE_URL="${DATABASE_URL:-sqlite3::memory:}" bundle exec rake assets:precompile ||
    fail "rake assets:precompile failed." "Its message is above." \
      "Try RAILS_ENV=production bundle exec rake assets:precompile in a clean checkout."
}

web() {
  shell_process web true "$1"
  detail "web: $1 ($2)"
}

# rails_secret: one for the life of the app's cache, unless the config vars have one.
rails_secret() {
  local file=$CNB_LAYERS_DIR/secret/env.launch/SECRET_KEY_BASE.default
  layer secret lc
  [[ -f $file ]] || layer_env secret env.launch/SECRET_KEY_BASE.default \
    "$(od -An -tx1 -N64 /dev/urandom | tr -d ' \n')"
}

# is_jekyll: whether the app is a site of Jekyll's.
is_jekyll() { [[ -f _config.yml && ! -f config.ru ]] && has_gem '(jekyll|github-pages)'; }

# jekyll_site: makes the site and serves it; no Ruby is needed for that.
jekyll_site() {
  local started=$SECONDS
  quietly "$scratch/site.log" env JEKYLL_ENV=production bundle exec jekyll build --destination _site ||
    explain "$scratch/site.log" <<TABLE
/theme could not be found|cannot load such file|missing a dependency
?The ([^ ]+) theme could not be found
?cannot load such file -- ([^ ]+)
?does not have the \`?([^ \`']+)
The site needs {a gem} that is not installed.
The Gemfile does not list it, or the gem server could not be reached.
Add it to the Gemfile, or commit what it brings.

jekyll build failed.
Its message is above.
Try bundle exec jekyll build in a clean checkout.
TABLE
  heading "jekyll build ($((SECONDS - started)) s)"
  serve_site _site
}

choose_process() {
  local run='' file
  [[ ! -f Gemfile ]] || run='bundle exec '
  ! is_jekyll || { jekyll_site && return; }
  if [[ -f config/application.rb ]] && has_gem '(rails|railties)'; then
    [[ -n ${SECRET_KEY_BASE:-} ]] || rails_secret
    web "${run}rails server -b 0.0.0.0 -p \$PORT -e \$RAILS_ENV" Rails
    process console false bundle exec rails console
    return
  elif [[ -f config.ru ]]; then
    if has_gem puma; then
      web "${run}puma -b tcp://0.0.0.0:\$PORT" "config.ru and puma"
    elif has_gem unicorn; then
      web "${run}unicorn -o 0.0.0.0 -p \$PORT" "config.ru and unicorn"
    elif has_gem thin; then
      web "${run}thin start -a 0.0.0.0 -p \$PORT" "config.ru and thin"
    else
      web "${run}rackup -o 0.0.0.0 -p \$PORT" config.ru
    fi
    return
  fi
  for file in app.rb server.rb main.rb web.rb; do
    [[ -f $file ]] || continue
    if grep -qE "require ['\"]sinatra['\"]" "$file"; then
      web "${run}ruby $file -o 0.0.0.0 -p \$PORT" Sinatra
    elif grep -qiE 'TCPServer|WEBrick|rack|puma|PORT|socket' "$file"; then
      web "${run}ruby $file" "start file"
    else
      process task true ruby "$file"
      detail "task: ruby $file"
      [[ -f Procfile ]] || warning "$file serves nothing, so it is no web process." \
        "Run it by: berth run ruby $file"
    fi
    return
  done
  [[ -f Procfile ]] || fail "Nothing says how to start this app." \
    "There is no config.ru, no Rails application, no app.rb or server.rb." \
    "Add a Procfile with a line such as web: bundle exec ruby app.rb"
}
