#pragma once
// A request template, laid out once; per number only the placeholders are filled in. Not thread-safe.

#include <string>
#include <vector>

#include "tools/load/template.hpp"

namespace revoked::load {

struct Url {
  std::string host;
  std::string port;
  bool is_encrypted = false;
};
// "http://HOST:PORT" or "https://HOST:PORT". Throws std::runtime_error for anything else.
Url parse_url(const std::string& text);

class Request {
 public:
  struct Options {
    std::string method = "GET";
    std::string path = "/";            // a template
    std::vector<std::string> headers;  // "Name: value", templates
    std::string body;                  // a template
  };

  Request(const Url& url, const Options& options);
  void append(std::uint64_t number, std::string& out);

 private:
  Template head_;
  Template body_;
  std::string body_text_;  // of the last request
};

}  // namespace revoked::load
