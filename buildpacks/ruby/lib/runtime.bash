# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Which Ruby the app wants, and Debian's in a layer.

readonly ruby_line=3.1
readonly ruby=$CNB_LAYERS_DIR/ruby

# wanted_ruby: sets request and request_source; empty if the app does not say.
wanted_ruby() {
  request='' request_source=''
  if [[ -f Gemfile ]]; then
    request_source=Gemfile
    request=$(sed -nE "s/^[[:space:]]*ruby[[:space:](]+['\"]([^'\"]+)['\"].*/\1/p" Gemfile | head -1)
  fi
  if [[ -z $request && -f .ruby-version ]]; then
    request_source=.ruby-version
    request=$(grep -m1 . .ruby-version || true)
  fi
  if [[ -z $request && -f .tool-versions ]]; then
    request_source=.tool-versions
    request=$(sed -nE 's/^ruby[[:space:]]+([^[:space:]]+).*/\1/p' .tool-versions | head -1)
  fi
  if [[ -z $request && -f Gemfile.lock ]]; then
    request_source=Gemfile.lock
    request=$(sed -nE '/^RUBY VERSION/,$ s/^[[:space:]]+ruby ([0-9.]+).*/\1/p' Gemfile.lock | head -1)
  fi
  request=${request#ruby-}
  [[ -n $request ]] || request_source=
}

# allowed REQUEST: whether a requirement as RubyGems writes it allows some 3.1.
allowed() {
  case ${1//[[:space:]]/} in
    3 | 3.x | "$ruby_line" | "$ruby_line".* | "~>3.0" | "~>3.1" | "~>$ruby_line".* | ">=2"* | \
      ">=3.0"* | ">=3.1"* | ">=3" | "<4"* | "<3.2"* | ">2"*) ;;
    *) return 1 ;;
  esac
}

choose_version() {
  wanted_ruby
  if [[ -z $request ]]; then
    version_reason="the only line there is"
  elif allowed "$request"; then
    version_reason="$request_source: $request"
  elif [[ ${BP_RUBY_RELAX:-} == true ]]; then
    version_reason="BP_RUBY_RELAX; $request_source asks for $request"
  else
    fail "Ruby $request is not available (asked for by $request_source)." \
      "The platform has Ruby $ruby_line and no other." \
      "Ask for $ruby_line there, or try this app on it: berth config:set BP_RUBY_RELAX=true"
  fi
}

# use_ruby LAYER: Debian's places for libraries and gems, moved below a layer.
use_ruby() {
  local root=$CNB_LAYERS_DIR/$1 folder libraries='' found='' multiarch=x86_64-linux-gnu
  for folder in usr/lib/ruby/vendor_ruby usr/lib/$multiarch/ruby/vendor_ruby/3.1.0 \
    usr/lib/ruby/3.1.0 usr/lib/$multiarch/ruby/3.1.0; do
    [[ ! -d $root/$folder ]] || libraries+=${libraries:+:}$root/$folder
  done
  for folder in usr/share/rubygems-integration/all usr/share/rubygems-integration/3.1.0 \
    usr/lib/$multiarch/rubygems-integration/3.1.0 usr/lib/ruby/gems/3.1.0; do
    [[ ! -d $root/$folder ]] || found+=${found:+:}$root/$folder
  done
  debian_path "$1" launch RUBYLIB "$libraries"
  debian_path "$1" launch GEM_PATH "$found"
}

install_runtime() {
  debian_without=(ruby-sdbm ruby-net-telnet ruby-xmlrpc)
  debian_layer ruby lbc run "Ruby $ruby_line" ruby ruby-bundler ruby-webrick ruby3.1-dev
  debian_environment ruby launch
  use_ruby ruby
  # The locked version of Bundler would be fetched first of all.
  export BUNDLER_VERSION
  BUNDLER_VERSION=$(bundle --version | sed 's/.* //')
  layer_env ruby env.launch/BUNDLER_VERSION.override "$BUNDLER_VERSION"
  layer_env ruby env.launch/RACK_ENV.default production
  layer_env ruby env.launch/RAILS_ENV.default production
  layer_env ruby env.launch/RAILS_LOG_TO_STDOUT.default enabled
  layer_env ruby env.launch/RAILS_SERVE_STATIC_FILES.default enabled
  layer_env ruby env.launch/MALLOC_ARENA_MAX.default 2
  ruby_version=$(ruby -e 'print RUBY_VERSION')
  heading "Using Ruby $ruby_version ($version_reason)"
}
