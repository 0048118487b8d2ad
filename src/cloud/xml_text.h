// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cofferdam::cloud {

// Writes the XML of the Query protocol: elements inside each other, text at the leaves,
// everything escaped. Elements are closed in the reverse of their order.
class XmlText {
 public:
  XmlText& open(std::string_view name, std::string_view xml_namespace = {});
  XmlText& close();
  XmlText& leaf(std::string_view name, std::string_view text);
  XmlText& leaf_if(std::string_view name, std::string_view text);  // Unless empty.
  // <name><member>...</member>...</name>
  template <class List>
  XmlText& members(std::string_view name, const List& list) {
    open(name);
    for (const auto& text : list) leaf("member", text);
    return close();
  }
  // A leaf whose text is filled in later. xml_escape() lets no control character through,
  // so nothing else can look like the place.
  XmlText& place_of_secret(std::string_view name);
  static constexpr char kPlace = '\x01';
  // Already XML.
  XmlText& raw(std::string_view xml);

  std::string take() && { return std::move(text_); }

 private:
  std::string text_;
  std::vector<std::string> open_;
};

}  // namespace cofferdam::cloud
