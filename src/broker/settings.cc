// SPDX-License-Identifier: Apache-2.0
#include "broker/settings.h"

#include <array>
#include <utility>

#include "attest/release_manifest.h"
#include "base/file.h"
#include "base/strict_toml.h"

namespace cofferdam::broker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxConfig = std::size_t{256} * 1024;
constexpr std::size_t kMaxEntries = 256;
constexpr std::size_t kMaxPem = std::size_t{64} * 1024;
constexpr std::size_t kMaxIssuer = 255;  // As IAM takes them.

// Everything that is said once: its flag, its key in the file, and where it goes.
struct Text {
  std::string_view flag;
  std::string_view key;
  std::string Arguments::* member;
};
constexpr std::array<Text, 13> kTexts{{
    {"--issuer", "issuer", &Arguments::issuer},
    {"--listen", "listen", &Arguments::listen},
    {"--metrics", "metrics", &Arguments::metrics},
    {"--data", "data", &Arguments::data},
    {"--root", "root", &Arguments::root},
    {"--unknown-releases", "unknown_releases", &Arguments::unknown_releases},
    {"--policy-data", "policy_data", &Arguments::policy_data},
    {"--tls-cert", "tls_cert", &Arguments::tls_cert},
    {"--tls-key", "tls_key", &Arguments::tls_key},
    {"--decision-log", "decision_log", &Arguments::decision_log},
    {"--token-lifetime", "token_lifetime", &Arguments::token_lifetime},
    {"--key-period", "key_period", &Arguments::key_period},
    {"--key-ahead", "key_ahead", &Arguments::key_ahead},
}};

// Likewise what may be said again and again.
struct List {
  std::string_view key;
  std::vector<std::string> Arguments::* member;
};
constexpr std::array<List, 3> kLists{{
    {"release_manifests", &Arguments::release_manifests},
    {"policies", &Arguments::policies},
    {"audiences", &Arguments::audiences},
}};

std::unexpected<Error> usage(std::string detail) {
  return fail(Errc::invalid_input, std::move(detail));
}

Status require(std::string_view flag, const std::string& text) {
  if (text.empty()) return usage(std::string(flag) + " is required");
  return {};
}

Result<net::Endpoint> endpoint_of(std::string_view flag, const std::string& text) {
  COFFERDAM_CHECK(require(flag, text));
  auto endpoint = net::parse_endpoint(text);
  if (!endpoint) return wrap(flag, std::move(endpoint).error());
  return endpoint;
}

// The default where nothing was said.
Status read_duration(std::string_view flag, const std::string& text, std::chrono::seconds least,
                     std::chrono::seconds most, std::chrono::seconds& out) {
  if (text.empty()) return {};
  auto duration = parse_duration(text);
  if (!duration) return wrap(flag, std::move(duration).error());
  if (*duration < least || *duration > most) {
    return usage(std::string(flag) + ": expected " + std::to_string(least.count()) + " to " +
                 std::to_string(most.count()) + " seconds");
  }
  out = std::chrono::duration_cast<std::chrono::seconds>(*duration);
  return {};
}

Status read_places(const Arguments& arguments, Settings& out) {
  COFFERDAM_CHECK(require("--issuer", arguments.issuer));
  COFFERDAM_CHECK(check_issuer(arguments.issuer));
  out.tokens.issuer = arguments.issuer;
  COFFERDAM_TRY(out.listen, endpoint_of("--listen", arguments.listen));
  if (!arguments.metrics.empty()) {
    COFFERDAM_TRY(out.metrics, endpoint_of("--metrics", arguments.metrics));
  }
  COFFERDAM_CHECK(require("--data", arguments.data));
  out.data = arguments.data;
  out.decision_log = arguments.decision_log.empty() ? out.data / "decisions.jsonl"
                                                    : fs::path(arguments.decision_log);
  if (arguments.tls_cert.empty() != arguments.tls_key.empty()) {
    return usage("--tls-cert and --tls-key belong together");
  }
  out.tls_cert = arguments.tls_cert;
  out.tls_key = arguments.tls_key;
  return {};
}

Status read_times(const Arguments& arguments, Settings& out) {
  using namespace std::chrono_literals;
  COFFERDAM_CHECK(read_duration("--token-lifetime", arguments.token_lifetime, 60s,
                                kMaxTokenLifetime, out.tokens.token_lifetime));
  COFFERDAM_CHECK(
      read_duration("--key-ahead", arguments.key_ahead, 1s, 24h * 30, out.schedule.ahead));
  COFFERDAM_CHECK(
      read_duration("--key-period", arguments.key_period, 1s, 24h * 366, out.schedule.period));
  if (out.schedule.ahead >= out.schedule.period) {
    return usage("--key-ahead has to be shorter than --key-period");
  }
  return {};
}

Status read_releases(const Arguments& arguments, Timestamp now, Settings& out) {
  for (const std::string& file : arguments.release_manifests) {
    COFFERDAM_TRY(const Bytes bytes, read_file(file, attest::kMaxManifestSize));
    const Status added = out.tokens.releases.add(bytes, now);
    if (!added) return wrap("--release-manifest " + file, added.error());
  }
  const std::string& unknown = arguments.unknown_releases;
  if (!unknown.empty() && unknown != "deny" && unknown != "policy") {
    return usage("--unknown-releases: expected deny or policy");
  }
  out.tokens.admit_unknown_releases = unknown == "policy";
  if (out.tokens.releases.empty() && !out.tokens.admit_unknown_releases) {
    return usage(
        "no release is known: --release-manifest FILE, or --unknown-releases policy to let the "
        "policy decide by measurements alone");
  }
  return {};
}

Status read_policy(const Arguments& arguments, Settings& out) {
  if (arguments.policies.empty()) return usage("--policy FILE is required");
  for (const std::string& file : arguments.policies) {
    COFFERDAM_TRY(std::string text, read_text_file(file, policy::RegoPolicy::kMaxModuleSize));
    out.modules.push_back({.name = file, .text = std::move(text)});
  }
  if (arguments.policy_data.empty()) return {};
  constexpr std::size_t kMaxData = policy::RegoPolicy::kMaxDataSize;
  COFFERDAM_TRY(const std::string text, read_text_file(arguments.policy_data, kMaxData));
  auto value = parse_json(text, kMaxData);
  if (!value) return wrap(arguments.policy_data, std::move(value).error());
  out.policy_data["config"] = *std::move(value);
  return {};
}

std::string fixed_part(const Arguments& arguments) {
  std::string out;
  for (const auto member :
       {&Arguments::issuer, &Arguments::listen, &Arguments::metrics, &Arguments::data,
        &Arguments::root, &Arguments::tls_cert, &Arguments::tls_key, &Arguments::decision_log,
        &Arguments::key_period, &Arguments::key_ahead}) {
    out += arguments.*member + "\n";
  }
  return out;
}

bool is_loopback(std::string_view authority) {
  return authority.starts_with("127.") || authority.starts_with("[::1]") ||
         authority == "localhost" || authority.starts_with("localhost:");
}

}  // namespace

Status check_issuer(std::string_view url) {
  const auto bad = [](std::string_view why) {
    return usage("--issuer: expected a URL like https://broker.example.com, " + std::string(why));
  };
  if (url.size() > kMaxIssuer) return bad("of at most 255 bytes");
  const bool tls = url.starts_with("https://");
  if (!tls && !url.starts_with("http://")) return bad("with https");
  const std::string_view rest = url.substr(tls ? 8 : 7);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  if (authority.empty() || rest.ends_with('/')) return bad("with a host and no slash at the end");
  for (const char c : rest) {
    if (c <= ' ' || c >= '\x7f' || std::string_view("@?#\\\"").contains(c)) {
      return bad("without user, query and fragment");
    }
  }
  if (!tls && !is_loopback(authority)) return bad("since plain http is for loopback only");
  return {};
}

Result<Arguments> parse_config(std::string_view text, const std::string& file) {
  COFFERDAM_TRY(const toml::table parsed, parse_toml(text, kMaxConfig, file));
  StrictTable table(parsed, "", file);
  Arguments out;
  for (const Text& known : kTexts) {
    COFFERDAM_TRY(auto value, table.optional_text(known.key));
    if (value) out.*known.member = *std::move(value);
  }
  for (const List& known : kLists) {
    COFFERDAM_TRY(auto values, table.optional_texts(known.key, kMaxEntries));
    if (values) out.*known.member = *std::move(values);
  }
  COFFERDAM_CHECK(table.finish());
  return out;
}

Result<Arguments> merge(Arguments flags, Arguments file) {
  Arguments out = std::move(flags);
  for (const Text& known : kTexts) {
    std::string& from = file.*known.member;
    if (from.empty()) continue;
    if (!(out.*known.member).empty()) {
      return usage(std::string(known.flag) + " is given and is in the file as well");
    }
    out.*known.member = std::move(from);
  }
  for (const List& known : kLists) {
    for (std::string& more : file.*known.member) {
      (out.*known.member).push_back(std::move(more));
    }
  }
  return out;
}

Result<Settings> settings_of(const Arguments& flags, Timestamp now) {
  Arguments arguments = flags;
  if (!flags.config.empty()) {
    COFFERDAM_TRY(const std::string text, read_text_file(flags.config, kMaxConfig));
    COFFERDAM_TRY(auto file, parse_config(text, flags.config));
    COFFERDAM_TRY(arguments, merge(std::move(arguments), std::move(file)));
  }
  Settings out;
  COFFERDAM_CHECK(read_places(arguments, out));
  COFFERDAM_CHECK(read_times(arguments, out));
  if (!arguments.root.empty()) {
    COFFERDAM_TRY(const std::string pem, read_text_file(arguments.root, kMaxPem));
    auto root = attest::TrustRoot::from_pem(pem);
    if (!root) return wrap("--root " + arguments.root, std::move(root).error());
    out.root = *std::move(root);
  }
  COFFERDAM_CHECK(read_releases(arguments, now, out));
  if (arguments.audiences.empty()) return usage("--audience NAME is required");
  out.tokens.audiences = arguments.audiences;
  COFFERDAM_CHECK(read_policy(arguments, out));
  out.fixed = fixed_part(arguments);
  return out;
}

}  // namespace cofferdam::broker
