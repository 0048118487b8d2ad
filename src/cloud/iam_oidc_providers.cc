// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/encoding.h"
#include "cloud/iam_core.h"
#include "cloud/web_identity.h"

namespace cofferdam::cloud::iam {
namespace {

constexpr std::size_t kMaxClientIds = 100;
constexpr std::size_t kMaxThumbprints = 5;
constexpr std::size_t kMaxProviders = 100;

Result<std::vector<std::string>> read_thumbprints(const IamRequest& request) {
  COFFERDAM_TRY(auto list, request.parameters.list("ThumbprintList", {40, 40}));
  if (list.size() > kMaxThumbprints) {
    return over_quota("Thumbprint list must contain fewer than 5 entries.");
  }
  for (const std::string& thumbprint : list) {
    if (!from_hex(thumbprint)) {
      return fail(Errc::invalid_input, query::kValidation,
                  "Thumbprint list contains a value that is not hexadecimal.");
    }
  }
  return list;
}

Result<OidcProvider> named_provider(IamCore& core, const IamRequest& request,
                                    const Tags& request_tags = {}) {
  COFFERDAM_TRY(const std::string arn,
                request.parameters.text("OpenIDConnectProviderArn", {20, 2048}));
  COFFERDAM_TRY(auto found, core.iam().find_provider(arn));
  COFFERDAM_CHECK(core.admit(request, arn, arn, request_tags, found ? found->tags : Tags{}));
  if (!found || found->account != request.account()) {
    return no_such_entity("OpenIDConnect Provider not found for arn " + arn);
  }
  return *std::move(found);
}

Status check_new_provider(IamCore& core, const OidcProvider& provider) {
  COFFERDAM_TRY(const auto providers, core.iam().list_providers(provider.account));
  if (std::ranges::find(providers, provider.arn, &OidcProvider::arn) != providers.end()) {
    return already_exists("Provider with url " + provider.url + " already exists.");
  }
  if (providers.size() >= kMaxProviders) {
    return over_quota("Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100");
  }
  if (provider.client_ids.size() > kMaxClientIds) {
    return over_quota("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100");
  }
  return {};
}

}  // namespace

Result<QueryReply> create_provider(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const std::string url, request.parameters.text("Url", {1, 255}));
  const auto parsed = parse_issuer_url(url);
  OidcProvider provider;
  provider.account = request.account();
  provider.url = provider_url(url);
  provider.arn = "arn:aws:iam::" + provider.account + ":oidc-provider/" + provider.url;
  provider.created = std::chrono::floor<std::chrono::seconds>(request.call.now);
  COFFERDAM_TRY(provider.tags, request.parameters.tags("Tags"));
  COFFERDAM_TRY(provider.client_ids, request.parameters.list("ClientIDList", {1, 255}));
  COFFERDAM_TRY(provider.thumbprints, read_thumbprints(request));
  COFFERDAM_CHECK(core.admit(request, provider.arn, provider.arn, provider.tags));
  if (!parsed) {
    return fail(Errc::invalid_input, query::kValidation, "Invalid Open ID Connect Provider URL");
  }
  COFFERDAM_CHECK(check_new_provider(core, provider));
  COFFERDAM_CHECK(core.iam().put_provider(provider));
  XmlText xml;
  xml.leaf("OpenIDConnectProviderArn", provider.arn);
  if (!provider.tags.empty()) write_tags(xml, provider.tags);
  return QueryReply{.result = std::move(xml).take()};
}

Result<QueryReply> get_provider(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const OidcProvider provider, named_provider(core, request));
  XmlText xml;
  xml.leaf("Url", provider.url).members("ClientIDList", provider.client_ids);
  xml.members("ThumbprintList", provider.thumbprints);
  xml.leaf("CreateDate", to_xml_time(provider.created));
  if (!provider.tags.empty()) write_tags(xml, provider.tags);
  return QueryReply{.result = std::move(xml).take()};
}

Result<QueryReply> list_providers(IamCore& core, const IamRequest& request) {
  COFFERDAM_CHECK(
      core.admit(request, "*", "arn:aws:iam::" + request.account() + ":oidc-provider/*"));
  COFFERDAM_TRY(const auto providers, core.iam().list_providers(request.account()));
  XmlText xml;
  xml.open("OpenIDConnectProviderList");
  for (const OidcProvider& provider : providers) {
    xml.open("member").leaf("Arn", provider.arn).close();
  }
  xml.close();
  return QueryReply{.result = std::move(xml).take()};
}

Result<QueryReply> delete_provider(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const OidcProvider provider, named_provider(core, request));
  COFFERDAM_CHECK(core.iam().delete_provider(provider.arn));
  return QueryReply{};
}

Result<QueryReply> add_client_id(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const std::string client, request.parameters.text("ClientID", {1, 255}));
  COFFERDAM_TRY(OidcProvider provider, named_provider(core, request));
  if (std::ranges::find(provider.client_ids, client) == provider.client_ids.end()) {
    provider.client_ids.push_back(client);
  }
  if (provider.client_ids.size() > kMaxClientIds) {
    return over_quota("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100");
  }
  COFFERDAM_CHECK(core.iam().put_provider(provider));
  return QueryReply{};
}

// Not an error for a client that is not there, as the API reference says.
Result<QueryReply> remove_client_id(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const std::string client, request.parameters.text("ClientID", {1, 255}));
  COFFERDAM_TRY(OidcProvider provider, named_provider(core, request));
  std::erase(provider.client_ids, client);
  COFFERDAM_CHECK(core.iam().put_provider(provider));
  return QueryReply{};
}

Result<QueryReply> update_thumbprint(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(OidcProvider provider, named_provider(core, request));
  COFFERDAM_TRY(provider.thumbprints, read_thumbprints(request));
  COFFERDAM_CHECK(core.iam().put_provider(provider));
  return QueryReply{};
}

Result<QueryReply> tag_provider(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const Tags tags, request.parameters.tags("Tags"));
  COFFERDAM_TRY(OidcProvider provider, named_provider(core, request, tags));
  COFFERDAM_CHECK(merge_tags(provider.tags, tags));
  COFFERDAM_CHECK(core.iam().put_provider(provider));
  return QueryReply{};
}

Result<QueryReply> untag_provider(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const auto names, request.parameters.list("TagKeys", {1, 128}));
  COFFERDAM_TRY(OidcProvider provider, named_provider(core, request));
  remove_tags(provider.tags, names);
  COFFERDAM_CHECK(core.iam().put_provider(provider));
  return QueryReply{};
}

Result<QueryReply> list_provider_tags(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const IamPage page, read_page(request));
  COFFERDAM_TRY(const OidcProvider provider, named_provider(core, request));
  return tags_page(page, provider.tags);
}

}  // namespace cofferdam::cloud::iam
