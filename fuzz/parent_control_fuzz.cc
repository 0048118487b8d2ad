// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "base/test_folder.h"
#include "net/http_codec.h"
#include "parent/control.h"

namespace {

using namespace cofferdam;

// A parent with everything a request could reach. The ledger and the states lie in a folder
// of this run.
struct Target {
  Target() : service(parent::ControlService::open(options(), clock).value()) {}

  parent::ControlOptions options() const {
    parent::ControlOptions out;
    out.ledger = folder / "ledger.jsonl";
    out.state_folder = folder / "state";
    return out;
  }

  std::optional<net::HttpResponse> ask(net::HttpRequest request) {
    std::optional<net::HttpResponse> answer;
    boost::asio::co_spawn(io, service.handle(std::move(request)),
                          [&](const std::exception_ptr& thrown, Result<net::HttpResponse> value) {
                            if (!thrown && value) answer = *std::move(value);
                          });
    io.restart();
    io.run();
    return answer;
  }

  boost::asio::io_context io{1};  // Outlives the service's thread for the disk.
  TestFolder folder;
  const ManualClock clock{Timestamp(std::chrono::milliseconds(1'800'000'000'000))};
  parent::ControlService service;
};

}  // namespace

// Every request gets one answer, never a failure of ours, and what it has put under a name
// comes back as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Target target;
  net::RequestDecoder decoder({.max_header_size = 4096, .max_body_size = 128 * 1024});
  const auto used = decoder.put(ByteView(data, size));
  if (!used || !decoder.done()) return 0;
  const net::HttpRequest request = decoder.take();
  const auto answer = target.ask(request);
  if (!answer || answer->status == 500) std::abort();
  if (request.method != "PUT" || answer->status != 204) return 0;
  net::HttpRequest back;
  back.method = "GET";
  back.target = request.target;
  const auto kept = target.ask(back);
  if (!kept || kept->status != 200 || kept->body != request.body) std::abort();
  return 0;
}
