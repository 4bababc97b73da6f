#include "engine/usage_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <system_error>

#include "engine/base/digest.hpp"
#include "engine/tables/checkpoint_file.hpp"

namespace revoked::engine {
namespace {

struct Header {
  char magic[8] = {'r', 'v', 'k', 'u', 's', 'a', 'g', 'e'};
  std::uint32_t version = 1;
  std::uint32_t unused = 0;
  Epoch epoch = 0;
  Sequence first = 0;
  std::array<char, 40> journal{};  // the last byte is zero
  UnixMs since = 0;
  std::uint64_t uses = 0;
  std::uint64_t denied = 0;
  std::uint64_t body_bytes = 0;
};
constexpr std::size_t header_bytes = sizeof(Header) + sizeof(Digest);

// The use of a secret. Sequences are smaller than 2^64, but not than 2^32.
struct Use {
  std::array<std::uint32_t, 2> issued;
  Minute minute;

  Use() = default;
  Use(Sequence sequence, Minute at)
      : issued{static_cast<std::uint32_t>(sequence), static_cast<std::uint32_t>(sequence >> 32)},
        minute(at) {}
  Sequence sequence() const { return issued[0] | Sequence{issued[1]} << 32; }
};
static_assert(sizeof(Use) == 12);

std::string with_sum(const Header& header) {
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  const auto sum = sha256(bytes);
  return bytes.append(reinterpret_cast<const char*>(sum.data()), sum.size());
}

void append_text(BlockWriter& out, std::string_view text) {
  out.append_value(static_cast<std::uint16_t>(text.size()));
  out.append(text);
}

bool read_text(BlockReader& in, std::string& text) {
  std::uint16_t size = 0;
  if (!in.read_value(size)) return false;
  text.resize(size);
  return in.read_next(text.data(), size);
}

void append_key(BlockWriter& out, const DeniedUses::Key& key) {
  append_text(out, key.key_id);
  out.append_value(key.recorded_at);
  out.append_value(key.all);
  append_text(out, join_lines(key.gateways));
  out.append_value(static_cast<std::uint16_t>(key.parts.size()));
  for (const auto& part : key.parts) {
    append_text(out, part.gateway);
    append_text(out, part.address);
    out.append_value(part.pending);
    out.append_value(part.recorded_at);
  }
}

bool read_key(BlockReader& in, DeniedUses::Key& key) {
  std::string gateways;
  std::uint16_t parts = 0;
  if (!read_text(in, key.key_id) || !in.read_value(key.recorded_at) || !in.read_value(key.all) ||
      !read_text(in, gateways) || !in.read_value(parts) || parts > DeniedUses::max_gateways_a_key)
    return false;
  key.gateways = split_lines(gateways);
  for (auto& part : (key.parts.resize(parts), key.parts)) {
    if (!read_text(in, part.gateway) || !read_text(in, part.address) || !in.read_value(part.pending) ||
        !in.read_value(part.recorded_at))
      return false;
  }
  return true;
}

std::uint64_t append_uses(BlockWriter& out, const KeyTable& keys, const LastUses& last_uses,
                          const std::function<bool()>& go_on) {
  constexpr Slot look_every = 1 << 16;
  std::uint64_t uses = 0;
  const auto size = static_cast<Slot>(keys.complete_size());
  for (Slot slot = 0; slot < size; ++slot) {
    if (slot % look_every == 0 && !go_on()) break;
    const auto minute = last_uses.of(slot);
    if (minute == 0 || keys[slot].is_removed()) continue;
    out.append_value(Use(keys[slot].created, minute));
    ++uses;
  }
  return uses;
}

// Keys are in the table mostly in the order of their sequences, as the uses are: each is looked for from
// where the one before was found.
void set_uses(const std::vector<Use>& uses, const KeyTable& keys, LastUses& last_uses) {
  const auto is_before = [](const Use& use, Sequence sequence) { return use.sequence() < sequence; };
  auto at = uses.begin();
  for (Slot slot = 0; slot < keys.size(); ++slot) {
    if (keys[slot].is_removed()) continue;
    const auto issued = keys[slot].created;
    if (at == uses.end() || at->sequence() > issued)
      at = std::lower_bound(uses.begin(), at, issued, is_before);
    std::ptrdiff_t step = 1;
    while (uses.end() - at > step && at[step].sequence() < issued) step *= 2;
    at = std::lower_bound(at, uses.end() - at > step ? at + step + 1 : uses.end(), issued, is_before);
    if (at != uses.end() && at->sequence() == issued) last_uses.note(slot, at->minute);
  }
}

bool read_header(const BlockReader& in, Header& header) {
  std::string bytes;
  if (!in.is_open() || !in.read_header(bytes)) return false;
  std::memcpy(&header, bytes.data(), sizeof header);
  const Header ours;
  return std::memcmp(header.magic, ours.magic, sizeof ours.magic) == 0 && header.version == ours.version &&
         bytes == with_sum(header) && header.journal.back() == 0;
}

}  // namespace

result<std::uint64_t> write_usage_file(const std::string& path, const EpochStart& epoch, const KeyTable& keys,
                                       const LastUses& last_uses, const KeptUsage& kept,
                                       const std::function<bool()>& go_on) {
  const auto draft = path + ".new";
  try {
    BlockWriter out(draft, header_bytes);
    Header header;
    header.epoch = epoch.epoch;
    header.first = epoch.first;
    epoch.journal.copy(header.journal.data(), header.journal.size() - 1);
    header.since = kept.since;
    header.uses = append_uses(out, keys, last_uses, go_on);
    for (const auto& key : kept.denied) append_key(out, key);
    header.denied = kept.denied.size();
    header.body_bytes = out.size();
    if (!go_on()) {
      ::unlink(draft.c_str());
      return errc::not_ready;
    }
    out.finish(with_sum(header));
    put_in_place(draft, path);
    return header.body_bytes;
  } catch (const std::system_error&) {
    ::unlink(draft.c_str());
    return errc::storage_failed;
  }
}

result<KeptUsage> read_usage_file(const std::string& path,
                                  const std::function<bool(const EpochStart&)>& is_ours, const KeyTable& keys,
                                  LastUses& last_uses) {
  BlockReader in(path, header_bytes);
  Header header;
  if (!read_header(in, header) || !is_ours({header.epoch, header.first, header.journal.data()}) ||
      !in.set_size(header.body_bytes) || header.uses > header.body_bytes / sizeof(Use) ||
      header.denied > DeniedUses::max_keys)
    return errc::not_found;
  std::vector<Use> uses(header.uses);
  KeptUsage kept{header.since, std::vector<DeniedUses::Key>(header.denied)};
  bool is_whole = in.read_next(reinterpret_cast<char*>(uses.data()), uses.size() * sizeof(Use));
  for (auto& key : kept.denied) is_whole = is_whole && read_key(in, key);
  if (!is_whole) return errc::not_found;
  if (!std::ranges::is_sorted(uses, {}, &Use::sequence)) std::ranges::sort(uses, {}, &Use::sequence);
  set_uses(uses, keys, last_uses);
  return kept;
}

}  // namespace revoked::engine
