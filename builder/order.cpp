// SPDX-License-Identifier: Apache-2.0
#include "builder/order.hpp"

#include <algorithm>
#include <deque>
#include <string>

namespace berth::builder {

namespace {

constexpr std::size_t most_groups = 4096;

class Expander final {
 public:
  Expander(const BuildpackSet& set, std::string_view environment)
      : set_(set), environment_(environment) {}

  Result<void> group(std::deque<BuildpackRef> rest, Group done, std::vector<std::string> inside) {
    while (!rest.empty()) {
      const BuildpackRef ref = rest.front();
      rest.pop_front();
      if (ref.id.empty()) {  // the end of a composite's own members
        inside.pop_back();
        continue;
      }
      if (!for_environment(ref.exec_env, environment_)) continue;
      const Buildpack* buildpack = set_.find(ref);
      if (!buildpack)
        return Error{ErrorKind::invalid, "the buildpack " + ref.id +
                                             (ref.version.empty() ? "" : " " + ref.version) +
                                             " is named in an order but not installed"};
      const bool again = std::any_of(done.begin(), done.end(), [&](const GroupElement& element) {
        return element.buildpack->id == ref.id;
      });
      if (again) continue;
      if (buildpack->composite())
        return composite(*buildpack, ref.optional, rest, done, std::move(inside));
      done.push_back({buildpack, ref.optional});
    }
    if (done.empty()) return {};
    if (groups.size() == most_groups)
      return Error{ErrorKind::limit,
                   "the order expands to more than " + std::to_string(most_groups) + " groups"};
    groups.push_back(std::move(done));
    return {};
  }

  std::vector<Group> groups;

 private:
  Result<void> composite(const Buildpack& buildpack, bool optional,
                         const std::deque<BuildpackRef>& rest, const Group& done,
                         std::vector<std::string> inside) {
    if (std::find(inside.begin(), inside.end(), buildpack.id) != inside.end())
      return Error{ErrorKind::invalid, "the buildpack " + buildpack.id + " contains itself"};
    std::vector<std::string> deeper = inside;
    deeper.push_back(buildpack.id);
    for (const auto& members : buildpack.order) {
      std::deque<BuildpackRef> next(members.begin(), members.end());
      next.push_back({});
      next.insert(next.end(), rest.begin(), rest.end());
      BERTH_TRY(group(std::move(next), done, deeper));
    }
    if (optional) return group(rest, done, std::move(inside));
    return {};
  }

  const BuildpackSet& set_;
  std::string_view environment_;
};

}  // namespace

Result<std::vector<Group>> expand_order(const Order& order, const BuildpackSet& set,
                                        std::string_view environment) {
  Expander expander(set, environment);
  for (const auto& members : order)
    BERTH_TRY(expander.group({members.begin(), members.end()}, {}, {}));
  return std::move(expander.groups);
}

}  // namespace berth::builder
