# SPDX-License-Identifier: Apache-2.0
# The fuzzer of berth.yaml, for tests/fuzz/CMakeLists.txt, which defines berth_fuzzer().
berth_fuzzer(config_yaml LIBS yaml-cpp berth_base SOURCES platform/config.cpp platform/yaml_reader.cpp
  platform/units.cpp platform/names.cpp platform/placement.cpp)
berth_fuzzer(app_json LIBS berth_base SOURCES platform/app_json.cpp platform/health_check.cpp
  platform/json_field.cpp platform/cron_job.cpp platform/cron_schedule.cpp)
berth_fuzzer(egress LIBS berth_base SOURCES platform/egress.cpp)
berth_fuzzer(placement LIBS berth_base SOURCES platform/placement.cpp)
berth_fuzzer(rollout LIBS berth_base SOURCES platform/rollout.cpp platform/units.cpp)
berth_fuzzer(cron_schedule LIBS berth_base SOURCES platform/cron_schedule.cpp
  runtime/cron/next_time.cpp)
