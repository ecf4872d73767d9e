# SPDX-License-Identifier: Apache-2.0
# The builder's parsers. Included by tests/fuzz/CMakeLists.txt, which defines
# berth_fuzzer(NAME SOURCES … LIBS …): NAME.cpp with the sources under test, instrumented.
if(NOT TARGET berth_builder)
  return()
endif()
berth_fuzzer(builder_procfile SOURCES builder/procfile.cpp LIBS berth_base)
berth_fuzzer(builder_buildpack_toml SOURCES builder/buildpack.cpp builder/failure.cpp
  builder/log_format.cpp builder/toml.cpp LIBS berth_base)
berth_fuzzer(builder_launch_toml SOURCES builder/layer_metadata.cpp builder/toml.cpp LIBS berth_base)
berth_fuzzer(builder_plan SOURCES builder/plan.cpp builder/toml.cpp LIBS berth_base)
berth_fuzzer(builder_env_files SOURCES builder/environment.cpp)
berth_fuzzer(builder_oci_json SOURCES builder/oci.cpp builder/build_record.cpp
  builder/layer_metadata.cpp builder/toml.cpp LIBS berth_base)
berth_fuzzer(builder_project_toml SOURCES builder/project_toml.cpp builder/environment.cpp
  builder/toml.cpp LIBS berth_base)
berth_fuzzer(builder_buildpack_source SOURCES builder/buildpack_source.cpp
  builder/path_patterns.cpp LIBS berth_base)
berth_fuzzer(builder_buildpackage_json SOURCES builder/buildpackage.cpp builder/layer_unpack.cpp
  builder/oci.cpp LIBS berth_base PkgConfig::archive)
berth_fuzzer(builder_classic_release SOURCES builder/classic_release.cpp
  builder/layer_metadata.cpp builder/toml.cpp LIBS berth_base yaml-cpp)
berth_fuzzer(builder_path_patterns SOURCES builder/path_patterns.cpp)
berth_fuzzer(builder_layer_tar SOURCES builder/layer_unpack.cpp LIBS berth_base PkgConfig::archive)
berth_fuzzer(builder_image_documents SOURCES builder/image_documents.cpp builder/image_process.cpp
  builder/oci.cpp builder/log_format.cpp LIBS berth_base fmt::fmt)
berth_fuzzer(builder_dockerfile SOURCES builder/dockerfile.cpp builder/dockerfile_form.cpp
  builder/dockerfile_words.cpp builder/docker_mount.cpp builder/docker_state.cpp
  builder/docker_state_settings.cpp
  builder/dockerignore.cpp builder/oci.cpp builder/path_patterns.cpp LIBS berth_base)
berth_fuzzer(builder_heroku_yml SOURCES builder/heroku_yml.cpp builder/dockerignore.cpp
  builder/layer_metadata.cpp builder/log_format.cpp builder/path_patterns.cpp builder/toml.cpp
  LIBS berth_base fmt::fmt yaml-cpp)
