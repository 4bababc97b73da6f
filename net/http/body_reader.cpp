#include "net/http/body_reader.hpp"

#include <algorithm>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <utility>

#include "net/http/network_thread.hpp"

namespace revoked::net {

namespace http = boost::beast::http;
using Phase = Connection::Phase;

// Beast accepts any byte in a quoted string of a chunk extension. Control characters are refused: an
// intermediary that takes one for a line end would see a different body.
void refuse_controls(std::uint64_t, std::string_view extension, boost::system::error_code& error) {
  const auto is_control = [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; };
  if (std::any_of(extension.begin(), extension.end(), is_control)) error = http::error::bad_chunk_extension;
}

// Beast parses the chunks only; the request's own head is read by read_head() alone. Beast consumes each
// chunk's head, and the trailers, only as a whole, and has no limit for them: the unconsumed bytes and all
// bytes that are not body are bounded here.
struct BodyReader::Chunks {
  explicit Chunks(std::size_t max_bytes) {
    if (max_bytes == 0) {
      parser.body_limit(boost::none);
    } else {
      parser.body_limit(max_bytes);
    }
    parser.eager(true);
    parser.on_chunk_header(on_head);
    constexpr std::string_view head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    boost::system::error_code error;
    parser.put(boost::asio::buffer(head.data(), head.size()), error);
  }

  http::request_parser<http::string_body> parser;
  std::size_t body_bytes = 0;
  std::size_t other_bytes = 0;
  decltype(&refuse_controls) on_head = &refuse_controls;  // the parser keeps a reference to it
};

BodyReader::BodyReader(Connection& connection, const Request& request, std::size_t max_bytes)
    : connection_(connection),
      max_bytes_(max_bytes),
      left_(request.content_length),
      continue_owed_(request.expects_continue),
      complete_(!request.is_chunked && request.content_length == 0) {
  if (request.is_chunked) chunks_ = std::make_unique<Chunks>(max_bytes);
}

BodyReader::~BodyReader() { connection_.consume(lent_bytes_); }

Task<BodyReader::Got> BodyReader::next(Deadline deadline) {
  connection_.consume(std::exchange(lent_bytes_, 0));
  piece_ = {};
  if (complete_) co_return Got::end;
  const auto phase = connection_.phase();
  while (true) {
    if (!connection_.received().empty()) {
      const auto got = chunks_ ? take_chunks() : take_counted();
      if (got) {
        received_bytes_ += piece_.size();
        if (connection_.phase() != phase) connection_.enter(phase);
        co_return *got;
      }
    }
    if (continue_owed_ && connection_.received().empty()) {
      connection_.output().append("HTTP/1.1 100 Continue\r\n\r\n");
    }
    continue_owed_ = false;
    if (!co_await connection_.flush()) co_return Got::closed;
    if (deadline == Deadline::of_each) {
      const auto& limits = connection_.thread().limits();
      const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(waited_);
      connection_.enter(Phase::body, patience(limits, limits.body_timeout, waited, received_bytes_));
    }
    const auto at_most = max_bytes_ == 0 ? Connection::read_bulk_bytes : Connection::read_chunk_bytes;
    const auto began = std::chrono::steady_clock::now();
    const bool has_more = co_await connection_.receive(at_most);
    waited_ += std::chrono::steady_clock::now() - began;
    if (!has_more) co_return Got::closed;
  }
}

std::optional<BodyReader::Got> BodyReader::take_counted() {
  piece_ = connection_.received().substr(0, std::min<std::uint64_t>(left_, connection_.received().size()));
  lent_bytes_ = piece_.size();
  left_ -= piece_.size();
  complete_ = left_ == 0;
  return Got::piece;
}

std::optional<BodyReader::Got> BodyReader::take_chunks() {
  auto& parser = chunks_->parser;
  auto& body_bytes = chunks_->body_bytes;
  auto& other_bytes = chunks_->other_bytes;
  const auto head_bytes = connection_.thread().limits().head.bytes;
  auto& body = parser.get().body();
  body.clear();
  const auto data = connection_.received();
  boost::system::error_code error;
  const auto used = parser.put(boost::asio::buffer(data.data(), data.size()), error);
  connection_.consume(used);
  if (error == http::error::body_limit) return Got::oversized;
  if (error && error != http::error::need_more) return Got::malformed;
  complete_ = parser.is_done();
  body_bytes += body.size();
  other_bytes += used - body.size();
  // A chunk of one byte has five bytes of framing; twice that leaves room for an occasional extension.
  const auto max_other_bytes = 2 * head_bytes + (max_bytes_ == 0 ? 10 * body_bytes : max_bytes_);
  if (other_bytes > max_other_bytes || (!complete_ && connection_.received().size() > head_bytes)) {
    return Got::oversized;
  }
  piece_ = body;
  if (!piece_.empty()) return Got::piece;
  return complete_ ? std::optional(Got::end) : std::nullopt;
}

}  // namespace revoked::net
