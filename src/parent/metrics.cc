// SPDX-License-Identifier: Apache-2.0
#include "parent/metrics.h"

namespace cofferdam::parent {
namespace {

// One family after the other; samples belong to the family begun last.
class Page {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " +
             std::string(type) + "\n";
  }

  template <class Number>
  void sample(Number value) {
    text_ += name_ + " " + std::to_string(value) + "\n";
  }

  template <class Number>
  void sample(std::string_view label, std::string_view content, Number value) {
    text_ += name_ + "{" + std::string(label) + "=\"" + escape(content) + "\"} " +
             std::to_string(value) + "\n";
  }

  template <class Number>
  void single(std::string_view name, std::string_view type, std::string_view help, Number value) {
    family(name, type, help);
    sample(value);
  }

  std::string take() && { return std::move(text_); }

 private:
  static std::string escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
      if (c == '\\' || c == '"') out += '\\';
      if (c == '\n') {
        out += "\\n";
      } else {
        out += c;
      }
    }
    return out;
  }

  std::string name_;
  std::string text_;
};

std::string name_of(const net::TcpAddress& address) {
  return net::to_string(net::Endpoint(address)).substr(std::string_view("tcp:").size());
}

// One family with a sample for each destination.
template <class Value>
void per_destination(Page& page, const MetricsSnapshot& from, std::string_view name,
                     std::string_view type, std::string_view help, Value value) {
  page.family(name, type, help);
  for (const auto& [address, counts] : from.destinations) {
    page.sample("destination", name_of(address), value(*counts));
  }
}

void write_egress(Page& page, const MetricsSnapshot& from) {
  using Counts = DestinationCounts;
  per_destination(page, from, "cofferdam_parent_egress_accepted_total", "counter",
                  "Tunnels opened.", [](const Counts& c) { return c.accepted; });
  per_destination(page, from, "cofferdam_parent_egress_denied_total", "counter",
                  "Tunnels refused: too many, or TLS for another name.",
                  [](const Counts& c) { return c.denied; });
  per_destination(page, from, "cofferdam_parent_egress_failed_total", "counter",
                  "Destination not reached.", [](const Counts& c) { return c.failed; });
  per_destination(page, from, "cofferdam_parent_egress_open", "gauge", "Tunnels open.",
                  [](const Counts& c) { return c.open; });
  per_destination(page, from, "cofferdam_parent_egress_sent_bytes_total", "counter",
                  "Bytes out of the enclave.", [](const Counts& c) { return c.bytes.from_a; });
  per_destination(page, from, "cofferdam_parent_egress_received_bytes_total", "counter",
                  "Bytes into the enclave.", [](const Counts& c) { return c.bytes.from_b; });
  page.family("cofferdam_parent_egress_denials_total", "counter", "Refusals by reason.");
  for (const auto& [reason, count] : from.denials) page.sample("reason", reason, count);
  page.single("cofferdam_parent_egress_connections", "gauge", "Connections to the egress endpoint.",
              from.open_tunnels);
  page.single("cofferdam_parent_lookups_total", "counter", "Names asked of the resolver.",
              from.lookups.lookups);
  page.single("cofferdam_parent_lookup_failures_total", "counter", "Lookups without an answer.",
              from.lookups.failures);
}

template <class Value>
void per_door(Page& page, const MetricsSnapshot& from, std::string_view name, std::string_view type,
              std::string_view help, Value value) {
  page.family(name, type, help);
  for (const auto& door : from.doors) page.sample("listen", door.listen, value(door));
}

void write_ingress(Page& page, const MetricsSnapshot& from) {
  using Door = MetricsSnapshot::Door;
  if (from.doors.empty()) return;
  per_door(page, from, "cofferdam_parent_ingress_accepted_total", "counter",
           "Connections that reached the enclave.",
           [](const Door& d) { return d.counts.accepted; });
  per_door(page, from, "cofferdam_parent_ingress_failed_total", "counter",
           "Connections that did not.", [](const Door& d) { return d.counts.failed; });
  per_door(page, from, "cofferdam_parent_ingress_open", "gauge", "Connections open.",
           [](const Door& d) { return d.open; });
  per_door(page, from, "cofferdam_parent_ingress_received_bytes_total", "counter",
           "Bytes into the enclave.", [](const Door& d) { return d.counts.bytes.from_a; });
  per_door(page, from, "cofferdam_parent_ingress_sent_bytes_total", "counter",
           "Bytes out of the enclave.", [](const Door& d) { return d.counts.bytes.from_b; });
}

void write_control(Page& page, const MetricsSnapshot& from) {
  page.single("cofferdam_parent_refused_peers_total", "counter",
              "Connections of peers that are not allowed.", from.refused_peers);
  page.single("cofferdam_parent_heartbeats_total", "counter", "Heartbeats of validated enclaves.",
              from.heartbeats);
  if (from.seconds_since_heartbeat) {
    page.single("cofferdam_parent_seconds_since_heartbeat", "gauge", "Age of the last heartbeat.",
                *from.seconds_since_heartbeat);
  }
  page.single("cofferdam_parent_ledger_lines_total", "counter", "Ledger entries stored.",
              from.ledger.lines);
  page.single("cofferdam_parent_ledger_gaps_total", "counter", "Ledger entries that were skipped.",
              from.ledger.gaps);
  page.single("cofferdam_parent_ledger_repeats_total", "counter", "Ledger entries that came twice.",
              from.ledger.repeats);
  page.single("cofferdam_parent_credential_failures_total", "counter",
              "Requests for credentials that got none.", from.credential_failures);
  page.single("cofferdam_parent_reloads_total", "counter", "Configurations taken over.",
              from.reloads);
  page.single("cofferdam_parent_failed_reloads_total", "counter",
              "Configurations refused; the one before is in force.", from.failed_reloads);
}

void write_forward(Page& page, const ForwardCounts& forward) {
  page.single("cofferdam_parent_ledger_forwarded_entries_total", "counter",
              "Ledger entries the receiver took.", forward.entries);
  page.single("cofferdam_parent_ledger_forward_lag_bytes", "gauge",
              "Ledger stored and not taken by the receiver.", forward.lag_bytes);
  page.single("cofferdam_parent_ledger_forward_failures_total", "counter",
              "Batches the receiver did not take.", forward.failures);
}

void write_enclave(Page& page, const Gauges& enclave) {
  const auto write = [&page](std::string_view name, std::string_view help,
                             const std::optional<std::int64_t>& value) {
    if (value) page.single(name, "gauge", help, *value);
  };
  write("cofferdam_enclave_clock_correction_milliseconds", "Correction of the enclave's clock.",
        enclave.clock_correction_ms);
  write("cofferdam_enclave_attestation_failures", "Documents the enclave refused to use.",
        enclave.attestation_failures);
  write("cofferdam_enclave_recipient_pool", "Recipient keys ready.", enclave.recipient_pool);
  write("cofferdam_enclave_workload_restarts", "Restarts of the workload.",
        enclave.workload_restarts);
  page.family("cofferdam_enclave_secret_age_seconds", "gauge", "Since a secret was obtained.");
  for (const auto& [name, age] : enclave.secret_age_seconds) page.sample("secret", name, age);
  page.family("cofferdam_enclave_denials", "gauge", "Refusals inside the enclave, by reason.");
  for (const auto& [reason, count] : enclave.denials) page.sample("reason", reason, count);
}

}  // namespace

std::string render_metrics(const MetricsSnapshot& snapshot) {
  Page page;
  write_egress(page, snapshot);
  write_ingress(page, snapshot);
  write_control(page, snapshot);
  if (snapshot.forward) write_forward(page, *snapshot.forward);
  if (snapshot.enclave) write_enclave(page, *snapshot.enclave);
  return std::move(page).take();
}

}  // namespace cofferdam::parent
