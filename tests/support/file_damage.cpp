#include "tests/support/file_damage.hpp"

#include <algorithm>
#include <fstream>
#include <functional>

#include "tests/support/process.hpp"

namespace revoked::test {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t sector = 512;
constexpr std::uint64_t block = 4096;
constexpr std::uint64_t room = 1 << 20;

std::uint64_t below(std::uint64_t bound, std::mt19937& random) {
  return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(random);
}

// The offsets at which blocks of the log begin; in another file only 0.
std::vector<std::uint64_t> beginnings(std::string_view bytes) {
  std::vector<std::uint64_t> found{0};
  for (auto at = sector; at < bytes.size(); at += sector) {
    if (bytes.substr(at).starts_with("rvkB")) found.push_back(at);
  }
  return found;
}

// The offset of a byte to damage: mostly where data is written.
std::uint64_t aim(std::string_view bytes, std::mt19937& random) {
  const auto blocks = beginnings(bytes);
  const auto written = bytes.find_last_not_of('\0') + 1;
  std::uint64_t at = 0;
  switch (below(8, random)) {
    case 0:
    case 1:  // a block head
      at = blocks[below(blocks.size(), random)] + below(80, random);
      break;
    case 2:
    case 3:  // the last block
      at = blocks.back() + below(std::max<std::uint64_t>(written, blocks.back() + 1) - blocks.back(), random);
      break;
    case 4:  // possibly after all data
      at = below(bytes.size(), random);
      break;
    default:
      at = below(std::max<std::uint64_t>(written, 1), random);
  }
  return std::min(at, bytes.size() - 1);
}

void overwrite_file(const fs::path& path, std::uint64_t at, std::string_view bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(at));
  if (!file.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush())
    throw std::runtime_error("cannot write " + path.string());
}

// The kinds of damage to one file of a directory.
class Inflicting {
 public:
  Inflicting(const fs::path& directory, std::string file, std::mt19937& random)
      : directory_(directory),
        file_(std::move(file)),
        bytes_(read_file(directory / file_)),
        random_(random) {}

  std::optional<Inflicted> flip() {
    const auto at = aim(bytes_, random_);
    const auto bit = static_cast<char>(1 << below(8, random_));
    return overwrite("a bit flipped", at, 1, [bit](char c) { return static_cast<char>(c ^ bit); });
  }
  std::optional<Inflicted> zero(std::uint64_t size) {
    const auto at = aim(bytes_, random_) / size * size;
    return overwrite(std::to_string(size) + " bytes zeroed", at, size, [](char) { return '\0'; });
  }
  std::optional<Inflicted> cut(std::uint64_t size) {
    if (size >= bytes_.size()) return {};
    fs::resize_file(directory_ / file_, size);
    return inflicted("cut to " + std::to_string(size), {{begin_of_block(size), bytes_.size()}});
  }
  std::optional<Inflicted> cut_anywhere() { return cut(aim(bytes_, random_)); }
  std::optional<Inflicted> cut_whole() {
    const auto most = (bytes_.size() - 1) / room;
    return most == 0 ? std::nullopt : cut(room * (1 + below(most, random_)));
  }
  std::optional<Inflicted> remove() {
    fs::remove(directory_ / file_);
    return inflicted("removed", {});
  }
  std::optional<Inflicted> make_older(const fs::path& before) {
    if (!fs::exists(before / file_)) return {};
    const auto bytes = read_file(before / file_);
    if (bytes == bytes_) return {};
    write_file(directory_ / file_, bytes);
    return inflicted("an older copy", {});
  }
  std::optional<Inflicted> swap() {
    std::vector<std::string> others;
    for (const auto& other : names_of_files(directory_)) {
      const auto kind = fs::path(other).extension();
      if (other != file_ && !kind.empty() && kind == fs::path(file_).extension()) others.push_back(other);
    }
    if (others.empty()) return {};
    const auto& other = others[below(others.size(), random_)];
    write_file(directory_ / file_, read_file(directory_ / other));
    write_file(directory_ / other, bytes_);
    auto done = inflicted("swapped with " + other, {});
    done.files.push_back(other);
    return done;
  }

 private:
  using Bytes = std::optional<std::pair<std::uint64_t, std::uint64_t>>;

  Inflicted inflicted(const std::string& what, Bytes bytes) const {
    return {file_ + ": " + what, {file_}, bytes, 0, {}};
  }
  std::uint64_t begin_of_block(std::uint64_t at) const {
    const auto blocks = beginnings(bytes_);
    return *std::prev(std::ranges::upper_bound(blocks, at));
  }
  std::optional<Inflicted> overwrite(const std::string& what, std::uint64_t at, std::uint64_t size,
                                     const std::function<char(char)>& change) {
    const auto was = bytes_.substr(at, size);
    auto is = was;
    std::ranges::transform(is, is.begin(), change);
    if (is == was) return {};
    overwrite_file(directory_ / file_, at, is);
    auto done = inflicted(what + " at " + std::to_string(at), {{begin_of_block(at), at + was.size()}});
    done.at = at;
    done.was = was;
    return done;
  }

  const fs::path directory_;
  const std::string file_;
  const std::string bytes_;
  std::mt19937& random_;
};

}  // namespace

std::optional<Inflicted> inflict(Damage damage, const fs::path& directory, const std::string& file,
                                 const fs::path& before, std::mt19937& random) {
  Inflicting on(directory, file, random);
  switch (damage) {
    case Damage::removed:
      return on.remove();
    case Damage::older:
      return on.make_older(before);
    case Damage::swapped:
      return on.swap();
    default:
      break;
  }
  if (fs::file_size(directory / file) == 0) return {};
  switch (damage) {
    case Damage::flipped_bit:
      return on.flip();
    case Damage::zeroed_sector:
      return on.zero(sector);
    case Damage::zeroed_block:
      return on.zero(block);
    case Damage::cut:
      return on.cut_anywhere();
    case Damage::cut_whole:
      return on.cut_whole();
    default:
      return on.cut(0);
  }
}

void undo(const Inflicted& done, const fs::path& directory) {
  overwrite_file(directory / done.files.front(), done.at, done.was);
}

std::vector<std::string> names_of_files(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& at : fs::recursive_directory_iterator(directory)) {
    if (at.is_regular_file()) names.push_back(fs::relative(at.path(), directory).native());
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace revoked::test
