#pragma once
// Every file of benchmarks registers its own, with the requested number of keys.

#include <cstddef>

namespace revoked::bench {

void register_engine_benchmarks(std::size_t keys);
void register_key_table_benchmarks(std::size_t keys);
void register_log_benchmarks();
void register_message_benchmarks();
void register_near_cache_benchmarks();

}  // namespace revoked::bench
