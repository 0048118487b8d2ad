// SPDX-License-Identifier: Apache-2.0
#include "cli/demo/lab.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <fstream>
#include <iterator>

#include "agent/config.h"
#include "agent/parent.h"
#include "aws/sigv4.h"
#include "base/encoding.h"
#include "base/file.h"
#include "crypto/certificate_builder.h"
#include "crypto/pem.h"
#include "crypto/random.h"
#include "eif/measure.h"
#include "ledger/entry.h"
#include "net/http_client.h"

namespace cofferdam::cli::demo {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr std::size_t kMaxFile = std::size_t{64} * 1024 * 1024;
constexpr std::string_view kSecretName = "database-password";
constexpr std::string_view kRegion = "us-east-1";

Status write_text(const fs::path& path, std::string_view text, unsigned mode = 0644) {
  return write_file_atomic(path, as_bytes(text), mode);
}

Status make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error)
    return fail(Errc::unavailable, "cannot make " + path.string() + ": " + error.message());
  return {};
}

Status copy_file(const fs::path& from, const fs::path& to, unsigned mode) {
  COFFERDAM_TRY(const Bytes content, read_file(from, kMaxFile));
  return write_file_atomic(to, content, mode);
}

// A command of ours that must succeed; its standard output.
Result<std::string> run_command(std::vector<std::string> arguments, const fs::path& log) {
  COFFERDAM_TRY(const auto program, find_program("cofferdam"));
  arguments.insert(arguments.begin(), program.string());
  COFFERDAM_TRY(const Finished finished, run_to_end(arguments, log));
  if (finished.exit_code != 0) {
    return fail(Errc::internal, "cofferdam " + arguments[1] + " " + arguments[2] + " ended with " +
                                    std::to_string(finished.exit_code) + "; see " + log.string());
  }
  return finished.output;
}

Result<std::vector<json::object>> read_json_lines(const fs::path& path) {
  std::vector<json::object> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    COFFERDAM_TRY(json::value value, parse_json(line, kMaxFile));
    if (!value.is_object()) return fail(Errc::internal, path.string() + " holds no JSON objects");
    out.push_back(std::move(value.get_object()));
  }
  return out;
}

// What the agent decided, as the parent's ledger has it.
Result<std::vector<json::object>> decisions_in(const fs::path& path) {
  std::vector<json::object> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    COFFERDAM_TRY(ledger::SignedEntry signed_entry, ledger::parse_line(line));
    const ledger::Entry& entry = signed_entry.entry;
    if (entry.kind == ledger::kGenesisKind || entry.kind == ledger::kClosingKind) continue;
    json::object decision{{"time", format_rfc3339(entry.time)}};
    for (const auto& [name, value] : entry.record) decision[name] = value;
    out.push_back(std::move(decision));
  }
  return out;
}

// An enclave that may not speak to its parent yet leaves its decisions on the console only.
Result<std::vector<json::object>> decisions_on(std::string_view console) {
  constexpr std::string_view kMark = "enclave: {\"time\":";
  constexpr std::size_t kPrefix = std::string_view("enclave: ").size();
  std::vector<json::object> out;
  for (std::size_t at = 0; at < console.size();) {
    const std::string_view line = console.substr(at, console.find('\n', at) - at);
    at += line.size() + 1;
    if (!line.starts_with(kMark)) continue;
    COFFERDAM_TRY(json::value value, parse_json(line.substr(kPrefix), kMaxFile));
    out.push_back(std::move(value.as_object()));
  }
  return out;
}

std::string member(const json::object& object, std::string_view name) {
  return optional_string(object, name).value_or(std::nullopt).value_or("");
}

// The object's JSON text with one more member, whose value needs no escaping and is copied
// to this one buffer only.
Bytes with_member(const json::object& object, std::string_view name, const Secret& value) {
  const std::string before = json::serialize(object);
  const std::string label = ",\"" + std::string(name) + "\":\"";
  Bytes out;
  out.reserve(before.size() + label.size() + value.size() + 2);
  const auto append = [&](ByteView part) { out.insert(out.end(), part.begin(), part.end()); };
  append(as_bytes(std::string_view(before).substr(0, before.size() - 1)));
  append(as_bytes(label));
  append(value.reveal());
  append(as_bytes("\"}"));
  return out;
}

std::string agent_toml(const ImageSpec& spec, std::string_view kms_address) {
  return "[enclave]\nname = \"demo\"\nminimum_release = " + std::to_string(spec.minimum_release) +
         "\npcr8 = \"" + spec.signer->pcr8 +
         "\"\n\n[nsm]\ndevice = \"unix:/run/cofferdam/nsm.sock\"\n"
         "trust_root = \"/etc/cofferdam/nsm-root.pem\"\n\n[parent]\n"
         "control = \"unix:/run/cofferdam/parent-control.sock\"\n"
         "egress = \"unix:/run/cofferdam/parent-egress.sock\"\n\n[aws]\nregion = \"us-east-1\"\n"
         "kms_endpoint = \"https://" +
         std::string(kms_address) +
         "\"\nca_roots = \"/etc/cofferdam/aws-ca.pem\"\n\n[workload]\n"
         "socket = \"/run/workload/agent.sock\"\ncommand = [\"/app/possession\", \"" +
         std::string(kSecretName) + "\", \"" + std::string(Lab::kChallenge) +
         "\"]\n\n[[secret]]\nname = \"" + std::string(kSecretName) +
         "\"\noperation = \"Decrypt\"\nkey = \"" + spec.key_arn +
         "\"\ncontext = { app = \"demo\", \"cofferdam:purpose\" = \"database\" }\n";
}

}  // namespace

Lab::~Lab() {
  services_.clear();
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

Result<Lab> Lab::open() {
  std::string pattern = (fs::temp_directory_path() / "cofferdam-demo-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    return fail(Errc::unavailable, "cannot make a temporary folder: " + errno_text(errno));
  }
  Lab lab;
  lab.folder_ = pattern;
  COFFERDAM_CHECK(lab.start_cloud());
  return lab;
}

Status Lab::start_cloud() {
  COFFERDAM_TRY(const auto program, find_program("cofferdam"));
  COFFERDAM_TRY(Child cloud, Child::start({program, "cloud", "--listen", "127.0.0.1:0", "--data",
                                           folder_ / "aws"},
                                          log("cloud")));
  COFFERDAM_TRY(cloud_ready_, cloud.read_ready_line(seconds(20)));
  kms_address_ = member(cloud_ready_, "endpoint").substr(std::string_view("http://").size());
  services_.push_back(std::move(cloud));
  return {};
}

Result<std::string> Lab::start_impostor() {
  COFFERDAM_TRY(const auto program, find_program("cofferdam"));
  COFFERDAM_TRY(Child cloud, Child::start({program, "cloud", "--listen", "127.0.0.1:0", "--data",
                                           folder_ / "impostor"},
                                          log("impostor")));
  COFFERDAM_TRY(const json::object ready, cloud.read_ready_line(seconds(20)));
  services_.push_back(std::move(cloud));
  return member(ready, "endpoint").substr(std::string_view("http://").size());
}

Result<Signer> Lab::make_signer(std::string_view name) {
  COFFERDAM_TRY(const auto key, crypto::EcPrivateKey::generate(crypto::Curve::p384));
  const Timestamp now = SystemClock().now();
  const crypto::CertificateSpec spec{
      .serial = {1},
      .issuer = {{"O", "Cofferdam demo"}, {"CN", std::string(name)}},
      .subject = {{"O", "Cofferdam demo"}, {"CN", std::string(name)}},
      .not_before = now - std::chrono::hours(1),
      .not_after = now + std::chrono::days(365),
      .path_length = {},
      .key_usage = crypto::kDigitalSignature,
      .dns_names = {},
      .ip_addresses = {},
      .extensions = {}};
  COFFERDAM_TRY(const Bytes der, crypto::build_certificate(spec, key.public_key(), key));
  Signer out{.certificate = folder_ / (std::string(name) + ".pem"),
             .key = folder_ / (std::string(name) + ".key"),
             .pcr8 = to_hex(eif::measure_bytes(der))};
  COFFERDAM_CHECK(write_text(out.certificate, crypto::pem_encode("CERTIFICATE", der)));
  const Secret pem = key.to_pem();
  COFFERDAM_CHECK(write_file_atomic(out.key, pem.reveal(), 0600));
  return out;
}

Status Lab::write_rootfs(const ImageSpec& spec, const fs::path& root) {
  COFFERDAM_CHECK(make_folders(root / "etc/cofferdam"));
  COFFERDAM_CHECK(make_folders(root / "app"));
  COFFERDAM_CHECK(write_text(root / "etc/cofferdam/agent.toml", agent_toml(spec, kms_address_)));
  COFFERDAM_CHECK(
      copy_file(member(cloud_ready_, "nsmRoot"), root / "etc/cofferdam/nsm-root.pem", 0644));
  COFFERDAM_CHECK(copy_file(member(cloud_ready_, "ca"), root / "etc/cofferdam/aws-ca.pem", 0644));
  COFFERDAM_TRY(const auto agent, find_program("cofferdam-agent"));
  COFFERDAM_CHECK(copy_file(agent, root / "init", 0755));
  COFFERDAM_TRY(const auto workload, find_program("possession"));
  COFFERDAM_TRY(Bytes program, read_file(workload, kMaxFile));
  // The last byte of an ELF file lies in its section headers, which nothing reads to run it.
  if (spec.flip_a_byte_of_the_workload) program.back() ^= 1;
  return write_file_atomic(root / "app/possession", program, 0755);
}

Result<Image> Lab::build_image(const ImageSpec& spec) {
  const fs::path work = folder_ / spec.file_name;
  const fs::path root = work / "root";
  COFFERDAM_CHECK(write_rootfs(spec, root));
  const fs::path kernel = work / "kernel";
  COFFERDAM_CHECK(
      write_text(kernel, "The process backend starts no kernel; this stands in for one.\n"));
  const std::string boot_ramdisk = work / "boot.cpio";
  const std::string app_ramdisk = work / "app.cpio";
  const auto add = [&](std::string_view path, std::string_view mode) {
    return std::string(path) + "=" + (root / path).string() + ":" + std::string(mode);
  };
  COFFERDAM_CHECK(run_command(
      {"eif", "ramdisk", "--add", add("init", "0755"), "--add",
       add("etc/cofferdam/agent.toml", "0644"), "--add", add("etc/cofferdam/nsm-root.pem", "0644"),
       "--add", add("etc/cofferdam/aws-ca.pem", "0644"), "--output", boot_ramdisk},
      log("build")));
  COFFERDAM_CHECK(run_command(
      {"eif", "ramdisk", "--add", add("app/possession", "0755"), "--output", app_ramdisk},
      log("build")));

  Image image{.path = work / "enclave.eif",
              .manifest = work / "release.cose",
              .pcrs = {},
              .config_digest = {}};
  COFFERDAM_TRY(const std::string printed,
                run_command({"eif", "build", "--kernel", kernel, "--cmdline", "reboot=k panic=30",
                             "--ramdisk", boot_ramdisk, "--ramdisk", app_ramdisk, "--name", "demo",
                             "--signing-cert", spec.signer->certificate, "--signing-key",
                             spec.signer->key, "--output", image.path},
                            log("build")));
  COFFERDAM_TRY(const json::value parsed, parse_json(printed, kMaxFile));
  const json::object& measured = parsed.at("Measurements").as_object();
  for (const int index : {0, 1, 2, 8}) {
    image.pcrs[index] = member(measured, "PCR" + std::to_string(index));
  }
  COFFERDAM_TRY(const auto config, agent::load_config(root));
  image.config_digest = to_bytes(config.digest);
  image.pcrs[16] = to_hex(agent::expected_pcr16(config.digest));

  const std::string not_after = format_rfc3339(SystemClock().now() + std::chrono::days(30));
  COFFERDAM_CHECK(run_command({"release", "create", "--image", image.path, "--name", "demo",
                               "--release", std::to_string(spec.release), "--pcr16", image.pcrs[16],
                               "--not-after", not_after, "--signing-cert", spec.signer->certificate,
                               "--signing-key", spec.signer->key, "--output", image.manifest},
                              log("build")));
  return image;
}

Result<json::object> Lab::kms(As who, std::string_view operation, const json::object& request) {
  return kms(who, operation, to_bytes(std::string_view(json::serialize(request))));
}

Result<json::object> Lab::kms(As who, std::string_view operation, Bytes body) {
  const char* const file = who == As::administrator ? "credentials" : "enclaveCredentials";
  COFFERDAM_TRY(const Secret text, read_secret_file(member(cloud_ready_, file), 4096));
  COFFERDAM_TRY(const auto credentials, agent::parse_credentials(text.reveal()));

  net::HttpRequest http;
  http.method = "POST";
  http.target = "/";
  http.headers = {{"Host", kms_address_},
                  {"Content-Type", "application/x-amz-json-1.1"},
                  {"X-Amz-Target", "TrentService." + std::string(operation)}};
  http.body = std::move(body);
  const aws::SigningScope scope{.region = std::string(kRegion), .service = "kms"};
  COFFERDAM_CHECK(aws::sign_request(http, credentials, scope, SystemClock().now()));

  net::HttpClientOptions options;
  COFFERDAM_TRY(options.endpoint, net::parse_endpoint("tcp:" + kms_address_));
  COFFERDAM_TRY(const net::HttpResponse answer,
                net::http_send_blocking(std::move(options), std::move(http)));
  COFFERDAM_TRY(const json::value parsed, parse_json(as_text(answer.body), kMaxFile));
  if (answer.status == 200) return parsed.as_object();
  const std::string message = member(parsed.as_object(), "message");
  return fail(Errc::denied, member(parsed.as_object(), "__type") + ": " + message);
}

Result<fs::path> Lab::store_secret(std::string_view key_arn) {
  secret_ = Secret(32);
  crypto::random_bytes(secret_.reveal_mut());
  const json::object context{{"app", "demo"}, {"cofferdam:purpose", "database"}};
  const json::object public_part{{"KeyId", key_arn}, {"EncryptionContext", context}};
  COFFERDAM_TRY(const json::object answer,
                kms(As::administrator, "Encrypt",
                    with_member(public_part, "Plaintext", secret_to_base64(secret_))));
  ciphertext_ = member(answer, "CiphertextBlob");
  const json::object offer{
      {"ciphertext", ciphertext_}, {"keyId", key_arn}, {"encryptionContext", context}};
  fs::path path = folder_ / "offer.json";
  COFFERDAM_CHECK(write_text(path, json::serialize(offer)));
  return path;
}

Result<fs::path> Lab::altered_offer(const fs::path& offer, std::string_view name,
                                    json::value value) {
  COFFERDAM_TRY(const std::string text, read_text_file(offer, kMaxFile));
  COFFERDAM_TRY(json::value parsed, parse_json(text, kMaxFile));
  parsed.as_object()[name] = std::move(value);
  fs::path path = folder_ / ("offer-" + std::string(name) + ".json");
  COFFERDAM_CHECK(write_text(path, json::serialize(parsed)));
  return path;
}

Result<Child> Lab::start_parent(const Launch& launch, const fs::path& run) {
  COFFERDAM_TRY(const auto program, find_program("cofferdam-parent"));
  const std::vector<std::string> arguments{
      program,
      "--control",
      "unix:" + (run / "parent-control.sock").string(),
      "--egress",
      "unix:" + (run / "parent-egress.sock").string(),
      "--allow",
      launch.impostor ? kms_address_ + "=" + *launch.impostor : kms_address_,
      "--release-manifest",
      launch.manifest,
      "--offer",
      std::string(kSecretName) + "=" + launch.offer.string(),
      "--credentials",
      member(cloud_ready_, "enclaveCredentials"),
      "--ledger",
      run / "ledger.jsonl"};
  COFFERDAM_TRY(Child parent, Child::start(arguments, log("parent")));
  COFFERDAM_TRY([[maybe_unused]] const auto ready, parent.read_ready_line(seconds(10)));
  return parent;
}

Result<Outcome> Lab::launch(const Launch& launch) {
  const fs::path run = folder_ / ("run" + std::to_string(++launches_));
  COFFERDAM_CHECK(make_private_folder(run));
  COFFERDAM_TRY(const Child parent, start_parent(launch, run));
  COFFERDAM_TRY(const auto program, find_program("cofferdam"));
  std::vector<std::string> arguments{program,
                                     "run",
                                     launch.image->path,
                                     "--vsock-dir",
                                     run,
                                     "--nsm-data",
                                     member(cloud_ready_, "nsmData")};
  if (launch.debug_mode) arguments.emplace_back("--debug-mode");
  const fs::path console = run / "console.log";
  COFFERDAM_TRY(const Finished finished, run_to_end(arguments, console, seconds(60)));
  Outcome out{.exit_code = finished.exit_code,
              .console = {},
              .decisions = {},
              .ledger = run / "ledger.jsonl"};
  COFFERDAM_TRY(out.console, read_text_file(console, kMaxFile));
  COFFERDAM_TRY(out.decisions, decisions_in(out.ledger));
  if (out.decisions.empty()) {
    COFFERDAM_TRY(out.decisions, decisions_on(out.console));
  }
  COFFERDAM_TRY(auto of_kms, new_kms_decisions());
  std::ranges::move(of_kms, std::back_inserter(out.decisions));
  return out;
}

Result<bool> Lab::ledger_verifies(const fs::path& ledger, const Image& image) {
  COFFERDAM_TRY(const auto program, find_program("cofferdam"));
  const std::vector<std::string> arguments{
      program,     "audit",       "verify",
      ledger,      "--root",      fs::path(member(cloud_ready_, "nsmData")) / "root.pem",
      "--release", image.manifest};
  COFFERDAM_TRY(const Finished finished, run_to_end(arguments, log("audit")));
  return finished.exit_code == 0;
}

Result<std::vector<json::object>> Lab::new_kms_decisions() {
  COFFERDAM_TRY(auto all, read_json_lines(member(cloud_ready_, "decisions")));
  const std::size_t seen = std::min(kms_decisions_seen_, all.size());
  kms_decisions_seen_ = all.size();
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(seen));
  return all;
}

}  // namespace cofferdam::cli::demo
