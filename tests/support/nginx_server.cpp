#include "tests/support/nginx_server.hpp"

#include "tests/support/eventually.hpp"

namespace revoked::test {
namespace {

std::string replace_all(std::string text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

bool answers(std::uint16_t port) {
  try {
    HttpClient(port).get("/");
    return true;
  } catch (const ConnectionFailed&) {
    return false;
  }
}

}  // namespace

NginxServer::NginxServer(std::string http_block, const std::vector<std::string>& modules) {
  http_block = replace_all(std::move(http_block), "$PORT", std::to_string(port()));
  const std::string directory = directory_.path().string();
  std::string config;
  for (const auto& module : modules) config += "load_module /usr/lib/nginx/modules/" + module + ".so;\n";
  config += "worker_processes 1;\ndaemon off;\nmaster_process off;\n";
  config += "pid " + directory + "/nginx.pid;\nerror_log " + directory + "/error.log warn;\n";
  config += "events { worker_connections 512; }\nhttp {\n  access_log off;\n";
  for (std::string_view kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    config.append("  ")
        .append(kind)
        .append("_temp_path ")
        .append(directory)
        .append("/")
        .append(kind)
        .append(";\n");
  }
  config += http_block + "}\n";
  write_file(directory_ / "nginx.conf", config);

  process_.emplace(Process::Options{
      .command = {"nginx", "-c", directory + "/nginx.conf", "-p", directory, "-e", directory + "/start.log"},
      .log = directory_ / "stderr.log"});
  if (!eventually([&] { return answers(port()) || !process_->is_running(); }) || !process_->is_running()) {
    throw std::runtime_error("nginx did not start: " + process_->description() + error_log());
  }
}

std::string plain_proxy_config(std::uint16_t engine_port) {
  return "  server {\n    listen 127.0.0.1:$PORT;\n    location / { proxy_pass http://127.0.0.1:" +
         std::to_string(engine_port) + "; }\n  }\n";
}

std::string no_feed_config(std::uint16_t engine_port) {
  return R"(
  upstream engine { server 127.0.0.1:)" +
         std::to_string(engine_port) + R"(; keepalive 16; }
  server {
    listen 127.0.0.1:$PORT;
    location / {
      proxy_pass http://engine;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
    location /v1/invalidations { return 503; }
  }
)";
}

}  // namespace revoked::test
