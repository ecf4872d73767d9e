# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The steps of bin/build.

install_elixir() {
  local root=$CNB_LAYERS_DIR/elixir
  debian_without=()
  debian_layer elixir c build Elixir elixir erlang-dev erlang-xmerl erlang-os-mon erlang-eunit
  debian_environment elixir
  # Debian's start scripts know one place only.
  [[ -z $debian_fresh ]] || grep -rlI '=/usr/lib/erlang' "$root"/usr/lib/erlang/{bin,erts-*/bin} |
    xargs sed -i "s|=/usr/lib/erlang|=$root/usr/lib/erlang|"
  export MIX_ENV=prod MIX_HOME=$CNB_LAYERS_DIR/mix HEX_HOME=$CNB_LAYERS_DIR/mix/hex
  export HEX_CACERTS_PATH=$certificates MIX_QUIET=
  layer mix c
  elixir_version=$(elixir --version 2>/dev/null | sed -nE 's/^Elixir ([0-9.]+).*/\1/p')
  [[ -n $elixir_version ]] || fail "Elixir does not start." "$(elixir --version 2>&1 | tail -1)" \
    "Drop the app's build cache and push again."
}

# wanted_elixir: what the app's version files ask for; Mix itself checks mix.exs.
wanted_elixir() {
  request='' request_source=''
  if [[ -f .elixir-version ]]; then
    request=$(grep -m1 . .elixir-version || true) request_source=.elixir-version
  elif [[ -f elixir_buildpack.config ]]; then
    request_source=elixir_buildpack.config
    request=$(sed -nE 's/^elixir_version=\(?([0-9.]+).*/\1/p' elixir_buildpack.config | head -1)
  elif [[ -f .tool-versions ]]; then
    request_source=.tool-versions
    request=$(sed -nE 's/^elixir[[:space:]]+([0-9.]+).*/\1/p' .tool-versions | head -1)
  elif [[ -f mise.toml ]]; then
    request_source=mise.toml
    request=$(sed -nE 's/^elixir[[:space:]]*=[[:space:]]*"([0-9.]+).*/\1/p' mise.toml | head -1)
  fi
}

check_version() {
  local minor=${elixir_version%.*} erlang
  wanted_elixir
  erlang=$(basename "$CNB_LAYERS_DIR"/elixir/usr/lib/erlang/releases/[0-9]* 2>/dev/null || true)
  if [[ -z $request || $request == "$minor" || $request == "$minor".* || $request == 1 ]]; then
    heading "Using Elixir $elixir_version, Erlang $erlang (${request:+$request_source: }${request:-the only ones there are})"
  elif [[ ${BP_ELIXIR_RELAX:-} == true ]]; then
    heading "Using Elixir $elixir_version, Erlang $erlang (BP_ELIXIR_RELAX)"
    warning "$request_source asks for $request, which is not available."
  else
    fail "Elixir $request is not available (asked for by $request_source)." \
      "The platform has Elixir $elixir_version and no other." \
      "Ask for $minor there, or try this app on it: berth config:set BP_ELIXIR_RELAX=true"
  fi
}

run_mix() { quietly "$scratch/mix.log" mix "$@" || explain_mix_failure "$1"; }

# needs_hex: whether dependencies come from the package index; those in the repository do not.
needs_hex() { grep -qs ':hex,' mix.lock || grep -qE '\{:[a-z0-9_]+,[[:space:]]*"' mix.exs; }

fetch_dependencies() {
  local has_dependencies
  has_dependencies=$(grep -cE '^[[:space:]]*\{:[a-z0-9_]+,' mix.exs || true)
  ((has_dependencies > 0)) || { detail "No dependencies." && return; }
  if needs_hex && [[ ! -d deps ]] && ! compgen -G "$MIX_HOME/archives/hex-*" >/dev/null; then
    quietly "$scratch/mix.log" mix local.hex --force || explain_mix_failure local.hex
  fi
  quietly "$scratch/mix.log" mix local.rebar --force >/dev/null || true
  layer deps c
  if [[ ! -d deps ]]; then
    export MIX_DEPS_PATH=$CNB_LAYERS_DIR/deps
    run_mix deps.get --only prod
  fi
  run_mix deps.compile
  heading "mix deps.get  ·  $(amount "$has_dependencies" dependency | sed 's/ys$/ies/')"
}

build_release() {
  local started=$SECONDS name
  run_mix compile
  ! grep -q 'assets.deploy' mix.exs || run_mix assets.deploy
  run_mix release --overwrite --path "$CNB_LAYERS_DIR/release"
  layer release l
  heading "mix release ($((SECONDS - started)) s)"
  name=$(basename "$(compgen -G "$CNB_LAYERS_DIR/release/bin/*" | grep -v '\.bat$' | head -1)")
  layer_env release env.launch/LANG.default C.UTF-8
  layer_env release env.launch/PHX_SERVER.default true
  layer_env release env.launch/RELEASE_DISTRIBUTION.default none
  layer_env release env.launch/RELEASE_TMP.default /tmp
  : >"$CNB_LAYERS_DIR/launch.toml"
  if listens; then
    process web true "$name" start
    detail "web: $name start"
  else
    process task true "$name" start
    detail "task: $name start"
    [[ -f Procfile ]] || warning "Nothing in the app listens on a port, so it is no web process." \
      "Run it by: berth run $name start   (if it does serve, say so in a Procfile: web: $name start)"
  fi
}

# listens: whether the code, or a dependency, is a server.
listens() {
  grep -rqE 'gen_tcp\.listen|:gen_tcp|Plug\.Cowboy|Bandit|Phoenix\.Endpoint|:cowboy|:httpd|:inets|ThousandIsland|:socket|"?PORT"?' \
    lib config mix.exs 2>/dev/null
}

# explain_mix_failure TASK
explain_mix_failure() {
  explain "$scratch/mix.log" <<TABLE
/supports only|but it has declared in its mix.exs|declared.*elixir version|requires? Elixir
The app, or a dependency, needs another Elixir than $elixir_version.
Mix says which above.
Loosen elixir: in mix.exs, or use an older version of the dependency.

/httpc request failed|Failed to fetch record|Could not install Hex|could not fetch|Could not find Hex
/failed_connect|nxdomain|timeout|econnrefused|unable to access
Hex, Elixir's package index, could not be reached.
Mix's message is above.
Make it reachable from builds, or commit deps/.

/mismatch|Checksum
!lock mismatch
A package is not what mix.lock says it is.
Mix names it above (checksum).
If that is expected, run mix deps.update for it and commit mix.lock.

/Unchecked dependencies|the dependency is not available|lock mismatch
The dependencies are not complete.
Mix names them above.
Run mix deps.get and commit mix.lock.

/CompileError|SyntaxError|TokenMissingError|== Compilation error
The code does not compile with Elixir $elixir_version.
The compiler's message is above.
Try MIX_ENV=prod mix compile in a clean checkout.

mix $1 failed.
Mix's message is above.
Try MIX_ENV=prod mix $1 in a clean checkout.
TABLE
}
