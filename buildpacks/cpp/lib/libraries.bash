# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Libraries that a project looks for and does not find: Debian's, into a layer, and once more. What an
# earlier build found out is asked for at once.

# library_package NAME: the Debian package for a name as find_package, pkg-config or Meson know it.
library_package() {
  local name=${1,,}
  case $name in
    boost*) printf 'libboost-all-dev' ;;
    asio) printf 'libasio-dev' ;;
    cpprest*) printf 'libcpprest-dev' ;;
    fmt | spdlog | hiredis | pqxx | zmq | uv | sodium | re2 | snappy | websocketpp | pugixml | microhttpd | event | nghttp2 | absl | gtest | jsoncpp | cjson)
      case $name in
        zmq) name=zmq3 ;; uv) name=uv1 ;; absl) name=absl ;; websocketpp) name=websocketpp ;;
      esac
      printf 'lib%s-dev' "$name"
      ;;
    nlohmann_json) printf 'nlohmann-json3-dev' ;;
    protobuf) printf 'libprotobuf-dev protobuf-compiler' ;;
    grpc) printf 'libgrpc++-dev protobuf-compiler-grpc' ;;
    libpqxx | libevent | libuv | libmicrohttpd | libsodium | libnghttp2) library_package "${name#lib}" ;;
    postgresql) printf 'libpq-dev' ;;
    catch2) printf 'catch2' ;;
    doctest) printf 'doctest-dev' ;;
    eigen3) printf 'libeigen3-dev' ;;
    poco) printf 'libpoco-dev' ;;
    httplib | cpp-httplib) printf 'libcpp-httplib-dev' ;;
    rapidjson) printf 'rapidjson-dev' ;;
    yaml-cpp) printf 'libyaml-cpp-dev' ;;
    tomlplusplus) printf 'libtomlplusplus-dev' ;;
    tbb) printf 'libtbb-dev' ;;
    opencv) printf 'libopencv-dev' ;;
    *) return 1 ;;
  esac
}

# missing_library LOG: the name that a configure step did not find.
missing_library() {
  sed -nE 's/.*Could NOT find ([A-Za-z0-9_+.-]+).*/\1/p
    s/.*provided by "([A-Za-z0-9_+.-]+)" with any.*/\1/p
    s/.*Could not find a package configuration file provided by "([A-Za-z0-9_+.-]+)".*/\1/p
    s/.*No package .([A-Za-z0-9_+.-]+). found.*/\1/p
    s/.*Dependency "([A-Za-z0-9_+.-]+)" not found.*/\1/p' "$1" | head -1
}

install_libraries() {
  ((${#libraries[@]} > 0)) || return 0
  debian_without=()
  debian_layer libraries lc run "the libraries ${libraries[*]}" "${libraries[@]}"
  debian_environment libraries launch
  layer library-names c packages "${libraries[*]}"
}

# configure_until_found COMMAND…: configures; for every library that is missing and that Debian has,
# installs it and tries again.
configure_until_found() {
  local name packages
  read -ra libraries <<<"$(restored library-names packages)"
  install_libraries
  while ! "$@" >"$scratch/configure.log" 2>&1 </dev/null; do
    name=$(missing_library "$scratch/configure.log")
    packages=$(library_package "${name:-none}" || true)
    if [[ -z $name || -z $packages || " ${libraries[*]-} " == *" $packages "* ]]; then
      indent <"$scratch/configure.log"
      explain_configure_failure "$name"
    fi
    detail "$name is not there: trying Debian's $packages"
    read -ra packages <<<"$packages"
    libraries+=("${packages[@]}")
    install_libraries
  done
}

# explain_configure_failure [LIBRARY]: one that was looked for and that Debian does not have, or nothing.
explain_configure_failure() {
  local missing=''
  [[ -z $1 ]] || missing="The library $1 is not there.
The project looks for it; the message is above.
Name its Debian package, one a line, in a file Aptfile: lib${1,,}-dev"
  explain "$scratch/configure.log" <<TABLE
$missing

/Could not resolve host|Failed to clone|error downloading|download failed|unable to access
The project downloads something that could not be reached.
The message is above.
Commit what it needs, or name Debian packages in an Aptfile.

/CMake [0-9.]+ or higher is required|Meson version is
The project asks for a newer build tool than there is.
The message is above.
Lower the version that it asks for.

The project could not be configured.
The message is above.
Try it in a clean checkout: cmake -S . -B build, or meson setup build.
TABLE
}

explain_compile_failure() {
  explain "$1" <<TABLE
/fatal error: [^:]+: No such file
?fatal error: ([^:]+): No such file
The header {that is named above} is not there.
The compiler's message is above.
Name the Debian package that has it, one a line, in a file Aptfile.

/cannot find -l|undefined reference
The program does not link.
The linker's message is above.
Name the library to link, or its Debian package in an Aptfile.

The code does not compile.
The compiler's message is above.
Correct it and push again.
TABLE
}
