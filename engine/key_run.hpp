#pragma once
// The records of keys that were created together, in the order of their ids: what a store sorts before it
// writes. Filled and sorted by one thread; from then on any may read it.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/event.hpp"

namespace revoked::engine {

class KeyRun {
 public:
  struct Entry {
    std::string_view key_id;
    std::string_view record;  // see read_key_record
  };

  // The event `creation` happened at `sequence`.
  void add(Sequence sequence, const EventView& creation);
  void sort();
  void clear();

  std::size_t size() const { return places_.size(); }
  std::size_t size_bytes() const { return bytes_.size(); }
  Entry operator[](std::size_t i) const;
  // The first entry whose id is not less; size() if there is none.
  std::size_t lower_bound(std::string_view key_id) const;

  static std::shared_ptr<const KeyRun> join(const KeyRun& a, const KeyRun& b);
  // As the entries of several runs in one order. The runs outlive it.
  static std::vector<Entry> merge(const std::vector<const KeyRun*>& runs);

 private:
  struct Place {
    std::uint64_t head;  // of the id, big endian: decides most comparisons
    std::uint32_t begin;
    std::uint32_t record_size;
    std::uint32_t id_size;
  };
  static std::uint64_t head_of(std::string_view key_id);
  std::string_view id_at(const Place& place) const {
    return std::string_view(bytes_).substr(place.begin, place.id_size);
  }

  std::string bytes_;
  std::vector<Place> places_;
};

// The entries of several runs whose ids are greater than `after`, in one order.
class KeyRunReader {
 public:
  KeyRunReader(std::vector<std::shared_ptr<const KeyRun>> runs, std::string_view after);
  bool has_entry() const { return first_ != cursors_.size(); }
  KeyRun::Entry entry() const { return (*cursors_[first_].run)[cursors_[first_].at]; }
  void step();

 private:
  struct Cursor {
    std::shared_ptr<const KeyRun> run;
    std::size_t at;
  };
  void find_first();

  std::vector<Cursor> cursors_;  // all have an entry
  std::size_t first_ = 0;        // the one with the least
};

// What a record holds: the sequence (u64, little endian) and the creating event without its key_id and who
// made it. False if it is damaged. The event views the arguments.
bool read_key_record(std::string_view key_id, std::string_view record, Sequence& created,
                     EventView& creation);

}  // namespace revoked::engine
