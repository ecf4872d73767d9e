// SPDX-License-Identifier: Apache-2.0
#include "platform/cron_job.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/nearest.hpp"
#include "base/time_zone.hpp"

namespace berth::platform {

namespace {

using Concurrency = CronJob::Concurrency;
using Missed = CronJob::Missed;

constexpr std::size_t most_jobs = 50;
constexpr std::size_t longest_name = 30;
constexpr std::size_t longest_schedule = 200;
constexpr std::size_t longest_command = 32 << 10;
constexpr int longest_timeout_s = 7 * 24 * 3600;
constexpr std::array<std::string_view, 9> known_fields = {
    "name",   "command", "schedule", "timezone",   "concurrency",
    "missed", "suspend", "timeout",  "description"};
constexpr std::array<Concurrency, 3> concurrencies = {Concurrency::forbid, Concurrency::allow,
                                                      Concurrency::replace};
constexpr std::array<Missed, 2> misses = {Missed::skip, Missed::run_once};

template <class Value, std::size_t size>
Result<void> read_word(const JsonField& field, std::string_view key,
                       const std::array<Value, size>& values, Value& to) {
  BERTH_ASSIGN(const auto found, field.find(key));
  if (!found) return {};
  BERTH_ASSIGN(const std::string text, found->text());
  std::string allowed;
  for (const Value value : values) {
    if (text == name_of(value)) {
      to = value;
      return {};
    }
    allowed += (allowed.empty() ? "" : value == values.back() ? " or " : ", ");
    allowed += name_of(value);
  }
  return found->refuse("must be " + allowed + ", not '" + text.substr(0, 40) + "'");
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= longest_name &&
         std::islower(static_cast<unsigned char>(text.front())) && text.back() != '-' &&
         std::ranges::all_of(text, [](char c) {
           return std::islower(static_cast<unsigned char>(c)) ||
                  std::isdigit(static_cast<unsigned char>(c)) || c == '-';
         });
}

Result<std::string> require(const JsonField& field, std::string_view key) {
  BERTH_ASSIGN(const auto found, field.find(key));
  if (!found) return field.refuse("must have a " + std::string(key));
  BERTH_ASSIGN(std::string text, found->text());
  if (text.empty()) return found->refuse("must not be empty");
  return text;
}

Result<CronJob> read_job(const JsonField& field, bool check_zones,
                         std::vector<std::string>& notes) {
  CronJob job;
  BERTH_ASSIGN(job.command, require(field, "command"));
  if (job.command.size() > longest_command || job.command.find('\0') != std::string::npos)
    return field.refuse("has a command that no shell takes");
  BERTH_ASSIGN(job.schedule, require(field, "schedule"));
  const auto parsed = job.schedule.size() > longest_schedule
                          ? Error{ErrorKind::invalid, "is too long"}
                          : parse_cron_schedule(job.schedule);
  BERTH_ASSIGN(const auto schedule, field.find("schedule"));
  if (parsed.has_error()) return schedule->refuse(parsed.error().message);
  BERTH_ASSIGN(const auto zone, field.find("timezone"));
  if (zone) {
    BERTH_ASSIGN(job.timezone, zone->text());
    if (check_zones || !is_time_zone_name(job.timezone))
      if (const auto known = find_time_zone(job.timezone); known.has_error())
        return zone->refuse(known.error().message);
  }
  BERTH_TRY(read_word(field, "concurrency", concurrencies, job.concurrency));
  BERTH_TRY(read_word(field, "missed", misses, job.missed));
  BERTH_TRY(field.read("suspend", job.suspend));
  auto timeout_s = static_cast<int>(job.timeout.count());
  BERTH_TRY(field.read("timeout", timeout_s, 1, longest_timeout_s));
  job.timeout = std::chrono::seconds(timeout_s);
  BERTH_ASSIGN(const auto name, field.find("name"));
  if (name) {
    BERTH_ASSIGN(job.name, name->text());
    if (!is_name(job.name))
      return name->refuse("must be 1 to 30 lower-case letters, digits and dashes, beginning with a "
                          "letter, not '" + job.name.substr(0, 40) + "'");
  }
  BERTH_ASSIGN(const auto entries, field.fields());
  for (const auto& [key, value] : entries)
    if (std::ranges::find(known_fields, key) == known_fields.end()) {
      const std::string meant = nearest(key, {known_fields.begin(), known_fields.end()});
      notes.push_back(value.place() + ": " + value.name() + " does nothing here" +
                      (meant.empty() ? "" : ". Did you mean '" + meant + "'?"));
    }
  return job;
}

}  // namespace

std::string_view name_of(Concurrency concurrency) {
  switch (concurrency) {
    case Concurrency::forbid: return "forbid";
    case Concurrency::allow: return "allow";
    case Concurrency::replace: return "replace";
  }
  return "forbid";
}

std::string_view name_of(Missed missed) {
  return missed == Missed::skip ? "skip" : "run_once";
}

std::string cron_name_of(std::string_view command) {
  std::string name;
  for (const char c : command) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  if (name.empty() || !std::isalpha(static_cast<unsigned char>(name.front()))) name = "job-" + name;
  name.resize(std::min(name.size(), longest_name - 3));  // room for a number
  while (name.back() == '-') name.pop_back();
  return name;
}

Result<std::vector<CronJob>> read_cron_jobs(const JsonField& field, bool check_zones,
                                            std::vector<std::string>& notes) {
  BERTH_ASSIGN(const auto entries, field.entries());
  if (entries.size() > most_jobs)
    return field.refuse("has more than " + std::to_string(most_jobs) + " jobs");
  std::vector<CronJob> jobs;
  const auto is_taken = [&](const std::string& name) {
    return std::ranges::find(jobs, name, &CronJob::name) != jobs.end();
  };
  for (const JsonField& entry : entries) {
    BERTH_ASSIGN(CronJob job, read_job(entry, check_zones, notes));
    if (!job.name.empty() && is_taken(job.name))
      return entry.refuse("has the name '" + job.name + "', as another job has");
    jobs.push_back(std::move(job));
  }
  for (CronJob& job : jobs) {
    if (!job.name.empty()) continue;
    const std::string name = cron_name_of(job.command);
    std::string free = name;
    for (int number = 2; is_taken(free); ++number) free = name + "-" + std::to_string(number);
    job.name = free;
  }
  return jobs;
}

json::object to_json(const CronJob& job) {
  return {{"name", job.name},
          {"command", job.command},
          {"schedule", job.schedule},
          {"timezone", job.timezone},
          {"concurrency", name_of(job.concurrency)},
          {"missed", name_of(job.missed)},
          {"suspend", job.suspend},
          {"timeout", job.timeout.count()}};
}

}  // namespace berth::platform
