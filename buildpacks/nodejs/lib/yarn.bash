# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# yarn 1. Its check of packages' engines is off, as it refuses what other managers install.

yarn_line() { printf '1.x'; }

yarn_run() { yarn --silent run "$1"; }
yarn_verb() { printf 'yarn install'; }

yarn_classic() {
  env -u NODE_ENV YARN_CACHE_FOLDER="$CNB_LAYERS_DIR/yarn-cache" \
    yarn install --non-interactive --no-progress --ignore-engines \
    ${lockfile:+--frozen-lockfile} "$@"
}

yarn_install() {
  layer yarn-cache c
  if [[ $1 == production ]]; then
    quietly "$scratch/install.log" yarn_classic --production=true
  else
    quietly "$scratch/install.log" yarn_classic --production=false
  fi
}

yarn_prune() { yarn_classic --production=true --ignore-scripts --prefer-offline; }

yarn_explain() {
  explain "$1" <<TABLE
/Your lockfile needs to be updated
$(lockfile_out_of_step "yarn install --frozen-lockfile" "yarn install")

/Couldn't find any versions for
?any versions for "([^"]+)" that matches "([^"]+)"
$(no_such_version)
TABLE
}
