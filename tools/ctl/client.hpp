#pragma once
// A blocking HTTP client of one engine, on one connection. One thread. What keeps it from an answer is a
// std::runtime_error, whose text is for people and has no credential.

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/wire/http_connection.hpp"

namespace revoked::ctl {

// An engine, and who we are to it.
struct Target {
  std::string url;  // for messages
  std::string host;
  std::uint16_t port = 7385;
  bool is_encrypted = false;
  std::string ca_file;     // empty: the system's
  std::string credential;  // empty: none
};

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Answer {
  unsigned status = 0;
  std::string body;
  std::string position;  // of a download: the header Revocation-Position

  bool is_good() const { return status / 100 == 2; }
};

// An answer that is not a 2xx. The text has the engine's `code` and `detail`.
class Refused : public std::runtime_error {
 public:
  explicit Refused(const Answer& answer);
  unsigned status() const { return status_; }

 private:
  unsigned status_;
};

class Client {
 public:
  explicit Client(Target target);  // does not connect yet

  const Target& target() const { return target_; }

  // Any answer. A GET that fails on a connection that was idle is sent again.
  Answer ask(std::string_view method, const std::string& path, const std::string& body = {},
             const Headers& headers = {});
  // Throws Refused unless it is a 2xx; ConfigurationError if the reason is that there is no key.
  Answer expect(std::string_view method, const std::string& path, const std::string& body = {},
                const Headers& headers = {});

  // A body of any length (NDJSON), piece by piece; an empty piece ends it. Throws as expect().
  using Source = std::function<std::string_view()>;
  Answer upload(const std::string& path, const Source& next_piece);
  // An answer of any length goes to `sink`, which returns false to end it. Fails if it is incomplete, or
  // after `silence` without a byte. Throws as expect().
  using Sink = std::function<bool(std::string_view)>;
  Answer download(const std::string& path, const Headers& headers, std::chrono::seconds silence,
                  const Sink& sink);

 private:
  template <class T>
  T run(cache::Task<T> task);
  void connect();
  std::shared_ptr<std::string> head_of(std::string_view method, const std::string& path,
                                       const Headers& headers) const;
  void check(const Answer& answer) const;
  [[noreturn]] void fail(cache::error_code error) const;
  void send(std::string bytes);

  Target target_;
  cache::asio::io_context io_{1};
  std::shared_ptr<cache::HttpOrigin> origin_;
  cache::HttpConnection::Pointer connection_;
};

// A segment of a path, or a value in a query (RFC 3986).
std::string percent_encoded(std::string_view text);

}  // namespace revoked::ctl
