// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <p11-kit/pkcs11.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/pkcs11_uri.h"

// What this folder uses of PKCS #11 v2.40 ("Cryptoki"), with handles that close themselves.
// Only for pkcs11_key.cc and tests: the names of the standard go no further.
namespace cofferdam::crypto {

// CKR_OK is success. Errc::denied where the token refuses, Errc::unavailable otherwise.
Status pkcs11_status(std::string_view what, CK_RV result);

// A token's shared library, loaded and initialised. Sessions keep it alive. A process may
// hold one per file.
class Pkcs11Module {
 public:
  static Result<std::shared_ptr<const Pkcs11Module>> load(const std::filesystem::path& file);
  Pkcs11Module(const Pkcs11Module&) = delete;
  Pkcs11Module& operator=(const Pkcs11Module&) = delete;
  ~Pkcs11Module();

  const CK_FUNCTION_LIST& api() const noexcept { return *api_; }

 private:
  Pkcs11Module(void* library, const CK_FUNCTION_LIST* api) : library_(library), api_(api) {}

  void* library_;
  const CK_FUNCTION_LIST* api_;
};

struct Pkcs11Token {
  CK_SLOT_ID slot = 0;
  CK_TOKEN_INFO info{};

  std::string label() const;  // Without its padding.
};

// The one token that the URI means. Errc::not_found if there is none, Errc::invalid_input
// if several fit.
Result<Pkcs11Token> find_token(const Pkcs11Module& module, const Pkcs11Uri& uri);

// A session of one token. Logs out as it closes, as it is the only one of this process.
class Pkcs11Session {
 public:
  static Result<Pkcs11Session> open(std::shared_ptr<const Pkcs11Module> module, CK_SLOT_ID slot);
  Pkcs11Session(Pkcs11Session&& other) noexcept
      : module_(std::move(other.module_)), handle_(other.handle_) {}
  Pkcs11Session& operator=(Pkcs11Session&&) = delete;
  ~Pkcs11Session();

  // One try. A null `pin` leaves the question to the token's own keypad.
  Status login(CK_USER_TYPE user, Secret* pin) const;

  // Objects with all of these attributes; more than kMaxObjects is Errc::invalid_input.
  Result<std::vector<CK_OBJECT_HANDLE>> find(std::span<CK_ATTRIBUTE> attributes) const;
  // Errc::not_found if the object does not have or show the attribute.
  Result<Bytes> attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const;

  // CKM_ECDSA over a digest. `pin`, where given, is for keys that ask before every use.
  Result<Bytes> sign(CK_OBJECT_HANDLE key, ByteView digest, Secret* pin) const;

 private:
  Pkcs11Session(std::shared_ptr<const Pkcs11Module> module, CK_SESSION_HANDLE handle)
      : module_(std::move(module)), handle_(handle) {}

  std::shared_ptr<const Pkcs11Module> module_;
  CK_SESSION_HANDLE handle_;
};

// An attribute of a search. `value` must outlive it; the module only reads.
CK_ATTRIBUTE pkcs11_attribute(CK_ATTRIBUTE_TYPE type, ByteView value);

}  // namespace cofferdam::crypto
