#include "tools/load/template.hpp"

#include <charconv>

#include "engine/base/digest.hpp"

namespace revoked::load {
namespace {

constexpr std::size_t max_width = 40;
constexpr std::string_view hex_digits = "0123456789abcdef";

void append_number(std::uint64_t number, std::size_t width, std::string& out) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  const auto length = static_cast<std::size_t>(end - digits);
  if (length < width) out.append(width - length, '0');
  out.append(digits, length);
}

void append_hex(std::uint64_t bits, unsigned count, std::string& out) {
  char digits[16];
  for (unsigned i = 0; i < count; ++i) digits[i] = hex_digits[bits >> 4 * (count - 1 - i) & 15];
  out.append(digits, count);
}

// The finaliser of SplitMix64: consecutive numbers give unrelated results.
std::uint64_t scatter(std::uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
  number = (number ^ number >> 27) * 0x94d049bb133111eb;
  return number ^ number >> 31;
}

// As if a thousand were issued per millisecond, starting in 2025.
void append_uuid(std::uint64_t number, std::string& out) {
  constexpr std::uint64_t issued_from_ms = 1'735'689'600'000;
  const auto time = issued_from_ms + number / 1000;
  const auto random = scatter(number);
  append_hex(time >> 16, 8, out);
  out += '-';
  append_hex(time & 0xffff, 4, out);
  out += "-7";
  append_hex(random >> 52, 3, out);
  out += '-';
  append_hex(8 | (random >> 50 & 3), 1, out);
  append_hex(random >> 38 & 0xfff, 3, out);
  out += '-';
  append_hex(scatter(random) >> 16, 12, out);
}

void append_secret(std::uint64_t number, std::string& out) {
  out += "cmp_";
  append_number(number, 46, out);
}

bool take_number(std::string_view& text, std::uint64_t& number) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
  return true;
}

}  // namespace

bool Template::parse_placeholder(std::string_view inside, Part& part) {
  if (inside == "uuid") part.kind = Kind::uuid;
  if (inside == "secret") part.kind = Kind::secret;
  if (inside == "digest") part.kind = Kind::digest;
  if (part.kind != Kind::text) return true;
  if (!inside.starts_with('n')) return false;
  part.kind = Kind::number;
  inside.remove_prefix(1);
  if (inside.starts_with('%')) {
    inside.remove_prefix(1);
    if (!take_number(inside, part.modulus) || part.modulus == 0) return false;
  }
  if (inside.starts_with(':')) {
    inside.remove_prefix(1);
    if (!take_number(inside, part.width) || part.width > max_width) return false;
  }
  return inside.empty();
}

Template::Template(std::string_view text) {
  std::string plain;
  const auto add_plain = [&] {
    if (!plain.empty()) parts_.push_back({Kind::text, std::move(plain), 0, 0});
    plain.clear();
  };
  while (!text.empty()) {
    if (text.front() == '{') {
      Part part;
      const auto end = text.find('}');
      if (end != std::string_view::npos && parse_placeholder(text.substr(1, end - 1), part)) {
        add_plain();
        parts_.push_back(std::move(part));
        text.remove_prefix(end + 1);
        continue;
      }
    }
    plain += text.front();
    text.remove_prefix(1);
  }
  add_plain();
}

void Template::expand(std::uint64_t number, std::string& out) const {
  for (const auto& part : parts_) {
    switch (part.kind) {
      case Kind::text:
        out += part.text;
        break;
      case Kind::number:
        append_number(part.modulus == 0 ? number : number % part.modulus, part.width, out);
        break;
      case Kind::uuid:
        append_uuid(number, out);
        break;
      case Kind::secret:
        append_secret(number, out);
        break;
      case Kind::digest: {
        std::string secret;
        append_secret(number, secret);
        out += engine::to_hex(engine::sha256(secret));
        break;
      }
    }
  }
}

}  // namespace revoked::load
