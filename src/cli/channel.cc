// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "channel/client.h"
#include "channel/request.h"
#include "cli/command.h"
#include "cli/pcr_option.h"
#include "crypto/ec.h"
#include "crypto/pem.h"

namespace cofferdam::cli {
namespace {

constexpr std::size_t kMaxPemFile = std::size_t{64} * 1024;
constexpr std::size_t kMaxBody = std::size_t{1024} * 1024;
constexpr std::size_t kMaxKeyFile = 4096;

constexpr const char* kFooter =
    R"(Opens TLS 1.3 to an enclave, judges the attestation document in its certificate, and has it
answer a challenge that is bound to this very connection. Nothing is sent before that.
--manifest pins every register of that release; otherwise give --pcr, and --name with
--min-release to take any release from that one on (then --pcr 8=HEX says whose).
Exit status: 0 verified, and the request was answered below 400; 1 refused by either side;
2 usage; 3 environment.

Example:
  $ cofferdam connect enclave.example:8443 --manifest release.manifest
  $ cofferdam connect enclave.example:8443 --manifest release.manifest \
      --client billing --mac-key billing.key --request POST /v1/transfer --data transfer.json)";

// What was typed.
struct ConnectOptions {
  std::string address;
  std::vector<std::string> pcrs;
  std::string manifest;
  std::string name;
  std::uint64_t min_release = 0;
  std::string root;
  std::string max_age;
  bool allow_debug = false;
  bool certificate_only = false;
  std::vector<std::string> request;  // Method and path.
  std::string data;
  std::string id;
  std::string client;
  std::string mac_key;
  std::string client_certificate;
  std::string client_key;
  std::string timeout = "30s";
  bool json = false;
};

Result<net::Endpoint> endpoint_of(const std::string& address) {
  const bool has_kind =
      address.starts_with("unix:") || address.starts_with("tcp:") || address.starts_with("vsock:");
  return net::parse_endpoint(has_kind ? address : "tcp:" + address);
}

Status pin_manifest(const std::string& file, channel::PeerPolicy& out) {
  COFFERDAM_TRY(Bytes bytes, read_file(file, attest::kMaxManifestSize));
  COFFERDAM_TRY(const auto parsed, attest::parse_release_manifest(bytes));
  for (const auto& [index, value] : parsed.manifest.pcrs) out.pcrs.try_emplace(index, value);
  out.release = channel::ReleasePolicy{.name = parsed.manifest.name,
                                       .minimum_release = parsed.manifest.release};
  out.manifest = std::move(bytes);
  return {};
}

Result<channel::PeerPolicy> policy_of(const ConnectOptions& options) {
  channel::PeerPolicy out;
  for (const std::string& pcr : options.pcrs) COFFERDAM_CHECK(read_pcr_option(pcr, out.pcrs));
  if (!options.manifest.empty()) {
    COFFERDAM_CHECK(pin_manifest(options.manifest, out));
  } else if (!options.name.empty()) {
    out.release =
        channel::ReleasePolicy{.name = options.name, .minimum_release = options.min_release};
  }
  if (!options.max_age.empty()) {
    COFFERDAM_TRY(out.max_age, parse_duration(options.max_age));
  }
  out.allow_debug = options.allow_debug;
  COFFERDAM_CHECK(channel::check_policy(out));
  return out;
}

Result<net::TlsIdentity> client_identity(const ConnectOptions& options) {
  COFFERDAM_TRY(const std::string pem, read_text_file(options.client_certificate, kMaxPemFile));
  COFFERDAM_TRY(const Secret key_pem, read_secret_file(options.client_key, kMaxPemFile));
  net::TlsIdentity out;
  COFFERDAM_TRY(out.certificate, crypto::pem_decode(pem, "CERTIFICATE"));
  COFFERDAM_TRY(const auto key, crypto::EcPrivateKey::from_pem(key_pem));
  out.key = key.to_pkcs8();
  return out;
}

Result<channel::Credentials> credentials_of(const ConnectOptions& options) {
  channel::Credentials out;
  out.name = options.client;
  if (!options.mac_key.empty()) {
    COFFERDAM_TRY(out.mac_key, read_secret_file(options.mac_key, kMaxKeyFile));
  }
  if (!options.client_certificate.empty()) {
    COFFERDAM_TRY(out.certificate, client_identity(options));
  }
  return out;
}

Result<net::HttpRequest> request_of(const ConnectOptions& options) {
  net::HttpRequest out;
  out.method = options.request[0];
  out.target = options.request[1];
  if (!options.data.empty()) {
    COFFERDAM_TRY(out.body, read_file(options.data, kMaxBody));
  }
  if (!options.id.empty()) out.headers.emplace_back(channel::kIdHeader, options.id);
  return out;
}

Result<attest::TrustRoot> root_of(const std::string& file) {
  if (file.empty()) return attest::TrustRoot::aws();
  COFFERDAM_TRY(const std::string pem, read_text_file(file, kMaxPemFile));
  return attest::TrustRoot::from_pem(pem);
}

json::object describe(const channel::Verified& verified) {
  const attest::Document& document = verified.peer.document.document();
  json::object pcrs;
  for (const auto& [index, value] : document.pcrs) {
    pcrs["PCR" + std::to_string(index)] = to_hex(value);
  }
  json::object out{{"verified", true},
                   {"challenged", verified.challenged},
                   {"moduleId", document.module_id},
                   {"timestamp", format_rfc3339(document.timestamp)},
                   {"pcrs", std::move(pcrs)}};
  if (verified.peer.manifest) {
    out["release"] = {{"name", verified.peer.manifest->name},
                      {"number", verified.peer.manifest->release}};
  }
  return out;
}

// The body as text where it is text, else as base64.
void describe(const net::HttpResponse& response, json::object& out) {
  json::object answer{{"status", response.status},
                      {"requestId", net::header(response.headers, channel::kIdHeader)}};
  const bool text = std::ranges::none_of(response.body, [](std::uint8_t octet) {
    return octet >= 0x7f || (octet < 0x20 && octet != '\n' && octet != '\t' && octet != '\r');
  });
  if (text) {
    answer["body"] = as_text(response.body);
  } else {
    answer["bodyBase64"] = to_base64(response.body);
  }
  out["response"] = std::move(answer);
}

Exit report_refusal(const ConnectOptions& options, const Error& error) {
  if (exit_for(error) == Exit::negative && options.json) {
    std::cout << pretty_json(
        json::object{{"verified", false}, {"reason", error.reason}, {"detail", error.detail}});
  } else {
    print_error(error);
  }
  return exit_for(error);
}

struct Conversation {
  std::unique_ptr<channel::Client> client;
  std::optional<net::HttpRequest> request;
  std::chrono::milliseconds time;
};

// The conversation outlives the task.
Task<std::optional<net::HttpResponse>> converse(Conversation* conversation) {
  COFFERDAM_CO_CHECK(co_await conversation->client->verify());
  if (!conversation->request) co_return std::optional<net::HttpResponse>();
  auto sending = conversation->client->send(*std::move(conversation->request), conversation->time);
  COFFERDAM_CO_TRY(net::HttpResponse response, co_await std::move(sending));
  co_return std::optional(std::move(response));
}

// The loop outlives the conversation, whose connections belong to it.
Result<std::optional<net::HttpResponse>> run(boost::asio::io_context& loop,
                                             Conversation& conversation) {
  Result<std::optional<net::HttpResponse>> out = fail(Errc::internal, "it did not finish");
  boost::asio::co_spawn(loop, converse(&conversation),
                        [&](const std::exception_ptr& bug, auto result) {
                          if (bug) std::rethrow_exception(bug);
                          out = std::move(result);
                        });
  loop.run();
  return out;
}

Exit print(const ConnectOptions& options, const channel::Verified& verified,
           const std::optional<net::HttpResponse>& response) {
  json::object out = describe(verified);
  if (response) describe(*response, out);
  if (options.json || !response) {
    std::cout << pretty_json(out);
  } else {
    std::cerr << "cofferdam: verified " << out["moduleId"].as_string() << ", status "
              << response->status << '\n';
    std::cout << as_text(response->body) << std::flush;
  }
  return response && response->status >= 400 ? Exit::negative : Exit::ok;
}

Result<Conversation> prepare(const ConnectOptions& options, const attest::Verifier& verifier,
                             const Clock& clock) {
  Conversation out;
  channel::Client::Options client;
  COFFERDAM_TRY(client.server, policy_of(options));
  COFFERDAM_TRY(client.credentials, credentials_of(options));
  COFFERDAM_TRY(client.route.endpoint, endpoint_of(options.address));
  COFFERDAM_TRY(out.time, parse_duration(options.timeout));
  client.route.request_timeout = out.time;
  client.route.host = options.address;
  client.challenge = !options.certificate_only;
  COFFERDAM_TRY(out.client, channel::Client::create({verifier, clock}, std::move(client)));
  if (!options.request.empty()) {
    COFFERDAM_TRY(out.request, request_of(options));
  }
  return out;
}

Exit connect(const ConnectOptions& options) {
  auto root = root_of(options.root);
  if (!root) {
    print_error(root.error(), "--root takes a PEM file with one P-384 CA certificate");
    return Exit::environment;
  }
  const attest::Verifier verifier(*std::move(root));
  const SystemClock clock;
  boost::asio::io_context loop(1);
  auto conversation = prepare(options, verifier, clock);
  if (!conversation) {
    print_error(conversation.error(), "see cofferdam connect --help");
    return exit_for(conversation.error()) == Exit::negative ? Exit::usage : Exit::environment;
  }
  const auto response = run(loop, *conversation);
  if (!response) return report_refusal(options, response.error());
  return print(options, *conversation->client->last_verified(), *response);
}

}  // namespace

void add_connect(CLI::App& app, Exit& exit) {
  CLI::App* const command =
      app.add_subcommand("connect", "Verify an enclave over attested TLS, and send a request");
  auto options = std::make_shared<ConnectOptions>();
  command->add_option("ADDRESS", options->address, "HOST:PORT or unix:PATH")->required();
  const auto add = [command](const char* name, auto& target, const char* form, const char* text) {
    return command->add_option(name, target, text)->type_name(form);
  };
  // One value each, so that the next word is not taken for another register.
  add("--pcr", options->pcrs, "N=HEX", "Require this value; may be repeated")
      ->allow_extra_args(false);
  add("--manifest", options->manifest, "FILE", "Require the release of this manifest");
  CLI::Option* const name =
      add("--name", options->name, "NAME", "Require a release of this name, as it shows itself");
  add("--min-release", options->min_release, "N", "The lowest release to accept")->needs(name);
  add("--root", options->root, "PEM", "Trust this root instead of AWS's");
  add("--max-age", options->max_age, "DURATION", "Of the document in the certificate; 10m");
  command->add_flag("--allow-debug", options->allow_debug, "Accept an enclave in debug mode");
  command->add_flag("--certificate-only", options->certificate_only,
                    "Skip the challenge: weaker, see docs/channel.md");
  CLI::Option* const request = command->add_option("--request", options->request, "Send this")
                                   ->expected(2)
                                   ->type_name("METHOD PATH");
  add("--data", options->data, "FILE", "Body of the request; - is standard input")->needs(request);
  add("--id", options->id, "ID", "Of the request, instead of a random one")->needs(request);
  CLI::Option* const client =
      add("--client", options->client, "NAME", "Who we are, as the enclave has declared us");
  add("--mac-key", options->mac_key, "FILE", "Key of the MAC: the file's bytes, 32 or more")
      ->needs(client);
  CLI::Option* const certificate = add("--client-cert", options->client_certificate, "PEM",
                                       "Certificate to show, with --client-key");
  add("--client-key", options->client_key, "PEM", "Its private key (EC)")->needs(certificate);
  add("--timeout", options->timeout, "DURATION", "For everything; also the request's deadline");
  command->add_flag("--json", options->json, "Print everything as one JSON object");
  command->footer(kFooter);
  command->callback([options, &exit] { exit = connect(*options); });
}

}  // namespace cofferdam::cli
