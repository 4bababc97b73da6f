#include "tests/support/acknowledged.hpp"

#include <algorithm>

namespace revoked::test {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

void Acknowledgements::add(Acknowledged one) {
  const std::lock_guard lock(mutex_);
  all_.push_back(std::move(one));
}

std::size_t Acknowledgements::size() const {
  const std::lock_guard lock(mutex_);
  return all_.size();
}

void Acknowledgements::read_on(std::vector<Acknowledged>& known) const {
  const std::lock_guard lock(mutex_);
  known.insert(known.end(), all_.begin() + static_cast<std::ptrdiff_t>(known.size()), all_.end());
}

std::vector<Acknowledged> Acknowledgements::all() const {
  const std::lock_guard lock(mutex_);
  return all_;
}

void Lateness::allowed(const std::string& gateway, const Acknowledged& one, Clock::time_point asked) {
  const auto after = asked - one.at;
  const std::lock_guard lock(mutex_);
  ++allowed_;
  worst_ = std::max(worst_, after);
  if (after <= bound_ || ++late_ > max_told) return;
  violations_ += gateway + " allowed " + one.key.key_id + ", asked " +
                 std::to_string(duration_cast<milliseconds>(after).count()) + " ms after its revocation at " +
                 to_string(one.position) + " was acknowledged\n";
}

std::string Lateness::violations() const {
  const std::lock_guard lock(mutex_);
  return late_ <= max_told ? violations_
                           : violations_ + "and " + std::to_string(late_ - max_told) + " more\n";
}

milliseconds Lateness::worst() const {
  const std::lock_guard lock(mutex_);
  return duration_cast<milliseconds>(worst_);
}

std::size_t Lateness::allowed() const {
  const std::lock_guard lock(mutex_);
  return allowed_;
}

}  // namespace revoked::test
