// SPDX-License-Identifier: Apache-2.0
#include "broker/keys.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <iterator>
#include <optional>
#include <set>

#include "base/file.h"
#include "jose/jws.h"
#include "jose/public_jwk.h"

namespace cofferdam::broker {
namespace {

namespace fs = std::filesystem;
using Algorithm = SigningKeys::Algorithm;

constexpr std::array kAlgorithms{Algorithm::es256, Algorithm::rs256};
constexpr std::size_t kMaxIndex = std::size_t{64} * 1024;
constexpr std::size_t kMaxKey = 4096;
constexpr std::size_t kMaxKeys = 32;
constexpr unsigned kPrivate = 0600;

std::string_view name_of(Algorithm algorithm) {
  return algorithm == Algorithm::es256 ? "ES256" : "RS256";
}

struct Key {
  Algorithm algorithm;
  Timestamp signs_from;
  crypto::KeyPair pair;
  json::object jwk;
  std::string id;
};

Result<Key> make_key(Algorithm algorithm, Timestamp signs_from, crypto::KeyPair pair) {
  COFFERDAM_TRY(json::object jwk, jose::public_jwk(pair.spki()));
  std::string id = jose::thumbprint(jwk);
  jwk["kid"] = id;
  jwk["use"] = "sig";
  jwk["alg"] = name_of(algorithm);
  return Key{.algorithm = algorithm,
             .signs_from = signs_from,
             .pair = std::move(pair),
             .jwk = std::move(jwk),
             .id = std::move(id)};
}

Result<Key> new_key(Algorithm algorithm, Timestamp signs_from) {
  const auto kind =
      algorithm == Algorithm::es256 ? crypto::KeyKind::p256 : crypto::KeyKind::rsa_2048;
  COFFERDAM_TRY(auto pair, crypto::KeyPair::generate(kind));
  return make_key(algorithm, signs_from, std::move(pair));
}

// For this process alone, until the result dies.
Result<UniqueFd> own_folder(const fs::path& folder) {
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Errc::unavailable, "cannot lock " + folder.string() + " (" + errno_text(errno) +
                                       "): is another broker using it?");
  }
  return fd;
}

std::unexpected<Error> bad_folder(const fs::path& index, std::string_view why) {
  return fail(Errc::invalid_input, index.string() + ": " + std::string(why));
}

}  // namespace

struct SigningKeys::Impl {
  fs::path folder;
  KeySchedule schedule;
  UniqueFd lock;
  mutable std::mutex mutex;
  std::vector<Key> keys;  // Those of one algorithm in the order in which they sign.

  fs::path index_path() const { return folder / "keys.json"; }
  fs::path key_path(const std::string& id) const { return folder / (id + ".key"); }

  std::vector<const Key*> line_of(Algorithm algorithm) const {
    std::vector<const Key*> out;
    for (const Key& key : keys) {
      if (key.algorithm == algorithm) out.push_back(&key);
    }
    return out;
  }

  // The last that may sign. Before all of them, after a clock was set back: the first.
  const Key& signer(Algorithm algorithm, Timestamp now) const {
    const auto line = line_of(algorithm);
    const Key* out = line.front();
    for (const Key* const key : line) {
      if (key->signs_from <= now) out = key;
    }
    return *out;
  }

  Status write_index() const {
    json::array list;
    for (const Key& key : keys) {
      list.push_back(json::object{{"kid", key.id},
                                  {"alg", name_of(key.algorithm)},
                                  {"signsFrom", format_rfc3339(key.signs_from)}});
    }
    const std::string text = pretty_json(json::object{{"keys", std::move(list)}});
    return write_file_atomic(index_path(), as_bytes(text), kPrivate);
  }

  Status add(Key key) {
    const Secret der = key.pair.to_pkcs8();
    COFFERDAM_CHECK(write_file_atomic(key_path(key.id), der.reveal(), kPrivate));
    keys.push_back(std::move(key));
    const Status written = write_index();
    if (written) return {};
    keys.pop_back();
    return written;
  }

  Status announce(Algorithm algorithm, Timestamp signs_from) {
    COFFERDAM_TRY(Key key, new_key(algorithm, signs_from));
    return add(std::move(key));
  }

  bool has_announced(Algorithm algorithm, Timestamp now) const {
    return line_of(algorithm).back()->signs_from > now;
  }

  // The ids of keys whose last token has expired.
  std::set<std::string> outlived(Timestamp now) const {
    std::set<std::string> out;
    for (const Algorithm algorithm : kAlgorithms) {
      const auto line = line_of(algorithm);
      for (std::size_t i = 0; i + 1 < line.size(); ++i) {
        if (now >= line[i + 1]->signs_from + schedule.after) out.insert(line[i]->id);
      }
    }
    return out;
  }

  Status drop_outlived(Timestamp now) {
    const std::set<std::string> gone = outlived(now);
    if (gone.empty()) return {};
    std::erase_if(keys, [&](const Key& key) { return gone.contains(key.id); });
    COFFERDAM_CHECK(write_index());
    for (const std::string& id : gone) {
      std::error_code ignored;
      fs::remove(key_path(id), ignored);
    }
    return {};
  }

  Status read_key(const json::value& entry) {
    const json::object* const object = entry.if_object();
    if (object == nullptr) return bad_folder(index_path(), "an entry is no object");
    COFFERDAM_TRY(const std::string id, required_string(*object, "kid"));
    COFFERDAM_TRY(const std::string name, required_string(*object, "alg"));
    COFFERDAM_TRY(const std::string from, required_string(*object, "signsFrom"));
    COFFERDAM_TRY(const Timestamp signs_from, parse_rfc3339(from));
    if (name != "ES256" && name != "RS256") return bad_folder(index_path(), "unknown algorithm");
    if (id.empty() || id.contains('/')) return bad_folder(index_path(), "a kid is no name");
    COFFERDAM_TRY(const Secret der, read_secret_file(key_path(id), kMaxKey));
    COFFERDAM_TRY(auto pair, crypto::KeyPair::from_pkcs8(der));
    const bool elliptic = pair.kind() == crypto::KeyKind::p256;
    const auto algorithm = name == "ES256" ? Algorithm::es256 : Algorithm::rs256;
    if (elliptic != (algorithm == Algorithm::es256)) {
      return bad_folder(key_path(id), "a key of another kind than keys.json says");
    }
    COFFERDAM_TRY(Key key, make_key(algorithm, signs_from, std::move(pair)));
    if (key.id != id) return bad_folder(key_path(id), "another key than keys.json names");
    keys.push_back(std::move(key));
    return {};
  }

  Status load() {
    COFFERDAM_TRY(const std::string text, read_text_file(index_path(), kMaxIndex));
    auto value = parse_json(text, kMaxIndex);
    if (!value) return wrap(index_path().string(), std::move(value).error());
    const json::object* const object = value->if_object();
    const json::value* const list = object == nullptr ? nullptr : object->if_contains("keys");
    if (list == nullptr || !list->is_array() || list->get_array().size() > kMaxKeys) {
      return bad_folder(index_path(), "expected \"keys\", an array of at most 32");
    }
    for (const json::value& entry : list->get_array()) COFFERDAM_CHECK(read_key(entry));
    std::ranges::sort(keys, {}, &Key::signs_from);
    for (const Algorithm algorithm : kAlgorithms) {
      if (line_of(algorithm).empty()) return bad_folder(index_path(), "no key of one algorithm");
    }
    return {};
  }

  // Keys of a start that ended before the index named them.
  void remove_strays() const {
    std::error_code error;
    std::set<fs::path> known;
    for (const Key& key : keys) known.insert(key_path(key.id));
    std::vector<fs::path> strays;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
      const fs::path& path = entry->path();
      if (path.extension() == ".key" && !known.contains(path)) strays.push_back(path);
    }
    for (const fs::path& path : strays) fs::remove(path, error);
  }

  Status create(Timestamp now) {
    for (const Algorithm algorithm : kAlgorithms) {
      COFFERDAM_TRY(Key key, new_key(algorithm, now));
      const Secret der = key.pair.to_pkcs8();
      COFFERDAM_CHECK(write_file_atomic(key_path(key.id), der.reveal(), kPrivate));
      keys.push_back(std::move(key));
    }
    return write_index();
  }
};

SigningKeys::SigningKeys(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SigningKeys::SigningKeys(SigningKeys&&) noexcept = default;
SigningKeys::~SigningKeys() = default;

Result<SigningKeys> SigningKeys::open(const fs::path& folder, KeySchedule schedule, Timestamp now) {
  COFFERDAM_CHECK(make_private_folder(folder));
  auto impl = std::make_unique<Impl>();
  impl->folder = folder;
  impl->schedule = schedule;
  COFFERDAM_TRY(impl->lock, own_folder(folder));
  const Status loaded = impl->load();
  if (!loaded && loaded.error().code == Errc::not_found && !fs::exists(impl->index_path())) {
    COFFERDAM_CHECK(impl->create(now));
  } else if (!loaded) {
    return std::unexpected(loaded.error());
  }
  impl->remove_strays();
  SigningKeys out(std::move(impl));
  COFFERDAM_CHECK(out.tick(now));
  return out;
}

Result<std::string> SigningKeys::sign(Algorithm algorithm, const json::object& claims,
                                      Timestamp now) const {
  const std::string payload = json::serialize(claims);
  const std::scoped_lock lock(impl_->mutex);
  const Key& key = impl_->signer(algorithm, now);
  return jose::sign_jws({{"kid", key.id}, {"typ", "JWT"}}, as_bytes(payload), key.pair);
}

Status SigningKeys::tick(Timestamp now) {
  const std::scoped_lock lock(impl_->mutex);
  for (const Algorithm algorithm : kAlgorithms) {
    if (impl_->has_announced(algorithm, now)) continue;
    const KeySchedule& schedule = impl_->schedule;
    const Timestamp due = impl_->signer(algorithm, now).signs_from + schedule.period;
    if (now + schedule.ahead < due) continue;
    COFFERDAM_CHECK(impl_->announce(algorithm, std::max<Timestamp>(due, now + schedule.ahead)));
  }
  return impl_->drop_outlived(now);
}

Status SigningKeys::rotate(Timestamp now) {
  const std::scoped_lock lock(impl_->mutex);
  for (const Algorithm algorithm : kAlgorithms) {
    if (impl_->has_announced(algorithm, now)) continue;
    COFFERDAM_CHECK(impl_->announce(algorithm, now + impl_->schedule.ahead));
  }
  return {};
}

json::object SigningKeys::published() const {
  const std::scoped_lock lock(impl_->mutex);
  json::array out;
  for (const Key& key : impl_->keys) out.push_back(key.jwk);
  return {{"keys", std::move(out)}};
}

}  // namespace cofferdam::broker
