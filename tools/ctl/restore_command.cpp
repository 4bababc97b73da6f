// revokectl restore: unpacks a backup into an empty data directory.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

#include "engine/base/tar.hpp"
#include "tools/ctl/commands.hpp"
#include "tools/ctl/input.hpp"
#include "tools/ctl/json_object.hpp"
#include "tools/ctl/progress.hpp"
#include "tools/programs/program.hpp"

namespace revoked::ctl {
namespace {

namespace fs = std::filesystem;
using tools::ConfigurationError;

// Reads exact numbers of bytes from pieces of any size. Throws at an early end.
class ExactInput {
 public:
  ExactInput(const std::string& path, Progress& progress) : input_(path), progress_(progress) {}

  // At least one byte, at most `bytes`; valid until the next call.
  std::string_view some(std::uint64_t bytes) {
    if (left_.empty()) {
      left_ = input_.next_piece();
      progress_.add(left_.size(), left_.size());
    }
    if (left_.empty()) throw std::runtime_error("the archive is incomplete: it ends in the middle");
    const auto taken = left_.substr(0, bytes);
    left_.remove_prefix(taken.size());
    return taken;
  }
  std::string block() {
    std::string block;
    while (block.size() < engine::tar_block_bytes) block.append(some(engine::tar_block_bytes - block.size()));
    return block;
  }

 private:
  Input input_;
  Progress& progress_;
  std::string_view left_;
};

[[noreturn]] void fail_to_write(const fs::path& path) {
  throw std::runtime_error("cannot write " + path.string() + ": " + std::generic_category().message(errno));
}

// On disk when it returns.
void unpack_file(const fs::path& path, std::uint64_t bytes, ExactInput& archive) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) fail_to_write(path);
  const std::shared_ptr<void> closer(nullptr, [file](void*) { ::close(file); });
  while (bytes > 0) {
    auto piece = archive.some(bytes);
    bytes -= piece.size();
    while (!piece.empty()) {
      const auto written = ::write(file, piece.data(), piece.size());
      if (written < 0) fail_to_write(path);
      piece.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  if (::fsync(file) != 0) fail_to_write(path);
}

void make_directory(const fs::path& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (!failed) fs::permissions(path, fs::perms::owner_all, failed);
  if (failed) throw std::runtime_error("cannot create " + path.string() + ": " + failed.message());
}

struct Restored {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

Restored unpack(const std::string& archive_path, const fs::path& directory) {
  Restored restored;
  std::error_code ignored;
  const auto size = fs::file_size(archive_path, ignored);
  Progress progress("restore", "B", ignored ? 0 : size);
  ExactInput archive(archive_path, progress);
  const std::string zeros(engine::tar_block_bytes, '\0');
  for (auto block = archive.block(); block != zeros; block = archive.block()) {
    const auto entry = engine::read_tar_header(block);
    if (!entry) throw std::runtime_error("it is not an archive of `revokectl backup`, or it is damaged");
    const auto path = directory / entry->name;
    make_directory(entry->name.ends_with('/') ? path : path.parent_path());
    if (entry->name.ends_with('/')) continue;
    unpack_file(path, entry->bytes, archive);
    tools::sync_directory(path.parent_path().string());
    for (auto rest = engine::tar_padding_bytes(entry->bytes); rest > 0;) rest -= archive.some(rest).size();
    ++restored.files;
    restored.bytes += entry->bytes;
  }
  if (archive.block() != zeros) throw std::runtime_error("the archive is incomplete: its end is missing");
  if (restored.files == 0) throw std::runtime_error("the archive is empty");
  return restored;
}

struct Restoration {
  std::string archive;
  std::string data_dir;
};

int restore(const Session& session, const Restoration& asked) {
  const fs::path directory = asked.data_dir;
  std::error_code failed;
  if (fs::exists(directory, failed) && !fs::is_empty(directory, failed))
    throw ConfigurationError("--data-dir: " + asked.data_dir + " is not an empty directory");
  // Next to it, so that what is there under the name is whole.
  const fs::path draft = (directory / "").parent_path().string() + ".part";
  fs::remove_all(draft, failed);
  make_directory(draft);
  Restored restored;
  try {
    restored = unpack(asked.archive, draft);
  } catch (...) {
    fs::remove_all(draft, failed);
    throw;
  }
  fs::remove(directory, failed);
  fs::rename(draft, directory, failed);
  if (failed) throw std::runtime_error("cannot create " + asked.data_dir + ": " + failed.message());
  tools::sync_directory((directory / "..").string());
  if (session.is_json())
    Session::print_line(JsonObject()
                            .add("data_dir", asked.data_dir)
                            .add_raw("files", std::to_string(restored.files))
                            .add_raw("bytes", std::to_string(restored.bytes))
                            .finish());
  else
    Session::print_line(asked.data_dir + ": " + std::to_string(restored.files) + " files, " +
                        short_number(static_cast<double>(restored.bytes)) +
                        "B. Start it with: revoked --data-dir " + asked.data_dir);
  return done;
}

}  // namespace

void add_restore_command(CommandTree& tree) {
  auto asked = std::make_shared<Restoration>();
  auto& session = tree.session();
  auto& command =
      tree.add("restore", "Unpack a backup into an empty data directory, on the engine's machine as its user",
               {"restore revoked.tar --data-dir data",
                "zstd -dc revoked.tar.zst | revokectl restore - --data-dir data"},
               [asked, &session] { return restore(session, *asked); });
  command.add_option("FILE", asked->archive, "A whole backup; - is standard input")->required();
  command.add_option("--data-dir", asked->data_dir, "Does not exist, or is empty")
      ->required()
      ->type_name("DIR");
}

}  // namespace revoked::ctl
