#include "net/http/members.hpp"

#include <algorithm>

#include "net/http/shown.hpp"

namespace revoked::net {
namespace {

using Kind = JsonMember::Kind;

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return "a boolean";
    case Kind::number:
      return "a number";
    case Kind::string:
      return "a string";
    case Kind::strings:
      return "an array of strings";
    case Kind::object:
      return "an object";
    case Kind::objects:
    case Kind::mixed:
      return "an array with elements that are not strings";
    case Kind::other:
      return "a number that is not an integer, or too large";
  }
  return "unknown";
}

std::string names_of(std::span<const MemberForm> forms) {
  std::string names;
  for (const auto& form : forms) names.append(names.empty() ? "" : ", ").append(form.name);
  return names;
}

const MemberForm* find_form(std::span<const MemberForm> forms, std::string_view name) {
  const auto found = std::ranges::find(forms, name, &MemberForm::name);
  return found == forms.end() ? nullptr : &*found;
}

Fault about(std::string_view name, const std::string& what) {
  return {"invalid_field", std::string(is_showable(name) ? name : ""), what};
}

Fault check(const JsonMember& member, std::span<const MemberForm> forms) {
  const auto* const form = find_form(forms, member.name);
  const auto name = shown(member.name);
  if (form == nullptr)
    return about(member.name, "unknown member " + name + ": allowed are " + names_of(forms));
  if (member.is_repeated) return about(member.name, "member " + name + " is given twice");
  const bool is_empty_array = member.kind == Kind::strings && member.strings.empty();
  if (member.kind == form->kind || member.kind == Kind::null) return {};
  if (form->kind == Kind::objects && is_empty_array) return {};
  std::string what = "member " + name + " is ";
  return about(member.name, what.append(name_of(member.kind)).append(": it must be ").append(form->form));
}

}  // namespace

Fault wrong_value(std::string_view name, std::span<const MemberForm> forms) {
  const auto* const form = find_form(forms, name);
  std::string what = "member " + shown(name) + " must be ";
  return about(name, what.append(form == nullptr ? "another" : form->form));
}

Fault Members::read(std::string_view json, std::span<const MemberForm> forms) {
  std::string why;
  auto members = read_json_members(without_bom(json), why);
  if (!members) return {"malformed", {}, "not one JSON object: " + why};
  members_ = std::move(*members);
  for (const auto& member : members_) {
    if (auto fault = check(member, forms)) return fault;
  }
  std::erase_if(members_, [this](const auto& member) {
    if (member.kind == Kind::null) nulls_.push_back(member.name);
    return member.kind == Kind::null;
  });
  return {};
}

bool Members::is_null(std::string_view name) const { return std::ranges::count(nulls_, name) != 0; }

void Members::rename(std::string_view from, std::string_view to) {
  const auto member = std::ranges::find(members_, from, &JsonMember::name);
  if (member != members_.end()) member->name = to;
}

std::string_view Members::text_or_empty(std::string_view name) const {
  const auto* const member = find(name);
  return member == nullptr ? std::string_view() : std::string_view(member->text);
}

}  // namespace revoked::net
