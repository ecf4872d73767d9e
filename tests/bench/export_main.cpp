// SPDX-License-Identifier: Apache-2.0
//
// bench_export DIRECTORY ROUNDS: how long a layer of DIRECTORY takes to be tarred, hashed and put
// into an image store of its own. Prints the seconds of each round, a line each; DIRECTORY stays as
// it was.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "base/file.hpp"
#include "builder/image_store.hpp"

namespace fs = std::filesystem;
using namespace berth;

namespace {

Result<double> one_round(const fs::path& tree) {
  BERTH_ASSIGN(const TempDir root, TempDir::create(tree.parent_path(), "export-"));
  BERTH_ASSIGN(auto store, builder::ImageStore::open(root.path()));
  const auto begun = std::chrono::steady_clock::now();
  BERTH_ASSIGN(const auto layer, store.add_layer(tree, "a benchmark"));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  fs::rename(store.layer_directory(layer.diff_id), tree);
  return took.count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench_export DIRECTORY ROUNDS\n");
    return 64;
  }
  for (int round = 0; round < std::atoi(argv[2]); ++round) {
    const auto seconds = one_round(argv[1]);
    if (seconds.has_error()) {
      std::fprintf(stderr, "%s\n", seconds.error().message.c_str());
      return 1;
    }
    std::printf("%.6f\n", *seconds);
    std::fflush(stdout);
  }
  return 0;
}
