# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The package managers other than pip: from the Python package index, at the version and with the
# hashes of lib/tools/NAME.txt, each in a virtual environment of its own in a cached layer. They run on the
# stack's Python, whatever the app runs on.

readonly pip=("$stack_python" -m pip --disable-pip-version-check --no-input
  --cache-dir "$CNB_LAYERS_DIR/pip-cache")

# tool_in_procfile NAME: whether a process type starts through it (uv run, poetry run).
tool_in_procfile() { [[ -f Procfile ]] && grep -qE "^[^#]*\b$1 run\b" Procfile; }

# install_tool NAME: sets tool to the program, and tool_version.
install_tool() {
  local name=$1 pinned=$lib/tools/$1.txt layer=tool-$1 key flags=c
  tool=$CNB_LAYERS_DIR/$layer/bin/$name
  tool_version=$(sed -nE "s/^$name==([^ ]+).*/\1/p" "$pinned")
  key=$(printf '%s\n' "$(version_of "$stack_python")" "${CNB_TARGET_DISTRO_VERSION:-}" | cat - "$pinned" |
    digest_of -)
  if [[ $(restored "$layer" key) != "$key" || ! -x $tool ]]; then
    heading "Fetching $(title_of "$name") $tool_version"
    fresh_layer_directory "$layer"
    "$stack_python" -m venv --without-pip "$CNB_LAYERS_DIR/$layer/venv"
    quietly "$scratch/tool.log" "${pip[@]}" --python "$CNB_LAYERS_DIR/$layer/venv/bin/python" \
      install --quiet --no-compile --no-deps --require-hashes --only-binary :all: \
      --requirement "$pinned" ||
      fail "$(title_of "$name") $tool_version could not be fetched." "pip's message is above." \
        "Check the machine's network and try again."
    mkdir "$CNB_LAYERS_DIR/$layer/bin"
    ln -s "../venv/bin/$name" "$tool"
  fi
  ! tool_in_procfile "$name" || flags=lc
  layer "$layer" "$flags" key "$key"
  if [[ $flags == lc ]]; then
    # What is installed is what the lockfile says: nothing to look for while the app starts.
    layer_env "$layer" env.launch/UV_NO_SYNC.default 1
    layer_env "$layer" env.launch/UV_OFFLINE.default 1
    layer_env "$layer" env.launch/PIPENV_IGNORE_VIRTUALENVS.default 0
  fi
}
