# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The compiler: Debian's rustc-web and cargo-web (the newest that the distribution's security archive
# carries, for building browsers), unpacked into a layer; or the toolchain that the app pins, if the Rust
# project may be asked for it (upstream.bash).

readonly compiler_packages=(rustc-web cargo-web)
readonly rust_server=${RUSTUP_DIST_SERVER:-https://static.rust-lang.org}

# use_rust LAYER FOLDER: puts the toolchain in the FOLDER of this layer on PATH.
use_rust() {
  local root=$CNB_LAYERS_DIR/$1$2
  export PATH=$root/bin:$PATH
  export LD_LIBRARY_PATH=$root/lib/x86_64-linux-gnu:$root/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  rust_version=$(rustc --version | cut -d' ' -f2)
}

# choose_toolchain: sets rust_version and puts it on PATH.
choose_toolchain() {
  pinned_toolchain
  if [[ -n $pin && $pin != stable ]] && asks_upstream RUSTUP_DIST_SERVER && bring_pinned; then
    use_rust "$toolchain" ''
    return
  fi
  debian_without=()
  debian_layer rust c build "the Rust compiler" "${compiler_packages[@]}"
  use_rust rust /usr
  check_pin
}

# pinned_toolchain: sets pin and pin_source from the files that rustup reads.
pinned_toolchain() {
  pin='' pin_source=''
  if [[ -f rust-toolchain.toml ]]; then
    pin_source=rust-toolchain.toml
  elif [[ -f rust-toolchain ]]; then
    pin_source=rust-toolchain
  else
    return 0
  fi
  pin=$(sed -nE 's/^[[:space:]]*channel[[:space:]]*=[[:space:]]*"([^"]+)".*/\1/p' "$pin_source" | head -1)
  if [[ -z $pin && $pin_source == rust-toolchain ]]; then pin=$(grep -m1 . rust-toolchain || true); fi
  pin=${pin%-x86_64-unknown-linux-gnu}
}

check_pin() {
  if [[ -z $pin || $pin == stable || $pin == "$rust_version" || $pin == "${rust_version%.*}" ]]; then
    heading "Using Rust $rust_version ($([[ -z $pin ]] && echo "the stack's" || echo "$pin_source: $pin"))"
  elif [[ ${BP_RUST_RELAX:-} == true ]]; then
    heading "Using Rust $rust_version (BP_RUST_RELAX)"
    warning "$pin_source asks for $pin, which is not available."
  else
    fail "The toolchain $pin is not available (pinned by $pin_source)." \
      "What can be had: Rust $rust_version (stable), the stack's; $(other_versions Rust)" \
      "Remove the pin, or try this app on it: berth config:set BP_RUST_RELAX=true"
  fi
}

# manifest_of PIN: where the Rust project tells what a channel is made of.
manifest_of() {
  if [[ $1 =~ ^(nightly|beta)-([0-9]{4}-[0-9]{2}-[0-9]{2})$ ]]; then
    printf '%s/dist/%s/channel-rust-%s.toml' "$rust_server" "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}"
  else
    printf '%s/dist/channel-rust-%s.toml' "$rust_server" "$1"
  fi
}

# bring_pinned: sets toolchain, the layer of what pin stands for, which is fetched unless it is here: what
# this app's last build took, or what the platform made. A channel without a date moves each day.
bring_pinned() {
  local version today
  today=$(date +%F)
  version=$(kept_version rust "$pin $today")
  [[ -n $version || ! $pin =~ [0-9] ]] || version=$(kept_version rust "$pin")
  toolchain=rust-$version
  if [[ -z $version ]]; then
    read_channel || return
    toolchain=rust-$channel_version
    [[ -d $CNB_LAYERS_DIR/$toolchain/bin ]] || make_toolchain || return
  fi
  if [[ $pin =~ [0-9] ]]; then layer "$toolchain" c runtime true request "$pin"; else
    layer "$toolchain" c runtime true request "$pin $today"
  fi
  heading "Using Rust ${toolchain#rust-} ($pin_source: $pin)"
}

# read_channel: sets channel_version and archives. A beta or nightly is called by its date.
read_channel() {
  local manifest=$scratch/channel.toml lines
  fetch "$(manifest_of "$pin")" "$manifest" || return
  mapfile -t lines < <(python3 "$CNB_BUILDPACK_DIR/lib/channel.py" "$manifest" "$rust_server")
  ((${#lines[@]} == 4)) || { printf 'it has no %s for this machine\n' "$pin" >"$scratch/upstream.log" && return 1; }
  archives=("${lines[@]:1}")
  case $pin in
    nightly* | beta*) channel_version=${pin%%-*}-${lines[0]% *} ;;
    *) channel_version=${lines[0]#* } ;;
  esac
}

# make_toolchain: fetches archives into the layer toolchain. Each has a folder a component.
make_toolchain() {
  local entry archive=$scratch/archive.tar.xz
  heading "Fetching Rust ${toolchain#rust-} from where the Rust project publishes it"
  fresh_layer_directory "$toolchain"
  for entry in "${archives[@]}"; do
    fetch "${entry% *}" "$archive" "${entry#* }" || { rm -rf "${CNB_LAYERS_DIR:?}/$toolchain" && return 1; }
    tar -xJf "$archive" --no-same-owner --strip-components=2 --exclude='*/share/doc' \
      -C "$CNB_LAYERS_DIR/$toolchain" 2>"$scratch/upstream.log" ||
      { rm -rf "${CNB_LAYERS_DIR:?}/$toolchain" && return 1; }
  done
  rm -f "$archive" "$CNB_LAYERS_DIR/$toolchain/manifest.in"
}
