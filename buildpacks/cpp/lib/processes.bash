# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Which of a project's programs are built and put into the image, and which is web.

readonly many_programs=6 # from here on, guessing is no favour

path_of() { sed -nE "s/^$1\t//p" < <(printf '%s\n' "${programs[@]}") | head -1; }

# choose_targets: sets targets, the programs to build: the chosen one, or all if they are few.
choose_targets() {
  local names=() name
  ((${#programs[@]} > 0)) || fail "The project has no program." "It builds libraries only." \
    "Add an executable, or turn on the option that has one: BP_CMAKE_OPTIONS=-DNAME=ON"
  mapfile -t names < <(printf '%s\n' "${programs[@]}" | cut -f1)
  if [[ -n ${BP_CMAKE_TARGET:-} ]]; then
    read -ra targets <<<"${BP_CMAKE_TARGET//,/ }"
    for name in "${targets[@]}"; do
      [[ -n $(path_of "$name") ]] || fail "There is no program $name (BP_CMAKE_TARGET)." \
        "The project has: ${names[*]}" "Correct it: berth config:set BP_CMAKE_TARGET=${names[0]}"
    done
    detail "Building ${targets[*]} (BP_CMAKE_TARGET)"
    return
  fi
  targets=("${names[@]}")
  ((${#names[@]} >= many_programs)) || return 0
  for name in web server "$project"; do
    [[ -n $(path_of "$name") ]] || continue
    targets=("$name")
    detail "Building $name of ${#names[@]} programs (by its name); BP_CMAKE_TARGET chooses another."
    return
  done
  fail "The project has ${#names[@]} programs: ${names[*]}" "Nothing says which of them is the app." \
    "Choose: berth config:set BP_CMAKE_TARGET=${names[0]}"
}

# collect_programs: the programs and the project's own shared libraries, into a layer of the image.
collect_programs() {
  local name path library
  fresh_layer_directory app
  mkdir -p "$CNB_LAYERS_DIR/app/bin" "$CNB_LAYERS_DIR/app/lib"
  for name in "${targets[@]}"; do
    path=$(path_of "$name")
    [[ $path == /* ]] || path=$build/$path
    cp "$path" "$CNB_LAYERS_DIR/app/bin/"
    strip --strip-debug "$CNB_LAYERS_DIR/app/bin/${path##*/}" 2>/dev/null || true
    while IFS= read -r library; do cp -n "$library" "$CNB_LAYERS_DIR/app/lib/"; done < <(
      ldd "$path" | sed -nE "s|.* => ($build/[^ ]+) .*|\1|p")
  done
  layer app l
}

# serves PROGRAM: whether it, or a library it uses beside the C library, calls listen().
serves() {
  local file
  for file in "$1" $(ldd "$1" | sed -nE 's|.* => (/[^ ]+) .*|\1|p' | grep -vE '/lib(c|m|stdc\+\+|gcc_s)\.so'); do
    ! nm -D --undefined-only "$file" 2>/dev/null | any_line ' listen(@|$)' || return 0
  done
  # A static program has the function itself.
  nm "$1" 2>/dev/null | any_line ' [TW] (__)?listen$'
}

choose_process() {
  local name program path
  for name in web server "$project" "${targets[@]}"; do
    [[ " ${targets[*]} " == *" $name "* ]] || continue
    path=$(path_of "$name")
    [[ $path == /* ]] || path=$build/$path
    program=${path##*/}
    if ((${#targets[@]} > 1)) && [[ $name != web ]] && ! serves "$path" &&
      [[ $name != "${targets[-1]}" ]]; then
      continue
    fi
    break
  done
  if serves "$path"; then
    process web true "$program"
    detail "web: $program"
  else
    process task true "$program"
    detail "task: $program"
    [[ -f Procfile ]] || warning "$program never calls listen(), so it is no web process." \
      "Run it by: berth run $program"
  fi
  ((${#targets[@]} == 1)) || [[ -f Procfile ]] ||
    detail "The other programs are on PATH: ${targets[*]}. BP_CMAKE_TARGET or a Procfile chooses."
}
