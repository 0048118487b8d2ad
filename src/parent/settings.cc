// SPDX-License-Identifier: Apache-2.0
#include "parent/settings.h"

#include <utility>

#include "base/file.h"
#include "base/strict_toml.h"

namespace cofferdam::parent {
namespace {

constexpr std::size_t kMaxConfig = std::size_t{256} * 1024;
constexpr std::size_t kMaxEntries = 1024;
constexpr std::int64_t kMaxSeconds = 24 * 3600;
constexpr std::int64_t kMaxConnections = 65536;

Status read_text(StrictTable& table, std::string_view key, std::string& out) {
  COFFERDAM_TRY(const auto text, table.optional_text(key));
  if (text) out = *text;
  return {};
}

Status read_list(StrictTable& table, std::string_view key, std::vector<std::string>& out) {
  COFFERDAM_TRY(const auto texts, table.optional_texts(key, kMaxEntries));
  if (texts) out = *texts;
  return {};
}

Status read_number(StrictTable& table, std::string_view key, std::int64_t least, std::int64_t most,
                   std::optional<unsigned>& out) {
  COFFERDAM_TRY(const auto value, table.optional_integer(key));
  if (!value) return {};
  if (*value < least || *value > most) {
    return table.refuse(key,
                        "is not from " + std::to_string(least) + " to " + std::to_string(most));
  }
  out = static_cast<unsigned>(*value);
  return {};
}

Status take_once(std::string_view flag, std::string& into, std::string from) {
  if (from.empty()) return {};
  if (!into.empty()) {
    return fail(Errc::invalid_input, std::string(flag) + " is given and is in the file as well");
  }
  into = std::move(from);
  return {};
}

Status take_once(std::string_view flag, std::optional<unsigned>& into,
                 std::optional<unsigned> from) {
  if (!from) return {};
  if (into) {
    return fail(Errc::invalid_input, std::string(flag) + " is given and is in the file as well");
  }
  into = from;
  return {};
}

void add(std::vector<std::string>& into, std::vector<std::string> more) {
  into.insert(into.end(), std::make_move_iterator(more.begin()),
              std::make_move_iterator(more.end()));
}

Result<net::Endpoint> endpoint_of(std::string_view flag, const std::string& text) {
  if (text.empty()) {
    return fail(Errc::invalid_input, std::string(flag) + " ENDPOINT is required");
  }
  auto endpoint = net::parse_endpoint(text);
  if (!endpoint) return wrap(flag, std::move(endpoint).error());
  return endpoint;
}

Result<std::map<std::string, std::filesystem::path>> parse_offers(
    const std::vector<std::string>& texts) {
  std::map<std::string, std::filesystem::path> offers;
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
      return fail(Errc::invalid_input, "expected --offer NAME=FILE, found " + text);
    }
    if (!offers.emplace(text.substr(0, equals), text.substr(equals + 1)).second) {
      return fail(Errc::invalid_input, "two --offer for " + text.substr(0, equals));
    }
  }
  return offers;
}

Result<ControlOptions> control_options(const Arguments& arguments) {
  ControlOptions out;
  COFFERDAM_TRY(out.offers, parse_offers(arguments.offers));
  if (!arguments.release_manifest.empty()) out.release_manifest = arguments.release_manifest;
  if (!arguments.ledger.empty()) out.ledger = arguments.ledger;
  if (!arguments.state.empty()) out.state_folder = arguments.state;
  return out;
}

Status read_doors(const Arguments& arguments, Settings& out) {
  for (const std::string& text : arguments.ingress) {
    auto rule = parse_ingress_rule(text);
    if (!rule) return wrap("--ingress " + text, std::move(rule).error());
    out.doors.push_back(*std::move(rule));
  }
  for (const std::string& text : arguments.peers) {
    const Status added = out.peers.add(text);
    if (!added) return wrap("--peer-cid or --peer-uid", added.error());
  }
  return {};
}

void read_numbers(const Arguments& arguments, Settings& out) {
  using std::chrono::seconds;
  if (arguments.drain_seconds) out.grace = seconds(*arguments.drain_seconds);
  if (arguments.idle_seconds) {
    out.egress_options.relay.idle_timeout = seconds(*arguments.idle_seconds);
    out.ingress_options.relay.idle_timeout = seconds(*arguments.idle_seconds);
  }
  if (arguments.connect_seconds) {
    out.egress_options.connect_timeout = seconds(*arguments.connect_seconds);
    out.ingress_options.connect_timeout = seconds(*arguments.connect_seconds);
  }
  if (arguments.connections) out.egress_options.max_connections = *arguments.connections;
}

void read_credentials(const Arguments& arguments, Settings& out) {
  if (arguments.credentials == "none") {
    out.credentials = CredentialChoice::none;
  } else if (!arguments.credentials.empty() && arguments.credentials != "auto") {
    out.credentials = CredentialChoice::file;
    out.credential_file = arguments.credentials;
  }
}

Status read_forward(const Arguments& arguments, Settings& out) {
  if (arguments.ledger_forward.empty()) {
    if (arguments.ledger_forward_ca.empty()) return {};
    return fail(Errc::invalid_input, "--ledger-forward-ca needs --ledger-forward URL");
  }
  if (arguments.ledger.empty()) {
    return fail(Errc::invalid_input, "--ledger-forward needs --ledger FILE");
  }
  auto url = aws::parse_http_url(arguments.ledger_forward);
  if (!url) return wrap("--ledger-forward", std::move(url).error());
  if (!url->tls && !arguments.ledger_forward_ca.empty()) {
    return fail(Errc::invalid_input, "--ledger-forward-ca needs a URL with https");
  }
  out.ledger_receiver = *std::move(url);
  out.ledger_receiver_ca = arguments.ledger_forward_ca;
  return {};
}

std::string fixed_part(const Arguments& arguments) {
  std::string out;
  for (const auto& text :
       {arguments.control, arguments.egress, arguments.metrics, arguments.credentials,
        arguments.ledger, arguments.ledger_forward, arguments.ledger_forward_ca, arguments.state}) {
    out += text + "\n";
  }
  for (const auto& text : arguments.ingress) out += text + "\n";
  for (const auto& number : {arguments.idle_seconds, arguments.connect_seconds,
                             arguments.connections, arguments.drain_seconds}) {
    out += (number ? std::to_string(*number) : "") + "\n";
  }
  return out;
}

}  // namespace

Result<Arguments> parse_config(std::string_view text, const std::string& file) {
  COFFERDAM_TRY(const toml::table parsed, parse_toml(text, kMaxConfig, file));
  StrictTable table(parsed, "", file);
  Arguments out;
  COFFERDAM_CHECK(read_text(table, "control", out.control));
  COFFERDAM_CHECK(read_text(table, "egress", out.egress));
  COFFERDAM_CHECK(read_text(table, "metrics", out.metrics));
  COFFERDAM_CHECK(read_list(table, "allow", out.allow));
  COFFERDAM_CHECK(read_list(table, "ingress", out.ingress));
  COFFERDAM_CHECK(read_list(table, "peers", out.peers));
  COFFERDAM_CHECK(read_list(table, "offers", out.offers));
  COFFERDAM_CHECK(read_text(table, "release_manifest", out.release_manifest));
  COFFERDAM_CHECK(read_text(table, "credentials", out.credentials));
  COFFERDAM_CHECK(read_text(table, "ledger", out.ledger));
  COFFERDAM_CHECK(read_text(table, "ledger_forward", out.ledger_forward));
  COFFERDAM_CHECK(read_text(table, "ledger_forward_ca", out.ledger_forward_ca));
  COFFERDAM_CHECK(read_text(table, "state", out.state));
  COFFERDAM_CHECK(read_number(table, "drain_seconds", 0, kMaxSeconds, out.drain_seconds));
  COFFERDAM_CHECK(read_number(table, "idle_seconds", 1, kMaxSeconds, out.idle_seconds));
  COFFERDAM_CHECK(read_number(table, "connect_seconds", 1, kMaxSeconds, out.connect_seconds));
  COFFERDAM_CHECK(read_number(table, "connections", 1, kMaxConnections, out.connections));
  COFFERDAM_CHECK(table.finish());
  return out;
}

Result<Arguments> merge(Arguments flags, Arguments file) {
  Arguments out = std::move(flags);
  COFFERDAM_CHECK(take_once("--control", out.control, std::move(file.control)));
  COFFERDAM_CHECK(take_once("--egress", out.egress, std::move(file.egress)));
  COFFERDAM_CHECK(take_once("--metrics", out.metrics, std::move(file.metrics)));
  COFFERDAM_CHECK(
      take_once("--release-manifest", out.release_manifest, std::move(file.release_manifest)));
  COFFERDAM_CHECK(take_once("--credentials", out.credentials, std::move(file.credentials)));
  COFFERDAM_CHECK(take_once("--ledger", out.ledger, std::move(file.ledger)));
  COFFERDAM_CHECK(
      take_once("--ledger-forward", out.ledger_forward, std::move(file.ledger_forward)));
  COFFERDAM_CHECK(
      take_once("--ledger-forward-ca", out.ledger_forward_ca, std::move(file.ledger_forward_ca)));
  COFFERDAM_CHECK(take_once("--state", out.state, std::move(file.state)));
  COFFERDAM_CHECK(take_once("--drain", out.drain_seconds, file.drain_seconds));
  COFFERDAM_CHECK(take_once("--idle-timeout", out.idle_seconds, file.idle_seconds));
  COFFERDAM_CHECK(take_once("--connect-timeout", out.connect_seconds, file.connect_seconds));
  COFFERDAM_CHECK(take_once("--connections", out.connections, file.connections));
  add(out.allow, std::move(file.allow));
  add(out.ingress, std::move(file.ingress));
  add(out.peers, std::move(file.peers));
  add(out.offers, std::move(file.offers));
  return out;
}

Result<Settings> settings_of(const Arguments& flags) {
  Arguments arguments = flags;
  if (!flags.config.empty()) {
    COFFERDAM_TRY(const std::string text, read_text_file(flags.config, kMaxConfig));
    COFFERDAM_TRY(auto file, parse_config(text, flags.config));
    COFFERDAM_TRY(arguments, merge(std::move(arguments), std::move(file)));
  }
  Settings out;
  COFFERDAM_TRY(out.control, endpoint_of("--control", arguments.control));
  COFFERDAM_TRY(out.egress, endpoint_of("--egress", arguments.egress));
  if (!arguments.metrics.empty()) {
    COFFERDAM_TRY(out.metrics, endpoint_of("--metrics", arguments.metrics));
  }
  COFFERDAM_TRY(out.allowed, AllowList::parse(arguments.allow));
  COFFERDAM_TRY(out.options, control_options(arguments));
  COFFERDAM_CHECK(read_doors(arguments, out));
  COFFERDAM_CHECK(read_forward(arguments, out));
  read_numbers(arguments, out);
  read_credentials(arguments, out);
  out.fixed = fixed_part(arguments);
  return out;
}

}  // namespace cofferdam::parent
