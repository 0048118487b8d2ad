// SPDX-License-Identifier: Apache-2.0
#include "agent/local_kms.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <set>
#include <utility>

#include "agent/local_server.h"
#include "agent/reason.h"
#include "agent/secret_answer.h"
#include "aws/error.h"
#include "base/encoding.h"
#include "base/printable.h"
#include "crypto/pem.h"
#include "crypto/random.h"

namespace cofferdam::agent {
namespace {

constexpr std::size_t kMaxBody = std::size_t{64} * 1024;
constexpr std::string_view kService = "TrentService.";
constexpr std::string_view kContentType = "application/x-amz-json-1.1";

// AWS's names.
constexpr std::string_view kAccessDenied = "AccessDeniedException";
constexpr std::string_view kInternal = "KMSInternalException";
constexpr std::string_view kInvalidCiphertext = "InvalidCiphertextException";
constexpr std::string_view kInvalidState = "KMSInvalidStateException";
constexpr std::string_view kNotFound = "NotFoundException";
constexpr std::string_view kSerialization = "SerializationException";
constexpr std::string_view kThrottling = "ThrottlingException";
constexpr std::string_view kTimeout = "DependencyTimeoutException";
constexpr std::string_view kUnknownOperation = "UnknownOperationException";
constexpr std::string_view kUnsupported = "UnsupportedOperationException";
constexpr std::string_view kValidation = "ValidationException";

struct Meaning {
  std::string_view reason;
  std::string_view exception;
  unsigned status;
};
// What a program can do something about; all else is by the error's code.
constexpr std::array kMeanings{
    Meaning{kAccessDenied, kAccessDenied, 400},
    Meaning{kSerialization, kSerialization, 400},
    Meaning{kUnknownOperation, kUnknownOperation, 400},
    Meaning{kUnsupported, kUnsupported, 400},
    Meaning{kValidation, kValidation, 400},
    Meaning{reason::kKmsAccessDenied, kAccessDenied, 400},
    Meaning{reason::kKmsKeyNotFound, kNotFound, 400},
    Meaning{reason::kKmsKeyUnusable, kInvalidState, 400},
    Meaning{reason::kKmsWrongCiphertext, kInvalidCiphertext, 400},
    Meaning{reason::kKmsInvalidRequest, kValidation, 400},
    Meaning{reason::kKmsThrottled, kThrottling, 400},
};

aws::AwsError to_aws_error(const Error& error) {
  const auto known = std::ranges::find(kMeanings, error.reason, &Meaning::reason);
  if (known != kMeanings.end()) {
    return {std::string(known->exception), error.detail, known->status};
  }
  if (error.code == Errc::denied) return {std::string(kAccessDenied), error.detail, 400};
  if (error.code == Errc::deadline_exceeded) return {std::string(kTimeout), error.detail, 503};
  return {std::string(kInternal), error.detail, 500};
}

struct Member {
  Operation operation;
  std::string_view name;
};
// What each operation takes, of the model of KMS 2014-11-01, without what is handled for all.
constexpr std::array kMembers{
    Member{Operation::decrypt, "CiphertextBlob"},
    Member{Operation::decrypt, "EncryptionAlgorithm"},
    Member{Operation::decrypt, "EncryptionContext"},
    Member{Operation::decrypt, "KeyId"},
    Member{Operation::generate_data_key, "EncryptionContext"},
    Member{Operation::generate_data_key, "KeyId"},
    Member{Operation::generate_data_key, "KeySpec"},
    Member{Operation::generate_data_key, "NumberOfBytes"},
    Member{Operation::generate_data_key_pair, "EncryptionContext"},
    Member{Operation::generate_data_key_pair, "KeyId"},
    Member{Operation::generate_data_key_pair, "KeyPairSpec"},
    Member{Operation::generate_random, "NumberOfBytes"},
    Member{Operation::derive_shared_secret, "KeyAgreementAlgorithm"},
    Member{Operation::derive_shared_secret, "KeyId"},
    Member{Operation::derive_shared_secret, "PublicKey"},
};

constexpr std::array kOperations{Operation::decrypt, Operation::generate_data_key,
                                 Operation::generate_data_key_pair, Operation::generate_random,
                                 Operation::derive_shared_secret};

std::unexpected<Error> invalid(std::string_view why) {
  return fail(Errc::invalid_input, kValidation, std::string(why));
}

Result<Operation> parse_operation(std::string_view target) {
  if (!target.starts_with(kService)) {
    return fail(Errc::invalid_input, kUnknownOperation,
                "X-Amz-Target is not TrentService.OPERATION");
  }
  target.remove_prefix(kService.size());
  const auto known = std::ranges::find(kOperations, target, operation_name);
  if (known != kOperations.end()) return *known;
  return fail(Errc::invalid_input, kUnsupported,
              "the agent of this enclave answers Decrypt, GenerateDataKey, GenerateDataKeyPair, "
              "GenerateRandom and DeriveSharedSecret, and passes nothing else on to KMS");
}

Status check_member(Operation operation, std::string_view name, const json::value& value) {
  if (name == "Recipient") {
    return invalid("the agent attests this call itself: leave Recipient out");
  }
  if (name == "GrantTokens") {
    const json::array* tokens = value.if_array();
    if (tokens != nullptr && tokens->empty()) return {};
    return fail(Errc::invalid_input, kUnsupported, "grant tokens are not passed on");
  }
  if (name == "DryRun") {
    if (value.is_bool() && !value.get_bool()) return {};
    return fail(Errc::invalid_input, kUnsupported, "a dry run is not passed on");
  }
  const bool known = std::ranges::any_of(
      kMembers, [&](const Member& one) { return one.operation == operation && one.name == name; });
  if (known) return {};
  return invalid("unknown member " + printable(name));
}

Result<EncryptionContext> parse_context(const json::object& body) {
  EncryptionContext out;
  const json::value* const found = body.if_contains("EncryptionContext");
  if (found == nullptr || found->is_null()) return out;
  if (!found->is_object()) return invalid("EncryptionContext is not an object");
  for (const auto& [name, value] : found->get_object()) {
    if (!value.is_string()) return invalid("EncryptionContext has a value that is not a string");
    out.emplace(name, std::string_view(value.get_string()));
  }
  return out;
}

Result<std::string> optional_text(const json::object& body, std::string_view name) {
  const auto text = optional_string(body, name);
  if (!text) return invalid(std::string(name) + " is not a string");
  return text->value_or("");
}

Status require(const json::object& body, std::string_view name, std::string_view only) {
  COFFERDAM_TRY(const std::string text, optional_text(body, name));
  if (text.empty() || text == only) return {};
  return invalid(std::string(name) + " is not " + std::string(only));
}

Result<Bytes> parse_blob(const json::object& body, std::string_view name) {
  COFFERDAM_TRY(const std::string text, optional_text(body, name));
  auto bytes = from_base64(text);
  if (!bytes || bytes->empty()) return invalid(std::string(name) + " is missing or not base64");
  return bytes;
}

Result<std::optional<std::int64_t>> parse_size(const json::object& body) {
  const auto size = optional_integer(body, "NumberOfBytes");
  if (!size) return invalid("NumberOfBytes is not an integer");
  return *size;
}

Status parse_data_key(const json::object& body, LocalKmsRequest* out) {
  COFFERDAM_TRY(out->key_spec, optional_text(body, "KeySpec"));
  COFFERDAM_TRY(const auto size, parse_size(body));
  if (size.has_value() == !out->key_spec.empty()) {
    return invalid("specify exactly one of KeySpec and NumberOfBytes");
  }
  if (!size) return {};
  if (*size != 16 && *size != 32) {
    return invalid("NumberOfBytes is 16 or 32, which are the sizes that can be declared");
  }
  out->key_spec = *size == 16 ? "AES_128" : "AES_256";
  return {};
}

Status parse_parameters(const json::object& body, LocalKmsRequest* out) {
  switch (out->operation) {
    case Operation::decrypt: {
      COFFERDAM_CHECK(require(body, "EncryptionAlgorithm", "SYMMETRIC_DEFAULT"));
      COFFERDAM_TRY(out->input, parse_blob(body, "CiphertextBlob"));
      return {};
    }
    case Operation::generate_data_key:
      return parse_data_key(body, out);
    case Operation::generate_data_key_pair: {
      COFFERDAM_TRY(out->key_spec, optional_text(body, "KeyPairSpec"));
      return {};
    }
    case Operation::generate_random: {
      COFFERDAM_TRY(out->random_size, parse_size(body));
      return {};
    }
    case Operation::derive_shared_secret: {
      COFFERDAM_CHECK(require(body, "KeyAgreementAlgorithm", "ECDH"));
      COFFERDAM_TRY(out->input, parse_blob(body, "PublicKey"));
      return {};
    }
  }
  return {};
}

// arn:aws:kms:us-east-1:111122223333:key/1234abcd-… by its full text or its last part.
bool names_key(std::string_view given, std::string_view arn) {
  return !given.empty() && (given == arn || given == arn.substr(arn.rfind('/') + 1));
}

bool has_parameters(const LocalKmsRequest& request, const DeclaredCall& declared) {
  const SecretSpec& spec = *declared.spec;
  if (request.operation != spec.operation || spec.envelope) return false;
  if (request.operation == Operation::generate_random) {
    return request.random_size == std::int64_t{spec.random_size};
  }
  if (request.operation == Operation::derive_shared_secret) {
    return request.input == declared.peer_key;
  }
  return request.key_spec == spec.key_spec;
}

bool allows(const LocalKmsRequest& request, const DeclaredCall& declared) {
  if (!has_parameters(request, declared) || request.context != declared.context) return false;
  if (request.operation == Operation::generate_random) return !request.key_id;
  if (request.key_id) return names_key(*request.key_id, declared.spec->key_arn);
  return request.operation == Operation::decrypt;
}

std::string expectation(const DeclaredCall& declared) {
  const SecretSpec& spec = *declared.spec;
  std::string out = spec.name + " (";
  if (spec.operation == Operation::generate_random) {
    return out + "NumberOfBytes " + std::to_string(spec.random_size) + ")";
  }
  out += "KeyId " + spec.key_arn;
  if (!spec.key_spec.empty()) out += ", spec " + spec.key_spec;
  if (spec.operation == Operation::derive_shared_secret) {
    return out + ", PublicKey of " + spec.public_key + ")";
  }
  json::object context;
  for (const auto& [name, value] : declared.context) context.emplace(name, value);
  return out + ", EncryptionContext " + json::serialize(context) + ")";
}

std::unexpected<Error> not_declared(const LocalKmsRequest& request,
                                    std::span<const DeclaredCall> declared) {
  constexpr int kMaxListed = 4;
  const std::string operation(operation_name(request.operation));
  std::string list;
  int count = 0;
  for (const DeclaredCall& one : declared) {
    if (one.spec->operation != request.operation || one.spec->envelope) continue;
    if (++count <= kMaxListed) list += (list.empty() ? "" : "; ") + expectation(one);
  }
  if (count > kMaxListed) list += "; and " + std::to_string(count - kMaxListed) + " more";
  return fail(Errc::denied, kAccessDenied,
              "the measured configuration of this enclave allows no such " + operation +
                  ". It declares for " + operation + ": " + (list.empty() ? "nothing" : list));
}

}  // namespace

Result<LocalKmsRequest> LocalKmsRequest::parse(std::string_view target, std::string_view body) {
  LocalKmsRequest out;
  COFFERDAM_TRY(out.operation, parse_operation(target));
  const auto value = parse_json(body, kMaxBody, /*max_depth=*/8);
  if (!value || !value->is_object()) {
    return fail(Errc::invalid_input, kSerialization, "the body is not a JSON object");
  }
  const json::object& object = value->get_object();
  for (const auto& [name, member] : object) {
    if (!member.is_null()) COFFERDAM_CHECK(check_member(out.operation, name, member));
  }
  const auto key = optional_string(object, "KeyId");
  if (!key) return invalid("KeyId is not a string");
  out.key_id = *key;
  COFFERDAM_TRY(out.context, parse_context(object));
  COFFERDAM_CHECK(parse_parameters(object, &out));
  return out;
}

Result<const DeclaredCall*> find_declared(const LocalKmsRequest& request,
                                          std::span<const DeclaredCall> declared) {
  const DeclaredCall* found = nullptr;
  for (const DeclaredCall& one : declared) {
    if (!allows(request, one)) continue;
    if (found != nullptr && found->spec->key_arn != one.spec->key_arn) {
      return fail(Errc::invalid_input, kValidation,
                  "several declared keys fit this encryption context: name one in KeyId");
    }
    if (found == nullptr) found = &one;
  }
  if (found != nullptr) return found;
  return not_declared(request, declared);
}

Result<LocalKms> LocalKms::create(Parts parts) {
  std::vector<DeclaredCall> declared;
  for (const SecretSpec& spec : parts.enclave.config().secrets) {
    DeclaredCall one{.spec = &spec, .context = {}, .peer_key = {}};
    COFFERDAM_TRY(one.context, parts.secrets.context_of(spec));
    if (!spec.public_key.empty()) {
      const std::string_view pem = parts.enclave.evidence().measured().text_of(spec.public_key);
      auto key = crypto::pem_decode(pem, "PUBLIC KEY");
      if (!key) {
        return fail(Errc::invalid_input, reason::kConfigInvalid,
                    spec.public_key + ": " + key.error().detail);
      }
      one.peer_key = *std::move(key);
    }
    declared.push_back(std::move(one));
  }
  return LocalKms(parts, std::move(declared));
}

Task<net::HttpResponse> LocalKms::handle(net::HttpRequest request, Caller caller) {
  const std::string id = to_hex(crypto::random_bytes(16));
  if (const Status local = check_loopback_request(request); !local) {
    co_return aws::json_error_response({std::string(kAccessDenied), local.error().detail, 403}, id);
  }
  if (request.method != "POST" || request.target != "/") {
    co_return aws::json_error_response(
        {std::string(kUnknownOperation), "KMS answers POST / only", 404}, id);
  }
  auto parsed =
      LocalKmsRequest::parse(net::header(request.headers, "X-Amz-Target"), as_text(request.body));
  if (!parsed) co_return aws::json_error_response(to_aws_error(parsed.error()), id);
  auto answer = co_await call(*std::move(parsed), std::move(caller));
  if (!answer) co_return aws::json_error_response(to_aws_error(answer.error()), id);
  answer->headers.emplace_back("x-amzn-RequestId", id);
  co_return *std::move(answer);
}

Task<net::HttpResponse> LocalKms::call(LocalKmsRequest request, Caller caller) {
  COFFERDAM_CO_TRY(const DeclaredCall* declared, find_declared(request, declared_));
  const SecretSpec& spec = *declared->spec;
  policy::RequestInput question;
  question.kind = "kms";
  question.operation = std::string(operation_name(spec.operation));
  question.secret = spec.name;
  if (!spec.key_arn.empty()) question.key = spec.key_arn;
  for (const auto& [name, value] : declared->context) question.context.emplace(name, value);
  COFFERDAM_CO_CHECK(co_await parts_.gate.admit(std::move(caller), std::move(question)));
  COFFERDAM_CO_TRY(const Released released, co_await release(&spec, std::move(request.input)));

  const CallRules& rules = rules_of(spec.operation);
  json::object members;
  if (!spec.key_arn.empty()) members.emplace("KeyId", spec.key_arn);
  if (!rules.ciphertext_member.empty()) {
    members.emplace(rules.ciphertext_member, to_base64(released.ciphertext));
  }
  if (!rules.public_key_member.empty()) {
    members.emplace(rules.public_key_member, to_base64(released.public_key));
  }
  if (spec.operation == Operation::decrypt)
    members.emplace("EncryptionAlgorithm", "SYMMETRIC_DEFAULT");
  if (spec.operation == Operation::generate_data_key_pair)
    members.emplace("KeyPairSpec", spec.key_spec);
  if (spec.operation == Operation::derive_shared_secret)
    members.emplace("KeyAgreementAlgorithm", "ECDH");
  std::vector<SecretMember> secrets;
  secrets.push_back({rules.plaintext_member, secret_to_base64(released.plaintext)});
  co_return secret_json_response(kContentType, members, secrets);
}

Task<Released> LocalKms::release(const SecretSpec* spec, Bytes input) {
  Released out;
  switch (spec->operation) {
    case Operation::generate_data_key:
      co_return co_await parts_.secrets.data_key(spec->name);
    case Operation::generate_data_key_pair:
      co_return co_await parts_.secrets.key_pair(spec->name);
    case Operation::decrypt: {
      COFFERDAM_CO_TRY(out.plaintext,
                       co_await parts_.secrets.decrypt(spec->name, std::move(input)));
      break;
    }
    case Operation::generate_random: {
      COFFERDAM_CO_TRY(out.plaintext, co_await parts_.secrets.random(spec->name));
      break;
    }
    case Operation::derive_shared_secret: {
      COFFERDAM_CO_TRY(out.plaintext, co_await parts_.secrets.secret(spec->name));
      break;
    }
  }
  co_return out;
}

}  // namespace cofferdam::agent
