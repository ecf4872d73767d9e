// SPDX-License-Identifier: Apache-2.0
#include "builder/tar_format.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace berth::builder {

namespace {

constexpr std::size_t name_bytes = 100;
constexpr std::size_t prefix_bytes = 155;
constexpr std::uint64_t largest_octal_size = 077777777777ULL;  // eleven digits: 8 GiB
constexpr std::uint64_t largest_octal_id = 07777777;

/// The fields of a ustar header that we write (pax(1), "ustar Interchange Format").
struct Header {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link[100];
  char magic[6];
  char version[2];
  char user[32];
  char group[32];
  char device_major[8];
  char device_minor[8];
  char prefix[155];
  char unused[12];
};
static_assert(sizeof(Header) == tar_block_bytes);

template <std::size_t N>
void put_octal(char (&field)[N], std::uint64_t value) {
  for (std::size_t i = N - 1; i-- > 0; value >>= 3) field[i] = static_cast<char>('0' + (value & 7));
}

template <std::size_t N>
void put_text(char (&field)[N], std::string_view text) {
  std::memcpy(field, text.data(), std::min(N, text.size()));
}

/// Where to cut a long path into prefix and name, if ustar can hold it.
std::optional<std::size_t> split_point(std::string_view path) {
  const std::size_t last_start = std::min(path.size() - 1, prefix_bytes);
  for (std::size_t at = last_start; at > 0; --at)
    if (path[at] == '/' && path.size() - at - 1 <= name_bytes && at + 1 < path.size()) return at;
  return std::nullopt;
}

/// "LENGTH key=value\n", where LENGTH counts itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + std::to_string(rest).size();
  if (std::to_string(length).size() != std::to_string(rest).size()) ++length;
  std::string record = std::to_string(length) + " ";
  record.append(key).append("=").append(value).append("\n");
  return record;
}

std::string finish(Header& header) {
  put_text(header.magic, std::string_view("ustar\0", 6));
  put_text(header.version, "00");
  put_octal(header.mtime, layer_time_seconds);
  put_octal(header.device_major, 0);
  put_octal(header.device_minor, 0);
  std::memset(header.checksum, ' ', sizeof header.checksum);
  const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < sizeof header; ++i) sum += bytes[i];
  char digits[7] = {};
  put_octal(digits, sum);
  std::memcpy(header.checksum, digits, sizeof digits);
  return {reinterpret_cast<const char*>(&header), sizeof header};
}

std::string pax_header(std::string_view path, const std::string& records) {
  Header header{};
  const auto slash = path.find_last_of('/', path.size() - 2);
  const std::string_view base = slash == std::string_view::npos ? path : path.substr(slash + 1);
  put_text(header.name, "PaxHeaders.0/" + std::string(base.substr(0, name_bytes - 13)));
  put_octal(header.mode, 0644);
  put_octal(header.uid, 0);
  put_octal(header.gid, 0);
  put_octal(header.size, records.size());
  header.type = 'x';
  return finish(header) + records + std::string(tar_padding(records.size()), '\0');
}

}  // namespace

std::string tar_header(const TarEntry& entry) {
  const std::string path = entry.path + (entry.type == TarType::directory ? "/" : "");
  Header header{};
  std::string records;
  if (path.size() <= name_bytes) {
    put_text(header.name, path);
  } else if (const auto at = split_point(path)) {
    put_text(header.prefix, std::string_view(path).substr(0, *at));
    put_text(header.name, std::string_view(path).substr(*at + 1));
  } else {
    records += pax_record("path", path);
    put_text(header.name, path);
  }
  if (entry.link_target.size() > name_bytes) records += pax_record("linkpath", entry.link_target);
  put_text(header.link, entry.link_target);
  if (entry.size_bytes > largest_octal_size)
    records += pax_record("size", std::to_string(entry.size_bytes));
  if (entry.uid > largest_octal_id) records += pax_record("uid", std::to_string(entry.uid));
  if (entry.gid > largest_octal_id) records += pax_record("gid", std::to_string(entry.gid));
  put_octal(header.mode, entry.mode & 07777);
  put_octal(header.uid, entry.uid > largest_octal_id ? 0 : entry.uid);
  put_octal(header.gid, entry.gid > largest_octal_id ? 0 : entry.gid);
  put_octal(header.size, entry.size_bytes > largest_octal_size ? 0 : entry.size_bytes);
  header.type = static_cast<char>(entry.type);
  const std::string block = finish(header);
  return records.empty() ? block : pax_header(path, records) + block;
}

std::size_t tar_padding(std::uint64_t size_bytes) {
  return static_cast<std::size_t>((tar_block_bytes - size_bytes % tar_block_bytes) %
                                  tar_block_bytes);
}

std::string tar_end() { return std::string(2 * tar_block_bytes, '\0'); }

}  // namespace berth::builder
