// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace cofferdam {

// What a caller can do about a failure. Callers branch on the code and never on
// the text, so the list stays short: add one only when a caller must act on it.
enum class Errc : std::uint8_t {
  invalid_input = 1,  // Malformed or over a limit. Retrying the same bytes cannot help.
  unauthenticated,    // A signature, MAC or certificate chain did not verify.
  denied,             // Authentic, but policy says no.
  not_found,
  unavailable,  // A peer is down or slow. Retry with back-off.
  deadline_exceeded,
  internal,  // A bug, or the platform broke its contract.
};

// A failure: a code for the program, a sentence for the operator and, where a
// contract names one, a stable reason code for other people's scripts.
//
// `detail` may be logged outside the enclave. Never put key material, tokens,
// plaintext or unvalidated peer bytes in it. `reason` points to a string literal.
struct Error {
  Errc code = Errc::internal;
  std::string detail;
  std::string_view reason;
};

// Either a T or an Error. Neither a call nor a `co_await` may drop one silently.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

using Status = Result<void>;

// Builds the failing side of any Result.
[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string detail) {
  return std::unexpected(Error{.code = code, .detail = std::move(detail), .reason = {}});
}

// The same with a stable reason code. `reason` must be a string literal.
[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string_view reason,
                                                 std::string detail) {
  return std::unexpected(Error{.code = code, .detail = std::move(detail), .reason = reason});
}

// The same failure seen from further out: `context` goes before the detail.
[[nodiscard]] inline std::unexpected<Error> wrap(std::string_view context, Error error) {
  error.detail.insert(0, std::string(context) + ": ");
  return std::unexpected(std::move(error));
}

}  // namespace cofferdam

// COFFERDAM_TRY(auto n, reader.u16()) declares `n`, or returns the error from the
// enclosing function; COFFERDAM_CHECK(reader.finish()) does so for a Status. The CO_
// forms are for coroutines. These four are the project's only control-flow macros.
#define COFFERDAM_CHECK(expr) COFFERDAM_CHECK_IMPL_(expr, return)
#define COFFERDAM_CO_CHECK(expr) COFFERDAM_CHECK_IMPL_(expr, co_return)
#define COFFERDAM_CHECK_IMPL_(expr, ret) \
  if (auto try_status = (expr); !try_status) ret std::unexpected(std::move(try_status).error())
#define COFFERDAM_TRY(decl, expr) COFFERDAM_TRY_IMPL_(decl, expr, return, __LINE__)
#define COFFERDAM_CO_TRY(decl, expr) COFFERDAM_TRY_IMPL_(decl, expr, co_return, __LINE__)
#define COFFERDAM_TRY_IMPL_(decl, expr, ret, line) COFFERDAM_TRY_EXPAND_(decl, expr, ret, line)
#define COFFERDAM_TRY_EXPAND_(decl, expr, ret, line)                   \
  auto try_##line = (expr);                                            \
  if (!try_##line) ret std::unexpected(std::move(try_##line).error()); \
  decl = *std::move(try_##line) /* NOLINT(bugprone-macro-parentheses) */
