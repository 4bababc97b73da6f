#include "engine/tables/checkpoint.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "engine/model/ids.hpp"
#include "engine/tables/checkpoint_file.hpp"

namespace revoked::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "checkpoints are little endian");

constexpr std::size_t records_a_block = checkpoint_block_bytes / KeyTable::copy_bytes;

struct EpochLayout {
  Epoch epoch = 0;
  Sequence first = 0;
  std::array<char, 40> journal{};  // the last byte is zero

  EpochLayout() = default;
  explicit EpochLayout(const EpochStart& start) : epoch(start.epoch), first(start.first) {
    start.journal.copy(journal.data(), journal.size() - 1);
  }
  EpochStart start() const { return {epoch, first, journal.data()}; }
};

struct Header {
  char magic[8] = {'r', 'v', 'k', 't', 'a', 'b', 'l', 'e'};
  std::uint32_t version = 7;
  std::uint32_t unused = 0;
  Sequence newest = 0;
  Digest newest_batch{};
  TablesCut cut{};
  std::uint64_t predecessors = 0;
  std::uint64_t rotated = 0;  // records as before their rotation
  std::uint64_t epochs = 0;
  Sequence forgotten_through = 0;
  ForgottenFilter::Header forgotten;
  std::uint64_t body_bytes = 0;
};
constexpr std::size_t header_bytes = sizeof(Header) + sizeof(Digest);

std::string with_sum(const Header& header) {
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  const auto sum = sha256(bytes);
  return bytes.append(reinterpret_cast<const char*>(sum.data()), sum.size());
}

std::uint64_t key_blocks(const TablesCut& cut) { return (cut.keys + records_a_block - 1) / records_a_block; }

void write_keys(BlockWriter& out, const Tables& tables, const TablesCut& cut,
                const std::function<bool()>& go_on) {
  std::string block;
  for (std::uint64_t first = 0; first < cut.keys && go_on(); first += records_a_block) {
    const auto count = std::min<std::uint64_t>(records_a_block, cut.keys - first);
    block.resize(count * KeyTable::copy_bytes);
    tables.keys.copy_out(static_cast<Slot>(first), count, block.data());
    out.append(block);
  }
  out.pad();
}

const IdArena& arena_of(const Tables& tables, std::size_t i) {
  return i == 0 ? tables.keys.arena() : tables.owners[i - 1].arena();
}

void write_names(BlockWriter& out, const Tables& tables, const TablesCut& cut) {
  for (std::size_t i = 0; i < cut.arenas.size(); ++i)
    arena_of(tables, i).for_each_piece(cut.arenas[i], [&](std::string_view piece) { out.append(piece); });
  for (std::size_t i = 0; i < cut.owners.size(); ++i) {
    for (Slot owner = 0; owner < cut.owners[i]; ++owner) {
      out.append_value(tables.owners[i].compact_id(owner).without_hash().bytes());
      out.append_value(tables.owners[i].revoked_through(owner));
    }
  }
  for (Slot slot = 0; slot < cut.joints; ++slot) {
    out.append_value(tables.joints.owners(slot));
    out.append_value(tables.joints.revoked_through(slot));
  }
  for (Slot lock = 0; lock < cut.locks; ++lock) {
    out.append_value(tables.locks.owners(lock));
    out.append_value(
        tables.locks.applied_through(lock));  // first: what follows may be newer, and is made so again
    out.append_value(tables.locks.locked_by(lock));
    out.append_value(std::uint16_t{tables.locks.named(lock)});
    out.append_value(tables.locks.until(lock));
  }
  for (Slot set = 0; set < cut.permission_sets; ++set) {
    const auto text = tables.permission_sets.get(set);
    out.append_value(static_cast<std::uint32_t>(text.size()));
    out.append(text);
  }
}

void write_rotations(BlockWriter& out, const Tables& tables, Header& header) {
  std::unordered_map<Slot, Slot> later;
  for (const auto& [slot, before] : tables.predecessors()) {
    if (slot >= header.cut.keys) {
      later.emplace(before, slot);
      continue;
    }
    out.append_value(slot);
    out.append_value(before);
    ++header.predecessors;
  }
  for (const auto& [before, slot] : later) {
    if (before >= header.cut.keys) continue;
    // Only the newest record still has the key's own expiry.
    Slot newest = slot;
    while (later.contains(newest)) newest = later.at(newest);
    const auto state_word =
        KeyRecord::before_rotation(tables.keys[before].packed_state_word(), tables.keys[newest].expires_at());
    out.append_value(before);
    out.append_value(state_word);
    ++header.rotated;
  }
}

bool read_locks(BlockReader& in, const TablesCut& cut, Tables& tables) {
  for (std::uint64_t lock = 0; lock < cut.locks; ++lock) {
    OwnerSlots owners{};
    Sequence at = 0;
    Width by = 0;
    std::uint16_t named = 0;
    UnixMs until = 0;
    if (!in.read_value(owners) || !in.read_value(at) || !in.read_value(by) || !in.read_value(named) ||
        !in.read_value(until))
      return false;
    // A lifted lock is dropped unless events about it will be replayed.
    if (until != 0 || at > cut.sequence)
      tables.restore_lock(owners, at, static_cast<std::uint8_t>(named), until, by);
  }
  return true;
}

bool read_names(BlockReader& in, const TablesCut& cut, Tables& tables) {
  for (std::size_t i = 0; i < cut.arenas.size(); ++i) {
    auto& arena = i == 0 ? tables.keys.arena() : tables.owners[i - 1].arena();
    std::string piece;
    for (std::uint64_t at = 0; at < cut.arenas[i]; at += piece.size()) {
      piece.resize(std::min<std::uint64_t>(IdArena::chunk_size, cut.arenas[i] - at));
      if (!in.read_next(piece.data(), piece.size())) return false;
      arena.restore(piece);
    }
  }
  for (std::size_t i = 0; i < cut.owners.size(); ++i) {
    for (std::uint64_t owner = 0; owner < cut.owners[i]; ++owner) {
      std::array<std::uint8_t, 16> id;
      Sequence mark = 0;
      if (!in.read_value(id) || !in.read_value(mark)) return false;
      tables.owners[i].restore(CompactId::from_bytes(id), mark);
    }
  }
  for (std::uint64_t joint = 0; joint < cut.joints; ++joint) {
    OwnerSlots owners{};
    Sequence mark = 0;
    if (!in.read_value(owners) || !in.read_value(mark)) return false;
    if (mark != 0) tables.raise_joint_mark(owners, mark);
  }
  if (!read_locks(in, cut, tables)) return false;
  std::string text;
  for (std::uint64_t set = 0; set < cut.permission_sets; ++set) {
    std::uint32_t size = 0;
    if (!in.read_value(size)) return false;
    text.resize(size);
    if (!in.read_next(text.data(), size)) return false;
    tables.permission_sets.intern(text);
  }
  return true;
}

bool read_rotations(BlockReader& in, const Header& header, Tables& tables) {
  for (std::uint64_t i = 0; i < header.predecessors; ++i) {
    Slot slot = 0;
    Slot before = 0;
    if (!in.read_value(slot) || !in.read_value(before)) return false;
    tables.restore_predecessor(slot, before);
  }
  for (std::uint64_t i = 0; i < header.rotated; ++i) {
    Slot slot = 0;
    std::uint64_t state_word = 0;
    if (!in.read_value(slot) || !in.read_value(state_word)) return false;
    const bool was_superseded = tables.keys[slot].is_superseded();
    tables.keys[slot].restore_state_word(state_word);
    if (was_superseded) tables.keys.index_id(slot);
  }
  return true;
}

bool read_forgotten(BlockReader& in, const Header& header, Tables& tables) {
  if (!tables.forgotten.restore(header.forgotten)) return false;
  for (std::uint64_t i = 0; i < header.forgotten.layers; ++i) {
    const auto layer = tables.forgotten.layer(i);
    if (!in.read_next(layer.data(), layer.size())) return false;
  }
  tables.restore_forgotten_through(header.forgotten_through);
  return true;
}

bool read_epochs(BlockReader& in, const Header& header, std::vector<EpochStart>& epochs) {
  for (std::uint64_t i = 0; i < header.epochs; ++i) {
    EpochLayout layout;
    if (!in.read_value(layout) || layout.journal.back() != 0) return false;
    epochs.push_back(layout.start());
  }
  return true;
}

bool read_keys(const BlockReader& in, const TablesCut& cut, Tables& tables) {
  tables.keys.reserve(cut.keys);
  return for_each_block(0, key_blocks(cut), [&](std::uint64_t block) {
    thread_local std::string bytes;
    if (!in.read(block, bytes)) return false;
    const auto first = block * records_a_block;
    const auto count = std::min<std::uint64_t>(records_a_block, cut.keys - first);
    tables.keys.copy_in(static_cast<Slot>(first), count, bytes.data());
    return true;
  });
}

bool read_whole_header(const BlockReader& in, Header& header) {
  std::string bytes;
  if (!in.is_open() || !in.read_header(bytes)) return false;
  std::memcpy(&header, bytes.data(), sizeof header);
  const Header ours;
  return std::memcmp(header.magic, ours.magic, sizeof ours.magic) == 0 && header.version == ours.version &&
         bytes == with_sum(header) && header.cut.keys < no_slot;
}

CheckpointMark mark_of(const Header& header) {
  return {header.cut.sequence, header.newest, header.newest_batch};
}

}  // namespace

TablesCut cut_tables(const Tables& tables, Sequence durable) {
  TablesCut cut{durable,
                tables.keys.size(),
                {},
                tables.joints.size(),
                tables.locks.size(),
                tables.permission_sets.size(),
                {},
                tables.forgotten.header().layers};
  for (std::size_t i = 0; i < cut.owners.size(); ++i) cut.owners[i] = tables.owners[i].size();
  for (std::size_t i = 0; i < cut.arenas.size(); ++i) cut.arenas[i] = arena_of(tables, i).used();
  return cut;
}

std::uint64_t checkpoint_bytes(const TablesCut& cut) {
  auto bytes = (key_blocks(cut) + 1) * checkpoint_block_bytes;
  for (const auto owners : cut.owners) bytes += owners * 24;
  bytes += cut.joints * 20 + cut.locks * 32;
  for (const auto arena : cut.arenas) bytes += arena;
  for (std::uint64_t layer = 0; layer < cut.forgotten_layers; ++layer)
    bytes += ForgottenFilter::layer_bytes(layer);
  return bytes;
}

result<CheckpointMark> write_checkpoint(const std::string& path, const Tables& tables, const TablesCut& cut,
                                        const CheckpointWriting& writing) {
  const auto draft = path + ".new";
  const auto give_up = [&](errc error) -> result<CheckpointMark> {
    ::unlink(draft.c_str());
    return error;
  };
  try {
    BlockWriter out(draft, header_bytes);
    Header header;
    header.cut = cut;
    write_keys(out, tables, cut, writing.go_on);
    // A key edited meanwhile may refer to a set newer than the cut.
    header.cut.permission_sets = tables.permission_sets.size();
    if (!writing.go_on()) return give_up(errc::not_ready);
    write_names(out, tables, header.cut);
    write_rotations(out, tables, header);
    header.forgotten = tables.forgotten.header();
    header.forgotten_through = tables.forgotten_through();
    tables.forgotten.for_each_layer(header.forgotten.layers,
                                    [&](std::string_view piece) { out.append(piece); });
    for (const auto& epoch : writing.epochs) out.append_value(EpochLayout(epoch));
    header.epochs = writing.epochs.size();
    const auto newest = writing.wait_for_newest();
    if (!newest) return give_up(errc::not_ready);
    header.newest = *newest;
    const auto batch = writing.digest_of_batch(*newest);
    if (!batch) return give_up(errc::storage_failed);
    header.newest_batch = *batch;
    header.body_bytes = out.size();
    out.finish(with_sum(header));
    put_in_place(draft, path);
    return mark_of(header);
  } catch (const std::system_error&) {
    return give_up(errc::storage_failed);
  }
}

result<CheckpointMark> read_checkpoint_mark(const std::string& path) {
  const BlockReader in(path, header_bytes);
  Header header;
  if (!read_whole_header(in, header)) return errc::not_found;
  return mark_of(header);
}

result<CheckpointMark> read_checkpoint(const std::string& path,
                                       const std::function<bool(const CheckpointMark&)>& is_ours,
                                       Tables& tables, std::vector<EpochStart>& epochs) {
  BlockReader in(path, header_bytes);
  Header header;
  if (!read_whole_header(in, header)) return errc::not_found;
  const auto mark = mark_of(header);
  if (!is_ours(mark) || !in.set_size(header.body_bytes)) return errc::not_found;
  // Verify the whole file first: loading cannot be undone.
  const bool whole = for_each_block(0, in.block_count(), [&](std::uint64_t block) {
    thread_local std::string bytes;
    return in.read(block, bytes);
  });
  if (!whole) return errc::not_found;
  in.seek(key_blocks(header.cut));
  if (!read_names(in, header.cut, tables) || !read_keys(in, header.cut, tables) ||
      !read_rotations(in, header, tables) || !read_forgotten(in, header, tables) ||
      !read_epochs(in, header, epochs)) {
    return errc::storage_corrupt;
  }
  tables.count_keys();
  return mark;
}

}  // namespace revoked::engine
