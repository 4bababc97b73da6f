// POST /v1/keys/import: keys to create, one per line.

#include "net/api/asked_key.hpp"
#include "net/api/bulk.hpp"
#include "net/api/kept_texts.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

class Import final : public Bulk {
 public:
  Import(Api& api, const Call& call) : Bulk(api, call, engine::Permission::keys_create) {}

  engine::result<void> process_text(const Line& line, std::string_view text) override {
    if (!read_plain_key(asked_, text, api_.engine, principal_)) {
      if (auto fault = read_asked_record(asked_, text, api_.engine, principal_))
        return fail(line, std::move(fault));
    }
    // A generated secret could not be returned.
    if (!asked_.has_secret)
      return fail(line, {"secret_missing", "secret", "an imported key must have a secret or secret_sha256"});
    if (!has_share_left(api_, asked_.key)) return refuse(line, "limit_reached");
    if (texts_.bytes() >= max_texts_bytes) {
      if (const auto done = process_gathered(); !done) return done;
    }
    keep(line.number);
    return {};
  }
  void write_counts(engine::JsonWriter& json) const override { json.field("created", accepted()); }
  std::string_view what() const override { return "import"; }
  std::string_view verb() const override { return "keys.imported"; }
  std::string_view expected() const override {
    return "one key per line, such as {\"user\":\"ann\",\"secret\":\"...\"}";
  }
  std::uint64_t changed_keys() const override { return accepted(); }
  std::uint64_t first_gathered() const override { return numbers_.empty() ? 0 : numbers_.front(); }

 private:
  static constexpr std::size_t max_gathered = engine::Engine::max_creations_together;
  // Enough for one turn, even with fewer keys.
  static constexpr std::size_t max_texts_bytes = 2 * max_line_bytes;

  // Copies what was read, which views the line and the parser.
  void keep(std::uint64_t number) {
    auto& key = gathered_.emplace_back(asked_.key);
    for (auto* const text : {&key.key_id, &key.owners[0], &key.owners[1], &key.owners[2], &key.name,
                             &key.permissions, &key.metadata, &key.reason}) {
      *text = texts_.keep(*text);
    }
    numbers_.push_back(number);
  }

  bool is_full() const override { return gathered_.size() == max_gathered; }
  engine::result<void> process_gathered() override {
    if (gathered_.empty()) return {};
    if (const auto may = recheck(); !may) return may;
    if (is_storage_full(api_)) return refuse_gathered("storage_full");
    const auto created = api_.engine.create_many(gathered_, caller_);
    if (!created) return created.error();
    reached(created->last);
    for (std::size_t i = 0; i < gathered_.size(); ++i) {
      const auto& error = created->errors[i];
      if (!error)
        accept(1);
      else if (const auto failed = refuse({{}, numbers_[i]}, problem_kind(error).code); !failed)
        return failed;
    }
    forget_gathered();
    return {};
  }

  engine::result<void> refuse_gathered(std::string_view code) {
    for (const auto number : numbers_) {
      if (const auto failed = refuse({{}, number}, code); !failed) return failed;
    }
    forget_gathered();
    return {};
  }

  void forget_gathered() {
    recalled_.clear();
    gathered_.clear();
    numbers_.clear();
    texts_.clear();
  }

  AskedKey asked_;
  std::vector<engine::NewKey> gathered_;  // their texts are in texts_
  std::vector<std::uint64_t> numbers_;    // of their lines
  KeptTexts texts_;
};

}  // namespace

Outcome import_keys(Api& api, Call& call) {
  return {0, run_bulk(api, call.exchange, std::make_unique<Import>(api, call))};
}

}  // namespace revoked::net
