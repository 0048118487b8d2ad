// SPDX-License-Identifier: Apache-2.0
#include "nsm/protocol.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <limits>
#include <span>
#include <utility>

#include "bytes/cbor.h"

namespace cofferdam::nsm {
namespace {

constexpr std::array<std::string_view, 9> kErrorNames{
    "Success",          "InvalidArgument", "InvalidIndex",  "InvalidResponse", "ReadOnlyIndex",
    "InvalidOperation", "BufferTooSmall",  "InputTooLarge", "InternalError"};

constexpr cbor::Limits kLimits{.max_size = kMaxResponseSize, .max_depth = 4, .max_items = 128};

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

std::unexpected<Error> bad(std::string detail) {
  return fail(Errc::invalid_input, "NSM message: " + std::move(detail));
}

// Encoding -------------------------------------------------------------------

// {"Name": {... `fields` members ...}}; the members follow.
cbor::Writer begin(std::string_view name, std::size_t fields) {
  cbor::Writer out;
  out.map(1).text(name).map(fields);
  return out;
}

Bytes unit(std::string_view name) {
  cbor::Writer out;
  out.text(name);
  return std::move(out).take();
}

Bytes index_only(std::string_view name, std::string_view field, std::uint16_t value) {
  cbor::Writer out = begin(name, 1);
  out.text(field).unsigned_integer(value);
  return std::move(out).take();
}

Bytes bytes_only(std::string_view name, std::string_view field, ByteView value) {
  cbor::Writer out = begin(name, 1);
  out.text(field).bytes(value);
  return std::move(out).take();
}

void optional_bytes(cbor::Writer& out, std::string_view field, const std::optional<Bytes>& value) {
  out.text(field);
  if (value) {
    out.bytes(*value);
  } else {
    out.null();
  }
}

Bytes encode_extend(const ExtendPcrRequest& request) {
  cbor::Writer out = begin("ExtendPCR", 2);
  out.text("index").unsigned_integer(request.index).text("data").bytes(request.data);
  return std::move(out).take();
}

Bytes encode_attestation(const AttestationRequest& request) {
  cbor::Writer out = begin("Attestation", 3);
  optional_bytes(out, "user_data", request.user_data);
  optional_bytes(out, "nonce", request.nonce);
  optional_bytes(out, "public_key", request.public_key);
  return std::move(out).take();
}

Bytes encode_describe_pcr(const DescribePcrResponse& response) {
  cbor::Writer out = begin("DescribePCR", 2);
  out.text("lock").boolean(response.lock).text("data").bytes(response.data);
  return std::move(out).take();
}

Bytes encode_describe_nsm(const DescribeNsmResponse& response) {
  cbor::Writer out = begin("DescribeNSM", 7);
  out.text("version_major").unsigned_integer(response.version_major);
  out.text("version_minor").unsigned_integer(response.version_minor);
  out.text("version_patch").unsigned_integer(response.version_patch);
  out.text("module_id").text(response.module_id);
  out.text("max_pcrs").unsigned_integer(response.max_pcrs);
  out.text("locked_pcrs").array(response.locked_pcrs.size());
  for (const std::uint16_t index : response.locked_pcrs) out.unsigned_integer(index);
  out.text("digest").text(response.digest);
  return std::move(out).take();
}

Bytes encode_error(ErrorCode code) {
  cbor::Writer out;
  out.map(1).text("Error").text(error_name(code));
  return std::move(out).take();
}

// Decoding -------------------------------------------------------------------

// The members of one message: all of them known, each looked up by name.
class Fields {
 public:
  static Result<Fields> of(const cbor::Item& item, std::initializer_list<std::string_view> known) {
    COFFERDAM_TRY(const std::span<const cbor::Item> pairs, item.map());
    for (std::size_t i = 0; i < pairs.size(); i += 2) {
      COFFERDAM_TRY(const std::string_view key, pairs[i].text());
      if (std::ranges::find(known, key) == known.end()) return bad("unknown field");
    }
    return Fields(item);
  }

  Result<std::uint16_t> u16(std::string_view name) const {
    COFFERDAM_TRY(const cbor::Item* const item, required(name));
    return small(*item);
  }

  Result<Bytes> bytes(std::string_view name) const {
    COFFERDAM_TRY(const cbor::Item* const item, required(name));
    COFFERDAM_TRY(const ByteView value, item->bytes());
    return to_bytes(value);
  }

  // Absent and null are the same.
  Result<std::optional<Bytes>> optional_bytes(std::string_view name) const {
    const cbor::Item* const item = map_.find(name);
    if (item == nullptr || item->is_null()) return std::nullopt;
    COFFERDAM_TRY(const ByteView value, item->bytes());
    return to_bytes(value);
  }

  Result<std::string> text(std::string_view name) const {
    COFFERDAM_TRY(const cbor::Item* const item, required(name));
    COFFERDAM_TRY(const std::string_view value, item->text());
    return std::string(value);
  }

  Result<bool> boolean(std::string_view name) const {
    COFFERDAM_TRY(const cbor::Item* const item, required(name));
    return item->boolean();
  }

  Result<std::vector<std::uint16_t>> u16_list(std::string_view name) const {
    COFFERDAM_TRY(const cbor::Item* const item, required(name));
    COFFERDAM_TRY(const std::span<const cbor::Item> elements, item->array());
    std::vector<std::uint16_t> out;
    for (const cbor::Item& element : elements) {
      COFFERDAM_TRY(const std::uint16_t value, small(element));
      if (!out.empty() && value <= out.back()) return bad("indices not in ascending order");
      out.push_back(value);
    }
    return out;
  }

 private:
  explicit Fields(const cbor::Item& map) : map_(map) {}

  static Result<std::uint16_t> small(const cbor::Item& item) {
    COFFERDAM_TRY(const std::uint64_t value, item.unsigned_integer());
    if (value > std::numeric_limits<std::uint16_t>::max()) return bad("number above 65535");
    return static_cast<std::uint16_t>(value);
  }

  Result<const cbor::Item*> required(std::string_view name) const {
    const cbor::Item* const item = map_.find(name);
    if (item == nullptr) return bad("field " + std::string(name) + " is missing");
    return item;
  }

  const cbor::Item& map_;
};

// The name of a message and what stands under it; nullptr for a bare name.
struct Variant {
  std::string_view name;
  const cbor::Item* content = nullptr;
};

Result<Variant> variant_of(const cbor::Item& item) {
  if (item.type() == cbor::Type::text) {
    COFFERDAM_TRY(const std::string_view name, item.text());
    return Variant{.name = name};
  }
  COFFERDAM_TRY(const std::span<const cbor::Item> pair, item.map());
  if (pair.size() != 2) return bad("expected one operation");
  COFFERDAM_TRY(const std::string_view name, pair[0].text());
  return Variant{.name = name, .content = &pair[1]};
}

Result<Request> decode_index_request(std::string_view name, const cbor::Item& content) {
  COFFERDAM_TRY(const Fields fields, Fields::of(content, {"index"}));
  COFFERDAM_TRY(const std::uint16_t index, fields.u16("index"));
  if (name == "DescribePCR") return DescribePcrRequest{.index = index};
  return LockPcrRequest{.index = index};
}

Result<Request> decode_extend(const cbor::Item& content) {
  COFFERDAM_TRY(const Fields fields, Fields::of(content, {"index", "data"}));
  ExtendPcrRequest out;
  COFFERDAM_TRY(out.index, fields.u16("index"));
  COFFERDAM_TRY(out.data, fields.bytes("data"));
  return out;
}

Result<Request> decode_lock_range(const cbor::Item& content) {
  COFFERDAM_TRY(const Fields fields, Fields::of(content, {"range"}));
  COFFERDAM_TRY(const std::uint16_t range, fields.u16("range"));
  return LockPcrsRequest{.range = range};
}

Result<Request> decode_attestation(const cbor::Item& content) {
  COFFERDAM_TRY(const Fields fields, Fields::of(content, {"user_data", "nonce", "public_key"}));
  AttestationRequest out;
  COFFERDAM_TRY(out.user_data, fields.optional_bytes("user_data"));
  COFFERDAM_TRY(out.nonce, fields.optional_bytes("nonce"));
  COFFERDAM_TRY(out.public_key, fields.optional_bytes("public_key"));
  return out;
}

Result<Response> decode_describe_pcr(const cbor::Item& content) {
  COFFERDAM_TRY(const Fields fields, Fields::of(content, {"lock", "data"}));
  DescribePcrResponse out;
  COFFERDAM_TRY(out.lock, fields.boolean("lock"));
  COFFERDAM_TRY(out.data, fields.bytes("data"));
  return out;
}

Result<Response> decode_describe_nsm(const cbor::Item& content) {
  COFFERDAM_TRY(const Fields fields,
                Fields::of(content, {"version_major", "version_minor", "version_patch", "module_id",
                                     "max_pcrs", "locked_pcrs", "digest"}));
  DescribeNsmResponse out;
  COFFERDAM_TRY(out.version_major, fields.u16("version_major"));
  COFFERDAM_TRY(out.version_minor, fields.u16("version_minor"));
  COFFERDAM_TRY(out.version_patch, fields.u16("version_patch"));
  COFFERDAM_TRY(out.module_id, fields.text("module_id"));
  COFFERDAM_TRY(out.max_pcrs, fields.u16("max_pcrs"));
  COFFERDAM_TRY(out.locked_pcrs, fields.u16_list("locked_pcrs"));
  COFFERDAM_TRY(out.digest, fields.text("digest"));
  return out;
}

Result<Bytes> decode_single_bytes(const cbor::Item& content, std::string_view field) {
  COFFERDAM_TRY(const Fields fields, Fields::of(content, {field}));
  return fields.bytes(field);
}

Result<Response> decode_error(const cbor::Item& content) {
  COFFERDAM_TRY(const std::string_view name, content.text());
  const auto found = std::ranges::find(kErrorNames, name);
  if (found == kErrorNames.end()) return bad("unknown error code");
  return ErrorResponse{.code = static_cast<ErrorCode>(found - kErrorNames.begin())};
}

Result<Response> decode_unit_response(std::string_view name) {
  if (name == "LockPCR") return LockPcrResponse{};
  if (name == "LockPCRs") return LockPcrsResponse{};
  return bad("unknown answer");
}

}  // namespace

std::string_view error_name(ErrorCode code) noexcept {
  return kErrorNames[static_cast<std::size_t>(code)];
}

Bytes encode(const Request& request) {
  return std::visit(
      Overloaded{
          [](const DescribePcrRequest& r) { return index_only("DescribePCR", "index", r.index); },
          [](const ExtendPcrRequest& r) { return encode_extend(r); },
          [](const LockPcrRequest& r) { return index_only("LockPCR", "index", r.index); },
          [](const LockPcrsRequest& r) { return index_only("LockPCRs", "range", r.range); },
          [](const DescribeNsmRequest&) { return unit("DescribeNSM"); },
          [](const AttestationRequest& r) { return encode_attestation(r); },
          [](const GetRandomRequest&) { return unit("GetRandom"); },
      },
      request);
}

Bytes encode(const Response& response) {
  return std::visit(
      Overloaded{
          [](const DescribePcrResponse& r) { return encode_describe_pcr(r); },
          [](const ExtendPcrResponse& r) { return bytes_only("ExtendPCR", "data", r.data); },
          [](const LockPcrResponse&) { return unit("LockPCR"); },
          [](const LockPcrsResponse&) { return unit("LockPCRs"); },
          [](const DescribeNsmResponse& r) { return encode_describe_nsm(r); },
          [](const AttestationResponse& r) {
            return bytes_only("Attestation", "document", r.document);
          },
          [](const GetRandomResponse& r) { return bytes_only("GetRandom", "random", r.random); },
          [](const ErrorResponse& r) { return encode_error(r.code); },
      },
      response);
}

Result<Request> decode_request(ByteView bytes) {
  if (bytes.size() > kMaxRequestSize) return bad("request above 4096 bytes");
  COFFERDAM_TRY(const cbor::Item item, cbor::parse(bytes, kLimits));
  COFFERDAM_TRY(const Variant variant, variant_of(item));
  if (variant.content == nullptr) {
    if (variant.name == "DescribeNSM") return DescribeNsmRequest{};
    if (variant.name == "GetRandom") return GetRandomRequest{};
    return bad("unknown operation");
  }
  if (variant.name == "DescribePCR" || variant.name == "LockPCR") {
    return decode_index_request(variant.name, *variant.content);
  }
  if (variant.name == "ExtendPCR") return decode_extend(*variant.content);
  if (variant.name == "LockPCRs") return decode_lock_range(*variant.content);
  if (variant.name == "Attestation") return decode_attestation(*variant.content);
  return bad("unknown operation");
}

Result<Response> decode_response(ByteView bytes) {
  COFFERDAM_TRY(const cbor::Item item, cbor::parse(bytes, kLimits));
  COFFERDAM_TRY(const Variant variant, variant_of(item));
  if (variant.content == nullptr) return decode_unit_response(variant.name);
  if (variant.name == "Error") return decode_error(*variant.content);
  if (variant.name == "DescribePCR") return decode_describe_pcr(*variant.content);
  if (variant.name == "DescribeNSM") return decode_describe_nsm(*variant.content);
  if (variant.name == "ExtendPCR") {
    COFFERDAM_TRY(Bytes data, decode_single_bytes(*variant.content, "data"));
    return ExtendPcrResponse{.data = std::move(data)};
  }
  if (variant.name == "Attestation") {
    COFFERDAM_TRY(Bytes document, decode_single_bytes(*variant.content, "document"));
    return AttestationResponse{.document = std::move(document)};
  }
  if (variant.name == "GetRandom") {
    COFFERDAM_TRY(Bytes random, decode_single_bytes(*variant.content, "random"));
    return GetRandomResponse{.random = std::move(random)};
  }
  return bad("unknown answer");
}

}  // namespace cofferdam::nsm
