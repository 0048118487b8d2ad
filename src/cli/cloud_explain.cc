// SPDX-License-Identifier: Apache-2.0
#include <boost/json/serialize.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "base/file.h"
#include "cli/cloud_commands.h"
#include "cloud/data_folder.h"
#include "cloud/event.h"
#include "cloud/explain_request.h"

namespace cofferdam::cli {
namespace {

constexpr const char* kFooter =
    R"(The request is one event of the event log (cofferdam cloud --record), or
  {"principal": ARN, "action": "kms:Decrypt", "resource": ARN, "context": {KEY: TEXT or [TEXTS]},
   "sessionPolicies": [POLICY]}
It is judged by the policies and grants in force in --data, whose server must be stopped. Without --data the
explanation is that of the event itself, as it was decided. See docs/local-aws.md.
Exit status: 0 allowed, 1 denied, 2 usage, 3 environment.

Example:
  $ cofferdam cloud explain --record events.jsonl --event 1805f5be-976b-4d76-8782-fdf9bd4aca32)";

constexpr std::size_t kMaxRequest = std::size_t{1024} * 1024;
constexpr std::size_t kMaxLog = std::size_t{256} * 1024 * 1024;

struct ExplainCommand {
  std::string request;
  std::string record;
  std::string event;
  std::string data;
  bool json = false;
};

Result<json::object> parse_object(std::string_view text) {
  COFFERDAM_TRY(const json::value value, parse_json(text, kMaxRequest, 64));
  if (!value.is_object()) return fail(Errc::invalid_input, "the request is not a JSON object");
  return value.get_object();
}

// The event of this id in a log.
Result<json::object> find_event(const std::string& path, const std::string& id) {
  COFFERDAM_TRY(const std::string log, read_text_file(path, kMaxLog));
  const std::string mark = "\"eventID\":\"" + id + "\"";
  const std::size_t found = log.find(mark);
  if (id.empty() || found == std::string::npos) {
    return fail(Errc::not_found, path + " has no event " + id);
  }
  const std::size_t before = log.rfind('\n', found);
  const std::size_t begin = before == std::string::npos ? 0 : before + 1;
  const std::size_t end = std::min(log.find('\n', found), log.size());
  return parse_object(std::string_view(log).substr(begin, end - begin));
}

Result<json::object> read_input(const ExplainCommand& command) {
  if (!command.record.empty()) return find_event(command.record, command.event);
  COFFERDAM_TRY(const std::string text, read_text_file(command.request, kMaxRequest));
  return parse_object(text);
}

// The question of an event that was denied, else its last one; or the object itself.
Result<json::object> evaluation_of(const json::object& input) {
  const json::value* own = input.if_contains("cofferdam");
  if (own == nullptr) {
    if (!input.contains("eventID")) return json::object{{"request", input}};
    return fail(Errc::invalid_input,
                "this event asked no policy anything: it failed before, or needs no permission");
  }
  const json::value* list =
      own->is_object() ? own->get_object().if_contains("evaluations") : nullptr;
  if (list == nullptr || !list->is_array() || list->get_array().empty()) {
    return fail(Errc::invalid_input, "the event has no evaluations");
  }
  const json::value* chosen = nullptr;
  for (const json::value& one : list->get_array()) {
    if (!one.is_object()) return fail(Errc::invalid_input, "an evaluation is not an object");
    chosen = &one;
    if (one.get_object().contains("explanation")) break;
  }
  return chosen->get_object();
}

Result<cloud::RequestExplanation> explain(const std::string& data,
                                          const cloud::AskedRequest& asked) {
  std::error_code ignored;
  if (!std::filesystem::exists(std::filesystem::path(data) / "master.key", ignored)) {
    return fail(Errc::not_found, data + " is not a folder of cofferdam cloud");
  }
  COFFERDAM_TRY(const cloud::DataFolder folder, cloud::DataFolder::open(data));
  COFFERDAM_TRY(Secret key, folder.master_key());
  COFFERDAM_TRY(cloud::Store store, cloud::Store::open(folder.database(), std::move(key)));
  return cloud::explain_request(store, asked);
}

Result<Exit> explain_now(const ExplainCommand& command, const json::object& evaluation) {
  const json::value* request = evaluation.if_contains("request");
  if (request == nullptr || !request->is_object()) {
    return fail(Errc::invalid_input, "there is no request");
  }
  COFFERDAM_TRY(const cloud::AskedRequest asked, cloud::read_asked_request(request->get_object()));
  COFFERDAM_TRY(const cloud::RequestExplanation why, explain(command.data, asked));
  std::cout << (command.json ? pretty_json(cloud::to_json(why)) : cloud::to_text(why));
  return why.allowed() ? Exit::ok : Exit::negative;
}

// As it was decided.
Result<Exit> explain_then(const json::object& evaluation) {
  const json::value* allowed = evaluation.if_contains("allowed");
  if (allowed == nullptr || !allowed->is_bool()) {
    return fail(Errc::invalid_input, "a request of one's own needs --data, the policies in force");
  }
  const json::value* why = evaluation.if_contains("explanation");
  std::cout << pretty_json(why != nullptr ? *why : json::value(evaluation));
  return allowed->get_bool() ? Exit::ok : Exit::negative;
}

Result<Exit> run(const ExplainCommand& command) {
  COFFERDAM_TRY(const json::object input, read_input(command));
  COFFERDAM_TRY(const json::object evaluation, evaluation_of(input));
  return command.data.empty() ? explain_then(evaluation) : explain_now(command, evaluation);
}

}  // namespace

void add_cloud_explain(CLI::App& cloud, Exit& exit) {
  auto command = std::make_shared<ExplainCommand>();
  CLI::App* const explain =
      cloud.add_subcommand("explain", "Why a request was or would be allowed or denied");
  explain->footer(kFooter);
  auto* const request =
      explain->add_option("--request", command->request, "The request, or an event")
          ->type_name("FILE");
  auto* const record =
      explain->add_option("--record", command->record, "An event log")->type_name("FILE");
  auto* const event =
      explain->add_option("--event", command->event, "Which event of it")->type_name("ID");
  record->needs(event);
  event->needs(record);
  request->excludes(record);
  explain->add_option("-d,--data", command->data, "Folder of the local AWS")->type_name("DIR");
  explain->add_flag("--json", command->json, "For programs");
  explain->callback([command, &exit] {
    if (command->request.empty() && command->record.empty()) {
      throw CLI::RequiredError("--request or --record");
    }
    const auto done = run(*command);
    exit = done ? *done
           : done.error().code == Errc::unavailable || done.error().code == Errc::not_found
               ? Exit::environment
               : Exit::usage;
    if (!done) print_error(done.error());
  });
}

}  // namespace cofferdam::cli
