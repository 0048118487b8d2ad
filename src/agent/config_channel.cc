// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <set>

#include "agent/config_sections.h"

// [channel] and [[peer]].
namespace cofferdam::agent {
namespace {

constexpr std::size_t kMaxClients = 64;
constexpr std::size_t kMaxPeers = 16;

// { "0" = "<96 hex digits>", "4" = ... }
Status read_pcrs(StrictTable& table, MeasurementSpec& out) {
  COFFERDAM_TRY(const auto texts, table.text_map("pcrs", 32));
  for (const auto& [index, hex] : texts) {
    std::uint8_t number = 0;
    const char* const end = index.data() + index.size();
    const auto [stop, error] = std::from_chars(index.data(), end, number);
    if (error != std::errc() || stop != end || number > 31) {
      return table.refuse("pcrs", "has a name that is not 0 to 31");
    }
    COFFERDAM_TRY(const crypto::Sha384 value, read_pcr(table, "pcrs", hex));
    if (!out.pcrs.emplace(number, value).second) {
      return table.refuse("pcrs", "names a register twice");
    }
  }
  return {};
}

Result<MeasurementSpec> read_measurement(StrictTable table) {
  MeasurementSpec out;
  COFFERDAM_TRY(out.name, read_name(table, "name"));
  COFFERDAM_TRY(
      const auto minimum,
      read_optional_integer(table, "minimum_release", 0, std::numeric_limits<std::int64_t>::max()));
  out.minimum_release = static_cast<std::uint64_t>(minimum.value_or(0));
  COFFERDAM_TRY(out.pcr8, read_certificate_pcr(table, "pcr8"));
  COFFERDAM_CHECK(read_pcrs(table, out));
  COFFERDAM_CHECK(table.finish());
  return out;
}

Result<ClientSpec> read_client(StrictTable table, const Config& config) {
  ClientSpec out;
  COFFERDAM_TRY(out.name, read_name(table, "name"));
  COFFERDAM_TRY(out.mac_key, table.optional_text("mac_key"));
  if (out.mac_key) COFFERDAM_CHECK(check_stable_secret(table, "mac_key", config, *out.mac_key));
  COFFERDAM_TRY(out.certificate, read_optional_path(table, "certificate"));
  COFFERDAM_TRY(auto enclave, table.optional_table("enclave"));
  if (enclave) {
    COFFERDAM_TRY(out.enclave, read_measurement(*std::move(enclave)));
  }
  if (out.mac_key.has_value() + out.certificate.has_value() + out.enclave.has_value() != 1) {
    return table.refuse("name", "needs one of mac_key, certificate and enclave beside it");
  }
  COFFERDAM_CHECK(table.finish());
  return out;
}

Status read_clients(StrictTable& channel, const Config& config, ChannelSpec& out) {
  COFFERDAM_TRY(std::vector<StrictTable> tables, channel.tables("client", kMaxClients));
  std::set<std::string> names;
  for (StrictTable& table : tables) {
    COFFERDAM_TRY(ClientSpec one, read_client(std::move(table), config));
    if (!names.insert(one.name).second) {
      return fail(Errc::invalid_input, "agent.toml: two clients are called " + one.name);
    }
    out.clients.push_back(std::move(one));
  }
  if (out.clients.empty()) return channel.refuse("client", "is missing: nobody could ask");
  return {};
}

Result<PeerSpec> read_peer(StrictTable table) {
  PeerSpec out;
  COFFERDAM_TRY(out.name, read_name(table, "name"));
  COFFERDAM_TRY(out.address, read_address(table, "address"));
  COFFERDAM_TRY(out.listen, read_endpoint(table, "listen"));
  COFFERDAM_TRY(StrictTable expected, table.table("enclave"));
  COFFERDAM_TRY(out.expected, read_measurement(std::move(expected)));
  COFFERDAM_CHECK(table.finish());
  return out;
}

}  // namespace

Status read_channel(StrictTable& top, Config& out) {
  COFFERDAM_TRY(auto table, top.optional_table("channel"));
  if (!table) return {};
  ChannelSpec channel;
  COFFERDAM_TRY(channel.listen, read_endpoint(*table, "listen"));
  COFFERDAM_TRY(channel.forward, read_endpoint(*table, "forward"));
  COFFERDAM_TRY(channel.proxy_protocol, table->flag("proxy_protocol"));
  COFFERDAM_TRY(const auto deadline,
                read_optional_duration(*table, "max_deadline", std::chrono::seconds(1),
                                       std::chrono::minutes(15)));
  if (deadline) channel.max_deadline = *deadline;
  COFFERDAM_CHECK(read_clients(*table, out, channel));
  COFFERDAM_CHECK(table->finish());
  out.channel = std::move(channel);
  return {};
}

Status read_peers(StrictTable& top, Config& out) {
  COFFERDAM_TRY(std::vector<StrictTable> tables, top.tables("peer", kMaxPeers));
  std::set<std::string> names;
  for (StrictTable& table : tables) {
    COFFERDAM_TRY(PeerSpec one, read_peer(std::move(table)));
    if (!names.insert(one.name).second) {
      return fail(Errc::invalid_input, "agent.toml: two peers are called " + one.name);
    }
    out.peers.push_back(std::move(one));
  }
  return {};
}

}  // namespace cofferdam::agent
