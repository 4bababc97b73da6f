// The default store: the log in files, and its index.

#include <algorithm>
#include <filesystem>

#include "engine/index/indexer.hpp"
#include "engine/log/local_log.hpp"
#include "engine/store.hpp"

namespace revoked::engine {
namespace {

namespace fs = std::filesystem;

class LogStore final : public Store {
 public:
  using Report = std::function<void(std::string_view what, std::string_view why)>;

  result<void> open(const std::string& directory, Report report, std::string& detail, Synced synced) {
    std::error_code error;
    if (fs::exists(directory + "/store/CURRENT", error)) {
      detail = directory + "/store is of version 0.1.0, which this version does not read";
      return errc::storage_of_other_format;
    }
    fs::create_directories(directory, error);
    auto log = LocalLog::open(directory + "/log", detail, LocalLog::usual_segment_bytes, synced);
    if (!log) return log.error();
    log_ = std::move(*log);
    log_->pack_in_background(reporting(report, "a log segment could not be packed; the log is not affected"));
    return open_indexer(
        directory + "/index",
        reporting(std::move(report), "the index failed and is reopened; the log is not affected"), detail);
  }

  result<void> append(const BatchView& batch) override {
    if (const auto logged = log_->append(batch); !logged) return logged;
    indexer_->add(batch);
    return {};
  }

  Sequence last() const override { return log_->last(); }
  result<void> read(Sequence from, const Visitor& visit) const override { return log_->read(from, visit); }

  Sequence indexed_to() const override { return indexer_->through(); }
  result<void> scan_index(IndexKind kind, std::string_view id, Sequence from,
                          const std::function<bool(Sequence)>& visit) const override {
    return indexer_->scan(kind, id, from, visit);
  }
  result<void> wait_for_index() const override { return indexer_->wait(); }
  result<std::unique_ptr<Backup>> back_up() const override { return log_->back_up(); }
  std::string failure() const override { return log_->failure(); }

 private:
  static std::function<void(std::string_view)> reporting(Report report, std::string_view what) {
    if (!report) return {};
    return [report = std::move(report), what](std::string_view why) { report(what, why); };
  }

  result<void> open_indexer(const std::string& directory, std::function<void(std::string_view)> report,
                            std::string& detail) {
    const auto open = [this, directory](std::string& why) { return open_index_of_log(directory, why); };
    auto index = open(detail);
    if (!index && index.error() == errc::storage_corrupt) return index.error();
    if (!index && report) report(detail);
    indexer_ = std::make_unique<Indexer>(index ? std::move(*index) : nullptr, *log_,
                                         Indexer::Source{open, std::move(report)});
    return {};
  }

  // errc::storage_corrupt if the index is ahead of the log, which has then lost data.
  result<std::unique_ptr<Index>> open_index_of_log(const std::string& directory, std::string& detail) const {
    auto index = open_index(directory, detail);
    if (!index) return index;
    const auto indexed = (*index)->indexed();
    if (indexed.through > log_->last()) {
      detail = log_->directory() + " ends at " + std::to_string(log_->last()) + ", but " + directory +
               " ends at " + std::to_string(indexed.through) + ": part of the log is missing";
      return errc::storage_corrupt;
    }
    if (const auto ours = has_epoch(*this, indexed.epoch); ours && *ours) return index;
    index->reset();
    std::error_code error;
    fs::remove_all(directory, error);  // of another log: rebuild it
    return open_index(directory, detail);
  }

  std::unique_ptr<LocalLog> log_;
  std::unique_ptr<Indexer> indexer_;
};

}  // namespace

result<std::unique_ptr<Store>> open_store(
    const std::string& directory, std::function<void(std::string_view what, std::string_view why)> report,
    std::string& detail, Synced synced) {
  auto store = std::make_unique<LogStore>();
  if (const auto opened = store->open(directory, std::move(report), detail, synced); !opened)
    return opened.error();
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace revoked::engine
