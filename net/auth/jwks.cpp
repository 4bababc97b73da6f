#include "net/auth/jwks.hpp"

#include <algorithm>

#include "engine/base/base64url.hpp"
#include "net/http/json_reader.hpp"

namespace revoked::net {
namespace {

using engine::errc;
using Kind = JsonMember::Kind;

// The result of reading one JWK: a key, nothing (it is for another purpose), or a fault.
struct Read {
  std::optional<VerificationKey> key;
  std::string_view fault;
};

// One JWK's members; keeps the last fault.
class Reader {
 public:
  explicit Reader(const JsonMembers& members) : members_(members) {}

  // The text of a string member; nullopt if absent.
  std::optional<std::string_view> text(std::string_view name) {
    const auto* member = find_member(members_, name);
    if (member == nullptr) return {};
    if (member->kind != Kind::string) {
      fault_ = "a member that must be a string is not";
      return {};
    }
    return member->text;
  }

  // The bytes of a required member, decoded from base64url.
  std::string bytes(std::string_view name) {
    const auto encoded = text(name);
    auto decoded = encoded ? engine::decode_base64url(*encoded) : std::nullopt;
    if (!decoded) fault_ = "a member of the key is missing or not base64url without padding";
    return decoded.value_or("");
  }

  // Whether "use" and "key_ops" (RFC 7517, sections 4.2 and 4.3) allow the key to check signatures.
  bool is_for_signatures() {
    if (text("use").value_or("sig") != "sig") return false;
    const auto* operations = find_member(members_, "key_ops");
    if (operations == nullptr) return true;
    if (operations->kind != Kind::strings) fault_ = "key_ops is not an array of strings";
    return std::find(operations->strings.begin(), operations->strings.end(), "verify") !=
           operations->strings.end();
  }

  std::string_view fault() const { return fault_; }

 private:
  const JsonMembers& members_;
  std::string_view fault_;
};

// The algorithm of a key, given those of its type; the first is the default.
struct Binding {
  std::optional<Algorithm> algorithm;
  std::string_view fault;
};
Binding bind(std::optional<std::string_view> alg, std::initializer_list<Algorithm> allowed) {
  if (!alg) return {*allowed.begin(), {}};
  const auto algorithm = parse_algorithm(*alg);
  if (!algorithm) return {};  // RS512, RSA-OAEP, ...: not supported
  if (std::find(allowed.begin(), allowed.end(), *algorithm) == allowed.end())
    return {{}, "alg does not fit kty"};
  return {algorithm, {}};
}

std::initializer_list<Algorithm> algorithms_of(std::string_view kty, std::optional<std::string_view> crv) {
  static constexpr auto oct = {Algorithm::hs256};
  static constexpr auto rsa = {Algorithm::rs256, Algorithm::ps256};
  static constexpr auto p256 = {Algorithm::es256};
  static constexpr auto ed25519 = {Algorithm::eddsa};
  if (kty == "oct") return oct;
  if (kty == "RSA") return rsa;
  if (kty == "EC" && crv == "P-256") return p256;
  if (kty == "OKP" && crv == "Ed25519") return ed25519;
  return {};
}

Read read_key(const JsonMembers& members) {
  Reader reader(members);
  const auto kty = reader.text("kty");
  const auto crv = reader.text("crv");
  const auto alg = reader.text("alg");
  const bool for_signatures = reader.is_for_signatures();
  if (!reader.fault().empty()) return {{}, reader.fault()};
  if (!kty) return {{}, "kty is missing"};
  const auto allowed = algorithms_of(*kty, crv);
  if (!for_signatures || allowed.size() == 0) return {};
  const auto binding = bind(alg, allowed);
  if (!binding.algorithm) return {{}, binding.fault};

  engine::result<VerificationKey> key = errc::invalid_field;
  switch (*binding.algorithm) {
    case Algorithm::hs256:
      key = VerificationKey::hmac(reader.bytes("k"));
      break;
    case Algorithm::rs256:
    case Algorithm::ps256:
      key = VerificationKey::rsa(reader.bytes("n"), reader.bytes("e"), *binding.algorithm);
      break;
    case Algorithm::es256:
      key = VerificationKey::p256(reader.bytes("x"), reader.bytes("y"));
      break;
    case Algorithm::eddsa:
      key = VerificationKey::ed25519(reader.bytes("x"));
      break;
  }
  if (!reader.fault().empty()) return {{}, reader.fault()};
  if (!key) return {{}, "not a key, or a weak one (RSA under 2048 bits, oct under 32 bytes)"};
  return {*key, {}};
}

}  // namespace

engine::result<KeySet> KeySet::parse(std::string_view json, std::string& why) {
  const auto fail = [&](std::string reason) {
    why = std::move(reason);
    return engine::result<KeySet>(errc::malformed);
  };
  if (json.size() > max_jwks_bytes) return fail("larger than 256 KiB");
  const auto set = read_json_object(json);
  if (!set) return fail("not one JSON object, or a member comes twice");
  const auto* keys = find_member(*set, "keys");
  const bool is_array = keys != nullptr && (keys->kind == Kind::objects || keys->kind == Kind::strings ||
                                            keys->kind == Kind::mixed);
  if (!is_array) return fail("\"keys\" is not an array");

  KeySet result;
  const auto count = std::min(keys->strings.size(), max_jwks_keys);
  for (std::size_t i = 0; i < count; ++i)
    result.judge(keys->kind == Kind::strings ? std::string_view() : keys->strings[i],
                 "keys[" + std::to_string(i) + "]: ");
  if (count < keys->strings.size()) result.skipped_.emplace_back("keys[64] and later: more than 64 keys");
  return result;
}

void KeySet::judge(std::string_view text, const std::string& at) {
  const auto skip = [&](std::string_view fault) { skipped_.push_back(at + std::string(fault)); };
  if (text.empty()) return skip("not an object");  // a string may look like one
  const auto members = read_json_object(text);
  if (!members) return skip("a member comes twice, or there are too many");
  const auto* kid = find_member(*members, "kid");
  if (kid != nullptr && kid->kind != Kind::string) return skip("kid is not a string");
  const auto read = read_key(*members);
  if (!read.fault.empty()) return skip(read.fault);
  if (!read.key) {
    ++passed_over_;
    return;
  }
  Entry entry{std::nullopt, *read.key};
  if (kid != nullptr) entry.kid = kid->text;
  if (entry.kid && std::any_of(keys_.begin(), keys_.end(), [&](const Entry& each) {
        return each.kid == entry.kid && each.key.algorithm() == entry.key.algorithm();
      })) {
    skip("its kid comes twice for one algorithm: neither of the keys is used for it");
  }
  keys_.push_back(std::move(entry));  // so that find() sees both
}

const VerificationKey* KeySet::find(const std::optional<std::string>& kid, Algorithm algorithm) const {
  const VerificationKey* found = nullptr;
  for (const auto& entry : keys_) {
    if (entry.key.algorithm() != algorithm || (kid && entry.kid != kid)) continue;
    if (found != nullptr) return nullptr;
    found = &entry.key;
  }
  return found;
}

}  // namespace revoked::net
