# SPDX-License-Identifier: Apache-2.0
# The fuzzer of the command line's event stream, for tests/fuzz/CMakeLists.txt, which defines
# berth_fuzzer().
berth_fuzzer(cli_sse SOURCES cli/sse.cpp cli/format.cpp LIBS berth_base)
