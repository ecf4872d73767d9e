// SPDX-License-Identifier: Apache-2.0
#include "runtime/scheduler/place.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace berth::runtime {
namespace {

constexpr std::uint64_t gigabyte = 1ULL << 30;

Node node(std::string name, std::uint64_t gigabytes, Labels labels = {}) {
  return {.name = std::move(name),
          .labels = std::move(labels),
          .capacity = {.memory_bytes = gigabytes * gigabyte}};
}

Node& with(Node& node, Rank rank, std::uint64_t gigabytes) {
  node.taken[static_cast<std::size_t>(rank)].memory_bytes = gigabytes * gigabyte;
  return node;
}

PlaceRequest request(std::uint64_t gigabytes, Rank rank = Rank::ordinary) {
  return {.labels = {}, .needs = {.memory_bytes = gigabytes * gigabyte}, .rank = rank, .only = {}};
}

TEST_CASE("a replica is placed on a node that has all its labels, and only there") {
  const std::vector nodes = {node("a", 4, {{"region", "eu"}}),
                             node("b", 4, {{"region", "eu"}, {"disk", "fast"}})};
  PlaceRequest wanted = request(1);
  wanted.labels = {{"region", "eu"}, {"disk", "fast"}};
  CHECK(place(wanted, nodes)->node == 1);
  wanted.labels["disk"] = "slow";
  const auto none = place(wanted, nodes);
  REQUIRE(none.has_error());
  CHECK(none.error().kind == ErrorKind::not_found);
  CHECK(none.error().message == "nothing has the labels disk=slow region=eu that it is placed by: "
                                "a has region=eu; b has disk=fast region=eu");
}

TEST_CASE("the node with the fewest of its process type comes first, then the fullest with room") {
  std::vector nodes = {node("a", 8), node("b", 8), node("c", 8)};
  with(nodes[0], Rank::ordinary, 2);
  with(nodes[1], Rank::ordinary, 5);
  with(nodes[2], Rank::ordinary, 7);
  CHECK(place(request(2), nodes)->node == 1);  // c is fuller, and has no room for it
  CHECK(place(request(1), nodes)->node == 2);
  nodes[2].same = nodes[1].same = 1;
  CHECK(place(request(1), nodes)->node == 0);
}

TEST_CASE("processors are counted as memory is, and what has no capacity takes any amount") {
  std::vector nodes = {node("a", 0), node("b", 0)};
  nodes[0].capacity.cpu_milli = 1000;
  PlaceRequest wanted = request(1000);
  wanted.needs.cpu_milli = 1500;
  CHECK(place(wanted, nodes)->node == 1);
  nodes.pop_back();
  const auto full = place(wanted, nodes);
  REQUIRE(full.has_error());
  CHECK(full.error().kind == ErrorKind::limit);
  CHECK(full.error().message ==
        "no room: it declares 1.5 CPU, and 0.0 CPU of the 1.0 CPU that a takes are declared. "
        "Scale something down, or give it a smaller size");
}

TEST_CASE("where all is full, what ranks lower gives way, the lowest first, none without need") {
  std::vector nodes = {node("a", 8)};
  with(nodes[0], Rank::preview, 2);
  with(nodes[0], Rank::added, 2);
  with(nodes[0], Rank::ordinary, 3);
  CHECK(*place(request(1), nodes) == Placed{.node = 0, .yields = {}});
  CHECK(*place(request(2), nodes) == Placed{.node = 0, .yields = Rank::preview});
  CHECK(*place(request(4), nodes) == Placed{.node = 0, .yields = Rank::added});
  CHECK(place(request(6), nodes).error().kind == ErrorKind::limit);
  CHECK(*place(request(2, Rank::added), nodes) == Placed{.node = 0, .yields = Rank::preview});
  CHECK(place(request(4, Rank::added), nodes).has_error());
  CHECK(place(request(2, Rank::preview), nodes).error().message ==
        "no room: it declares 2.0 GB, and 7.0 GB of the 8.0 GB that a takes are declared. Scale "
        "something down, or give it a smaller size");
  // Room elsewhere is taken before anybody has to go.
  nodes.push_back(node("b", 8));
  nodes.back().same = 5;
  CHECK(*place(request(2), nodes) == Placed{.node = 1, .yields = {}});
}

TEST_CASE("a node that does not answer takes nothing, and a volume binds to its node") {
  std::vector nodes = {node("a", 8), node("b", 8)};
  nodes[0].up = false;
  CHECK(place(request(1), nodes)->node == 1);
  PlaceRequest bound = request(1);
  bound.only = "a";
  const auto unreachable = place(bound, nodes);
  REQUIRE(unreachable.has_error());
  CHECK(unreachable.error().kind == ErrorKind::unavailable);
  CHECK(unreachable.error().message == "a, where it has to run, is not reachable");
  bound.only = "b";
  CHECK(place(bound, nodes)->node == 1);
}

TEST_CASE("a node is overfull when more is declared than it takes") {
  Node full = node("a", 4);
  CHECK_FALSE(with(full, Rank::preview, 4).is_overfull());
  CHECK(with(full, Rank::ordinary, 1).is_overfull());
  full.capacity = {};
  CHECK_FALSE(full.is_overfull());
}

}  // namespace
}  // namespace berth::runtime
