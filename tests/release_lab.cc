// SPDX-License-Identifier: Apache-2.0
#include "release_lab.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/json/serialize.hpp>
#include <set>
#include <sstream>

#include "agent/agent.h"
#include "agent/parent.h"
#include "attest/release_manifest.h"
#include "aws/sigv4.h"
#include "base/encoding.h"
#include "cloud/identities.h"
#include "cloud/query_form.h"
#include "net/deadline.h"
#include "net/http_client.h"
#include "net/socket.h"

namespace cofferdam::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr std::array<std::uint8_t, 4> kMeasuredPcrs{0, 1, 2, 8};
constexpr auto kPatience = 60s;  // Instrumented binaries on a busy machine.

std::string read_text(const std::filesystem::path& path) {
  auto text = read_text_file(path, kMaxFile);
  return text ? *std::move(text) : std::string();
}

void write_text(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  ASSERT_TRUE(write_file_atomic(path, as_bytes(text)).has_value());
}

// The lines on these operations, of a ledger or of a plain log.
std::vector<json::object> decisions_on(const std::filesystem::path& log,
                                       const std::set<std::string_view>& operations) {
  std::vector<json::object> out;
  std::istringstream lines(read_text(log));
  for (std::string line; std::getline(lines, line);) {
    const auto entry = ledger::parse_line(line);
    json::object decision =
        entry ? entry->entry.record : parse_json(line, kMaxFile).value().as_object();
    const json::value* const operation = decision.if_contains("operation");
    const bool wanted = operation != nullptr && operations.contains(operation->as_string());
    if (wanted) out.push_back(std::move(decision));
  }
  return out;
}

std::vector<json::object> releases(const std::filesystem::path& log) {
  return decisions_on(log, {"Decrypt", "GenerateDataKey"});
}

std::string key_policy(const std::string& role, const std::map<int, std::string>& pcrs) {
  json::object required;
  for (const auto& [index, value] : pcrs) {
    required["kms:RecipientAttestation:PCR" + std::to_string(index)] = value;
  }
  const json::object owner{{"Effect", "Allow"},
                           {"Principal", {{"AWS", cloud::admin_arn(cloud::Place())}}},
                           {"Action", json::array{"kms:PutKeyPolicy", "kms:Encrypt"}},
                           {"Resource", "*"}};
  const json::object enclave{{"Effect", "Allow"},
                             {"Principal", {{"AWS", "arn:aws:iam::111122223333:role/" + role}}},
                             {"Action", json::array{"kms:Decrypt", "kms:GenerateDataKey"}},
                             {"Resource", "*"},
                             {"Condition", {{"StringEquals", required}}}};
  const json::object policy{{"Version", "2012-10-17"}, {"Statement", json::array{owner, enclave}}};
  return json::serialize(policy);
}

// agent.toml before its secrets; $NAME stands for what only a running lab knows.
constexpr std::string_view kAgentToml = R"([enclave]
name = "demo"
minimum_release = 1
pcr8 = "$PCR8"
[nsm]
device = "unix:$DIR/nsm.sock"
trust_root = "/etc/cofferdam/nsm-root.pem"
[parent]
control = "unix:$DIR/control.sock"
egress = "unix:$DIR/egress.sock"
heartbeat = "unix:$DIR/heartbeat.sock"
[aws]
region = "us-east-1"
kms_endpoint = "https://$KMS"
ca_roots = "/etc/cofferdam/aws-ca.pem"
[workload]
socket = "$DIR/agent.sock"
command = ["/bin/sh", "-c", "read line < $DIR/lifeline"]
)";

constexpr std::string_view kIdentityToml = R"([identity]
broker = "https://$BROKER"
ca_roots = "/etc/cofferdam/broker-ca.pem"
audience = "sts.amazonaws.com"
role_arn = "arn:aws:iam::111122223333:role/attested"
duration = "15m"
sts_endpoint = "https://$KMS"
)";

// Nothing but a token of this release lets anybody in.
std::string trust_policy(const std::string& broker) {
  const json::object tokens{
      {"Effect", "Allow"},
      {"Principal", {{"Federated", "arn:aws:iam::111122223333:oidc-provider/" + broker}}},
      {"Action", json::array{"sts:AssumeRoleWithWebIdentity", "sts:TagSession"}},
      {"Condition",
       {{"StringEquals",
         {{broker + ":aud", BrokerLab::kAudience},
          {broker + ":sub", "cofferdam:demo:release:1"}}}}}};
  return json::serialize(
      json::object{{"Version", "2012-10-17"}, {"Statement", json::array{tokens}}});
}

constexpr std::string_view kSecretToml = R"([[secret]]
name = "$NAME"
operation = "$OPERATION"
key = "$KEY"
context = { app = "demo" }
)";

std::string fill_in(std::string_view form, const std::map<std::string, std::string>& values) {
  std::string out(form);
  for (const auto& [name, value] : values) {
    for (auto at = out.find(name); at != out.npos; at = out.find(name)) {
      out.replace(at, name.size(), value);
    }
  }
  return out;
}

}  // namespace

LossyHop::LossyHop(boost::asio::any_io_executor executor, net::TcpAddress upstream)
    : upstream_(std::move(upstream)),
      server_(std::move(executor), "hop", /*max_connections=*/16,
              [this](net::Stream near, const std::shared_ptr<net::ServedConnection>&) {
                return serve(std::move(near));
              }) {}

Task<void> LossyHop::serve(net::Stream near) {
  using namespace boost::asio::experimental::awaitable_operators;
  COFFERDAM_CO_TRY(net::Stream far, co_await net::connect(upstream_, kPatience));
  auto requests = pump(&near, &far, /*answers=*/false);
  auto answers = pump(&far, &near, /*answers=*/true);
  co_await (std::move(requests) || std::move(answers));
  co_return Status();
}

// Both streams belong to serve(), which waits.
Task<void> LossyHop::pump(net::Stream* from, net::Stream* to, bool answers) {
  std::array<std::uint8_t, 4096> room{};
  while (true) {
    auto reading = from->read_some(room);
    COFFERDAM_CO_TRY(const std::size_t size, co_await with_deadline(kPatience, std::move(reading)));
    if (size == 0) co_return Status();
    if (answers && armed_.exchange(false)) {
      ++answers_lost_;
      co_return Status();
    }
    auto writing = to->write(ByteView(room).first(size));
    COFFERDAM_CO_CHECK(co_await with_deadline(kPatience, std::move(writing)));
  }
}

HeartbeatListener::HeartbeatListener(boost::asio::any_io_executor executor)
    : server_(std::move(executor), "heartbeat", /*max_connections=*/16,
              [this](net::Stream stream, const std::shared_ptr<net::ServedConnection>&) {
                return serve(std::move(stream));
              }) {}

Task<void> HeartbeatListener::serve(net::Stream stream) {
  ++connections_;
  std::array<std::uint8_t, 1> byte{};
  auto reading = stream.read_some(byte);
  COFFERDAM_CO_TRY(const std::size_t size, co_await with_deadline(kPatience, std::move(reading)));
  auto writing = stream.write(ByteView(byte).first(size));
  co_return co_await with_deadline(kPatience, std::move(writing));
}

RunningAgent::RunningAgent(std::filesystem::path root, std::filesystem::path console,
                           const std::filesystem::path& lifeline)
    : lifeline_(open(lifeline.c_str(), O_RDWR | O_CLOEXEC)),
      thread_([this, root = std::move(root), console = std::move(console)] {
        status_ = agent::run_agent(root, *ledger::open_decision_log(console).value());
        ended_ = true;
      }) {}

RunningAgent::~RunningAgent() { stop(); }

int RunningAgent::stop() {
  if (!thread_.joinable()) return status_;
  EXPECT_EQ(write(lifeline_.get(), "\n", 1), 1);
  thread_.join();
  return status_;
}

ReleaseLab::ReleaseLab(Credentials credentials) {
  start_cloud();
  key_arn_ = kms("CreateKey", {}).at("KeyMetadata").at("Arn").as_string();
  authority_ =
      std::make_unique<nsm::Authority>(nsm::Authority::open(folder_ / "cloud/nsm", clock_).value());
  if (credentials == Credentials::of_a_role) {
    broker_ =
        std::make_unique<BrokerLab>(loop_, clock_, folder_ / "broker", authority_->root_der());
    make_role();
  }
  write_image();
  lock_key(pcrs_);
  store_secret();
  kms_leads_to_ = kms_address();
  start_parent();
  loop_.call([this] {
    heartbeat_ = std::make_unique<HeartbeatListener>(loop_.executor());
    EXPECT_TRUE(heartbeat_->listen(folder_ / "heartbeat.sock").has_value());
  });
}

ReleaseLab::~ReleaseLab() {
  agent_.reset();
  if (process_ > 0) {
    EXPECT_EQ(write(lifeline_.get(), "\n", 1), 1);
    waitpid(process_, nullptr, 0);
  }
  if (nsm_) nsm_->stop();
  stop_parent();
  broker_.reset();
  EXPECT_TRUE(loop_.run(heartbeat_->drain()).has_value());
  loop_.call([this] { heartbeat_.reset(); });
  if (hop_) {
    EXPECT_TRUE(loop_.run(hop_->drain()).has_value());
    loop_.call([this] { hop_.reset(); });
  }
  if (relay_) {
    EXPECT_TRUE(loop_.run(relay_->drain()).has_value());
    loop_.call([this] { relay_.reset(); });
  }
  if (impostor_) {
    EXPECT_TRUE(loop_.run(impostor_->drain()).has_value());
    loop_.call([this] { impostor_.reset(); });
  }
  stop_cloud();
}

void ReleaseLab::start_cloud() {
  cloud::ServerOptions options;
  options.listen = kms_;
  options.data = folder_ / "cloud";
  loop_.call([&] {
    cloud_ = cloud::CloudServer::start(loop_.executor(), clock_, std::move(options)).value();
  });
  const std::string endpoint(cloud_->ready().at("endpoint").as_string());
  kms_ = std::get<net::TcpAddress>(
      net::parse_endpoint("tcp:" + endpoint.substr(std::string_view("http://").size())).value());
}

void ReleaseLab::stop_cloud() {
  if (!cloud_) return;
  EXPECT_TRUE(loop_.run(cloud_->drain()).has_value());
  loop_.call([this] { cloud_.reset(); });
}

void ReleaseLab::start_parent() {
  parent::ControlOptions options;
  options.release_manifest = folder_ / "release.manifest";
  options.offers = {{"database-password", folder_ / "database-password.json"},
                    {"unwrapped", folder_ / "unwrapped.json"}};
  options.credentials = parent::CredentialSource::file(
      broker_ ? folder_ / "none.json" : folder_ / "cloud/enclave-credentials.json");
  options.ledger = folder_ / "ledger.jsonl";
  auto service = parent::ControlService::open(std::move(options), clock_).value();
  std::vector<std::string> places{kms_address() + "=" + kms_leads_to_};
  if (broker_) places.push_back(broker_->address());
  auto allowed = parent::AllowList::parse(places).value();
  loop_.call([&] {
    parent_ = std::make_unique<parent::Parent>(loop_.executor(), std::move(allowed),
                                               parent::EgressOptions(), std::move(service));
    EXPECT_TRUE(parent_->listen_control(net::UnixAddress{folder_ / control_socket_}).has_value());
    EXPECT_TRUE(parent_->listen_egress(net::UnixAddress{folder_ / egress_socket_}).has_value());
  });
}

void ReleaseLab::stop_parent() {
  if (!parent_) return;
  EXPECT_TRUE(loop_.run(parent_->drain(0ms)).has_value());
  loop_.call([this] { parent_.reset(); });
}

LossyHop& ReleaseLab::insert_hop() {
  loop_.call([this] {
    hop_ = std::make_unique<LossyHop>(loop_.executor(), kms_);
    kms_leads_to_ = net::to_string(hop_->listen().value()).substr(std::string_view("tcp:").size());
  });
  stop_parent();
  start_parent();
  return *hop_;
}

net::testing::FaultRelay& ReleaseLab::start_relay(net::Endpoint target, net::Endpoint listen) {
  loop_.call([&] {
    relay_ = std::make_unique<net::testing::FaultRelay>(loop_.executor(), std::move(target));
    const net::Endpoint ready = relay_->listen(listen).value();
    if (std::holds_alternative<net::TcpAddress>(ready)) {
      kms_leads_to_ = net::to_string(ready).substr(std::string_view("tcp:").size());
    }
  });
  return *relay_;
}

net::testing::FaultRelay& ReleaseLab::insert_relay(Place place) {
  stop_parent();
  if (place == Place::kms) {
    start_relay(kms_, net::TcpAddress{.host = "127.0.0.1", .port = 0});
  } else {
    std::string& socket = place == Place::control ? control_socket_ : egress_socket_;
    const net::UnixAddress as_the_agent_knows_it{folder_ / socket};
    socket = "behind.sock";
    start_relay(net::UnixAddress{folder_ / socket}, as_the_agent_knows_it);
  }
  start_parent();
  return *relay_;
}

net::testing::FaultRelay& ReleaseLab::insert_impostor() {
  cloud::ServerOptions options;
  options.listen = net::TcpAddress{.host = "127.0.0.1", .port = 0};
  options.data = folder_ / "impostor";
  loop_.call([&] {
    impostor_ = cloud::CloudServer::start(loop_.executor(), clock_, std::move(options)).value();
  });
  const std::string endpoint(impostor_->ready().at("endpoint").as_string());
  const std::string address = endpoint.substr(std::string_view("http://").size());
  stop_parent();
  start_relay(net::parse_endpoint("tcp:" + address).value(),
              net::TcpAddress{.host = "127.0.0.1", .port = 0});
  start_parent();
  return *relay_;
}

std::string ReleaseLab::agent_toml() const {
  const std::filesystem::path folder = (folder_ / "root").parent_path();
  std::string out = fill_in(
      kAgentToml,
      {{"$DIR", folder.string()}, {"$PCR8", to_hex(owner_.pcr8())}, {"$KMS", kms_address()}});
  const std::map<std::string, std::string> secrets{
      {"database-password", "Decrypt"}, {"unwrapped", "Decrypt"}, {"envelope", "GenerateDataKey"}};
  for (const auto& [name, operation] : secrets) {
    out += fill_in(kSecretToml, {{"$NAME", name}, {"$OPERATION", operation}, {"$KEY", key_arn_}});
  }
  if (broker_) {
    out += fill_in(kIdentityToml, {{"$BROKER", broker_->address()}, {"$KMS", kms_address()}});
  }
  return out;
}

// The file system of the image, the registers its measurement would give, and the owner's
// manifest of them.
void ReleaseLab::write_image() {
  const std::filesystem::path etc = folder_ / "root/etc/cofferdam";
  write_text(etc / "aws-ca.pem", read_text(folder_ / "cloud/ca.pem"));
  write_text(etc / "nsm-root.pem", read_text(authority_->root_pem_path()));
  if (broker_) write_text(etc / "broker-ca.pem", broker_->ca_pem());
  write_text(etc / "agent.toml", agent_toml());
  ASSERT_EQ(mkfifo((folder_ / "lifeline").c_str(), 0600), 0);

  const auto measured = agent::load_config(folder_ / "root");
  ASSERT_TRUE(measured.has_value()) << measured.error().detail;
  manifest_.name = "demo";
  manifest_.release = 1;
  manifest_.pcrs = {{0, Bytes(48, 1)}, {1, Bytes(48, 2)}, {2, Bytes(48, 3)}, {8, owner_.pcr8()}};
  manifest_.pcrs[16] = to_bytes(agent::expected_pcr16(measured->digest));
  manifest_.not_after = clock_.now() + 24h;
  for (const auto& [index, value] : manifest_.pcrs) pcrs_[index] = to_hex(value);
  const Bytes bytes = sign_manifest(manifest_);
  write_text(folder_ / "release.manifest", as_text(bytes));
  if (broker_) broker_->admit_release(bytes);
}

Bytes ReleaseLab::sign_manifest(const attest::ReleaseManifest& manifest) const {
  return attest::sign_release_manifest(manifest, owner_.certificate, owner_.key).value();
}

void ReleaseLab::admit_other_release() {
  attest::ReleaseManifest other = manifest_;
  other.pcrs[0] = Bytes(48, 7);
  broker_->admit_release(sign_manifest(other));
}

void ReleaseLab::write_process(std::string_view json) {
  write_text(folder_ / "root/etc/cofferdam/process.json", json);
}

void ReleaseLab::spoil_manifest() { write_text(folder_ / "release.manifest", "not a manifest"); }

json::object ReleaseLab::parent_status() const {
  const auto response = ask("control.sock", "GET", "/v1/status");
  return parse_json(as_text(response.body), kMaxFile).value().as_object();
}

void ReleaseLab::lock_key(const std::map<int, std::string>& required) {
  kms("PutKeyPolicy",
      {{"KeyId", key_arn_},
       {"PolicyName", "default"},
       {"Policy", key_policy(broker_ ? "attested" : "cofferdam-enclave", required)}});
}

void ReleaseLab::store_secret() {
  const json::object sealed = kms("Encrypt", {{"KeyId", key_arn_},
                                              {"Plaintext", to_base64(as_bytes(kSecretText))},
                                              {"EncryptionContext", {{"app", "demo"}}}});
  offer("database-password", std::string(sealed.at("CiphertextBlob").as_string()));
}

void ReleaseLab::offer(const std::string& name, const std::string& ciphertext) {
  const json::object stated{
      {"ciphertext", ciphertext}, {"keyId", key_arn_}, {"encryptionContext", {{"app", "demo"}}}};
  write_text(folder_ / (name + ".json"), json::serialize(stated));
}

// As the administrator, over plain HTTP.
json::object ReleaseLab::kms(std::string_view operation, const json::object& request) const {
  const std::string file = read_text(folder_ / "cloud/credentials.json");
  const aws::Credentials admin = agent::parse_credentials(as_bytes(file)).value();
  net::HttpRequest http;
  http.method = "POST";
  http.target = "/";
  http.headers = {{"Host", kms_address()},
                  {"Content-Type", "application/x-amz-json-1.1"},
                  {"X-Amz-Target", "TrentService." + std::string(operation)}};
  http.body = to_bytes(std::string_view(json::serialize(request)));
  const aws::SigningScope scope{.region = "us-east-1", .service = "kms"};
  EXPECT_TRUE(aws::sign_request(http, admin, scope, clock_.now()).has_value());
  net::HttpClientOptions options;
  options.endpoint = kms_;
  const auto response = net::http_send_blocking(options, std::move(http)).value();
  EXPECT_EQ(response.status, 200U) << operation << ": " << as_text(response.body);
  if (response.body.empty()) return {};
  return parse_json(as_text(response.body), kMaxFile).value().as_object();
}

void ReleaseLab::iam(std::string_view action, std::map<std::string, std::string> parameters) const {
  const std::string file = read_text(folder_ / "cloud/credentials.json");
  const aws::Credentials admin = agent::parse_credentials(as_bytes(file)).value();
  cloud::QueryForm form(parameters.begin(), parameters.end());
  form["Action"] = action;
  form["Version"] = "2010-05-08";
  net::HttpRequest http;
  http.method = "POST";
  http.target = "/";
  http.headers = {{"Host", kms_address()}, {"Content-Type", "application/x-www-form-urlencoded"}};
  http.body = to_bytes(std::string_view(cloud::to_text(form)));
  const aws::SigningScope scope{.region = "us-east-1", .service = "iam"};
  EXPECT_TRUE(aws::sign_request(http, admin, scope, clock_.now()).has_value());
  net::HttpClientOptions options;
  options.endpoint = kms_;
  const auto response = net::http_send_blocking(options, std::move(http)).value();
  EXPECT_EQ(response.status, 200U) << action << ": " << as_text(response.body);
}

void ReleaseLab::make_role() const {
  iam("CreateOpenIDConnectProvider",
      {{"Url", broker_->issuer()}, {"ClientIDList.member.1", BrokerLab::kAudience}});
  iam("CreateRole",
      {{"RoleName", "attested"}, {"AssumeRolePolicyDocument", trust_policy(broker_->address())}});
}

void ReleaseLab::start_module() {
  nsm::BootState state;
  for (const std::uint8_t index : kMeasuredPcrs) {
    state.pcrs[index] = from_hex(pcrs_.at(index)).value();
  }
  module_ = std::make_unique<nsm::Module>(
      nsm::Module::boot(*authority_, clock_, std::move(state)).value());
  nsm_ = nsm::Server::start(folder_ / "nsm.sock", *module_).value();
}

bool ReleaseLab::await_agent(const std::function<bool()>& ended) const {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (!ended() && std::chrono::steady_clock::now() < give_up) {
    boost::asio::io_context io(1);
    auto attempt = net::connect(net::UnixAddress{folder_ / "agent.sock"}, 1s);
    if (net::testing::run(io, std::move(attempt))) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

bool ReleaseLab::start_agent() {
  start_module();
  agent_ = std::make_unique<RunningAgent>(folder_ / "root", folder_ / "console.jsonl",
                                          folder_ / "lifeline");
  return await_agent([this] { return agent_->ended(); });
}

bool ReleaseLab::start_agent_process(const char* program) {
  start_module();
  const std::string root = folder_ / "root";
  const std::string console = folder_ / "console.jsonl";
  lifeline_ = UniqueFd(open((folder_ / "lifeline").c_str(), O_RDWR | O_CLOEXEC));
  process_ = fork();
  if (process_ == 0) {
    execl(program, program, root.c_str(), console.c_str(), nullptr);
    _exit(127);
  }
  return await_agent([this] { return waitpid(process_, nullptr, WNOHANG) != 0; });
}

int ReleaseLab::stop_agent() { return agent_->stop(); }

net::HttpResponse ReleaseLab::ask(const std::string& socket, std::string method,
                                  std::string target) const {
  net::HttpClientOptions options;
  options.endpoint = net::UnixAddress{folder_ / socket};
  options.request_timeout = kPatience;
  net::HttpRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  auto response = net::http_send_blocking(std::move(options), std::move(request));
  EXPECT_TRUE(response.has_value()) << response.error().detail;
  return response ? *std::move(response)
                  : net::HttpResponse{.status = 0, .headers = {}, .body = {}};
}

std::vector<json::object> ReleaseLab::kms_decisions() const {
  return releases(folder_ / "cloud/decisions.jsonl");
}

std::vector<json::object> ReleaseLab::agent_decisions() const {
  return releases(folder_ / "ledger.jsonl");
}

std::vector<json::object> ReleaseLab::identity_decisions() const {
  return decisions_on(folder_ / "ledger.jsonl", {"AssumeRoleWithWebIdentity"});
}

ledger::LedgerVerdict ReleaseLab::verify_ledger() const {
  const attest::Verifier documents(attest::TrustRoot::from_der(authority_->root_der()).value());
  ledger::Verifier::Expectations expected;
  for (const auto& [index, value] : pcrs_) {
    expected.pcrs[static_cast<std::uint8_t>(index)] = from_hex(value).value();
  }
  ledger::Verifier verifier(documents, std::move(expected));
  std::istringstream lines(read_text(folder_ / "ledger.jsonl"));
  std::uint64_t number = 0;
  for (std::string line; std::getline(lines, line);) verifier.add(line, ++number);
  verifier.finish();
  EXPECT_TRUE(verifier.stray().empty());
  EXPECT_EQ(verifier.ledgers().size(), 1U);
  return *verifier.ledgers().at(0);
}

std::string ReleaseLab::all_logs() const {
  return read_text(folder_ / "cloud/decisions.jsonl") + read_text(folder_ / "ledger.jsonl") +
         read_text(folder_ / "console.jsonl");
}

}  // namespace cofferdam::test
