// SPDX-License-Identifier: Apache-2.0
//
// From a request to a handler and its answer: which site the host names, which route, who asks,
// whether they may; then the answer's common headers. Free of Beast: the connection calls serve().
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "api/context.hpp"
#include "api/exchange.hpp"
#include "api/route_table.hpp"

namespace berth::api {

class Dispatcher final {
 public:
  explicit Dispatcher(Context& context) : context_(context) {}

  /// Answers one request. Whatever a handler throws becomes a 500 with the request's id.
  Task<void> serve(Request request, Exchange* exchange);

 private:
  enum class Site { api, dashboard, git };
  struct Plan;

  [[nodiscard]] Site site_of(std::string_view host) const;
  [[nodiscard]] Outcome<Plan> plan(Request request);
  Task<Answer> run(Plan plan, Exchange* exchange);
  Task<Answer> run_safely(Plan plan, Exchange* exchange);

  Context& context_;
};

}  // namespace berth::api
