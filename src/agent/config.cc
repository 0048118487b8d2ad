// SPDX-License-Identifier: Apache-2.0
#include "agent/config.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "agent/config_sections.h"
#include "base/beneath.h"
#include "base/encoding.h"
#include "bytes/cbor.h"

namespace cofferdam::agent {
namespace {

constexpr std::size_t kMaxConfigSize = std::size_t{64} * 1024;
constexpr std::size_t kMaxNamedFileSize = std::size_t{256} * 1024;
constexpr std::string_view kDomain = "cofferdam/config/v1";
constexpr net::VsockAddress kNitroHeartbeat{.cid = 3, .port = 9000};  // nitro-cli's.

bool is_region(std::string_view text) {
  return text.size() <= 32 && text.find('-') != text.npos && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

Status read_enclave(StrictTable table, Config& out) {
  COFFERDAM_TRY(out.name, read_name(table, "name"));
  COFFERDAM_TRY(const std::int64_t minimum, table.integer("minimum_release"));
  if (minimum < 0) return table.refuse("minimum_release", "is negative");
  out.minimum_release = static_cast<std::uint64_t>(minimum);
  COFFERDAM_TRY(out.pcr8, read_certificate_pcr(table, "pcr8"));
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
  COFFERDAM_TRY(out.trust_root, read_optional_path(table, "trust_root"));
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

Status read_aws(StrictTable table, Config& out) {
  COFFERDAM_TRY(out.region, table.text("region"));
  if (!is_region(out.region)) return table.refuse("region", "is not the name of a region");
  COFFERDAM_TRY(const auto endpoint, read_optional_https(table, "kms_endpoint"));
  out.kms_host = endpoint ? endpoint->host : aws_host("kms", out.region);
  if (endpoint) out.kms_port = endpoint->port;
  COFFERDAM_TRY(out.ca_roots, read_path(table, "ca_roots"));
  return table.finish();
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

const SecretSpec* Config::find_secret(std::string_view secret_name) const noexcept {
  const auto at = std::ranges::find(secrets, secret_name, &SecretSpec::name);
  return at == secrets.end() ? nullptr : &*at;
}

std::vector<std::string> Config::named_files() const {
  std::vector<std::string> out{ca_roots};
  if (trust_root) out.push_back(*trust_root);
  if (identity) out.push_back(identity->ca_roots);
  for (const SecretSpec& secret : secrets) {
    if (!secret.public_key.empty()) out.push_back(secret.public_key);
  }
  if (policy) {
    out.insert(out.end(), policy->modules.begin(), policy->modules.end());
    if (policy->data) out.push_back(*policy->data);
  }
  if (!channel) return out;
  for (const ClientSpec& client : channel->clients) {
    if (client.certificate) out.push_back(*client.certificate);
  }
  return out;
}

std::string_view MeasuredConfig::text_of(const std::string& path) const {
  return as_text(files.at(path));
}

Result<Config> parse_config(std::string_view text) {
  COFFERDAM_TRY(const toml::table parsed, parse_toml(text, kMaxConfigSize, "agent.toml"));
  StrictTable top(parsed, "");
  Config out;
  COFFERDAM_CHECK(in_table(top, "enclave", out, read_enclave));
  COFFERDAM_CHECK(in_table(top, "nsm", out, read_nsm));
  COFFERDAM_CHECK(in_table(top, "parent", out, read_parent));
  COFFERDAM_CHECK(in_table(top, "aws", out, read_aws));
  COFFERDAM_CHECK(in_table(top, "workload", out, read_workload));
  for (const auto read : {read_secrets, read_sealings, read_files, read_policy, read_serve,
                          read_channel, read_peers, read_identity}) {
    COFFERDAM_CHECK(read(top, out));
  }
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
  for (const std::string& path : out.config.named_files()) {
    COFFERDAM_CHECK(add_named_file(read_file, path, out.files));
  }
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
