# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Debian's PHP and Apache in a layer, with the extensions that the app asks for.

readonly php_line=8.2
readonly php=$CNB_LAYERS_DIR/php
readonly usual_extensions=(bcmath curl gd intl mbstring mysql opcache pgsql sqlite3 xml zip)
# What the interpreter and php-common bring; no package has it.
readonly built_in=' calendar core ctype date exif ffi fileinfo filter ftp gettext hash iconv json libxml openssl pcntl pcre pdo phar posix random readline reflection session shmop sockets sodium spl standard sysvmsg sysvsem sysvshm tokenizer zlib '

# extension_package NAME: the package that has an extension; nothing if PHP itself has it.
extension_package() {
  local name=${1,,}
  case $name in
    dom | simplexml | xmlreader | xmlwriter | xsl) name=xml ;;
    mysqli | mysqlnd | pdo_mysql) name=mysql ;;
    pdo_pgsql) name=pgsql ;;
    pdo_sqlite) name=sqlite3 ;;
    pdo_odbc) name=odbc ;;
    zend-opcache) name=opcache ;;
  esac
  [[ $built_in == *" $name "* ]] || printf 'php%s-%s\n' "$php_line" "$name"
}

# read_composer_json: sets wanted_php, extensions and packages_required from composer.json.
read_composer_json() {
  local lines key value
  wanted_php='' extensions=() packages_required=0
  [[ -f composer.json ]] || return 0
  lines=$(jq -r '(.require // {}) | to_entries[] | "\(.key) \(.value)"' composer.json 2>&1) ||
    fail "composer.json cannot be read." "$lines" "Correct it: it must be one JSON object."
  while read -r key value; do
    case ${key,,} in
      '') ;;
      php) wanted_php=$value ;;
      php-64bit | composer-*api) ;;
      ext-*) extensions+=("${key#*-}") ;;
      *) packages_required=$((packages_required + 1)) ;;
    esac
  done <<<"$lines"
}

# allowed CONSTRAINT: whether Composer's constraint allows the line that there is. Alternatives by ||,
# conditions by space or comma; what is not understood is left to Composer itself.
allowed() {
  python3 "$CNB_BUILDPACK_DIR/lib/allows.py" "$1" "$php_line"
}

choose_version() {
  local source=composer.json
  if [[ -n ${BP_PHP_VERSION:-} ]]; then wanted_php=$BP_PHP_VERSION source=BP_PHP_VERSION; fi
  if [[ -z $wanted_php ]]; then
    version_reason="the only line there is"
  elif allowed "$wanted_php"; then
    version_reason="$source: $wanted_php"
  elif [[ ${BP_PHP_RELAX:-} == true ]]; then
    version_reason="BP_PHP_RELAX; $source asks for $wanted_php"
  else
    fail "PHP $wanted_php is not available (asked for by $source)." \
      "The platform has PHP $php_line and no other." \
      "Allow $php_line there, or try this app on it: berth config:set BP_PHP_RELAX=true"
  fi
}

# configured_extensions: what .php.ini.d of the app loads.
configured_extensions() {
  local files=(.php.ini.d/*.ini)
  ((${#files[@]} == 0)) || sed -nE 's/^[[:space:]]*(zend_)?extension[[:space:]]*=[[:space:]]*"?([a-z0-9_]+)(\.so)?.*/\2/p' "${files[@]}"
}

install_runtime() {
  local name packages=("php$php_line-fpm" "php$php_line-cli" apache2-bin)
  local more=${BP_PHP_EXTENSIONS:-}
  for name in "${usual_extensions[@]}" ${extensions[@]+"${extensions[@]}"} \
    ${more//,/ } $(configured_extensions); do
    name=$(extension_package "$name")
    [[ -z $name || " ${packages[*]} " == *" $name "* ]] || packages+=("$name")
  done
  # What only a machine that boots needs.
  debian_without=(systemd libsystemd-shared libcryptsetup12 libfdisk1 dmsetup libdevmapper1.02.1
    libkmod2 libip4tc2 ucf psmisc sensible-utils)
  debian_layer php lbc run "PHP $php_line" "${packages[@]}"
  write_configuration
  debian_environment php launch
  layer_env php env/PHPRC.override "$php/etc/berth"
  layer_env php env/PHP_INI_SCAN_DIR.override "$php/etc/berth/conf.d"
  layer_env php env/PATH.prepend "$php/bin:$php/usr/bin:$php/usr/sbin"
  export PHPRC=$php/etc/berth PHP_INI_SCAN_DIR=$php/etc/berth/conf.d PATH=$php/bin:$PATH
  heading "Using PHP $("$php/bin/php" -r 'echo PHP_VERSION;') ($version_reason)"
  [[ ${#extensions[@]} -eq 0 ]] || detail "Extensions asked for: ${extensions[*]}"
}

# write_file PATH: standard input, unless the file says so already: an unwritten layer costs nothing.
write_file() {
  local text
  text=$(</dev/stdin)
  [[ ! -f $1 || $(<"$1") != "$text" ]] || return 0
  mkdir -p "${1%/*}"
  printf '%s\n' "$text" >"$1"
}

# What Debian's maintainer scripts do: an .ini for every extension, in the order of its priority.
write_configuration() {
  local file name priority conf=$php/etc/berth/conf.d
  write_file "$php/etc/berth/php.ini" <<INI
extension_dir = "$(echo "$php"/usr/lib/php/2*)"
memory_limit = 128M
post_max_size = 64M
upload_max_filesize = 64M
expose_php = Off
display_errors = Off
log_errors = On
error_reporting = E_ALL & ~E_DEPRECATED & ~E_STRICT
date.timezone = UTC
session.save_path = /tmp
include_path = ".:$php/usr/share/php"
opcache.enable = 1
; the files of an image never change
opcache.validate_timestamps = 0
realpath_cache_ttl = 600
INI
  for file in "$php/usr/share/php$php_line"-*/*/*.ini "$php/etc/php/$php_line"/mods-available/*.ini; do
    name=${file##*/}
    priority=$(sed -nE 's/^;[[:space:]]*priority=([0-9]+).*/\1/p' "$file" | head -1)
    write_file "$conf/${priority:-20}-$name" <"$file"
  done
  for file in .php.ini.d/*.ini; do
    sed -E '/^[[:space:]]*(zend_)?extension[[:space:]]*=/d' "$file" | write_file "$conf/90-${file##*/}"
  done
  mkdir -p "$php/bin"
  [[ -e $php/bin/php ]] || ln -s "../usr/bin/php$php_line" "$php/bin/php"
  for name in berth-php httpd.conf; do
    cmp -s "$CNB_BUILDPACK_DIR/lib/$name" "$php/bin/$name" || cp "$CNB_BUILDPACK_DIR/lib/$name" "$php/bin/"
  done
  # Procfiles written for Heroku name these.
  for name in heroku-php-apache2 heroku-php-nginx; do
    [[ -L $php/bin/$name ]] || ln -s berth-php "$php/bin/$name"
  done
}
