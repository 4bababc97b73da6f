#pragma once
// Plays systemd for a program with Type=notify: the socket of $NOTIFY_SOCKET. One thread.

#include <string>
#include <vector>

namespace revoked::test {

class ServiceManager {
 public:
  // As in $NOTIFY_SOCKET: a path, or @ and an abstract name.
  explicit ServiceManager(std::string name);
  ServiceManager();  // an abstract name of its own
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  const std::string& name() const { return name_; }
  // What has been sent and not yet received.
  std::vector<std::string> received();

 private:
  std::string name_;
  int socket_;
};

}  // namespace revoked::test
