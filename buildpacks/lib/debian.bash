# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Debian packages unpacked into a layer: languages that few apps use need no place in the stack, and an
# app can have a library of its own. apt works with directories of its own and the image's sources;
# maintainer scripts do not run. Needs $scratch; does not put anything on PATH: see debian_environment.

# What a layer must bring depends on where it is used: an app runs on the run image, which has less.
readonly run_packages=/opt/berth/run.status
readonly debian_recheck_seconds=86400 # how long a set of packages is believed to be the newest

# debian_apt BASE ARGUMENT…: apt, ended if it hangs: a lost answer would hold the build to its time limit.
debian_apt() {
  local base=$1 status=/var/lib/dpkg/status
  shift
  [[ $base != run || ! -r $run_packages ]] || status=$run_packages
  timeout "${debian_patience:-300}" apt-get --quiet --quiet --yes -o Debug::NoLocking=1 -o Dir::State="$scratch/apt/state" \
    -o Dir::State::status="$status" -o Dir::Cache="$scratch/apt/cache" -o Dir::Etc::Parts=/dev/null \
    -o Acquire::Languages=none -o APT::Install-Recommends=false -o APT::Sandbox::User=root \
    -o Acquire::https::CAInfo="$certificates" -o Acquire::Retries=3 "$@"
}

# debian_update: the lists of packages, once a build.
debian_update() {
  [[ ! -d $scratch/apt ]] || return 0
  mkdir -p "$scratch"/apt/{state/lists,cache/archives}/partial
  for debian_patience in 60 180; do
    quietly "$scratch/apt.log" debian_apt build update && { debian_patience=600 && return; }
  done
  rm -rf "$scratch/apt"
  return 1
}

# debian_files BASE PACKAGE…: the file names of what is to be unpacked, versions included, sorted.
debian_files() {
  local base=$1
  shift
  debian_apt "$base" --print-uris install "$@" 2>"$scratch/apt.log" |
    sed -nE "s/^'[^']*' ([^ ]+) .*/\1/p" | sort
}

# explain_debian_failure LOG SOURCE
explain_debian_failure() {
  local source=$2
  indent <"$1"
  explain "$1" <<TABLE
/Unable to locate package|has no installation candidate
?Unable to locate package ([^ ]+)
?Package '?([^' ]+)'? has no installation candidate
There is no Debian package {of that name}.
$source asks for it, and Debian 12 does not have it.
Correct the name; apt-cache search on a Debian 12 machine finds what there is.

/Version '[^']+' for '[^']+' was not found
?Version '[^']+' for '([^']+)' was not found
The Debian package {of that name} is not there in that version.
$source asks for it; Debian keeps the newest version of a release only.
Leave the version out.

/unmet dependencies|held broken packages|Depends:
The Debian packages do not fit together.
$source asks for them; apt says why above.
Leave out the one that conflicts.

Debian packages could not be fetched (asked for by $source).
apt's message is above.
Check the machine's network and push again.
TABLE
}

# debian_unpack LAYER FILE…: extracts archives and mends what only holds below /: absolute links, the
# prefix in pkg-config files, the interpreter of scripts.
debian_unpack() {
  local root=$CNB_LAYERS_DIR/$1 file link target
  shift
  for file in "$@"; do
    dpkg-deb --fsys-tarfile "$scratch/apt/cache/archives/$file" |
      tar -x --no-same-owner --no-same-permissions -C "$root" --exclude='./usr/share/man/*' \
        --exclude='./usr/share/doc/*/*[!t]' --exclude='./usr/share/lintian/*' \
        --exclude='./usr/share/info/*' --exclude='./usr/share/locale/*'
  done
  chmod -R u+rwX,go+rX "$root"
  while IFS= read -r -d '' link; do
    target=$(readlink "$link")
    [[ ! -e $root$target && ! -L $root$target ]] || ln -sfnr "$root$target" "$link"
  done < <(find "$root" -type l -lname '/*' -print0)
  find "$root" -name '*.pc' -type f -exec sed -i "s|^prefix=/usr|prefix=$root/usr|" {} +
  for file in "$root"/usr/bin/* "$root"/usr/sbin/*; do
    [[ -f $file && ! -L $file ]] || continue
    IFS= read -r -n 128 link <"$file" 2>/dev/null || true
    # A script whose interpreter is in a layer, too.
    if [[ $link =~ ^'#!'[[:space:]]*(/usr/bin/[a-z0-9.]+)(.*)$ && ! -e ${BASH_REMATCH[1]} ]]; then
      sed -i "1s|.*|#!/usr/bin/env -S ${BASH_REMATCH[1]##*/}${BASH_REMATCH[2]}|" "$file"
    fi
  done
}

# debian_layer LAYER FLAGS BASE SOURCE PACKAGE…: a layer with these packages and what they need
# beyond the BASE image (run or build). SOURCE is what asked for them. Packages named in the array
# debian_without are left out. Sets debian_fresh if the layer was made anew.
debian_layer() {
  local name=$1 flags=$2 base=$3 source=$4 request files checked started=$SECONDS
  local archives=()
  shift 4
  debian_fresh=
  request="$base $* without ${debian_without[*]-} ${CNB_TARGET_DISTRO_VERSION:-} 1"
  checked=$(restored "$name-checked" time)
  if [[ $(restored "$name" request) == "$request" ]]; then
    files=$(restored "$name" files)
    if (($(date +%s) - ${checked:-0} < debian_recheck_seconds)); then
      layer "$name-checked" c time "$checked"
      layer "$name" "$flags" request "$request" files "$files"
      return
    elif ! debian_update >/dev/null; then
      warning "Debian could not be asked for newer packages; those of the last build are used."
      layer "$name" "$flags" request "$request" files "$files"
      return
    fi
  else
    debian_update || explain_debian_failure /dev/null "$source"
  fi
  files=$(debian_files "$base" "$@") || explain_debian_failure "$scratch/apt.log" "$source"
  for checked in ${debian_without[@]+"${debian_without[@]}"}; do
    files=$(grep -v "^${checked}_" <<<"$files" || true)
  done
  if [[ $(restored "$name" request) != "$request" || $(restored "$name" files) != "$(digest_text "$files")" ]]
  then
    [[ -z $files ]] || mapfile -t archives <<<"$files"
    debian_download "$source" ${archives[@]+"${archives[@]}"}
    fresh_layer_directory "$name"
    debian_unpack "$name" ${archives[@]+"${archives[@]}"}
    debian_fresh=yes
    detail "$(amount "${#archives[@]}" "Debian package") unpacked for $source ($((SECONDS - started)) s)"
  fi
  layer "$name-checked" c time "$(date +%s)"
  layer "$name" "$flags" request "$request" files "$(digest_text "$files")"
}

digest_text() { printf '%s' "$1" | sha256sum | cut -c1-64; }

# debian_download SOURCE FILE…: fetches exactly these; apt checks them against the signed lists.
debian_download() {
  local source=$1 file packages=()
  shift
  for file in "$@"; do
    [[ -f $scratch/apt/cache/archives/$file ]] || packages+=("$(sed 's/_[^_]*$//; s/_/=/; s/%3a/:/' <<<"$file")")
  done
  ((${#packages[@]} > 0)) || return 0
  (cd "$scratch/apt/cache/archives" && debian_apt build download "${packages[@]}") \
    >"$scratch/apt.log" 2>&1 || explain_debian_failure "$scratch/apt.log" "$source"
}

# debian_environment LAYER [launch]: what a layer of packages adds to the environment, in this build and
# for those that come after; with `launch` for the app as well.
debian_environment() {
  local name=$1 root=$CNB_LAYERS_DIR/$1 multiarch=x86_64-linux-gnu folder
  local programs=$root/usr/local/bin:$root/usr/bin:$root/usr/sbin:$root/bin:$root/usr/games
  local libraries=$root/usr/lib/$multiarch:$root/lib/$multiarch:$root/usr/lib
  for folder in blas lapack pulseaudio; do
    [[ ! -d $root/usr/lib/$multiarch/$folder ]] || libraries+=:$root/usr/lib/$multiarch/$folder
  done
  debian_path "$name" "${2:-}" PATH "$programs"
  debian_path "$name" "${2:-}" LD_LIBRARY_PATH "$libraries"
  debian_path "$name" '' LIBRARY_PATH "$libraries"
  debian_path "$name" '' CPATH "$root/usr/include:$root/usr/include/$multiarch"
  debian_path "$name" '' CMAKE_PREFIX_PATH "$root/usr"
  debian_path "$name" '' PKG_CONFIG_PATH \
    "$root/usr/lib/$multiarch/pkgconfig:$root/usr/lib/pkgconfig:$root/usr/share/pkgconfig"
}

debian_path() {
  local layer=$1 scope=env.build variable=$3 value=$4
  [[ $2 != launch ]] || scope=env
  layer_env "$layer" "$scope/$variable.prepend" "$value"
  layer_env "$layer" "$scope/$variable.delim" :
  export "$variable=$value${!variable:+:${!variable}}"
}
