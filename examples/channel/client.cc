// SPDX-License-Identifier: Apache-2.0
// Asks an enclave over an attested channel: the smallest client.
//
//   channel-client ADDRESS ROOT.pem RELEASE.manifest CLIENT MAC.key PATH
#include "channel/client.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <iostream>

#include "base/file.h"

namespace {

using namespace cofferdam;

constexpr std::size_t kMaxFile = std::size_t{64} * 1024;

// What the enclave must be: exactly the release that this manifest describes.
Result<channel::PeerPolicy> policy_of(const char* manifest_file) {
  channel::PeerPolicy out;
  COFFERDAM_TRY(Bytes manifest, read_file(manifest_file, kMaxFile));
  COFFERDAM_TRY(const auto parsed, attest::parse_release_manifest(manifest));
  out.pcrs = parsed.manifest.pcrs;
  out.release = channel::ReleasePolicy{.name = parsed.manifest.name,
                                       .minimum_release = parsed.manifest.release};
  out.manifest = std::move(manifest);
  return out;
}

Status ask(char** arguments) {
  COFFERDAM_TRY(const std::string root, read_text_file(arguments[2], kMaxFile));
  COFFERDAM_TRY(auto trusted, attest::TrustRoot::from_pem(root));
  const attest::Verifier verifier(std::move(trusted));
  const SystemClock clock;

  channel::Client::Options options;
  COFFERDAM_TRY(options.route.endpoint, net::parse_endpoint(arguments[1]));
  COFFERDAM_TRY(options.server, policy_of(arguments[3]));
  options.credentials.name = arguments[4];
  COFFERDAM_TRY(options.credentials.mac_key, read_secret_file(arguments[5], kMaxFile));

  boost::asio::io_context loop(1);  // Outlives the client.
  COFFERDAM_TRY(const auto client, channel::Client::create({verifier, clock}, std::move(options)));
  net::HttpRequest request;
  request.method = "GET";
  request.target = arguments[6];
  Result<net::HttpResponse> response = fail(Errc::internal, "no answer");
  boost::asio::co_spawn(loop, client->send(std::move(request), std::chrono::seconds(10)),
                        [&](const std::exception_ptr& bug, Result<net::HttpResponse> result) {
                          if (bug) std::rethrow_exception(bug);
                          response = std::move(result);
                        });
  loop.run();
  if (!response) return std::unexpected(response.error());
  std::cout << as_text(response->body);
  if (response->status >= 400) return fail(Errc::denied, std::to_string(response->status));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::cerr << "usage: channel-client ADDRESS ROOT.pem RELEASE.manifest CLIENT MAC.key PATH\n";
    return 2;
  }
  const Status done = ask(argv);
  if (!done) std::cerr << done.error().detail << " [" << done.error().reason << "]\n";
  return done ? 0 : 1;
}
