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

NginxServer::NginxServer(std::string http_block) {
  http_block = replace_all(std::move(http_block), "$PORT", std::to_string(port()));
  http_block = replace_all(std::move(http_block), "$UPSTREAM", std::to_string(upstream_.number()));
  const std::string directory = directory_.path().string();
  std::string config = "worker_processes 1;\ndaemon off;\nmaster_process off;\n";
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
      .environment = {},
      .log = directory_ / "stderr.log",
      .directory = {},
      .file_size_limit_bytes = {}});
  if (!eventually([&] { return answers(port()) || !process_->is_running(); }) || !process_->is_running()) {
    throw std::runtime_error("nginx did not start: " + process_->description() + error_log());
  }
}

std::string auth_request_config(std::uint16_t gateway_port) {
  return R"(
  upstream gateway { server 127.0.0.1:)" +
         std::to_string(gateway_port) + R"(; keepalive 16; }
  upstream service { server 127.0.0.1:$UPSTREAM; keepalive 16; }
  server {
    listen 127.0.0.1:$PORT;
    location / {
      auth_request /check;
      auth_request_set $key_id $upstream_http_x_key_id;
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Key-Id $key_id;
    }
    location = /check {
      internal;
      proxy_pass http://gateway;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }
  }
  server {
    listen 127.0.0.1:$UPSTREAM;
    location / { return 200 "hello from upstream, $http_x_key_id"; }
  }
)";
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
