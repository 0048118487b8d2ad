// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "aws/json_client.h"
#include "net/testing.h"

namespace cofferdam::custody::test {

// A service in this process that answers with a function and remembers what it was asked.
class FakeCaller : public aws::JsonCaller {
 public:
  using Answer = std::function<Result<aws::JsonAnswer>(const std::string&, const json::object&)>;
  explicit FakeCaller(Answer answer) : answer_(std::move(answer)) {}

  Task<aws::JsonAnswer> call(std::string operation, json::object body) override {
    operations.push_back(operation);
    bodies.push_back(body);
    if (before) before(operation);
    co_return answer_(operation, body);
  }

  std::vector<std::string> operations;
  std::vector<json::object> bodies;
  // Called before each request is answered.
  std::function<void(const std::string& operation)> before;

 private:
  Answer answer_;
};

inline aws::JsonAnswer success(json::object body = {}) {
  return {.body = std::move(body), .error = {}, .message = {}};
}
inline aws::JsonAnswer refusal(std::string error) {
  return {.body = {}, .error = std::move(error), .message = "no"};
}

// Runs a task to its end.
template <class T>
Result<T> run(Task<T> task) {
  boost::asio::io_context loop(1);
  return net::testing::run(loop, std::move(task));
}

}  // namespace cofferdam::custody::test
