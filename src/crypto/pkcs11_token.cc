// SPDX-License-Identifier: Apache-2.0
#include "crypto/pkcs11_token.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <utility>

namespace cofferdam::crypto {
namespace {

constexpr CK_ULONG kMaxSlots = 1024;
constexpr CK_ULONG kMaxObjects = 64;
constexpr CK_ULONG kMaxAttributeSize = 16384;
constexpr CK_ULONG kMaxSignatureSize = 256;

struct Refusal {
  CK_RV result;
  Errc code;
  std::string_view text;
};
constexpr auto kRefusals = std::to_array<Refusal>({
    {CKR_PIN_INCORRECT, Errc::denied,
     "the PIN is wrong; it was tried once, since tokens lock after a few wrong ones"},
    {CKR_PIN_LOCKED, Errc::denied, "its PIN is locked; unlock it with the tool of its maker"},
    {CKR_PIN_EXPIRED, Errc::denied, "its PIN has expired; change it with the tool of its maker"},
    {CKR_PIN_LEN_RANGE, Errc::denied, "the PIN is too short or too long for this token"},
    {CKR_USER_PIN_NOT_INITIALIZED, Errc::denied, "it has no user PIN yet"},
    {CKR_USER_NOT_LOGGED_IN, Errc::denied, "it wants a PIN first"},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, Errc::denied, "this key may not sign"},
    {CKR_MECHANISM_INVALID, Errc::denied, "it does not offer ECDSA (CKM_ECDSA)"},
    {CKR_FUNCTION_REJECTED, Errc::denied, "its user said no"},
    {CKR_FUNCTION_CANCELED, Errc::denied, "its user said no"},
    {CKR_TOKEN_NOT_PRESENT, Errc::unavailable, "it is not there any more"},
    {CKR_DEVICE_REMOVED, Errc::unavailable, "it is not there any more"},
    {CKR_SESSION_HANDLE_INVALID, Errc::unavailable, "it is not there any more"},
    {CKR_DEVICE_ERROR, Errc::unavailable, "the device failed"},
});

// Text of the standard: blanks fill it up to its length.
template <std::size_t N>
std::string unpadded(const unsigned char (&field)[N]) {
  const ByteView bytes(static_cast<const std::uint8_t*>(field), N);
  const std::string_view text = as_text(bytes);
  return std::string(text.substr(0, text.find_last_not_of(' ') + 1));
}

// Something a token says of itself, fit for a message.
std::string printable(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text;
}

bool fits(const std::optional<std::string>& wanted, const std::string& found) {
  return !wanted || *wanted == found;
}

bool fits(const Pkcs11Uri& uri, const Pkcs11Token& token) {
  return fits(uri.token, token.label()) && fits(uri.serial, unpadded(token.info.serialNumber)) &&
         fits(uri.manufacturer, unpadded(token.info.manufacturerID)) &&
         fits(uri.model, unpadded(token.info.model)) &&
         (!uri.slot_id || *uri.slot_id == token.slot);
}

Result<std::vector<CK_SLOT_ID>> slots_with_tokens(const Pkcs11Module& module) {
  CK_ULONG count = 0;
  COFFERDAM_CHECK(
      pkcs11_status("listing tokens", module.api().C_GetSlotList(CK_TRUE, nullptr, &count)));
  std::vector<CK_SLOT_ID> out(std::min(count, kMaxSlots));
  count = out.size();
  COFFERDAM_CHECK(
      pkcs11_status("listing tokens", module.api().C_GetSlotList(CK_TRUE, out.data(), &count)));
  out.resize(std::min<std::size_t>(count, out.size()));
  return out;
}

// Tokens that are ready; one that just went away is none.
Result<std::vector<Pkcs11Token>> list_tokens(const Pkcs11Module& module) {
  COFFERDAM_TRY(const std::vector<CK_SLOT_ID> slots, slots_with_tokens(module));
  std::vector<Pkcs11Token> out;
  for (const CK_SLOT_ID slot : slots) {
    Pkcs11Token token{.slot = slot, .info = {}};
    if (module.api().C_GetTokenInfo(slot, &token.info) != CKR_OK) continue;
    if ((token.info.flags & CKF_TOKEN_INITIALIZED) != 0) out.push_back(token);
  }
  return out;
}

std::string names(const std::vector<Pkcs11Token>& tokens) {
  std::string out;
  for (const Pkcs11Token& token : tokens) {
    out += (out.empty() ? "\"" : ", \"") + printable(token.label()) + "\"";
  }
  return out.empty() ? "none" : out;
}

}  // namespace

Status pkcs11_status(std::string_view what, CK_RV result) {
  if (result == CKR_OK) return {};
  const auto known = std::ranges::find(kRefusals, result, &Refusal::result);
  if (known != kRefusals.end()) {
    return fail(known->code, "the token, " + std::string(what) + ": " + std::string(known->text));
  }
  std::array<char, 32> number{};
  std::snprintf(number.data(), number.size(), "0x%08lx", result);
  return fail(Errc::unavailable,
              "the token, " + std::string(what) + ": PKCS#11 error " + number.data());
}

Result<std::shared_ptr<const Pkcs11Module>> Pkcs11Module::load(const std::filesystem::path& file) {
  void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return fail(Errc::unavailable, "cannot load the PKCS#11 module: " + std::string(dlerror()));
  }
  void* const symbol = dlsym(library, "C_GetFunctionList");
  CK_FUNCTION_LIST* api = nullptr;
  if (symbol == nullptr || reinterpret_cast<CK_C_GetFunctionList>(symbol)(&api) != CKR_OK ||
      api == nullptr) {
    dlclose(library);
    return fail(Errc::invalid_input, file.string() + " is not a PKCS#11 module");
  }
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  if (const Status ready = pkcs11_status("initialising", api->C_Initialize(&arguments)); !ready) {
    dlclose(library);
    return wrap(file.string(), ready.error());
  }
  return std::shared_ptr<const Pkcs11Module>(new Pkcs11Module(library, api));
}

Pkcs11Module::~Pkcs11Module() {
  api_->C_Finalize(nullptr);
  dlclose(library_);
}

std::string Pkcs11Token::label() const { return unpadded(info.label); }

Result<Pkcs11Token> find_token(const Pkcs11Module& module, const Pkcs11Uri& uri) {
  COFFERDAM_TRY(const std::vector<Pkcs11Token> tokens, list_tokens(module));
  std::vector<Pkcs11Token> fitting;
  std::ranges::copy_if(tokens, std::back_inserter(fitting),
                       [&](const Pkcs11Token& token) { return fits(uri, token); });
  if (fitting.size() == 1) return fitting.front();
  if (fitting.empty()) {
    return fail(Errc::not_found, "no token fits the PKCS#11 URI; the module has: " + names(tokens));
  }
  return fail(Errc::invalid_input,
              "several tokens fit the PKCS#11 URI: " + names(fitting) + "; add token= or serial=");
}

Result<Pkcs11Session> Pkcs11Session::open(std::shared_ptr<const Pkcs11Module> module,
                                          CK_SLOT_ID slot) {
  CK_SESSION_HANDLE handle = 0;
  COFFERDAM_CHECK(pkcs11_status(
      "opening a session",
      module->api().C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr, nullptr, &handle)));
  return Pkcs11Session(std::move(module), handle);
}

Pkcs11Session::~Pkcs11Session() {
  if (module_) module_->api().C_CloseSession(handle_);
}

Status Pkcs11Session::login(CK_USER_TYPE user, Secret* pin) const {
  const CK_RV result =
      pin == nullptr ? module_->api().C_Login(handle_, user, nullptr, 0)
                     : module_->api().C_Login(handle_, user, pin->reveal_mut().data(), pin->size());
  if (result == CKR_USER_ALREADY_LOGGED_IN) return {};
  return pkcs11_status("logging in", result);
}

Result<std::vector<CK_OBJECT_HANDLE>> Pkcs11Session::find(
    std::span<CK_ATTRIBUTE> attributes) const {
  const CK_FUNCTION_LIST& api = module_->api();
  COFFERDAM_CHECK(pkcs11_status(
      "searching", api.C_FindObjectsInit(handle_, attributes.data(), attributes.size())));
  std::vector<CK_OBJECT_HANDLE> out(kMaxObjects + 1);
  CK_ULONG count = 0;
  const CK_RV found = api.C_FindObjects(handle_, out.data(), out.size(), &count);
  api.C_FindObjectsFinal(handle_);
  COFFERDAM_CHECK(pkcs11_status("searching", found));
  if (count > kMaxObjects) {
    return fail(Errc::invalid_input, "more than 64 objects of the token fit; add object= or id=");
  }
  out.resize(count);
  return out;
}

Result<Bytes> Pkcs11Session::attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const {
  CK_ATTRIBUTE query{.type = type, .pValue = nullptr, .ulValueLen = 0};
  const auto ask = [&] { return module_->api().C_GetAttributeValue(handle_, object, &query, 1); };
  if (ask() != CKR_OK || query.ulValueLen > kMaxAttributeSize) {
    return fail(Errc::not_found, "an object of the token lacks an attribute");
  }
  Bytes out(query.ulValueLen);
  query.pValue = out.data();
  COFFERDAM_CHECK(pkcs11_status("reading an attribute", ask()));
  out.resize(std::min<std::size_t>(query.ulValueLen, out.size()));
  return out;
}

Result<Bytes> Pkcs11Session::sign(CK_OBJECT_HANDLE key, ByteView digest, Secret* pin) const {
  const CK_FUNCTION_LIST& api = module_->api();
  CK_MECHANISM mechanism{.mechanism = CKM_ECDSA, .pParameter = nullptr, .ulParameterLen = 0};
  COFFERDAM_CHECK(pkcs11_status("signing", api.C_SignInit(handle_, &mechanism, key)));
  if (pin != nullptr) COFFERDAM_CHECK(login(CKU_CONTEXT_SPECIFIC, pin->empty() ? nullptr : pin));
  Bytes input = to_bytes(digest);
  Bytes out(kMaxSignatureSize);
  CK_ULONG size = out.size();
  COFFERDAM_CHECK(
      pkcs11_status("signing", api.C_Sign(handle_, input.data(), input.size(), out.data(), &size)));
  out.resize(std::min<std::size_t>(size, out.size()));
  return out;
}

CK_ATTRIBUTE pkcs11_attribute(CK_ATTRIBUTE_TYPE type, ByteView value) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): Cryptoki has no const.
  return {
      .type = type, .pValue = const_cast<std::uint8_t*>(value.data()), .ulValueLen = value.size()};
}

}  // namespace cofferdam::crypto
