// SPDX-License-Identifier: Apache-2.0
#include "cloud/xml_text.h"

#include "aws/error.h"

namespace cofferdam::cloud {

XmlText& XmlText::open(std::string_view name, std::string_view xml_namespace) {
  text_.append("<").append(name);
  if (!xml_namespace.empty()) {
    text_.append(" xmlns=\"").append(aws::xml_escape(xml_namespace)).append("\"");
  }
  text_ += '>';
  open_.emplace_back(name);
  return *this;
}

XmlText& XmlText::close() {
  text_.append("</").append(open_.back()).append(">");
  open_.pop_back();
  return *this;
}

XmlText& XmlText::leaf(std::string_view name, std::string_view text) {
  text_.append("<").append(name).append(">");
  text_.append(aws::xml_escape(text)).append("</").append(name).append(">");
  return *this;
}

XmlText& XmlText::leaf_if(std::string_view name, std::string_view text) {
  return text.empty() ? *this : leaf(name, text);
}

XmlText& XmlText::place_of_secret(std::string_view name) {
  text_.append("<").append(name).append(">");
  text_ += kPlace;
  text_.append("</").append(name).append(">");
  return *this;
}

XmlText& XmlText::raw(std::string_view xml) {
  text_.append(xml);
  return *this;
}

}  // namespace cofferdam::cloud
