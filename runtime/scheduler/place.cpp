// SPDX-License-Identifier: Apache-2.0
#include "runtime/scheduler/place.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <vector>

namespace berth::runtime {

namespace {

bool has_labels(const Node& node, const Labels& wanted) {
  return std::ranges::all_of(wanted, [&](const auto& label) {
    const auto found = node.labels.find(label.first);
    return found != node.labels.end() && found->second == label.second;
  });
}

bool fits(std::uint64_t taken, std::uint64_t needs, std::uint64_t capacity) {
  return capacity == 0 || (needs <= capacity && taken <= capacity - needs);
}

bool has_room(const Node& node, const Resources& needs, Rank least) {
  const Resources taken = node.taken_from(least);
  return fits(taken.memory_bytes, needs.memory_bytes, node.capacity.memory_bytes) &&
         fits(taken.cpu_milli, needs.cpu_milli, node.capacity.cpu_milli);
}

double share(std::uint64_t taken, std::uint64_t capacity) {
  return capacity == 0 ? 0 : static_cast<double>(taken) / static_cast<double>(capacity);
}

/// Of what it has least left of.
double fullness(const Node& node) {
  const Resources taken = node.taken_from(Rank::preview);
  return std::max(share(taken.memory_bytes, node.capacity.memory_bytes),
                  share(taken.cpu_milli, node.capacity.cpu_milli));
}

std::string gigabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} GB", static_cast<double>(bytes) / (1 << 30));
}

std::string processors(std::uint64_t milli) {
  return fmt::format("{:.1f} CPU", static_cast<double>(milli) / 1000);
}

std::string names_and_labels(std::span<const Node> nodes) {
  std::string text;
  for (const Node& node : nodes)
    text += (text.empty() ? "" : "; ") + node.name + " has " + labels_text(node.labels);
  return text;
}

Error no_such_node(const PlaceRequest& request, std::span<const Node> nodes) {
  return {ErrorKind::not_found, "nothing has the labels " + labels_text(request.labels) +
                                    " that it is placed by: " + names_and_labels(nodes)};
}

Error no_room(const PlaceRequest& request, const std::vector<const Node*>& full) {
  const Node& node = *full.front();
  const Resources taken = node.taken_from(request.rank);
  const bool memory =
      !fits(taken.memory_bytes, request.needs.memory_bytes, node.capacity.memory_bytes);
  const auto text = memory ? gigabytes : processors;
  const auto of = [memory](const Resources& amount) {
    return memory ? amount.memory_bytes : amount.cpu_milli;
  };
  return {ErrorKind::limit,
          fmt::format("no room: it declares {}, and {} of the {} that {} takes are declared{}. "
                      "Scale something down, or give it a smaller size",
                      text(of(request.needs)), text(of(taken)), text(of(node.capacity)), node.name,
                      full.size() > 1 ? " (others are as full)" : "")};
}

}  // namespace

Resources Node::taken_from(Rank least) const {
  Resources sum;
  for (auto rank = static_cast<std::size_t>(least); rank < ranks; ++rank) sum += taken[rank];
  return sum;
}

bool Node::is_overfull() const { return !has_room(*this, {}, Rank::preview); }

Result<Placed> place(const PlaceRequest& request, std::span<const Node> nodes) {
  std::vector<const Node*> matching;
  for (const Node& node : nodes)
    if (has_labels(node, request.labels) && (request.only.empty() || node.name == request.only))
      matching.push_back(&node);
  if (matching.empty()) return no_such_node(request, nodes);
  std::vector<const Node*> reachable = matching;
  std::erase_if(reachable, [](const Node* node) { return !node->up; });
  if (reachable.empty())
    return Error{ErrorKind::unavailable, matching.front()->name + ", where it has to run, " +
                                             "is not reachable"};
  // Nobody gives way where that is not needed: first as if all were equal.
  for (auto least = Rank::preview; least <= request.rank;
       least = static_cast<Rank>(static_cast<int>(least) + 1)) {
    std::vector<const Node*> open = reachable;
    std::erase_if(open, [&](const Node* node) { return !has_room(*node, request.needs, least); });
    if (open.empty()) continue;
    const Node* best = *std::ranges::min_element(open, {}, [](const Node* node) {
      return std::tuple(node->same, -fullness(*node), node->name);
    });
    Placed placed{.node = static_cast<std::size_t>(best - nodes.data()), .yields = {}};
    if (least != Rank::preview) placed.yields = static_cast<Rank>(static_cast<int>(least) - 1);
    return placed;
  }
  return no_room(request, reachable);
}

std::string labels_text(const Labels& labels) {
  std::string text;
  for (const auto& [key, value] : labels) text += (text.empty() ? "" : " ") + key + "=" + value;
  return text;
}

}  // namespace berth::runtime
