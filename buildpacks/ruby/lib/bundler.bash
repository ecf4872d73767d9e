# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Gems with Bundler, exactly as Gemfile.lock says. Where the gem server cannot be reached, Debian's gems
# stand in if they satisfy the app.

readonly gems=$CNB_LAYERS_DIR/gems

bundler_settings() {
  export BUNDLE_PATH=$gems BUNDLE_WITHOUT=${BUNDLE_WITHOUT:-development:test} BUNDLE_RETRY=0
  export BUNDLE_TIMEOUT=10 BUNDLE_JOBS=4 BUNDLE_SILENCE_ROOT_WARNING=1 BUNDLE_APP_CONFIG=$scratch/bundle
  export BUNDLE_SSL_CA_CERT=$certificates
  [[ ! -f Gemfile.lock ]] || export BUNDLE_FROZEN=true
}

declare_gems() {
  layer gems lbc key "$1"
  if [[ -n ${BUNDLE_PATH:-} ]]; then
    layer_env gems env.launch/BUNDLE_PATH.default "$gems"
  else
    layer_env gems env.launch/BUNDLE_PATH__SYSTEM.default true
    layer_env gems env.launch/GEM_HOME.default "$gems"
  fi
  layer_env gems env.launch/BUNDLE_WITHOUT.default "$BUNDLE_WITHOUT"
  layer_env gems env.launch/BUNDLE_APP_CONFIG.default /tmp/.bundle
}

install_gems() {
  local key
  [[ -f Gemfile ]] || { detail "No Gemfile: no gems." && return; }
  bundler_settings
  if [[ ${BP_RUBY_RELAX:-} == true ]]; then
    unset BUNDLE_FROZEN
    rm -f Gemfile.lock .ruby-version
    sed -Ei "/^[[:space:]]*ruby[[:space:](]/d" Gemfile
    detail "BP_RUBY_RELAX: Gemfile.lock is not looked at."
  elif [[ ! -f Gemfile.lock ]]; then
    warning "There is no Gemfile.lock, so two builds may install different versions." \
      "Run bundle install and commit Gemfile.lock."
  fi
  key=$(cat - Gemfile $([[ ! -f Gemfile.lock ]] || printf Gemfile.lock) \
    <<<"$ruby_version $BUNDLE_WITHOUT" | digest_of -)
  if [[ -f Gemfile.lock && $(restored gems key) == "$key" ]]; then
    heading "gems unchanged  ·  from the cache"
    use_debian_gems_again
    declare_gems "$key"
    return
  fi
  mkdir -p "$gems"
  if quietly_bundle; then
    heading "bundle install  ·  $(tail -2 "$scratch/bundle.log" | head -1 | sed 's/Bundle complete! //; s/\.$//')"
  elif unreachable "$scratch/bundle.log" && debian_gems; then
    :
  else
    indent <"$scratch/bundle.log"
    explain_bundler_failure "$scratch/bundle.log"
  fi
  declare_gems "$key"
}

# A lock that was made on a Mac names its platform alone; ours is added in this build.
quietly_bundle() {
  if [[ -f Gemfile.lock ]] && ! grep -qE '^  (ruby|x86_64-linux(-gnu)?)$' Gemfile.lock; then
    warning "Gemfile.lock was made for another platform: bundle lock --add-platform x86_64-linux mends it."
    sed -i 's/^PLATFORMS$/PLATFORMS\n  ruby/' Gemfile.lock
  fi
  bundle install "$@" >"$scratch/bundle.log" 2>&1 </dev/null
}

unreachable() {
  grep -qE 'Could not (fetch specs|reach host|find gem .* in (rubygems|locally installed))|Network error|getaddrinfo|Connection refused|execution expired|timed out|Bundler::HTTPError|SocketError|certificate verify|HTTPFallbackError|503|403' "$1"
}

# debian_package GEM: the package that may have it; apt's lists decide.
debian_package() {
  case $1 in
    puma | thin | unicorn | rake | rails | bundler | jekyll | jekyll-theme-minima) printf '%s' "$1" ;;
    minima) printf 'jekyll-theme-minima' ;;
    *) printf 'ruby-%s' "$(tr '_' '-' <<<"${1,,}")" ;;
  esac
}

# debian_gems: the gems of the Gemfile as Debian packages, resolved without the network. Says nothing of
# a lock that it cannot keep: only an app without one, or BP_RUBY_RELAX, gets other versions.
debian_gems() {
  local names name packages=() kept=$scratch/bundle.first
  cp "$scratch/bundle.log" "$kept"
  names=$(ruby -rbundler -e 'without = ENV["BUNDLE_WITHOUT"].split(":").map(&:to_sym)
Bundler::Dsl.evaluate("Gemfile", "Gemfile.lock", {}).dependencies.each do |gem|
  puts gem.name if gem.should_include? && (gem.groups - without).any?
end' 2>/dev/null) || { cp "$kept" "$scratch/bundle.log" && return 1; }
  debian_update >/dev/null || return 1
  for name in $names; do
    name=$(debian_package "$name")
    [[ -z $(debian_apt run --print-uris install "$name" 2>/dev/null) ]] || packages+=("$name")
  done
  if ((${#packages[@]} > 0)); then
    debian_without=(ruby ruby3.1 libruby3.1 ruby-rubygems rubygems-integration libruby)
    debian_layer debian-gems lbc run "the gems of the Gemfile" "${packages[@]}"
    [[ -z $debian_fresh ]] || mend_library_paths "$CNB_LAYERS_DIR/debian-gems"
    use_debian_gems
  fi
  if quietly_bundle --local; then
    warning "The gem server could not be reached; Debian's gems are used:" \
      "$(bundle list 2>/dev/null | sed -nE 's/^ +\* //p' | head -12 | paste -sd, | sed 's/,/, /g')"
    return
  fi
  { cat "$kept" && printf "With Debian's gems instead:\n" && tail -5 "$scratch/bundle.log"; } \
    >"$scratch/bundle.both"
  mv "$scratch/bundle.both" "$scratch/bundle.log"
  return 1
}

# mend_library_paths ROOT: a library that a gem opens by its whole path (libsass) is in the layer.
mend_library_paths() {
  { grep -rlE --include='*.rb' 'ffi_lib "/usr/lib/' "$1/usr" || true; } |
    xargs -r sed -i "s|ffi_lib \"/usr/lib/|ffi_lib \"$1/usr/lib/|"
}

# Bundler looks at the gems of the system, which GEM_PATH names, only if it is told so.
use_debian_gems() {
  debian_environment debian-gems launch
  use_ruby debian-gems
  unset BUNDLE_PATH
  export BUNDLE_PATH__SYSTEM=true GEM_HOME=$gems # Debian's own place is not ours to write to
}

use_debian_gems_again() {
  [[ -n $(restored debian-gems request) ]] || return 0
  layer debian-gems lbc request "$(restored debian-gems request)" files "$(restored debian-gems files)"
  use_debian_gems
}

explain_bundler_failure() {
  ! unreachable "$1" || explain "$1" <<TABLE
RubyGems, the gem server, could not be reached.
Bundler's message is above, and Debian's gems do not satisfy the app as it is locked.
Use a mirror (BUNDLE_MIRROR__ALL), commit the gems (bundle cache), or BP_RUBY_RELAX=true: Debian's versions.
TABLE
  explain "$1" <<TABLE
/frozen mode|deployment mode|Gemfile has been updated|lockfile.*out of date
Gemfile.lock does not match Gemfile.
Bundler installs exactly what Gemfile.lock says.
Run bundle install and commit Gemfile.lock.

/checksum
A gem is not what Gemfile.lock says it is.
Bundler names it above (checksum).
If that is expected, run bundle update for it and commit Gemfile.lock.

/Your Ruby version is|required_ruby_version|requires Ruby|ruby version
A gem, or the Gemfile, needs another Ruby than $ruby_version.
Bundler names it above.
Loosen it, and commit Gemfile.lock.

/Could not find gem '[^']+'
?Could not find gem '([^']+)'
There is no gem {of that name}.
The name or the version may be misspelt.
Correct it in the Gemfile.

/Failed to build gem native extension|extconf\.rb
A gem with native code did not compile.
The compiler's message is above.
Name the Debian package with what it needs in an Aptfile.

/There was an error parsing .Gemfile
The Gemfile cannot be read.
Bundler's message is above.
Correct it.

bundle install failed.
Bundler's message is above.
Try bundle install in a clean checkout with Ruby $ruby_line.
TABLE
}
