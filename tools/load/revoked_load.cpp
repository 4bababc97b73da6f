// The load generator of tools/compare: one thread, one JSON object on standard output.

#include <CLI/CLI.hpp>
#include <iostream>

#include "tools/load/lines.hpp"
#include "tools/load/propagation.hpp"
#include "tools/load/watch_load.hpp"
#include "tools/programs/program.hpp"

namespace {

using namespace revoked;

struct Configuration {
  std::string url;
  load::HttpLoad http;
  double rate = 0;
  load::Lines lines;
  std::string redis_socket;
  std::size_t message_size = 200;
  load::PropagationLoad propagation;
  std::string gateway;
  load::WatchLoad watch;
};

void add_request(CLI::App& app, Configuration& configuration) {
  auto& request = configuration.http.request;
  app.add_option("--url", configuration.url, "http://HOST:PORT")->required();
  app.add_option("--method", request.method, "HTTP method")->capture_default_str();
  app.add_option("--path", request.path, "Request path, a template")->capture_default_str();
  app.add_option("--header", request.headers, "\"Name: value\", a template; repeatable");
  app.add_option("--body", request.body, "Request body, a template");
}

void add_load(CLI::App& app, Configuration& configuration) {
  auto& http = configuration.http;
  add_request(app, configuration);
  app.add_option("--expect", http.expected, "Expected statuses; none: 200 to 299");
  app.add_option("--connections", http.connections, "Number of keep-alive connections")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  app.add_option("--first", http.first, "Number of the first request")->capture_default_str();
  app.add_option("--seconds", http.seconds, "Duration of sending; 0: no limit")->capture_default_str();
}

CLI::App* add_http(CLI::App& app, Configuration& configuration) {
  auto* http = app.add_subcommand("http", "Requests over keep-alive connections, numbered");
  add_load(*http, configuration);
  http->add_option("--depth", configuration.http.depth, "Requests in flight per connection")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  http->add_option("--cycle", configuration.http.cycle, "Numbers repeat after this many requests; 0: never")
      ->capture_default_str();
  http->add_option("--count", configuration.http.count, "Number of requests, closed loop; 0: no limit")
      ->capture_default_str();
  http->add_option(
          "--rate", configuration.rate,
          "Requests a second, open loop: latency counts from when a request was due. 0: closed loop, as "
          "fast as responses arrive")
      ->capture_default_str();
  return http;
}

CLI::App* add_propagation(CLI::App& app, Configuration& configuration) {
  auto* propagation =
      app.add_subcommand("propagation", "Time from sending a DELETE to a gateway's first denial");
  add_load(*propagation, configuration);
  auto& load = configuration.propagation;
  propagation->add_option("--rate", configuration.rate, "DELETEs a second")->required();
  propagation->add_option("--gateway", configuration.gateway, "http://HOST:PORT")->required();
  propagation->add_option("--check-header", load.check.headers,
                          "Header of the requests to the gateway, a template");
  propagation->add_option("--watchers", load.watchers, "Keys watched at a time")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  propagation->add_option("--watch-every", load.watch_every, "Watch every Nth key")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  return propagation;
}

CLI::App* add_watch(CLI::App& app, Configuration& configuration) {
  auto* watch = app.add_subcommand("watch",
                                   "Time from a gateway's denial until those who watch the key are told. "
                                   "Prints a line when all watch, and "
                                   "reads one before it revokes");
  auto& load = configuration.watch;
  watch->add_option("--url", configuration.url, "http://HOST:PORT of the engine")->required();
  watch->add_option("--gateway", configuration.gateway, "http://HOST:PORT")->required();
  watch->add_option("--header", load.revoke_one.headers, "Header of the requests to the engine");
  watch->add_option("--watch-header", load.watch.headers, "Header of those to the gateway, a template");
  watch->add_option("--path", load.revoke_one.path, "Path of the DELETE of a key, a template")->required();
  watch->add_option("--owner-path", load.revoke_all.path, "Path of the DELETE of all of them")->required();
  watch->add_option("--watches", load.watches, "Keys that are watched")->capture_default_str();
  watch->add_option("--singles", load.singles, "Keys that are revoked one by one")->capture_default_str();
  watch->add_option("--first", load.first, "Number of the first key")->capture_default_str();
  return watch;
}

void add_line_options(CLI::App& app, Configuration& configuration) {
  app.add_option("--line", configuration.lines.line, "A template, including the line end")->required();
  app.add_option("--count", configuration.lines.count, "Number of lines")->required();
  app.add_option("--first", configuration.lines.first, "Number of the first line")->capture_default_str();
}

CLI::App* add_body(CLI::App& app, Configuration& configuration) {
  auto* body = app.add_subcommand("body", "Many lines as the body of one request");
  add_request(*body, configuration);
  add_line_options(*body, configuration);
  return body;
}

CLI::App* add_redis(CLI::App& app, Configuration& configuration) {
  auto* redis = app.add_subcommand("redis", "Time from PUBLISH to a subscriber of the same Redis");
  redis->add_option("--socket", configuration.redis_socket, "UNIX socket of the Redis")->required();
  redis->add_option("--rate", configuration.rate, "Messages a second")->required();
  redis->add_option("--seconds", configuration.http.seconds, "Duration of sending")->required();
  redis->add_option("--size", configuration.message_size, "Message size in bytes")->capture_default_str();
  return redis;
}

void require_open_loop(const Configuration& configuration) {
  if (configuration.rate <= 0 || configuration.http.seconds <= 0) {
    throw tools::ConfigurationError("an open loop needs --rate and --seconds above 0");
  }
}

int finish(load::JsonLine& line, const load::Tally& tally, bool is_good) {
  std::cout << line.own_share(tally).finish() << std::endl;
  return is_good && tally.bad == 0 && tally.unanswered() == 0 ? 0 : 1;
}

int run_http(Configuration& configuration) {
  auto& http = configuration.http;
  http.url = load::parse_url(configuration.url);
  if (configuration.rate > 0) require_open_loop(configuration);
  if (configuration.rate <= 0 && http.seconds <= 0 && http.count == 0) {
    throw tools::ConfigurationError("a closed loop needs --seconds or --count");
  }
  const auto tally = configuration.rate > 0 ? run_open(http, configuration.rate) : run_closed(http);
  load::JsonLine line;
  return finish(line.tally(tally), tally, true);
}

int run_propagation(Configuration& configuration) {
  require_open_loop(configuration);
  auto& load = configuration.propagation;
  configuration.http.url = load::parse_url(configuration.url);
  load.revocations = configuration.http;
  load.gateway = load::parse_url(configuration.gateway);
  load.check.path = "/check";
  const auto result = load::run_propagation(load, configuration.rate);
  load::JsonLine line;
  line.tally(result.revocations).latency("denial", result.denial).count("watched", result.watched);
  line.count("never_denied", result.never_denied).count("checks", result.checks);
  return finish(line, result.revocations, result.never_denied == 0);
}

int run_watch(Configuration& configuration) {
  auto& load = configuration.watch;
  if (load.singles >= load.watches) throw tools::ConfigurationError("--singles must be below --watches");
  tools::raise_descriptor_limit();
  load.engine = load::parse_url(configuration.url);
  load.gateway = load::parse_url(configuration.gateway);
  load.watch.path = "/watch";
  load.check = load.watch;
  load.check.path = "/check";
  load.revoke_one.method = load.revoke_all.method = "DELETE";
  load.revoke_all.headers = load.revoke_one.headers;
  const auto times = load::run_watches(load, [] {
    std::cout << "all watch" << std::endl;
    std::string line;
    std::getline(std::cin, line);
  });
  std::cout << load::JsonLine()
                   .number("open_seconds", times.open_seconds)
                   .latency("one", times.one)
                   .latency("all", times.all)
                   .finish()
            << std::endl;
  return 0;
}

int run_body(Configuration& configuration) {
  const auto answer =
      load::send_lines(load::parse_url(configuration.url), configuration.http.request, configuration.lines);
  std::cout << load::JsonLine()
                   .number("seconds", answer.seconds)
                   .count("status", static_cast<std::uint64_t>(answer.status))
                   .text("body", answer.body)
                   .finish()
            << std::endl;
  return answer.status >= 200 && answer.status <= 299 ? 0 : 1;
}

int run_redis(Configuration& configuration) {
  require_open_loop(configuration);
  const auto tally = load::run_redis_publish(configuration.redis_socket, configuration.rate,
                                             configuration.http.seconds, configuration.message_size);
  load::JsonLine line;
  return finish(line.tally(tally), tally, true);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Generates load for HTTP servers and Redis; prints the results as JSON.", "revoked-load");
  app.footer(
      "Templates: {n} {n:WIDTH} {n%M} {n%M:WIDTH} the request's number; {uuid} {secret} {digest} made from "
      "it.\n"
      "Exit code 1: a response was missing or had an unexpected status.");
  Configuration configuration;
  const auto* http = add_http(app, configuration);
  const auto* propagation = add_propagation(app, configuration);
  const auto* watch = add_watch(app, configuration);
  const auto* body = add_body(app, configuration);
  const auto* redis = add_redis(app, configuration);
  auto* lines = app.add_subcommand("lines", "Many lines to standard output");
  add_line_options(*lines, configuration);
  app.require_subcommand(1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::cerr << "revoked-load: " << error.what() << " (--help lists the options)\n";
    return 2;
  }
  return tools::run_program("revoked-load", [&] {
    if (http->parsed()) return run_http(configuration);
    if (propagation->parsed()) return run_propagation(configuration);
    if (watch->parsed()) return run_watch(configuration);
    if (body->parsed()) return run_body(configuration);
    if (redis->parsed()) return run_redis(configuration);
    load::print_lines(configuration.lines);
    return 0;
  });
}
