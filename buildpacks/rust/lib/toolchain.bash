# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The compiler: Debian's rustc-web and cargo-web (the newest that the distribution's security archive
# carries, for building browsers), unpacked into a layer.

readonly rust=$CNB_LAYERS_DIR/rust
readonly compiler_packages=(rustc-web cargo-web)

install_toolchain() {
  local library_path
  library_path=$rust/usr/lib/x86_64-linux-gnu:$rust/usr/lib
  debian_without=()
  debian_layer rust c build "the Rust compiler" "${compiler_packages[@]}"
  export PATH=$rust/usr/bin:$PATH LD_LIBRARY_PATH=$library_path${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  rust_version=$(rustc --version | cut -d' ' -f2)
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
}

check_pin() {
  pinned_toolchain
  if [[ -z $pin || $pin == stable || $pin == "$rust_version" || $pin == "${rust_version%.*}" ]]; then
    heading "Using Rust $rust_version ($([[ -z $pin ]] && echo "the stack's" || echo "$pin_source: $pin"))"
  elif [[ ${BP_RUST_RELAX:-} == true ]]; then
    heading "Using Rust $rust_version (BP_RUST_RELAX)"
    warning "$pin_source asks for $pin, which is not available."
  else
    fail "The toolchain $pin is not available (pinned by $pin_source)." \
      "What can be had: Rust $rust_version (stable), the stack's; no other." \
      "Remove the pin, or try this app on it: berth config:set BP_RUST_RELAX=true"
  fi
}
