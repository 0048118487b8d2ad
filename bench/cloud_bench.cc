// SPDX-License-Identifier: Apache-2.0
// Decrypt with a recipient against the real server over loopback: every call verifies a fresh
// attestation document, evaluates an attestation policy, and has the document and the decision
// on disk before it is answered. Documents are made beforehand by an emulated module.
// Arguments: TLS or not, connections at once. `calls` is per second of wall clock.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <thread>

#include "aws/sigv4.h"
#include "base/encoding.h"
#include "base/file.h"
#include "cloud/server.h"
#include "crypto/random.h"
#include "crypto/rsa.h"
#include "net/http_client.h"
#include "nsm/authority.h"
#include "nsm/module.h"

namespace cofferdam::cloud {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr int kBatch = 256;

template <class T>
T must(Result<T> result) {
  if (result) return *std::move(result);
  std::cerr << "cloud_bench: " << result.error().detail << '\n';
  std::exit(1);
}

std::filesystem::path make_folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "cofferdam-bench-XXXXXX");
  if (mkdtemp(pattern.data()) == nullptr) std::exit(1);
  return pattern;
}

// The server on a thread of its own, for the life of the process.
class Server {
 public:
  Server() : folder_(make_folder()) {
    ServerOptions options;
    options.listen.port = 0;
    options.data = folder_;
    server_ = must(CloudServer::start(context_.get_executor(), clock_, std::move(options)));
    thread_ = std::thread([this] { context_.run(); });
  }
  ~Server() {
    context_.stop();
    thread_.join();
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string file(std::string_view name) const {
    return std::string(server_->ready().at(name).as_string());
  }
  std::uint16_t port() const {
    const std::string endpoint = file("endpoint");
    return static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)));
  }

 private:
  std::filesystem::path folder_;
  SystemClock clock_;
  boost::asio::io_context context_{1};
  std::unique_ptr<CloudServer> server_;
  std::thread thread_;
};

aws::Credentials read_credentials(const std::string& path) {
  const auto value = must(parse_json(must(read_text_file(path, 4096)), 4096));
  const json::object& object = value.as_object();
  aws::Credentials credentials;
  credentials.access_key_id = object.at("AccessKeyId").as_string();
  credentials.secret_access_key =
      Secret::copy_of(as_bytes(object.at("SecretAccessKey").as_string()));
  if (object.contains("Token")) credentials.session_token = object.at("Token").as_string();
  return credentials;
}

// The enclave's side: a module, a recipient key, and requests ready to be sent.
class Caller {
 public:
  explicit Caller(const Server& server)
      : server_(server),
        authority_(must(nsm::Authority::open(server.file("nsmData"), clock_))),
        module_(must(nsm::Module::boot(authority_, clock_, boot_state()))),
        key_(must(crypto::RsaPrivateKey::generate())),
        admin_(read_credentials(server.file("credentials"))),
        enclave_(read_credentials(server.file("enclaveCredentials"))) {
    const json::value created = call_as_admin("CreateKey", {{"Policy", policy()}});
    const std::string arn(created.at("KeyMetadata").at("Arn").as_string());
    const json::value sealed =
        call_as_admin("Encrypt", {{"KeyId", arn}, {"Plaintext", "aHVudGVyMg=="}});
    ciphertext_ = sealed.at("CiphertextBlob").as_string();
  }

  net::HttpClientOptions client_options(bool tls, std::size_t connections) const {
    net::HttpClientOptions options;
    options.endpoint = net::TcpAddress{.host = "127.0.0.1", .port = server_.port()};
    options.max_idle_connections = connections;
    if (tls) {
      const std::string ca = must(read_text_file(server_.file("ca"), 65'536));
      options.tls = must(net::TlsClientContext::create(ca, clock_));
      options.tls_name = "127.0.0.1";
    }
    return options;
  }

  // A signed Decrypt with a document of its own.
  net::HttpRequest make_decrypt() {
    nsm::AttestationRequest attestation;
    attestation.nonce = crypto::random_bytes(32);
    attestation.public_key = key_.spki();
    const nsm::Response response = module_.handle(attestation);
    const Bytes& document = std::get<nsm::AttestationResponse>(response).document;
    return make("Decrypt",
                {{"CiphertextBlob", ciphertext_},
                 {"Recipient", json::object{{"KeyEncryptionAlgorithm", "RSAES_OAEP_SHA_256"},
                                            {"AttestationDocument", to_base64(document)}}}},
                enclave_);
  }

 private:
  static nsm::BootState boot_state() {
    nsm::BootState state;
    for (const int index : {0, 1, 2, 8}) {
      state.pcrs[static_cast<std::uint8_t>(index)] = Bytes(48, 0x5a);
    }
    return state;
  }

  static std::string policy() {
    return R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":)"
           R"("111122223333"},"Action":["kms:PutKeyPolicy","kms:Encrypt"],"Resource":"*"},)"
           R"({"Effect":"Allow","Principal":{"AWS":)"
           R"("arn:aws:iam::111122223333:role/cofferdam-enclave"},"Action":"kms:Decrypt",)"
           R"("Resource":"*","Condition":{"StringEqualsIgnoreCase":{)"
           R"("kms:RecipientAttestation:PCR0":")" +
           to_hex(Bytes(48, 0x5a)) + R"("}}}]})";
  }

  net::HttpRequest make(std::string_view operation, const json::object& body,
                        const aws::Credentials& who) {
    net::HttpRequest request;
    request.method = "POST";
    request.target = "/";
    request.headers = {{"Host", "127.0.0.1"},
                       {"Content-Type", "application/x-amz-json-1.1"},
                       {"X-Amz-Target", "TrentService." + std::string(operation)}};
    request.body = to_bytes(std::string_view(json::serialize(body)));
    const Status done =
        aws::sign_request(request, who, {.region = "us-east-1", .service = "kms"}, clock_.now());
    if (!done) std::exit(1);
    return request;
  }

  json::value call_as_admin(std::string_view operation, const json::object& body) {
    const auto response =
        must(net::http_send_blocking(client_options(false, 1), make(operation, body, admin_)));
    if (response.status != 200) {
      std::cerr << "cloud_bench: " << as_text(response.body) << '\n';
      std::exit(1);
    }
    return must(parse_json(as_text(response.body), 65'536));
  }

  const Server& server_;
  SystemClock clock_;
  nsm::Authority authority_;
  nsm::Module module_;
  crypto::RsaPrivateKey key_;
  aws::Credentials admin_;
  aws::Credentials enclave_;
  std::string ciphertext_;
};

// Requests waiting to be sent, and how long each took.
struct Batch {
  std::vector<net::HttpRequest> requests;
  std::vector<double> milliseconds;
  int refused = 0;
};

boost::asio::awaitable<void> send_all(net::HttpClient& client, Batch& batch) {
  while (!batch.requests.empty()) {
    net::HttpRequest request = std::move(batch.requests.back());
    batch.requests.pop_back();
    const auto start = SteadyClock::now();
    const auto response = co_await client.send(std::move(request));
    const std::chrono::duration<double, std::milli> taken = SteadyClock::now() - start;
    batch.milliseconds.push_back(taken.count());
    if (!response || response->status != 200) ++batch.refused;
  }
}

double at_quantile(std::vector<double>& values, double quantile) {
  const auto nth = values.begin() +
                   static_cast<std::ptrdiff_t>(quantile * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, nth);
  return *nth;
}

void decrypt_with_recipient(benchmark::State& state) {
  static Server server;
  static Caller caller(server);
  const auto connections = static_cast<std::size_t>(state.range(1));
  boost::asio::io_context context(1);
  net::HttpClient client(caller.client_options(state.range(0) != 0, connections));
  std::vector<double> milliseconds;
  for (auto _ : state) {
    Batch batch;
    for (int i = 0; i < kBatch; ++i) batch.requests.push_back(caller.make_decrypt());
    const auto start = SteadyClock::now();
    for (std::size_t i = 0; i < connections; ++i) {
      boost::asio::co_spawn(context, send_all(client, batch), boost::asio::detached);
    }
    context.restart();
    context.run();
    state.SetIterationTime(std::chrono::duration<double>(SteadyClock::now() - start).count());
    if (batch.refused > 0) {
      state.SkipWithError("a call was refused");
      break;
    }
    milliseconds.insert(milliseconds.end(), batch.milliseconds.begin(), batch.milliseconds.end());
  }
  if (milliseconds.empty()) return;
  state.counters["calls"] =
      benchmark::Counter(static_cast<double>(milliseconds.size()), benchmark::Counter::kIsRate);
  state.counters["median_ms"] = at_quantile(milliseconds, 0.5);
  state.counters["p99_ms"] = at_quantile(milliseconds, 0.99);
}

BENCHMARK(decrypt_with_recipient)
    ->ArgNames({"tls", "connections"})
    ->ArgsProduct({{0, 1}, {1, 16}})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace cofferdam::cloud
