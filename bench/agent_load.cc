// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "../tests/release_lab.h"

// Attested calls through the whole chain: workload, agent (a process of its own), parent,
// TLS, local KMS. Each call is a GenerateDataKey with a recipient key and a document of its
// own, which costs what a Decrypt does.
//
//   agent_load PROGRAM    (agent_under_load)
namespace {

using cofferdam::test::ReleaseLab;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// "VmRSS" now, or "VmHWM" at most, in MiB.
double memory(pid_t process, const std::string& field) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::stod(line.substr(field.size() + 1)) / 1024;
  }
  return 0;
}

double percentile(const std::vector<double>& sorted, double part) {
  return sorted.at(static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1)));
}

// All at once; returns how many failed.
int run(const ReleaseLab& lab, std::size_t count) {
  std::vector<double> times(count);
  std::vector<int> failed(count);
  const auto start = Clock::now();
  {
    std::vector<std::jthread> callers;
    for (std::size_t i = 0; i < count; ++i) {
      callers.emplace_back([&, i] {
        const auto asked = Clock::now();
        failed[i] = lab.post("/v1/data-keys/envelope").status == 200 ? 0 : 1;
        times[i] = since(asked);
      });
    }
  }
  const double all = since(start);
  std::ranges::sort(times);
  std::printf("%4zu calls at once: p50 %7.0f ms, p99 %7.0f ms, all in %7.0f ms (%.0f/s)\n", count,
              percentile(times, 0.5), percentile(times, 0.99), all,
              1000 * static_cast<double>(count) / all);
  return static_cast<int>(std::ranges::count(failed, 1));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: agent_load PATH-OF-agent_under_load\n", stderr);
    return 2;
  }
  ReleaseLab lab;
  const auto start = Clock::now();
  if (!lab.start_agent_process(argv[1])) return 1;
  const double serving = since(start);
  int failed = lab.get("/v1/secrets/database-password").status == 200 ? 0 : 1;
  std::printf("start to serving %.0f ms, to the first secret %.0f ms\n", serving, since(start));
  std::this_thread::sleep_for(std::chrono::seconds(3));
  std::printf("idle: %.1f MiB resident\n", memory(lab.agent_process(), "VmRSS"));
  for (const std::size_t count : {std::size_t{1}, std::size_t{30}, std::size_t{300}}) {
    failed += run(lab, count);
    std::this_thread::sleep_for(std::chrono::seconds(5));  // The pool fills again.
  }
  std::printf("under load: %.1f MiB resident at most\n", memory(lab.agent_process(), "VmHWM"));
  if (failed > 0) std::fprintf(stderr, "%d calls failed\n", failed);
  return failed > 0 ? 1 : 0;
}
