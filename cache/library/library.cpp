// The functions of revoked_gateway.h: no exception leaves them, and whatever goes wrong is a denial.

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <thread>

#include "cache/edge/gateway_options.hpp"
#include "cache/library/decision_text.hpp"
#include "cache/library/open_gateway.hpp"
#include "cache/library/option_pairs.hpp"
#include "cache/library/process_mark.hpp"
#include "cache/library/revoked_gateway.h"
#include "engine/base/read_section.hpp"
#include "engine/model/secret.hpp"

using revoked::engine::ReadSection;
using revoked::library::OpenGateway;
using revoked::library::Presented;
using revoked::library::ProcessMark;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// What a caller's pointer points to. Never freed: a pointer to a gateway that was closed denies.
struct revoked_gateway {
  // Null if it is closed, or was opened by the process that forked this one. In a ReadSection.
  OpenGateway* get() const { return process.is_here() ? open.load(std::memory_order_acquire) : nullptr; }

  const ProcessMark process;
  std::atomic<OpenGateway*> open{nullptr};
  milliseconds question_timeout{};
  revoked_gateway* next = nullptr;  // of all that were opened
};

namespace {

std::atomic<revoked_gateway*> all_opened{nullptr};

void close_all() {
  for (auto* each = all_opened.load(); each != nullptr; each = each->next) revoked_close(each);
}

// In the order of their opening, at exit().
void add_to_all(revoked_gateway& gateway) {
  static const bool is_registered = std::atexit(close_all) == 0;
  (void)is_registered;
  gateway.next = all_opened.load();
  while (!all_opened.compare_exchange_weak(gateway.next, &gateway)) {
  }
}

// ---- opening

struct LibraryOptions {
  revoked::cache::GatewayOptions gateway;
  std::string question_timeout = "1s";
  std::string ready_within = "3s";

  explicit LibraryOptions(const char* const options[]) {
    revoked::library::OptionPairs pairs(options);
    gateway.add_to(pairs);
    pairs.add("--engine-credential", gateway.engine_credential, {});
    pairs.add("--question-timeout", question_timeout, {});
    pairs.add("--ready-within", ready_within, {});
    pairs.refuse_others();
  }
};

// Tells the gateways of a process from each other.
std::string next_place() {
  static std::atomic<int> opened{0};
  const int before = opened++;
  return "process-" + std::to_string(::getpid()) + (before == 0 ? "" : "-" + std::to_string(before + 1));
}

revoked_gateway* open_gateway(const LibraryOptions& options, revoked_log log, void* context) {
  using revoked::engine::parse_duration;
  auto made = std::make_unique<revoked_gateway>();
  made->question_timeout = parse_duration(options.question_timeout, "--question-timeout");
  const auto patience =
      options.ready_within == "0" ? milliseconds(0) : parse_duration(options.ready_within, "--ready-within");
  auto settings = options.gateway.read(next_place());
  settings.version = REVOKED_VERSION;
  settings.engine.question_timeout = made->question_timeout;
  OpenGateway::Listener listener;
  if (log != nullptr) {
    listener = [log, context](std::string_view source, std::string_view what) {
      log(context, std::string(source).c_str(), std::string(what).c_str());
    };
  }
  auto open = std::make_unique<OpenGateway>(std::move(settings), std::move(listener));
  open->wait_until_current(steady_clock::now() + patience);
  made->open.store(open.release());
  add_to_all(*made);
  return made.release();
}

void copy_text(std::string_view text, char* out, std::size_t size) {
  if (out == nullptr || size == 0) return;
  const auto end = std::copy_n(text.data(), std::min(text.size(), size - 1), out);
  *end = '\0';
}

// ---- checks

// Of a call: what it is about, and where its decision goes.
class Question {
 public:
  Question(const char* secret, std::size_t size, const char* client, int timeout, revoked_decision* decision)
      : decision_(revoked::library::is_whole(decision) ? decision : nullptr),
        is_understood_(decision == nullptr || decision_ != nullptr),
        presented_{{}, {secret, secret == nullptr ? 0 : size}, client == nullptr ? "" : client},
        timeout_(timeout) {
    if (decision_ != nullptr) revoked::library::clear(*decision_);
  }

  // Whether its decision can be told: to no structure, or to one of a size that is known.
  bool is_understood() const { return is_understood_; }
  bool may_wait() const { return timeout_ != 0; }
  OpenGateway::Deadline deadline(const revoked_gateway& gateway) const {
    return steady_clock::now() + (timeout_ < 0 ? gateway.question_timeout : milliseconds(timeout_));
  }
  const Presented& presented() const { return presented_; }

  // Whether there is a secret of which a digest can be looked up; otherwise the answer is given.
  bool has_digest() {
    const auto size = presented_.secret.size();
    if (size == 0 || size > revoked::engine::max_secret_size) return false;
    presented_.digest = revoked::engine::sha256(presented_.secret);
    return true;
  }

  bool answer(revoked_result result) {
    if (decision_ != nullptr) revoked::library::set_result(*decision_, result);
    return result == REVOKED_ALLOW;
  }
  bool answer_without_digest() {
    return answer(presented_.secret.empty() ? REVOKED_MISSING : REVOKED_UNKNOWN);
  }
  bool answer(const OpenGateway::Verdict& verdict, OpenGateway& gateway) {
    const auto result = revoked::library::result_of(verdict);
    if (result != REVOKED_ALLOW) gateway.note(verdict, presented_);
    if (decision_ != nullptr) revoked::library::write(verdict, result, *decision_);
    return result == REVOKED_ALLOW;
  }

 private:
  revoked_decision* const decision_;
  const bool is_understood_;
  Presented presented_;
  const int timeout_;
};

bool check(const revoked_gateway& gateway, Question& question) {
  if (!question.is_understood()) return false;
  if (!question.has_digest()) return question.answer_without_digest();
  std::optional<OpenGateway::Call> call;
  OpenGateway* open = nullptr;
  {
    const ReadSection section;
    open = gateway.get();
    if (open == nullptr) return false;
    if (const auto verdict = open->check(question.presented())) return question.answer(*verdict, *open);
    if (!revoked::engine::is_secret(question.presented().secret)) return question.answer(REVOKED_UNKNOWN);
    if (!question.may_wait()) return question.answer(REVOKED_UNDECIDED);
    call.emplace(*open);
    if (!*call) return false;
  }
  // No section keeps the gateway from here on: the call is counted instead.
  return question.answer(open->ask(question.presented(), question.deadline(gateway)), *open);
}

// After a check that allowed it.
int watch(const revoked_gateway& gateway, Question& question) {
  std::optional<OpenGateway::Call> call;
  OpenGateway* open = nullptr;
  {
    const ReadSection section;
    open = gateway.get();
    if (open != nullptr) call.emplace(*open);
  }
  if (!call || !*call) {
    question.answer(REVOKED_UNAVAILABLE);
    return -1;
  }
  const auto deadline =
      question.may_wait() ? question.deadline(gateway) : steady_clock::now() + gateway.question_timeout;
  const auto started = open->watch(question.presented(), deadline);
  if (started.descriptor < 0) question.answer(started.verdict, *open);
  return started.descriptor;
}

}  // namespace

extern "C" {

revoked_gateway* revoked_open(const char* const options[], revoked_log log, void* log_context, char* error,
                              std::size_t error_size) {
  copy_text("", error, error_size);
  try {
    return open_gateway(LibraryOptions(options), log, log_context);
  } catch (const std::exception& failed) {
    copy_text(failed.what(), error, error_size);
  } catch (...) {
    copy_text("unexpected exception", error, error_size);
  }
  return nullptr;
}

int revoked_check(revoked_gateway* gateway, const char* secret, std::size_t secret_size, const char* client,
                  int timeout, revoked_decision* decision) {
  Question question(secret, secret_size, client, timeout, decision);
  try {
    return gateway != nullptr && check(*gateway, question) ? 1 : 0;
  } catch (...) {
    question.answer(REVOKED_UNAVAILABLE);
    return 0;
  }
}

int revoked_watch(revoked_gateway* gateway, const char* secret, std::size_t secret_size, const char* client,
                  int timeout, revoked_decision* decision) {
  Question question(secret, secret_size, client, timeout, decision);
  try {
    return gateway != nullptr && check(*gateway, question) ? watch(*gateway, question) : -1;
  } catch (...) {
    question.answer(REVOKED_UNAVAILABLE);
    return -1;
  }
}

int revoked_status(revoked_gateway* gateway, revoked_gateway_status* status) {
  if (status == nullptr || status->size < sizeof *status) return 0;
  const auto size = status->size;
  *status = {};
  status->size = size;
  status->version = REVOKED_VERSION;
  status->since_proof = -1;
  status->has_failed = 1;
  if (gateway == nullptr) return 0;
  try {
    const ReadSection section;
    const auto* const open = gateway->get();
    if (open == nullptr) return 0;
    const auto now = open->status();
    using Coverage = revoked::cache::Gateway::Coverage;
    status->coverage = now.coverage == Coverage::fresh       ? REVOKED_COVERAGE_CURRENT
                       : now.coverage == Coverage::repairing ? REVOKED_COVERAGE_REPAIRING
                                                             : REVOKED_COVERAGE_STALE;
    status->has_failed = open->has_failed() ? 1 : 0;
    status->redis_connected = now.redis_connected ? 1 : 0;
    status->feed_connected = now.feed_connected ? 1 : 0;
    if (now.position) {
      status->epoch = now.position->epoch;
      status->sequence = now.position->sequence;
    }
    if (now.since_proof != milliseconds::max()) status->since_proof = now.since_proof.count();
    status->cached = now.cache.entries;
    status->watches = now.watches;
    status->hits = now.hits;
    status->misses = now.misses;
    status->questions = now.questions;
    status->failed_questions = now.failed_questions;
    status->invalidations = now.invalidations;
    copy_text(open->last_error(), status->last_error, sizeof status->last_error);
    return 1;
  } catch (...) {
    return 0;
  }
}

void revoked_close(revoked_gateway* gateway) {
  if (gateway == nullptr || !gateway->process.is_here()) return;
  const std::unique_ptr<OpenGateway> open(gateway->open.exchange(nullptr));
  if (!open) return;
  const auto mark = ReadSection::unlinked();
  open->close();
  // Those that do not wait may still use it.
  while (!ReadSection::all_ended_since(mark)) std::this_thread::yield();
}

}  // extern "C"
