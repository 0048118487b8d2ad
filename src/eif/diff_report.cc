// SPDX-License-Identifier: Apache-2.0
#include "eif/diff_report.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/encoding.h"
#include "eif/diff_parts.h"

namespace cofferdam::eif {
namespace {

constexpr std::size_t kItemWidth = 36;
constexpr std::size_t kFieldWidth = 12;

std::string register_name(std::uint8_t index) { return "PCR" + std::to_string(index); }

std::string_view what_it_measures(std::uint8_t index) {
  switch (index) {
    case 0:
      return "kernel, command line, all ramdisks";
    case 1:
      return "kernel, command line, first ramdisk";
    case 2:
      return "the other ramdisks";
    default:
      return "signing certificate";
  }
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string counted(std::uint64_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

std::string joined(const std::vector<std::uint8_t>& registers) {
  std::string out;
  for (const std::uint8_t index : registers) {
    out += (out.empty() ? "" : ", ") + register_name(index);
  }
  return out;
}

// ---- JSON

json::value or_null(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value(nullptr);
}

json::value or_null(const std::optional<crypto::Sha384>& digest) {
  return digest ? json::value(to_hex(*digest)) : json::value(nullptr);
}

json::object difference_json(const Difference& difference) {
  json::array registers;
  for (const std::uint8_t index : difference.registers) registers.push_back(index);
  json::object out{{"item", difference.item},
                   {"field", difference.field},
                   {"a", or_null(difference.a)},
                   {"b", or_null(difference.b)}};
  if (difference.offset) out["offset"] = *difference.offset;
  if (difference.line) out["line"] = *difference.line;
  out["pcrs"] = std::move(registers);
  return out;
}

json::object section_json(const SectionDiff& section) {
  json::array differences;
  for (const Difference& one : section.differences) differences.push_back(difference_json(one));
  json::object out{
      {"section", section.section}, {"measured", section.measured}, {"count", section.count}};
  if (!section.note.empty()) out["note"] = section.note;
  out["differences"] = std::move(differences);
  return out;
}

json::object image_json(std::string_view name, const CrcState& crc) {
  return {{"path", diff::printable(name, 4096)}, {"crc", crc.stored}, {"crcMatches", crc.matches}};
}

// ---- text

std::string register_line(const RegisterDiff& one) {
  const std::string_view state = one.equal() ? (one.a ? "equal" : "absent in both")
                                 : !one.a    ? "only in b"
                                 : !one.b    ? "only in a"
                                             : "different";
  return "  " + padded(register_name(one.index), 6) +
         padded(std::string(what_it_measures(one.index)), kItemWidth + 2) + std::string(state) +
         "\n";
}

std::string heading(const SectionDiff& section) {
  std::set<std::uint8_t> moved;
  for (const Difference& one : section.differences) {
    moved.insert(one.registers.begin(), one.registers.end());
  }
  std::string effect = "not measured";
  if (!moved.empty()) effect = "moves " + joined({moved.begin(), moved.end()});
  if (moved.empty() && section.measured) effect = "moves no register";
  std::string out =
      "\n" + section.section + ": " + counted(section.count, "difference") + ", " + effect + "\n";
  if (!section.note.empty()) out += "  (" + section.note + ")\n";
  return out;
}

std::string place(const Difference& difference) {
  std::string out;
  if (difference.offset) out += "byte " + std::to_string(*difference.offset);
  if (difference.line) out += ", line " + std::to_string(*difference.line);
  return out;
}

// On one line where it fits, else one value under the other.
std::string values(const Difference& difference) {
  constexpr std::size_t kShort = 40;
  if (!difference.a) return "only in b: " + difference.b.value_or("");
  if (!difference.b) return "only in a: " + *difference.a;
  if (!difference.line && difference.a->size() + difference.b->size() <= kShort) {
    return *difference.a + " -> " + *difference.b;
  }
  return "\n      a: " + *difference.a + "\n      b: " + *difference.b;
}

std::string difference_text(const Difference& difference) {
  std::string out = "  ";
  if (!difference.item.empty()) out += padded(difference.item, kItemWidth) + "  ";
  out += padded(std::string(difference.field), kFieldWidth);
  const std::string where = place(difference);
  const std::string what = values(difference);
  if (!where.empty()) out += where + (what.starts_with('\n') ? "" : ": ");
  while (what.starts_with('\n') && out.ends_with(' ')) out.pop_back();
  return out + what + "\n";
}

std::string section_text(const SectionDiff& section) {
  std::string out = heading(section);
  for (const Difference& one : section.differences) out += difference_text(one);
  if (section.count > section.differences.size()) {
    out += "  ... and " + std::to_string(section.count - section.differences.size()) +
           " more (--limit)\n";
  }
  return out;
}

std::string verdict(const ImageDiff& diff) {
  std::vector<std::uint8_t> moved;
  for (const RegisterDiff& one : diff.registers) {
    if (!one.equal()) moved.push_back(one.index);
  }
  std::string out = "\n" + counted(diff.count(), "difference") + "; ";
  if (!moved.empty()) return out + joined(moved) + (moved.size() == 1 ? " moves" : " move") + ".\n";
  out += "no register moves: KMS and verifiers cannot tell the two apart.\n";
  if (diff.moved_unseen()) {
    out +=
        "Careful: measured content differs all the same. Bytes moved from one section to the\n"
        "next, which the registers do not show (docs/eif.md, What is measured).\n";
  }
  return out;
}

}  // namespace

json::object diff_json(const ImageDiff& diff, DiffNames names) {
  json::object registers;
  for (const RegisterDiff& one : diff.registers) {
    registers[register_name(one.index)] =
        json::object{{"equal", one.equal()}, {"a", or_null(one.a)}, {"b", or_null(one.b)}};
  }
  json::array sections;
  for (const SectionDiff& section : diff.sections) sections.push_back(section_json(section));
  return {{"equal", diff.equal()},
          {"a", image_json(names.a, diff.crc_a)},
          {"b", image_json(names.b, diff.crc_b)},
          {"pcrs", std::move(registers)},
          {"count", diff.count()},
          {"movedUnseen", diff.moved_unseen()},
          {"sections", std::move(sections)}};
}

std::string diff_text(const ImageDiff& diff, DiffNames names) {
  if (diff.equal()) return "The images are the same, byte for byte.\n";
  std::string out =
      "a: " + diff::printable(names.a, 4096) + "\nb: " + diff::printable(names.b, 4096) + "\n\n";
  for (const RegisterDiff& one : diff.registers) out += register_line(one);
  for (const SectionDiff& section : diff.sections) out += section_text(section);
  return out + verdict(diff);
}

}  // namespace cofferdam::eif
