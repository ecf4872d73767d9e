# SPDX-License-Identifier: Apache-2.0
# The fuzzer of berth.yaml. Included by tests/fuzz/CMakeLists.txt, which defines berth_fuzzer();
# berth_fuzzer(NAME SOURCES … LIBS …) makes one libFuzzer program and a CTest entry that runs its corpus.
if(NOT COMMAND berth_fuzzer)
  function(berth_fuzzer name)
    cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
    add_executable(fuzz_${name} ${ARG_SOURCES})
    target_link_libraries(fuzz_${name} PRIVATE ${ARG_LIBS})
    target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    file(MAKE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
    add_test(NAME fuzz_${name} COMMAND fuzz_${name} -runs=0 ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
    set_tests_properties(fuzz_${name} PROPERTIES LABELS fuzz TIMEOUT 120)
  endfunction()
endif()
berth_fuzzer(config_yaml SOURCES config_yaml.cpp LIBS berth_platform)
