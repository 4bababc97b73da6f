#include "engine/checkpoint_copy.hpp"

#include <cstring>
#include <fstream>

#include "engine/tables/checkpoint.hpp"

namespace revoked::engine {
namespace {

class CheckpointCopy final : public Backup {
 public:
  CheckpointCopy(std::ifstream file, std::string path, Sequence last)
      : file_(std::move(file)), path_(std::move(path)), last_(last) {}

  Sequence last() const override { return last_; }

  result<void> next(std::string& piece) override {
    piece.resize(piece_bytes);
    file_.read(piece.data(), piece_bytes);
    if (file_.bad()) return errc::storage_failed;
    piece.resize(static_cast<std::size_t>(file_.gcount()));
    return {};
  }

  std::string failure() const override { return path_ + " cannot be read"; }

 private:
  std::ifstream file_;
  const std::string path_;
  const Sequence last_;
};

}  // namespace

result<std::unique_ptr<Backup>> copy_checkpoint(const std::string& path) {
  // Opened first: the file may be replaced meanwhile, by one that has more.
  std::ifstream file(path, std::ios::binary);
  const auto mark = read_checkpoint_mark(path);
  if (!file || !mark) return errc::not_found;
  return std::unique_ptr<Backup>(std::make_unique<CheckpointCopy>(std::move(file), path, mark->newest));
}

}  // namespace revoked::engine
