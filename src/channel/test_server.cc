// SPDX-License-Identifier: Apache-2.0
// For tests of clients in other languages: an enclave's channel with an emulated module.
// Says where its root is and what its PCR0 is, and ends with its standard input.
#include <boost/asio/io_context.hpp>
#include <iostream>
#include <string>
#include <thread>

#include "base/encoding.h"
#include "channel/test_support.h"

int main(int argc, char** argv) {
  using namespace cofferdam;
  if (argc != 3) return 2;  // Socket, and the file with the key of the client "billing".
  boost::asio::io_context loop(1);
  channel::test::Platform platform;
  platform.clock.set(SystemClock().now());
  channel::test::Enclave enclave(platform);
  const auto identity = enclave.identity(channel::Role::server);
  channel::test::FakeBackend backend;
  backend.keys["billing"] = read_file(argv[2], 4096).value();
  channel::ServerOptions options;
  options.clients = {{.name = "billing", .by_mac = true}};
  const channel::Server::Parts parts{*identity, platform.verifier, platform.clock, backend};
  channel::Server server(loop.get_executor(), parts, options);
  if (!server.listen(net::UnixAddress{argv[1]})) return 3;
  std::cout << platform.authority.root_pem_path().string() << ' '
            << to_hex(enclave.policy().pcrs.at(0)) << std::endl;
  std::thread input([&loop] {
    std::cin.get();
    loop.stop();
  });
  loop.run();
  input.join();
  return 0;
}
