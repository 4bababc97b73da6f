// The default store: RocksDB. What lies where in it: rocksdb_layout.hpp.
//
// A commit is durable by our own write-ahead log (write_ahead.hpp): a sync there costs half of one in
// RocksDB's, whose log grows with every write, and damage is told from a torn end. RocksDB's own is off.
// Its tables are written to disk all families together, so that they always hold a prefix of what was
// written; what is behind that is written again at the next start.

#include <rocksdb/db.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "engine/batch_applier.hpp"
#include "engine/key_run.hpp"
#include "engine/rocksdb_key_files.hpp"
#include "engine/rocksdb_layout.hpp"
#include "engine/store.hpp"
#include "engine/write_ahead.hpp"

namespace revoked::engine {
namespace {

class RocksdbStore final : public Store {
 public:
  explicit RocksdbStore(std::unique_ptr<rocksdb::DB> db, std::vector<rocksdb::ColumnFamilyHandle*> families)
      : db_(std::move(db)),
        families_(std::move(families)),
        key_files_(std::make_unique<RocksdbKeyFiles>(*db_, *keys(), *meta(), db_->GetName())) {
    unlogged_.disableWAL = true;
    std::string value;
    if (db_->Get({}, meta(), "folded_to", &value).ok()) folded_to_ = read_sequence(value);
  }

  ~RocksdbStore() override {
    applier_.reset();
    key_files_.reset();
    for (auto* family : families_) db_->DestroyColumnFamilyHandle(family);
    db_->Close();
  }

  // After a crash: what had gathered for the keys' files, and was lost, is written anew.
  result<void> restore_key_files() {
    std::string value;
    const auto found = db_->Get({}, meta(), RocksdbKeyFiles::mark, &value);
    if (found.IsNotFound()) return {};
    if (!found.ok()) return errc::storage_failed;
    const auto from = read_sequence(value);
    bool good = true;
    const auto read = replay(from, [&](const BatchView& batch) {
      auto run = std::make_shared<KeyRun>();
      good = batch.for_each([&](Sequence sequence, const EventView& event) {
        if (sequence >= from && event.type == EventType::key_created) run->add(sequence, event);
      });
      if (run->size() == 0) return good;
      run->sort();
      key_files_->announce(batch.first());
      good = good && key_files_->add(std::move(run), batch.first());
      return good;
    });
    if (!read) return read;
    if (!good) return errc::storage_corrupt;
    return key_files_->write_all();
  }

  // Takes over what the log holds and the tables do not. Before anything else.
  result<void> open_log(const std::string& directory, std::string& detail) {
    const auto stored = last_sequence();
    if (!stored) return stored.error();
    auto log = WriteAhead::open(
        directory, *stored, [this](const BatchView& batch) { return apply({batch}); }, detail);
    if (!log) return log.error();
    log_ = std::move(*log);
    if (const auto gathered = key_files_->write_all(); !gathered) return gathered;
    const auto last = last_sequence();
    if (!last) return last.error();
    applied_ = *last;
    applier_ = std::make_unique<BatchApplier>(
        [this](const std::vector<BatchView>& batches) { return bool(apply(batches)); });
    return {};
  }

  // Durable with the log. The tables follow.
  result<void> commit(const BatchView& batch) override {
    if (key_files_->has_failed()) return errc::storage_failed;
    if (const auto logged = log_->append(batch); !logged) return logged;
    return applier_->add(batch);
  }

  result<void> release_log() override {
    if (!log_->has_full_segments()) return {};
    const Sequence applied = applied_;
    if (!db_->Flush({}, families_).ok()) return errc::storage_failed;
    log_->release(applied);
    return {};
  }

  // To RocksDB's memory.
  result<void> apply(const std::vector<BatchView>& batches) {
    writes_.Clear();
    if (!created_) created_ = std::make_shared<KeyRun>();
    created_->clear();
    for (const auto& batch : batches) {
      writes_.Put(journal(), big_endian(batch.first()), slice(batch.bytes()));
      const bool whole =
          batch.for_each([&](Sequence sequence, const EventView& event) { index(batch, sequence, event); },
                         EventType::key_revoked);  // folded later
      if (!whole) return errc::malformed;
    }
    created_->sort();
    const bool many = created_->size() >= many_created;
    const auto first = batches.front().first();
    if (many && key_files_->announce(first))
      writes_.Put(meta(), RocksdbKeyFiles::mark, encode_i64(static_cast<std::int64_t>(first)));
    for (std::size_t i = 0; !many && i < created_->size(); ++i)
      writes_.Put(keys(), slice((*created_)[i].key_id), slice((*created_)[i].record));
    if (!db_->Write(unlogged_, &writes_).ok()) return errc::storage_failed;
    if (many) {
      // Others read it from now on: the next batches get another.
      const auto added = key_files_->add(std::exchange(created_, nullptr), first);
      if (!added) return added;
    }
    applied_ = batches.back().last();
    return {};
  }

  result<Sequence> last_sequence() const override {
    if (const auto settled = settle(); !settled) return settled.error();
    const auto at = iterate(journal());
    at->SeekToLast();
    if (!at->Valid()) return at->status().ok() ? result<Sequence>(0) : errc::storage_failed;
    BatchView batch;
    if (!BatchView::parse(view(at->value()), batch)) return errc::storage_corrupt;
    return batch.last();
  }

  result<std::vector<EpochStart>> epochs() const override {
    if (const auto settled = settle(); !settled) return settled.error();
    std::vector<EpochStart> found;
    const auto at = iterate(meta());
    for (at->Seek("epoch/"); at->Valid() && at->key().starts_with("epoch/"); at->Next()) {
      const auto value = view(at->value());
      if (value.size() < sizeof(Sequence)) return errc::storage_corrupt;
      found.push_back({from_big_endian(view(at->key()).substr(6)),
                       read_sequence(value.substr(0, sizeof(Sequence))),
                       std::string(value.substr(sizeof(Sequence)))});
    }
    if (!at->status().ok()) return errc::storage_failed;
    return found;
  }

  result<void> replay(Sequence from, const std::function<bool(const BatchView&)>& visit) const override {
    bool is_whole = is_settled();
    while (true) {
      const auto next = replay_tables(from, visit);
      if (!next) return next.error();
      if (is_whole || *next == refused) return {};
      if (const auto settled = settle(); !settled) return settled;
      is_whole = true;
      from = std::max(from, *next);
    }
  }

  result<void> load_keys(const KeyVisitor& visit) const override {
    const auto at = iterate(keys(), 2 << 20);
    at->SeekToFirst();
    std::string held;  // a key waits for the revocation that may lie behind it
    std::string held_value;
    const auto deliver = [&](Sequence revoked) {
      Sequence created = 0;
      EventView creation;
      if (!read_key_record(held, held_value, created, creation)) return false;
      visit(created, creation, revoked);
      return true;
    };
    for (; at->Valid(); at->Next()) {
      const auto key = view(at->key());
      const bool is_revocation = key.size() == held.size() + 1 && key.back() == '\0' && key.starts_with(held);
      if (!held.empty() && !deliver(is_revocation ? read_sequence(view(at->value())) : 0)) {
        return errc::storage_corrupt;
      }
      held.clear();
      if (!is_revocation) {
        held = key;
        held_value = view(at->value());
      }
    }
    if (!held.empty() && !deliver(0)) return errc::storage_corrupt;
    return status(*at);
  }

  result<void> scan_keys(std::string_view after, const KeyScanner& visit) const override {
    if (const auto settled = settle(); !settled) return settled;
    // The runs first: what leaves them meanwhile is in RocksDB by then.
    KeyRunReader gathered(key_files_->runs(), after);
    const auto at = iterate(keys());
    // Behind the key, and behind the revocation that may lie behind it.
    after.empty() ? at->SeekToFirst() : at->Seek(std::string(after) + '\1');
    while (true) {
      while (at->Valid() && view(at->key()).back() == '\0') at->Next();
      if (!at->Valid() && !gathered.has_entry()) return status(*at);
      KeyRun::Entry next;
      if (at->Valid()) next = {view(at->key()), view(at->value())};
      const bool is_gathered =
          gathered.has_entry() && (!at->Valid() || gathered.entry().key_id <= next.key_id);
      const bool is_both = is_gathered && at->Valid() && gathered.entry().key_id == next.key_id;
      if (is_gathered) next = gathered.entry();
      Sequence created = 0;
      EventView creation;
      if (!read_key_record(next.key_id, next.record, created, creation)) return errc::storage_corrupt;
      if (!visit(created, creation)) return {};
      if (is_gathered) gathered.step();
      if (!is_gathered || is_both) at->Next();
    }
  }

  std::uint64_t estimated_keys() const override {
    std::uint64_t count = 0;
    db_->GetIntProperty(keys(), rocksdb::DB::Properties::kEstimateNumKeys, &count);
    return count;
  }

  result<void> load_owner_marks(const std::function<void(const OwnerMark&)>& visit) const override {
    const auto at = iterate(meta());
    for (at->Seek("owner"); at->Valid() && at->key().starts_with("owner"); at->Next()) {
      OwnerMark mark;
      if (!read_owner_mark(view(at->key()), mark)) return errc::storage_corrupt;
      visit(mark);
    }
    return status(*at);
  }

  result<void> load_changes(const EventVisitor& visit) const override {
    const auto at = iterate(meta());
    for (at->Seek("change/"); at->Valid() && at->key().starts_with("change/"); at->Next()) {
      auto bytes = view(at->value());
      EventView event;
      if (!take_event(bytes, event)) return errc::storage_corrupt;
      visit(from_big_endian(view(at->key()).substr(7)), event);
    }
    return status(*at);
  }

  // Whoever asks knows that it is there: what is not found may still be on its way.
  result<std::optional<std::pair<Sequence, std::string>>> fetch_key(std::string_view key_id) const override {
    const bool is_whole = is_settled();
    auto found = fetch_applied_key(key_id);
    if (!found || *found || is_whole) return found;
    if (const auto settled = settle(); !settled) return settled.error();
    return fetch_applied_key(key_id);
  }
  result<Sequence> owner_mark_after(const OwnerIds& owners, Sequence from) const override {
    const bool is_whole = is_settled();
    const auto found = applied_mark_after(owners, from);
    if (!found || *found != 0 || is_whole) return found;
    if (const auto settled = settle(); !settled) return settled.error();
    return applied_mark_after(owners, from);
  }

  // Whoever asks knows that the key was edited: what is on its way counts.
  result<void> fetch_edits(std::string_view key_id, const EditVisitor& visit) const override {
    if (const auto settled = settle(); !settled) return settled;
    const auto prefix = edit_prefix(key_id);
    const auto at = iterate(meta());
    for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
      const auto member = view(at->key()).substr(prefix.size());
      if (member.size() != 1) return errc::storage_corrupt;
      visit(static_cast<Field>(member.front()), view(at->value()));
    }
    return status(*at);
  }

  Sequence folded_to() const override { return folded_to_; }

  // What a crash loses here is folded again.
  result<void> fold(const std::vector<FoldedRevocation>& revocations, Sequence folded_to) override {
    std::vector<std::pair<std::string, std::string>> records;
    records.reserve(revocations.size());
    for (const auto& [key_id, sequence] : revocations)
      records.emplace_back(key_id + '\0', encode_i64(static_cast<std::int64_t>(sequence)));
    if (const auto put = put_sorted(keys(), records); !put) return put;
    if (!db_->Put(unlogged_, meta(), "folded_to", encode_i64(static_cast<std::int64_t>(folded_to))).ok())
      return errc::storage_failed;
    folded_to_ = folded_to;
    return {};
  }

  result<std::string> checkpoint_id() const override {
    std::string id;
    const auto found = db_->Get({}, meta(), "checkpoint", &id);
    if (!found.ok() && !found.IsNotFound()) return errc::storage_failed;
    return id;
  }

  result<void> set_checkpoint_id(std::string_view id) override {
    if (!db_->Put(unlogged_, meta(), "checkpoint", slice(id)).ok()) return errc::storage_failed;
    if (!db_->Flush({}, families_).ok()) return errc::storage_failed;
    return {};
  }

  result<void> add_audit_marks(const std::vector<AuditMark>& marks) override {
    std::vector<std::pair<std::string, std::string>> entries;
    entries.reserve(marks.size());
    for (const auto& [kind, id, sequence] : marks)
      entries.emplace_back(audit_prefix(kind, id).append(big_endian(sequence)), std::string());
    return put_sorted(audit(), entries);
  }

  result<void> scan_audit_marks(AuditKind kind, std::string_view id, Sequence from,
                                const std::function<bool(Sequence)>& visit) const override {
    const auto prefix = audit_prefix(kind, id);
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}, audit()));
    for (at->Seek(prefix + big_endian(from)); at->Valid() && at->key().starts_with(prefix); at->Next()) {
      const auto bytes = view(at->key()).substr(prefix.size());
      if (bytes.size() == 8 && !visit(from_big_endian(bytes))) return {};
    }
    return status(*at);
  }

 private:
  static constexpr Sequence refused = ~Sequence{0};

  // The sequence behind the last batch that was there, 0 if none was, or `refused`.
  result<Sequence> replay_tables(Sequence from, const std::function<bool(const BatchView&)>& visit) const {
    const auto at = iterate(journal());
    at->SeekForPrev(big_endian(from));
    if (!at->Valid() && at->status().ok()) at->SeekToFirst();
    Sequence expected = 0;
    for (; at->Valid(); at->Next()) {
      BatchView batch;
      if (!BatchView::parse(view(at->value()), batch)) return errc::storage_corrupt;
      if (expected == 0 ? batch.first() > std::max<Sequence>(from, 1) : batch.first() != expected) {
        return errc::storage_corrupt;
      }
      expected = batch.last() + 1;
      if (batch.last() < from) continue;
      if (!visit(batch)) return refused;
    }
    if (const auto read = status(*at); !read) return read.error();
    return expected;
  }

  result<std::optional<std::pair<Sequence, std::string>>> fetch_applied_key(std::string_view key_id) const {
    std::string value;
    const bool gathered = key_files_->find(key_id, value);
    const auto found = gathered ? rocksdb::Status() : db_->Get({}, keys(), slice(key_id), &value);
    if (found.IsNotFound()) return std::optional<std::pair<Sequence, std::string>>{};
    if (!found.ok()) return errc::storage_failed;
    if (value.size() < 8) return errc::storage_corrupt;
    return std::pair(read_sequence(value), value.substr(8));
  }
  result<Sequence> applied_mark_after(const OwnerIds& owners, Sequence from) const {
    const auto prefix = owner_prefix(owners);
    const auto at = iterate(meta());
    at->Seek(prefix + big_endian(from));
    if (!at->Valid()) return at->status().ok() ? result<Sequence>(0) : errc::storage_failed;
    if (!at->key().starts_with(prefix)) return Sequence{0};
    return from_big_endian(view(at->key()).substr(prefix.size()));
  }

  // Whether the tables have all that has been committed.
  bool is_settled() const { return applier_ == nullptr || applier_->is_idle(); }
  result<void> settle() const { return applier_ == nullptr ? result<void>() : applier_->wait(); }

  void index(const BatchView& batch, Sequence sequence, const EventView& event) {
    const auto number = encode_i64(static_cast<std::int64_t>(sequence));
    if (event.type == EventType::key_created) {
      created_->add(sequence, event);
    } else if (event.type == EventType::owner_revoked) {
      if (const auto owners = named_owners(event))
        writes_.Put(meta(), owner_prefix(*owners) + big_endian(sequence), "");
    } else if (event.type == EventType::key_suspended || event.type == EventType::key_resumed ||
               event.type == EventType::key_rotated || event.type == EventType::key_changed ||
               event.type == EventType::owner_locked || event.type == EventType::owner_unlocked) {
      scratch_.clear();
      append_event(scratch_, event);
      writes_.Put(meta(), "change/" + big_endian(sequence), scratch_);
      for (const char member : event[Field::edited])
        writes_.Put(meta(), edit_prefix(event[Field::key_id]) + member, slice(value_of(event, member)));
    } else if (event.type == EventType::epoch_started) {
      writes_.Put(meta(), "epoch/" + big_endian(batch.epoch()), number + std::string(event[Field::journal]));
    }
  }

  static std::string_view value_of(const EventView& event, char member) {
    const auto field = static_cast<std::uint8_t>(member);
    return field < field_count ? event.fields[field] : std::string_view();
  }

  // In order: a memtable takes neighbours several times as fast as keys from all over. In small writes:
  // commits wait for each.
  result<void> put_sorted(rocksdb::ColumnFamilyHandle* family,
                          std::vector<std::pair<std::string, std::string>>& entries) {
    constexpr int entries_a_write = 1000;
    std::sort(entries.begin(), entries.end());
    rocksdb::WriteBatch writes;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      writes.Put(family, entries[i].first, entries[i].second);
      if (writes.Count() != entries_a_write && i + 1 != entries.size()) continue;
      if (!db_->Write(unlogged_, &writes).ok()) return errc::storage_failed;
      writes.Clear();
    }
    return {};
  }

  static result<void> status(const rocksdb::Iterator& at) {
    if (at.status().ok()) return {};
    return at.status().IsCorruption() ? errc::storage_corrupt : errc::storage_failed;
  }
  std::unique_ptr<rocksdb::Iterator> iterate(rocksdb::ColumnFamilyHandle* family,
                                             std::size_t readahead_bytes = 0) const {
    rocksdb::ReadOptions options;
    options.readahead_size = readahead_bytes;
    options.fill_cache = false;
    return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(options, family));
  }
  rocksdb::ColumnFamilyHandle* meta() const { return families_[0]; }
  rocksdb::ColumnFamilyHandle* journal() const { return families_[1]; }
  rocksdb::ColumnFamilyHandle* keys() const { return families_[2]; }
  rocksdb::ColumnFamilyHandle* audit() const { return families_[3]; }

  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  std::unique_ptr<RocksdbKeyFiles> key_files_;
  rocksdb::WriteOptions unlogged_;
  std::unique_ptr<WriteAhead> log_;
  std::unique_ptr<BatchApplier> applier_;
  std::atomic<Sequence> applied_{0};
  rocksdb::WriteBatch writes_;
  static constexpr std::size_t many_created = 64;  // at once
  std::shared_ptr<KeyRun> created_;                // by the batches that are being applied
  std::string scratch_;
  std::atomic<Sequence> folded_to_{0};
};

}  // namespace

result<std::unique_ptr<Store>> open_rocksdb_store(const std::string& directory, std::string& detail) {
  auto opened = open_rocksdb(directory, detail);
  if (!opened) return opened.error();
  auto store = std::make_unique<RocksdbStore>(std::move(opened->db), std::move(opened->families));
  if (const auto restored = store->restore_key_files(); !restored) {
    detail = "what had gathered for the keys' files cannot be read from the journal";
    return restored.error();
  }
  if (const auto log = store->open_log(directory + "/write-ahead", detail); !log) return log.error();
  return result<std::unique_ptr<Store>>(std::move(store));
}

}  // namespace revoked::engine
