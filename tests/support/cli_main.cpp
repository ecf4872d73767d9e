// SPDX-License-Identifier: Apache-2.0
//
// The command line as a program of its own, for tests that need a real process: a terminal, a git
// that calls the credential helper, a shell that completes.
#include "cli/cli.hpp"

int main(int argc, char** argv) { return berth::run_cli(argc, argv); }
