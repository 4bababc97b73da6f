// The JSON of a request: the reader accepts what a simple parser accepts, with equal results, and its fast
// path agrees with its full one.

#include "net/http/json_reader.hpp"

#include <algorithm>

#include "tests/fuzz/fuzz.hpp"
#include "tests/support/plain_json.hpp"

namespace revoked::json_fuzz {

using Kind = net::JsonMember::Kind;
using test::PlainJson;

void require_the_same(const net::JsonMember& member, const PlainJson& plain) {
  switch (member.kind) {
    case Kind::null:
      REQUIRE(plain.kind == PlainJson::Kind::null);
      break;
    case Kind::boolean:
      REQUIRE(plain.kind == PlainJson::Kind::boolean && (plain.text == "true") == member.truth);
      break;
    case Kind::number:
      REQUIRE(plain.kind == PlainJson::Kind::number);
      REQUIRE(plain.text == std::to_string(member.number) || (plain.text == "-0" && member.number == 0));
      break;
    case Kind::string:
      REQUIRE(plain.kind == PlainJson::Kind::text && plain.text == member.text);
      break;
    case Kind::strings:
      REQUIRE(plain.kind == PlainJson::Kind::array && plain.items.size() == member.strings.size());
      for (std::size_t i = 0; i < plain.items.size(); ++i) REQUIRE(plain.items[i].text == member.strings[i]);
      break;
    case Kind::object: {
      const auto again = test::read_plain_json(member.text);
      REQUIRE(again && *again == plain);
      break;
    }
    case Kind::objects:
    case Kind::mixed:
      REQUIRE(plain.kind == PlainJson::Kind::array && plain.items.size() == member.strings.size());
      break;
    default:
      REQUIRE(plain.kind == PlainJson::Kind::array || plain.kind == PlainJson::Kind::number);
  }
}

FUZZ_TARGET(json) {
  const fuzz::Exact input(fuzz::text_of(data, size));
  const auto members = net::read_json_object(input.view());
  const auto plain = test::read_plain_json(input.view());
  if (members) {
    REQUIRE(plain && plain->kind == PlainJson::Kind::object);
    REQUIRE(net::is_utf8(input.view()));
    REQUIRE(plain->names.size() == members->size());
    for (std::size_t i = 0; i < members->size(); ++i) {
      REQUIRE((*members)[i].name == plain->names[i]);
      REQUIRE(std::count(plain->names.begin(), plain->names.end(), plain->names[i]) == 1);
      require_the_same((*members)[i], plain->items[i]);
    }
  }
  std::array<net::TextMember, 8> texts;
  const auto count = net::read_json_texts(input.view(), texts);
  if (!count) return 0;
  REQUIRE(bool(plain));
  std::size_t i = 0;
  for (std::size_t at = 0; at < plain->names.size(); ++at) {
    if (plain->items[at].kind == PlainJson::Kind::null) continue;
    REQUIRE(i < *count && texts[i].name == plain->names[at]);
    REQUIRE(plain->items[at].kind == PlainJson::Kind::text && plain->items[at].text == texts[i].text);
    ++i;
  }
  REQUIRE(i == *count);
  return 0;
}

}  // namespace revoked::json_fuzz
