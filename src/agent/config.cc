// SPDX-License-Identifier: Apache-2.0
#include "agent/config.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "agent/strict_toml.h"
#include "base/beneath.h"
#include "base/encoding.h"
#include "bytes/cbor.h"

namespace cofferdam::agent {
namespace {

constexpr std::size_t kMaxConfigSize = std::size_t{64} * 1024;
constexpr std::size_t kMaxNamedFileSize = std::size_t{256} * 1024;
constexpr std::size_t kMaxSecrets = 64;
constexpr std::size_t kMaxContextPairs = 16;
constexpr std::size_t kMaxArguments = 64;
constexpr std::size_t kMaxSocketPath = 100;  // sockaddr_un holds 107.
constexpr std::string_view kDomain = "cofferdam/config/v1";
constexpr net::VsockAddress kNitroHeartbeat{.cid = 3, .port = 9000};  // nitro-cli's.

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Names appear in URLs, logs and file names, so they need no escaping anywhere.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && is_lower_alnum(text.front()) &&
         std::ranges::all_of(
             text, [](char c) { return is_lower_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_region(std::string_view text) {
  return text.size() <= 32 && text.find('-') != text.npos &&
         std::ranges::all_of(text, [](char c) { return is_lower_alnum(c) || c == '-'; });
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t at = text.find(separator);
    out.push_back(text.substr(0, at));
    if (at == text.npos) return out;
    text.remove_prefix(at + 1);
  }
}

// arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
bool is_key_arn(std::string_view text, std::string_view region) {
  const auto part = split(text, ':');
  constexpr std::string_view kKey = "key/";
  if (part.size() != 6 || part[0] != "arn" || part[2] != "kms" || part[3] != region) return false;
  if (part[1] != "aws" && part[1] != "aws-cn" && part[1] != "aws-us-gov") return false;
  if (part[4].size() != 12 ||
      !std::ranges::all_of(part[4], [](char c) { return c >= '0' && c <= '9'; })) {
    return false;
  }
  if (!part[5].starts_with(kKey)) return false;
  const std::string_view id = part[5].substr(kKey.size());
  return !id.empty() && id.size() <= 64 &&
         std::ranges::all_of(id, [](char c) { return is_lower_alnum(c) || c == '-'; });
}

Result<crypto::Sha384> read_pcr(const StrictTable& table, std::string_view key,
                                std::string_view hex) {
  const auto bytes = from_hex(hex);
  crypto::Sha384 out{};
  if (!bytes || bytes->size() != out.size()) return table.refuse(key, "is not 96 hex digits");
  std::ranges::copy(*bytes, out.begin());
  return out;
}

Result<std::string> read_path(StrictTable& table, std::string_view key) {
  COFFERDAM_TRY(std::string path, table.text(key));
  if (!path.starts_with('/') || !path_components(path)) {
    return table.refuse(key, "is not an absolute path without '.', '..' and '//'");
  }
  return path;
}

Result<std::optional<net::Endpoint>> read_optional_endpoint(StrictTable& table,
                                                            std::string_view key) {
  COFFERDAM_TRY(const auto text, table.optional_text(key));
  if (!text) return std::nullopt;
  auto endpoint = net::parse_endpoint(*text);
  if (!endpoint) return table.refuse(key, "is not vsock:CID:PORT, unix:PATH or tcp:HOST:PORT");
  return *std::move(endpoint);
}

Result<net::Endpoint> read_endpoint(StrictTable& table, std::string_view key) {
  COFFERDAM_TRY(auto endpoint, read_optional_endpoint(table, key));
  if (!endpoint) return table.refuse(key, "is missing");
  return *std::move(endpoint);
}

Status read_enclave(StrictTable table, Config& out) {
  COFFERDAM_TRY(out.name, table.text("name"));
  if (!is_name(out.name)) return table.refuse("name", "is not made of a-z, 0-9, '-', '_', '.'");
  COFFERDAM_TRY(const std::int64_t minimum, table.integer("minimum_release"));
  if (minimum < 0) return table.refuse("minimum_release", "is negative");
  out.minimum_release = static_cast<std::uint64_t>(minimum);
  COFFERDAM_TRY(const std::string pcr8, table.text("pcr8"));
  COFFERDAM_TRY(out.pcr8, read_pcr(table, "pcr8", pcr8));
  // An unsigned image has a zero PCR8: a pin on it would hold for every unsigned image.
  if (out.pcr8 == crypto::Sha384{}) return table.refuse("pcr8", "is all zero: no certificate");
  COFFERDAM_TRY(const auto pcr1, table.optional_text("pcr1"));
  if (pcr1) {
    COFFERDAM_TRY(out.pcr1, read_pcr(table, "pcr1", *pcr1));
  }
  return table.finish();
}

Status read_nsm(StrictTable table, Config& out) {
  COFFERDAM_TRY(out.nsm_device, table.text("device"));
  if (!out.nsm_device.starts_with("device:/") && !out.nsm_device.starts_with("unix:/")) {
    return table.refuse("device", "is not device:/PATH or unix:/PATH");
  }
  COFFERDAM_TRY(const auto root, table.optional_text("trust_root"));
  if (root) {
    COFFERDAM_TRY(out.trust_root, read_path(table, "trust_root"));
  }
  return table.finish();
}

Status read_parent(StrictTable table, Config& out) {
  COFFERDAM_TRY(out.control, read_endpoint(table, "control"));
  COFFERDAM_TRY(out.egress, read_endpoint(table, "egress"));
  COFFERDAM_TRY(out.heartbeat, read_optional_endpoint(table, "heartbeat"));
  // A parent that is reached over vsock is one that started us with nitro-cli.
  if (!out.heartbeat && std::holds_alternative<net::VsockAddress>(out.control)) {
    out.heartbeat = kNitroHeartbeat;
  }
  return table.finish();
}

bool is_host(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return is_lower_alnum(c) || c == '-' || c == '.';
  });
}

// "https://HOST[:PORT]" with nothing after it.
Status read_kms_endpoint(StrictTable& table, std::string_view url, Config& out) {
  constexpr std::string_view kKey = "kms_endpoint";
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme)) return table.refuse(kKey, "does not start with https://");
  url.remove_prefix(kScheme.size());
  const std::size_t colon = url.find(':');
  if (!is_host(url.substr(0, colon))) {
    return table.refuse(kKey, "is not https://HOST[:PORT] in lower case");
  }
  out.kms_host = url.substr(0, colon);
  if (colon == url.npos) return {};
  const std::string_view digits = url.substr(colon + 1);
  const char* const begin = digits.data();
  const char* const end = begin + digits.size();
  const auto [stop, error] = std::from_chars(begin, end, out.kms_port);
  if (error != std::errc() || stop != end || out.kms_port == 0) {
    return table.refuse(kKey, "has no port from 1 to 65535");
  }
  return {};
}

Status read_aws(StrictTable table, Config& out) {
  COFFERDAM_TRY(out.region, table.text("region"));
  if (!is_region(out.region)) return table.refuse("region", "is not the name of a region");
  COFFERDAM_TRY(const auto endpoint, table.optional_text("kms_endpoint"));
  if (endpoint) {
    COFFERDAM_CHECK(read_kms_endpoint(table, *endpoint, out));
  } else {
    out.kms_host = "kms." + out.region + ".amazonaws.com";
    if (out.region.starts_with("cn-")) out.kms_host += ".cn";
  }
  COFFERDAM_TRY(out.ca_roots, read_path(table, "ca_roots"));
  return table.finish();
}

Status read_workload(StrictTable table, Config& out) {
  COFFERDAM_TRY(out.workload_socket, read_path(table, "socket"));
  if (out.workload_socket.size() > kMaxSocketPath) {
    return table.refuse("socket", "is too long for a Unix socket");
  }
  COFFERDAM_TRY(auto command, table.optional_texts("command", kMaxArguments));
  if (command && !command->front().starts_with('/')) {
    return table.refuse("command", "does not start with an absolute path");
  }
  if (command) out.command = *std::move(command);
  return table.finish();
}

Result<SecretSpec> read_secret(StrictTable table, std::string_view region) {
  SecretSpec out;
  COFFERDAM_TRY(out.name, table.text("name"));
  if (!is_name(out.name)) return table.refuse("name", "is not made of a-z, 0-9, '-', '_', '.'");
  COFFERDAM_TRY(const std::string operation, table.text("operation"));
  if (operation == operation_name(Operation::generate_data_key)) {
    out.operation = Operation::generate_data_key;
  } else if (operation != operation_name(Operation::decrypt)) {
    return table.refuse("operation", "is neither Decrypt nor GenerateDataKey");
  }
  COFFERDAM_TRY(out.key_arn, table.text("key"));
  if (!is_key_arn(out.key_arn, region)) {
    return table.refuse("key", "is not the full ARN of a key in " + std::string(region) +
                                   " (aliases and bare ids can be redirected)");
  }
  COFFERDAM_TRY(out.context, table.text_map("context", kMaxContextPairs));
  COFFERDAM_CHECK(table.finish());
  return out;
}

Status read_secrets(std::vector<StrictTable> tables, Config& out) {
  std::set<std::string> names;
  for (StrictTable& table : tables) {
    COFFERDAM_TRY(SecretSpec one, read_secret(std::move(table), out.region));
    if (!names.insert(one.name).second) {
      return fail(Errc::invalid_input, "agent.toml: two secrets are called " + one.name);
    }
    out.secrets.push_back(std::move(one));
  }
  return {};
}

// Plain ASCII: a reviewer must see what is measured, without look-alike letters or text that
// runs backwards. It also keeps what toml++ 3.3 gets wrong about Unicode out of reach (found
// by agent_config_fuzz). Strings may hold any character as \uXXXX.
bool is_plain_text(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r' || c == '\t'; });
}

// What `read` makes of the table under `key`.
Status in_table(StrictTable& top, std::string_view key, Config& out,
                Status (*read)(StrictTable, Config&)) {
  COFFERDAM_TRY(StrictTable table, top.table(key));
  return read(std::move(table), out);
}

Status add_named_file(const ReadImageFile& read_file, const std::string& path,
                      std::map<std::string, Bytes>& files) {
  if (files.contains(path)) return {};
  COFFERDAM_TRY(Bytes content, read_file(path, kMaxNamedFileSize));
  files.emplace(path, std::move(content));
  return {};
}

}  // namespace

std::string_view operation_name(Operation operation) noexcept {
  return operation == Operation::decrypt ? "Decrypt" : "GenerateDataKey";
}

const SecretSpec* Config::find_secret(std::string_view secret_name) const noexcept {
  const auto at = std::ranges::find(secrets, secret_name, &SecretSpec::name);
  return at == secrets.end() ? nullptr : &*at;
}

std::string_view MeasuredConfig::text_of(const std::string& path) const {
  return as_text(files.at(path));
}

Result<Config> parse_config(std::string_view text) {
  if (text.size() > kMaxConfigSize) {
    return fail(Errc::invalid_input,
                "agent.toml is larger than " + std::to_string(kMaxConfigSize) + " bytes");
  }
  if (!is_plain_text(text)) {
    return fail(Errc::invalid_input,
                "agent.toml has characters outside of ASCII: write them as \\uXXXX");
  }
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const auto& where = parsed.error().source().begin;
    return fail(Errc::invalid_input, "agent.toml is not TOML: line " + std::to_string(where.line) +
                                         ", column " + std::to_string(where.column));
  }
  StrictTable top(parsed.table(), "");
  Config out;
  COFFERDAM_CHECK(in_table(top, "enclave", out, read_enclave));
  COFFERDAM_CHECK(in_table(top, "nsm", out, read_nsm));
  COFFERDAM_CHECK(in_table(top, "parent", out, read_parent));
  COFFERDAM_CHECK(in_table(top, "aws", out, read_aws));
  COFFERDAM_CHECK(in_table(top, "workload", out, read_workload));
  COFFERDAM_TRY(auto secrets, top.tables("secret", kMaxSecrets));
  COFFERDAM_CHECK(read_secrets(std::move(secrets), out));
  COFFERDAM_CHECK(top.finish());
  return out;
}

Result<MeasuredConfig> load_config(const std::filesystem::path& root) {
  return measure_config([&root](std::string_view path, std::size_t max_size) {
    return read_file_beneath(root, path, max_size);
  });
}

Result<MeasuredConfig> measure_config(const ReadImageFile& read_file) {
  MeasuredConfig out;
  COFFERDAM_TRY(Bytes text, read_file(kConfigPath, kMaxConfigSize));
  COFFERDAM_TRY(out.config, parse_config(as_text(text)));
  out.files.emplace(std::string(kConfigPath), std::move(text));
  if (out.config.trust_root) {
    COFFERDAM_CHECK(add_named_file(read_file, *out.config.trust_root, out.files));
  }
  COFFERDAM_CHECK(add_named_file(read_file, out.config.ca_roots, out.files));
  out.digest = config_digest(out.files);
  return out;
}

Result<ProcessSpec> load_process_spec(const std::filesystem::path& root, const Config& config) {
  ProcessSpec out;
  const auto text = read_file_beneath(root, kProcessSpecPath, kMaxProcessSpecSize);
  if (text) {
    COFFERDAM_TRY(out, parse_process_spec(as_text(*text)));
  } else if (text.error().code == Errc::not_found) {
    out.uid = geteuid();
    out.gid = getegid();
  } else {
    return std::unexpected(text.error());
  }
  if (!config.command.empty()) out.args = config.command;
  if (out.args.empty()) {
    return fail(Errc::invalid_input,
                "the image says nowhere what to start: give [workload] command in agent.toml, or "
                "build it from a container with an ENTRYPOINT or CMD (or --entrypoint)");
  }
  return out;
}

crypto::Sha384 config_digest(const std::map<std::string, Bytes>& files) {
  std::map<Bytes, const Bytes*> in_order_of_encoding;
  for (const auto& [path, content] : files) {
    cbor::Writer key;
    key.text(path);
    in_order_of_encoding.emplace(std::move(key).take(), &content);
  }
  cbor::Writer out;
  out.array(2).text(kDomain).map(files.size());
  for (const auto& [path, content] : in_order_of_encoding) out.raw(path).bytes(*content);
  return crypto::sha384(out.view());
}

crypto::Sha384 expected_pcr16(const crypto::Sha384& digest) {
  return crypto::sha384({crypto::Sha384{}, digest});
}

}  // namespace cofferdam::agent
