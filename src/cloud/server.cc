// SPDX-License-Identifier: Apache-2.0
#include "cloud/server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <csignal>
#include <future>

#include "base/file.h"
#include "base/log.h"
#include "cloud/data_folder.h"
#include "cloud/group_commit.h"
#include "cloud/identities.h"
#include "cloud/reception.h"
#include "cloud/seeding.h"
#include "net/http_server.h"
#include "net/tls.h"
#include "nsm/authority.h"

namespace cofferdam::cloud {
namespace {

constexpr auto kGrace = std::chrono::seconds(2);
constexpr std::size_t kMaxPem = std::size_t{64} * 1024;
constexpr std::size_t kMaxRoots = std::size_t{4} * 1024 * 1024;
constexpr const char* kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";

Result<Store> open_store(const DataFolder& folder) {
  COFFERDAM_TRY(Secret master_key, folder.master_key());
  auto store = Store::open(folder.database(), std::move(master_key));
  if (!store && folder.database()) return wrap(folder.database()->string(), store.error());
  return store;
}

// The root that attestation documents must chain to, and the file it is in.
struct PinnedRoot {
  attest::TrustRoot root;
  std::filesystem::path file;
};

Result<PinnedRoot> pin_root(const ServerOptions& options, const nsm::Authority& authority) {
  const std::filesystem::path file = options.nsm_root.value_or(authority.root_pem_path());
  COFFERDAM_TRY(const std::string pem, read_text_file(file, kMaxPem));
  auto root = attest::TrustRoot::from_pem(pem);
  if (!root) return wrap(file.string(), root.error());
  return PinnedRoot{.root = *std::move(root), .file = file};
}

// Whom to believe about the TLS of OIDC issuers; nullptr where the system trusts nobody.
Result<std::shared_ptr<const net::TlsClientContext>> issuer_tls(const ServerOptions& options,
                                                                const Clock& clock) {
  const std::filesystem::path file = options.oidc_ca.value_or(kSystemRoots);
  std::error_code ignored;
  if (!options.oidc_ca && !std::filesystem::exists(file, ignored)) return nullptr;
  COFFERDAM_TRY(const std::string pem, read_text_file(file, kMaxRoots));
  auto context = net::TlsClientContext::create(pem, clock);
  if (!context) return wrap(file.string(), context.error());
  return context;
}

std::string url(std::string_view scheme, const net::TcpAddress& address) {
  const bool ipv6 = address.host.find(':') != std::string::npos;
  const std::string host = ipv6 ? "[" + address.host + "]" : address.host;
  return std::string(scheme) + "://" + host + ":" + std::to_string(address.port);
}

}  // namespace

struct CloudServer::Impl {
  Impl(const boost::asio::any_io_executor& executor, DataFolder data_folder, Store state,
       attest::TrustRoot root, std::unique_ptr<ledger::DecisionLog> log, const Clock& clock,
       CloudOptions options)
      : folder(std::move(data_folder)),
        store(std::move(state)),
        verifier(std::move(root)),
        decisions(std::move(log), metrics),
        service(store, verifier, decisions, clock, std::move(options)),
        commits(executor, [this] { return flush(); }) {
    store.defer_commits();
  }

  // Both files at once: the disk is what takes time. Nothing else runs meanwhile.
  Status flush() {
    auto recorded = std::async(std::launch::async, [this] { return decisions.sync(); });
    Status outcome = store.commit();
    Status synced = recorded.get();
    if (synced) decisions.note_synced();
    if (outcome) outcome = std::move(synced);
    outcome ? metrics.committed() : metrics.commit_failed();
    return outcome;
  }

  // Nobody learns an answer before what it rests on is on disk: if anything waits for that,
  // this answer does too, since it may have read it. A failed flush is a failure of every
  // request it was for.
  Task<void> durable() {
    if (!store.has_uncommitted() && !decisions.has_unsynced()) co_return Status();
    co_return co_await commits.wait();
  }

  Status open_reception(const boost::asio::any_io_executor& executor, const Clock& clock,
                        const ServerOptions& options) {
    Reception::Parts parts{.service = service,
                           .metrics = metrics,
                           .decisions = decisions,
                           .clock = clock,
                           .place = options.cloud.place,
                           .durable = [this] { return durable(); },
                           .open_connections = [this] { return http->open_connections(); }};
    COFFERDAM_TRY(reception, Reception::open(executor, std::move(parts), options.operation));
    return {};
  }

  DataFolder folder;
  Store store;
  attest::Verifier verifier;
  Metrics metrics;
  DecisionTap decisions;
  CloudService service;
  GroupCommit commits;
  std::unique_ptr<Reception> reception;
  std::unique_ptr<net::HttpServer> http;
  json::object ready;
};

CloudServer::CloudServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CloudServer::~CloudServer() = default;

const json::object& CloudServer::ready() const noexcept { return impl_->ready; }

Result<std::unique_ptr<CloudServer>> CloudServer::start(boost::asio::any_io_executor executor,
                                                        const Clock& clock, ServerOptions options) {
  const Place& place = options.cloud.place;
  COFFERDAM_TRY(DataFolder folder, DataFolder::open(options.data));
  COFFERDAM_TRY(Store store, open_store(folder));
  COFFERDAM_CHECK(ensure_place(store, place));
  COFFERDAM_CHECK(ensure_principals(store, place, clock.now()));
  COFFERDAM_CHECK(export_credentials(store, admin_arn(place), folder.credentials()));
  COFFERDAM_CHECK(
      export_credentials(store, enclave_session_arn(place), folder.enclave_credentials()));
  if (options.seed) {
    COFFERDAM_TRY(const Seed seed, read_seed(*options.seed, place.account));
    COFFERDAM_CHECK(plant(store, seed, place, clock.now()));
  }
  COFFERDAM_TRY(const TlsIdentity tls,
                make_tls_identity(store, place, options.listen.host, clock.now()));
  COFFERDAM_CHECK(write_file_atomic(folder.ca(), as_bytes(tls.ca_pem)));
  COFFERDAM_TRY(const nsm::Authority authority, nsm::Authority::open(folder.nsm(), clock));
  COFFERDAM_TRY(PinnedRoot pinned, pin_root(options, authority));
  COFFERDAM_TRY(auto decisions,
                ledger::open_decision_log(folder.decisions(), ledger::Syncing::on_request));

  COFFERDAM_TRY(options.cloud.issuer_tls, issuer_tls(options, clock));
  net::HttpServerOptions http;
  COFFERDAM_TRY(http.tls, net::TlsServerContext::create(tls.chain_pem, tls.key_pem));
  auto impl =
      std::make_unique<Impl>(executor, std::move(folder), std::move(store), std::move(pinned.root),
                             std::move(decisions), clock, options.cloud);
  COFFERDAM_CHECK(impl->open_reception(executor, clock, options));
  impl->http =
      std::make_unique<net::HttpServer>(std::move(executor), std::move(http),
                                        [&reception = *impl->reception](net::HttpRequest request) {
                                          return reception.answer(std::move(request));
                                        });
  COFFERDAM_TRY(const net::Endpoint endpoint, impl->http->listen(options.listen));
  const auto& address = std::get<net::TcpAddress>(endpoint);
  impl->ready = {{"ready", true},
                 {"endpoint", url("http", address)},
                 {"tlsEndpoint", url("https", address)},
                 {"ca", impl->folder.ca().string()},
                 {"nsmRoot", pinned.file.string()},
                 {"nsmData", impl->folder.nsm().string()},
                 {"credentials", impl->folder.credentials().string()},
                 {"enclaveCredentials", impl->folder.enclave_credentials().string()},
                 {"decisions", impl->folder.decisions().string()}};
  return std::unique_ptr<CloudServer>(new CloudServer(std::move(impl)));
}

Status CloudServer::reload_faults() { return impl_->reception->reload_faults(); }

Task<void> CloudServer::drain() { return impl_->http->drain(kGrace); }

namespace {

// The fault file changed: read it again at each SIGHUP.
void reload_on_hangup(boost::asio::signal_set& hangups, CloudServer& server) {
  hangups.async_wait([&](const boost::system::error_code& failed, int) {
    if (failed) return;
    if (const Status reloaded = server.reload_faults(); !reloaded) {
      log::error("the faults stay as they were: " + reloaded.error().detail);
    } else {
      log::info("the faults were read again");
    }
    reload_on_hangup(hangups, server);
  });
}

void report_end(std::exception_ptr failure, const Status& drained) {
  if (failure) std::rethrow_exception(failure);
  if (!drained) log::warning("connections were cut off: " + drained.error().detail);
}

}  // namespace

Status run_cloud(ServerOptions options, const Clock& clock,
                 const std::function<void(const json::object&)>& when_ready) {
  boost::asio::io_context context(1);
  // Before the server: a signal while it starts must not leave a temporary folder behind.
  boost::asio::signal_set signals(context, SIGINT, SIGTERM);
  boost::asio::signal_set hangups(context, SIGHUP);
  COFFERDAM_TRY(const auto server,
                CloudServer::start(context.get_executor(), clock, std::move(options)));
  signals.async_wait([&](const boost::system::error_code& failed, int) {
    if (failed) return;
    boost::asio::co_spawn(context, server->drain(),
                          [&context](std::exception_ptr failure, const Status& drained) {
                            report_end(failure, drained);
                            context.stop();
                          });
  });
  reload_on_hangup(hangups, *server);
  when_ready(server->ready());
  context.run();
  return {};
}

}  // namespace cofferdam::cloud
