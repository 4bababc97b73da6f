// revokectl backup: the whole journal in a file.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <system_error>

#include "tools/ctl/commands.hpp"
#include "tools/ctl/json_object.hpp"
#include "tools/ctl/progress.hpp"
#include "tools/programs/program.hpp"

namespace revoked::ctl {
namespace {

// A file that appears under its name once it is complete and on disk; readable by its owner only.
class DraftFile {
 public:
  explicit DraftFile(const std::string& path) : path_(path), draft_(path + ".part") {
    file_ = ::open(draft_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file_ < 0)
      throw tools::ConfigurationError("cannot create " + draft_ + ": " +
                                      std::generic_category().message(errno));
  }
  ~DraftFile() {
    if (file_ < 0) return;
    ::close(file_);
    ::unlink(draft_.c_str());
  }
  DraftFile(const DraftFile&) = delete;
  DraftFile& operator=(const DraftFile&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto written = ::write(file_, bytes.data(), bytes.size());
      if (written < 0) fail();
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  void finish() {
    if (::fsync(file_) != 0 || ::rename(draft_.c_str(), path_.c_str()) != 0) fail();
    ::close(std::exchange(file_, -1));
    const auto slash = path_.rfind('/');
    tools::sync_directory(slash == std::string::npos ? "." : path_.substr(0, slash + 1));
  }

 private:
  [[noreturn]] void fail() const {
    throw std::runtime_error("cannot write " + path_ + ": " + std::generic_category().message(errno));
  }

  std::string path_;
  std::string draft_;
  int file_ = -1;
};

int back_up(Session& session, const std::string& path) {
  constexpr std::chrono::seconds silence{60};
  std::unique_ptr<DraftFile> file;
  if (path != "-") file = std::make_unique<DraftFile>(path);
  std::uint64_t bytes = 0;
  Answer answer;
  {
    Progress progress("backup", "B", 0);
    answer = session.client().download("/v1/backup", {}, silence, [&](std::string_view piece) {
      if (file)
        file->write(piece);
      else
        Session::print(piece);
      bytes += piece.size();
      progress.add(piece.size(), piece.size());
      return true;
    });
  }
  if (!file) return done;
  file->finish();
  if (session.is_json())
    Session::print_line(JsonObject()
                            .add("file", path)
                            .add("position", answer.position)
                            .add_raw("bytes", std::to_string(bytes))
                            .finish());
  else
    Session::print_line(path + ": " + short_number(static_cast<double>(bytes)) +
                        "B, everything up to position " + answer.position);
  return done;
}

}  // namespace

void add_backup_command(CommandTree& tree) {
  auto path = std::make_shared<std::string>();
  auto& session = tree.session();
  tree.add("backup", "Copy the whole journal into a tar archive; needs a master key",
           {"backup revoked.tar", "backup - | zstd > revoked.tar.zst"},
           [path, &session] { return back_up(session, *path); })
      .add_option("FILE", *path, "Replaced if it exists; - is standard output")
      ->required();
}

}  // namespace revoked::ctl
