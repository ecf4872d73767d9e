# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Composer: installs exactly what composer.lock says, into vendor/.

run_composer() {
  COMPOSER_HOME=$scratch/composer-home COMPOSER_CACHE_DIR=$CNB_LAYERS_DIR/composer-cache \
    COMPOSER_ALLOW_SUPERUSER=1 COMPOSER_NO_INTERACTION=1 COMPOSER_MEMORY_LIMIT=-1 \
    PHP_INI_SCAN_DIR=$PHP_INI_SCAN_DIR SSL_CERT_FILE=$certificates \
    php -d "include_path=.:$CNB_LAYERS_DIR/composer/usr/share/php:$php/usr/share/php" \
    -d "openssl.cafile=$certificates" -d "curl.cainfo=$certificates" \
    "$CNB_LAYERS_DIR/composer/usr/bin/composer" --no-ansi --no-progress "$@"
}

# What Composer repeats at length, and its summary of options.
composer_noise() {
  grep -vE '^ *- (Downloading|Syncing|Installing) |Now trying to download from source|^ *install \[--|^ *$' |
    head -40
}

install_packages() {
  local options=(--no-dev --prefer-dist --optimize-autoloader --no-interaction) count
  [[ -f composer.json ]] || return 0
  if ((packages_required == 0)) && ! jq -e '.autoload // .scripts' composer.json >/dev/null; then
    detail "composer.json requires no packages: nothing to install."
    return
  elif [[ ! -f composer.lock && -f vendor/autoload.php ]]; then
    detail "vendor/ is in the repository, without a composer.lock: it is used as it is."
    return
  fi
  [[ ${BP_PHP_RELAX:-} != true ]] || options+=(--ignore-platform-req=php)
  debian_without=("php$php_line-cli" "php$php_line-common" php-common php-cli)
  debian_layer composer c build Composer composer
  layer composer-cache c
  [[ -f composer.lock || $packages_required -eq 0 ]] ||
    warning "There is no composer.lock, so two builds may install different versions." \
      "Run composer update and commit composer.lock."
  noise=composer_noise quietly "$scratch/composer.log" run_composer install "${options[@]}" ||
    explain_composer_failure "$scratch/composer.log"
  count=$(grep -cE '^ +- (Installing|Upgrading) ' "$scratch/composer.log" || true)
  heading "composer install  ·  $(amount "$count" package)"
  ! grep -q '"compile"' composer.json || run_compile_script
}

# Heroku's hook: the script `compile` runs after the packages are there.
run_compile_script() {
  jq -e '.scripts.compile' composer.json >/dev/null || return 0
  heading "composer compile"
  loudly "$scratch/compile.log" run_composer run-script --no-dev compile ||
    fail "The script compile failed." "Its output is above." "Correct it in composer.json."
}

explain_composer_failure() {
  explain "$1" <<TABLE
/"[^"]*" file could not be downloaded \(HTTP/[0-9.]+ 404
A package is no longer where composer.lock says it is.
Composer names it above.
Run composer update and commit composer.lock.

/curl error (6|7|28|35|56)|could not be (fully )?(downloaded|loaded)|Failed to open stream|timed out
/HTTP/[0-9.]+ 40[37]|error [0-9]+ while downloading
Packagist, or a server that a package comes from, could not be reached.
Composer's message is above.
Make them reachable from builds, or commit vendor/ without composer.lock.

/lock file is not up to date|not present in the lock file|lock file does not contain
composer.lock does not match composer.json.
Composer installs exactly what composer.lock says.
Run composer update and commit composer.lock.

/checksum verification of the file failed
A package is not what composer.lock says it is.
Composer names it above (checksum).
If that is expected, run composer update and commit composer.lock.

/requires? (PHP extension )?ext-[a-z0-9_]+
?requires? PHP extension ext-([a-z0-9_]+)
?requires? ext-([a-z0-9_]+)
A package needs the PHP extension {of that name}.
Composer names it above.
Add "ext-{NAME}": "*" to require in composer.json, or set BP_PHP_EXTENSIONS={NAME}.

/your php version|requires php
A package needs another PHP than $php_line.
Composer names it above.
Run composer update with PHP $php_line, or set BP_PHP_RELAX=true.

/does not contain valid JSON|Parse error|schema
composer.json is not valid.
Composer says why above.
Correct it.

/could not be found|Root composer.json requires
A package does not exist in that version.
Composer names it above.
Correct it in composer.json and run composer update.

composer install failed.
Composer's message is above.
Try composer install --no-dev in a clean checkout with PHP $php_line.
TABLE
}
