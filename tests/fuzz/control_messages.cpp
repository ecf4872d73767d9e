// SPDX-License-Identifier: Apache-2.0
//
// A message that is taken makes a table that survives being written and read.
#include "router/table.hpp"

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
  using namespace berth::router;
  auto message = parse_message({data, size});
  if (message.has_error()) return 0;
  Table table;
  apply(table, std::move(*message));
  const auto text = berth::to_text(to_json(table));
  const auto object = berth::parse_json_object(text);
  BERTH_ASSERT(!object.has_error());
  const auto again = table_from_json(*object);
  BERTH_ASSERT(!again.has_error() && *again == table);
  return 0;
}
