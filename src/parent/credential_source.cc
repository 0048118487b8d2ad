// SPDX-License-Identifier: Apache-2.0
#include "parent/credential_source.h"

#include "base/file.h"

namespace cofferdam::parent {
namespace {

constexpr std::size_t kMaxCredentialSize = std::size_t{16} * 1024;

}  // namespace

Task<Secret> CredentialSource::read() const {
  if (const auto* path = std::get_if<std::filesystem::path>(&source_)) {
    co_return read_secret_file(*path, kMaxCredentialSize);
  }
  COFFERDAM_CO_TRY(const auto issued, co_await std::get<Cache>(source_)->get());
  co_return aws::issued_credentials_json(*issued);
}

}  // namespace cofferdam::parent
